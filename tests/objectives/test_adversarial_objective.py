"""The game of the VAE-GAN: one-sided games, and who plays when."""

import itertools

import laws
import numpy as np
import pytest
import tensorflow as tf
from objective_cases import CASES, cross_entropy, made_game

from keras_vae.objectives import Adversarial
from keras_vae.objectives.adversarial import GENERATOR_LOSSES

LOGITS = ("real", "reconstructed", "sampled")
GAMES = {name: case.arguments for name, case in CASES.items() if case.cls is Adversarial}
every_game = pytest.mark.parametrize("arguments", GAMES.values(), ids=list(GAMES))


@every_game
def test_games_do_not_see_each_other(arguments):
    trace, other, objective = made_game(), made_game(seed=1), Adversarial(**arguments)
    changed = {
        name: tf.concat([getattr(other.game, name)[:1], getattr(trace.game, name)[1:]], 0)
        for name in ("feature_distance", *LOGITS)
    }
    # Late, so that a game that starts late has begun.
    after, before = objective(made_game(**changed), 1000), objective(trace, 1000)
    for player in objective.players:
        np.testing.assert_array_equal(after[player][1:], before[player][1:])
        assert float(after[player][0]) != float(before[player][0])


@pytest.mark.parametrize("logit", [-300.0, 300.0])
@every_game
def test_one_sided_games_have_finite_losses_and_gradients(arguments, logit):
    logits = {name: tf.fill([5], logit) for name in LOGITS}
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        losses = Adversarial(**arguments)(made_game(**logits))
    for loss in losses.values():
        laws.all_finite(loss)
        slopes = tape.gradient(loss, logits, unconnected_gradients="zero")
        for value in slopes.values():
            laws.all_finite(value)


def test_the_other_generator_loss_learns_where_the_discriminator_wins():
    slopes = []
    for name in GENERATOR_LOSSES[:2]:
        sampled = tf.fill([5], -20.0)
        with tf.GradientTape() as tape:
            tape.watch(sampled)
            losses = Adversarial(generator_loss=name)(made_game(sampled=sampled))
        slopes.append(float(tape.gradient(losses["decoder"], sampled)[0]))
    assert -1e-6 < slopes[0] < 0.0 and slopes[1] == pytest.approx(-1.0, abs=1e-6)


def test_the_penalty_is_not_computed_where_it_has_no_weight():
    def refuse():
        raise AssertionError("nobody asked for the gradient penalty")

    Adversarial()(made_game(gradient_penalty=refuse))
    with pytest.raises(AssertionError):
        Adversarial(r1=1.0)(made_game(gradient_penalty=refuse))


# Cost of real and of fake data -> does the decoder play, does the discriminator; with
# equilibrium 0.7 and margin 0.2, so between 0.5 and 0.9.
TURNS = {
    "a fair game": (0.7, 0.7, True, True),
    "both at the lower end": (0.55, 0.55, True, True),
    "the discriminator wins at real data": (0.3, 0.7, True, False),
    "the discriminator wins at fakes": (0.7, 0.3, True, False),
    "the discriminator wins": (0.1, 0.1, True, False),
    "the discriminator loses at real data": (1.2, 0.7, False, True),
    "the discriminator loses at fakes": (0.7, 1.2, False, True),
    "the discriminator loses": (2.0, 2.0, False, True),
    "both would sit out": (0.1, 2.0, True, True),
    "both would sit out, the other way round": (2.0, 0.1, True, True),
}


def logit_of(cost):
    """The logit that makes real data cost so many nats; its negative, fake data."""
    return tf.fill([5], float(-np.log(np.expm1(cost))))


