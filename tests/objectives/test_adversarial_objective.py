"""The three losses of the VAE-GAN, against NumPy, and who plays when."""

import inspect
import json

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from objective_cases import made_trace

from keras_vae import objectives
from keras_vae.core.trace import AdversarialTrace
from keras_vae.objectives import Adversarial, PlayerLosses

SIZE = 5
CASES = {
    "the paper's": {},
    "weights": {
        "gamma": 0.3,
        "beta": 2.0,
        "real_weight": 0.5,
        "reconstruction_weight": 0.25,
        "sample_weight": 3.0,
    },
    "label smoothing": {"label_smoothing": 0.1},
    "non-saturating": {
        "generator_loss": "non_saturating",
        "reconstruction_weight": 0.5,
        "sample_weight": 2.0,
    },
    "gradient penalty": {"r1": 10.0, "label_smoothing": 0.2},
    "no rate, no distance": {"gamma": 0, "beta": 0},
}
every_case = pytest.mark.parametrize("arguments", CASES.values(), ids=list(CASES))


def made_game(seed=0, **changes):
    """A game with numbers of its own, with logits on both sides of zero."""
    rng = np.random.default_rng(seed)

    def numbers():
        return tf.constant(3.0 * rng.normal(size=SIZE), tf.float32)

    game = AdversarialTrace(
        trace=made_trace(1, SIZE),
        feature_distance=numbers() ** 2,
        real=numbers(),
        reconstructed=numbers(),
        sampled=numbers(),
        gradient_penalty=numbers() ** 2,
    )
    return game._replace(**changes)


def cross_entropy(logit, target):
    """-log of the probability of a label, from the definition, in double precision."""
    p = 1 / (1 + np.exp(-np.asarray(logit, float)))
    return -(target * np.log(p) + (1 - target) * np.log(1 - p))


def oracle(game, arguments):
    """The three losses in NumPy."""
    a = {name: p.default for name, p in inspect.signature(Adversarial).parameters.items()}
    a |= arguments
    gan = a["real_weight"] * cross_entropy(game.real, 1 - a["label_smoothing"])
    for kind in ("reconstruction", "sample"):
        logit = {"reconstruction": game.reconstructed, "sample": game.sampled}[kind]
        gan = gan + a[f"{kind}_weight"] * cross_entropy(logit, 0)
    distance, rate = np.asarray(game.feature_distance), np.asarray(game.trace.kl[0])
    if a["generator_loss"] == "minimax":
        deceived = -gan
    else:
        deceived = a["reconstruction_weight"] * cross_entropy(game.reconstructed, 1)
        deceived += a["sample_weight"] * cross_entropy(game.sampled, 1)
    return (
        a["beta"] * rate + distance,
        a["gamma"] * distance + deceived,
        gan + 0.5 * a["r1"] * np.asarray(game.gradient_penalty),
    )


@every_case
@pytest.mark.parametrize("step", [0, 1000])
def test_losses_are_those_of_the_oracle(arguments, step):
    game = made_game()
    losses = Adversarial(**arguments)(game, step)
    assert isinstance(losses, PlayerLosses)
    for loss, expected in zip(losses, oracle(game, arguments), strict=True):
        assert loss.shape == (SIZE,) and loss.dtype == tf.float32
        laws.close(loss, expected)


@every_case
def test_eager_graph_and_xla_agree_on_all_losses(arguments):
    game, objective = made_game(), Adversarial(**arguments)

    def losses(real, reconstructed, sampled, distance):
        changes = {"real": real, "reconstructed": reconstructed, "sampled": sampled}
        return objective(game._replace(feature_distance=distance, **changes), 0)

    laws.agrees_compiled(
        losses, game.real, game.reconstructed, game.sampled, game.feature_distance
    )