@pytest.mark.parametrize("real, fake, decoder, discriminator", TURNS.values(), ids=TURNS)
def test_who_plays(real, fake, decoder, discriminator):
    costs = {
        "real": logit_of(real),
        "reconstructed": -logit_of(fake),
        "sampled": -logit_of(fake),
    }
    np.testing.assert_allclose(cross_entropy(costs["real"], 1), real, rtol=1e-5)
    np.testing.assert_allclose(cross_entropy(costs["sampled"], 0), fake, rtol=1e-5)
    objective, trace = Adversarial(margin=0.2, equilibrium=0.7), made_game(**costs)
    for turns in (objective.turns(trace), tf.function(lambda: objective.turns(trace))()):
        assert list(turns) == list(objective.turn_takers) == ["decoder", "discriminator"]
        assert [bool(one) for one in turns.values()] == [decoder, discriminator]
    assert Adversarial().turns(trace) == {} and Adversarial().turn_takers == ()


def test_the_cost_of_fakes_is_that_of_reconstructions_and_samples_alike():
    objective = Adversarial(margin=0.2, equilibrium=0.7)
    for pair in [(0.1, 1.3), (1.3, 0.1)]:
        reconstructed, sampled = (-logit_of(cost) for cost in pair)
        trace = made_game(real=logit_of(0.7), reconstructed=reconstructed, sampled=sampled)
        assert all(bool(one) for one in objective.turns(trace).values())


def test_at_the_edge_of_the_margin_all_play():
    objective = Adversarial(margin=0.25, equilibrium=0.75)
    for costs in itertools.product([0.5, 0.75, 1.0], repeat=2):
        assert [bool(one) for one in objective.who_plays(*costs)] == [True, True]


def test_a_margin_of_zero_is_a_margin():
    objective = Adversarial(margin=0.0, equilibrium=0.7)
    assert [bool(one) for one in objective.who_plays(0.6, 0.6)] == [True, False]
    assert [bool(one) for one in objective.who_plays(0.8, 0.8)] == [False, True]


def test_accuracies_are_shares_of_right_answers():
    logits = {
        "real": tf.constant([1.0, 2.0, -1.0, 3.0, 1.0]),
        "reconstructed": tf.constant([1.0, 2.0, -1.0, 3.0, 1.0]),
        "sampled": tf.constant([-1.0, -2.0, -1.0, 3.0, 1.0]),
    }
    _, terms = Adversarial().losses_and_terms(made_game(**logits))
    shares = [float(tf.reduce_mean(terms[f"accuracy_{name}"])) for name in LOGITS]
    np.testing.assert_allclose(shares, [0.8, 0.2, 0.6], rtol=1e-6)


def test_patches_count_by_their_mean():
    patches = {
        name: tf.random.stateless_normal([5, 4], (0, i)) for i, name in enumerate(LOGITS)
    }
    objective = Adversarial(generator_loss="hinge", sample_weight=0.3)
    losses, terms = objective.losses_and_terms(made_game(**patches))
    each = [
        objective.losses_and_terms(made_game(**{k: v[:, i] for k, v in patches.items()}))
        for i in range(4)
    ]
    for player, loss in losses.items():
        laws.close(loss, np.mean([one[0][player] for one in each], axis=0))
    for name, term in terms.items():
        laws.close(term, np.mean([one[1][name] for one in each], axis=0))


def test_an_adaptive_weight_takes_the_gan_loss_out_of_the_decoders():
    trace = made_game()
    together, apart = Adversarial(gamma=0.3), Adversarial(gamma=0.3, adaptive_weight=0.8)
    assert together.opposed(trace, 0) == {} and together.balanced_players == ()
    assert apart.balanced_players == ("decoder",)
    whole = apart(trace)["decoder"] + apart.opposed(trace, 0)["decoder"]
    laws.close(whole, together(trace)["decoder"])


@pytest.mark.parametrize("given", [{"label_smoothing": 0.1}, {"margin": 0.3}])
def test_the_hinge_loss_is_no_cross_entropy(given):
    with pytest.raises(ValueError, match="are for cross-entropies"):
        Adversarial(generator_loss="hinge", **given)