@every_case
def test_games_do_not_see_each_other(arguments):
    game, objective = made_game(), Adversarial(**arguments)
    other = made_game(seed=1)
    changed = {
        name: tf.concat([getattr(other, name)[:1], getattr(game, name)[1:]], 0)
        for name in ("feature_distance", "real", "reconstructed", "sampled")
    }
    pairs = zip(objective(game._replace(**changed)), objective(game), strict=True)
    for after, before in pairs:
        np.testing.assert_array_equal(after[1:], before[1:])
        assert float(after[0]) != float(before[0])


@pytest.mark.parametrize("logit", [-300.0, 300.0])
@every_case
def test_one_sided_games_have_finite_losses_and_gradients(arguments, logit):
    logits = {name: tf.fill([SIZE], logit) for name in ("real", "reconstructed", "sampled")}
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        losses = Adversarial(**arguments)(made_game(**logits))
    for loss in losses[1:]:
        laws.all_finite(loss)
        slopes = tape.gradient(loss, logits, unconnected_gradients="zero")
        for value in slopes.values():
            laws.all_finite(value)


def test_the_other_generator_loss_learns_where_the_discriminator_wins():
    slopes = []
    for name in objectives.GENERATOR_LOSSES:
        sampled = tf.fill([SIZE], -20.0)
        with tf.GradientTape() as tape:
            tape.watch(sampled)
            losses = Adversarial(generator_loss=name)(made_game(sampled=sampled))
        slopes.append(float(tape.gradient(losses.decoder, sampled)[0]))
    assert -1e-6 < slopes[0] < 0.0 and slopes[1] == pytest.approx(-1.0, abs=1e-6)


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


@pytest.mark.parametrize("real, fake, decoder, discriminator", TURNS.values(), ids=TURNS)
def test_who_plays(real, fake, decoder, discriminator):
    objective = Adversarial(margin=0.2, equilibrium=0.7)
    for turns in (objective.turns, tf.function(objective.turns)):
        got = turns(tf.constant(real), tf.constant(fake))
        assert [bool(one) for one in got] == [decoder, discriminator]
    everyone = Adversarial().turns(tf.constant(real), tf.constant(fake))
    assert [bool(one) for one in everyone] == [True, True]


def test_a_margin_of_zero_is_a_margin():
    objective = Adversarial(margin=0.0, equilibrium=0.7)
    assert [bool(one) for one in objective.turns(0.6, 0.6)] == [True, False]
    assert [bool(one) for one in objective.turns(0.8, 0.8)] == [False, True]


def test_config_rebuilds_the_losses():
    objective = Adversarial(margin=0.2, r1=2, generator_loss="non_saturating", gamma=3)
    laws.config_names_all_arguments(objective)
    config = json.loads(json.dumps(objective.get_config()))
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(objective)
    )
    for one in (again, Adversarial.from_config(config)):
        assert type(one) is Adversarial and one.get_config() == objective.get_config()
        for a, b in zip(one(made_game()), objective(made_game()), strict=True):
            np.testing.assert_array_equal(a, b)
    assert objective.logs(0) == {}
    assert objective.num_samples == 1


NUMBERS = [
    "gamma",
    "beta",
    "real_weight",
    "reconstruction_weight",
    "sample_weight",
    "margin",
    "equilibrium",
    "r1",
    "label_smoothing",
]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [-1e-3, np.nan, np.inf, True, "1", [1.0]])
def test_numbers_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        Adversarial(**{name: value})


def test_a_smoothing_of_one_is_refused():
    with pytest.raises(ValueError, match="label_smoothing must be below 1"):
        Adversarial(label_smoothing=1.0)


def test_unknown_generator_losses_are_refused():
    with pytest.raises(ValueError, match="'minmax'. Did you mean 'minimax'"):
        Adversarial(generator_loss="minmax")
    for value in (None, 3):
        with pytest.raises(ValueError):
            Adversarial(generator_loss=value)


@pytest.mark.parametrize("make", [Adversarial, lambda: Adversarial])
def test_it_is_no_objective_of_a_vae(make):
    with pytest.raises(ValueError, match="must be a name.*or an Objective"):
        objectives.get(make())
