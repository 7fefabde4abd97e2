"""Every objective obeys the laws."""

import inspect
import json

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from objective_cases import CASES, LATENT, made_game, made_trace, repeated, with_log_px

from keras_vae import objectives
from keras_vae.objectives import Number, Objective

every_objective = pytest.mark.parametrize("name", CASES)
of_one_loss = pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if not case.cls.players]
)
NUMBERS = [
    (cls, name)
    for cls in sorted({case.cls for case in CASES.values()}, key=lambda cls: cls.__name__)
    for name in dir(cls)
    if isinstance(getattr(cls, name), Number)
]
every_number = pytest.mark.parametrize("cls, number", NUMBERS)


@pytest.fixture
def case(name):
    """The case of that name."""
    return CASES[name]


def close(losses, expected, **tolerance):
    """Compares losses, or those of each player."""
    tf.nest.map_structure(lambda a, b: laws.close(a, b, **tolerance), losses, expected)


def test_every_public_objective_has_a_case():
    # Of bits alone, and of images: `test_score_functions` and `test_similarity`.
    listed = {case.cls for case in CASES.values()}
    listed |= {objectives.DisARM, objectives.MSSSIM}
    assert listed == laws.public_classes(objectives, Objective)


FORMS = [{}, {"exact": False}, {"groups": 2}, {"exact": False, "groups": 3}]
STEPS = (0, 3, 1000)


def oracle_cases():
    """Every objective with every form of a trace (a game's has one), at one step.

    At every step where the loss reads it.
    """
    for name, case in CASES.items():
        for i, form in enumerate(FORMS[:1] if case.cls.is_adversarial else FORMS):
            for step in STEPS if case.reads_step else (STEPS[i % 3],):
                yield name, form, step


@pytest.mark.thinned
@pytest.mark.parametrize("name, form, step", oracle_cases(), ids=str)
def test_loss_is_that_of_the_oracle(case, form, step):
    trace = case.trace(**form)
    losses = case.make()(trace, step)
    for loss in tf.nest.flatten(losses):
        assert loss.shape == (4,) and loss.dtype == tf.float32
    assert not case.cls.players or tuple(losses) == case.cls.players
    close(losses, case.oracle(trace, step))


@every_objective
def test_the_terms_are_those_that_were_announced(case):
    objective = case.make()
    losses, terms = objective.losses_and_terms(case.trace(), 5)
    assert tuple(terms) == objective.terms
    assert all(term.shape == (4,) for term in terms.values())
    close(losses, case.make()(case.trace(), 5), rtol=1e-6)


@of_one_loss
def test_repeating_the_batch_leaves_the_losses(case):
    objective, trace = case.make(), case.trace()
    if case.cls.per_example:
        losses = objective(trace, 5)
        laws.close(objective(repeated(trace), 5), np.tile(losses, 2), rtol=1e-6)


@of_one_loss
def test_examples_do_not_see_each_other(case):
    objective, trace = case.make(), case.trace()
    changed = with_log_px(trace, trace.log_px + [[0.0, 100.0, 0.0, 0.0]])
    difference = np.asarray(objective(changed, 5) - objective(trace, 5))
    laws.close(difference, [0.0, -100.0, 0.0, 0.0], atol=1e-4)


@of_one_loss
def test_what_reads_the_batch_as_one_says_so(case):
    # Another posterior and draw of the first example: whose loss does it move?
    objective, trace = case.make(), case.trace()
    normal = trace.q.distribution
    loc = normal.loc + tf.one_hot([0, 9, 9, 9], 2)
    q = trace.q.copy(distribution=normal.copy(loc=loc))
    z = trace.z + tf.one_hot([0, 9, 9, 9], 2)
    difference = objective(trace._replace(q=q, z=z), 5) - objective(trace, 5)
    assert (np.abs(difference[1:]).max() > 1e-4) == (not case.cls.per_example)


@pytest.mark.thinned
@every_objective
def test_eager_and_compiled_agree(case):
    objective, trace = case.make(), case.trace()

    def losses(log_q, log_px, step):
        return objective(trace._replace(log_q=log_q, log_px=log_px), step)

    step = tf.constant(5, tf.int64)
    # Under XLA other numbers are drawn from the same seed.
    draws = case.cls.__name__ in ("AAE", "FactorVAE", "InfoVAE", "WAE")
    laws.agrees_compiled(losses, trace.log_q, trace.log_px, step, xla=not draws)


@of_one_loss
def test_gradient_is_minus_one_for_the_likelihood(case):
    # Adding a constant to log p(x|z) of all draws lowers the loss by it.
    objective, trace = case.make(), case.trace()
    shift = tf.zeros([4])
    with tf.GradientTape() as tape:
        tape.watch(shift)
        losses = objective(with_log_px(trace, trace.log_px + shift), 5)
    laws.close(tape.gradient(losses, shift), -1.0)


@every_objective
def test_config_rebuilds_the_objective(case):
    objective, trace = case.make(), case.trace()
    losses = objective(trace, 5)
    laws.config_names_all_arguments(objective)
    config = json.loads(json.dumps(objective.get_config()))
    for again in [
        case.cls.from_config(config),
        objectives.get(keras.saving.serialize_keras_object(objective)),
    ]:
        assert type(again) is case.cls
        assert again.num_samples == objective.num_samples
        assert again.get_config() == objective.get_config()
        close(again(trace, 5), losses, rtol=1e-7)


@every_objective
def test_of_no_draws_there_is_no_objective(case):
    takes = "num_samples" in inspect.signature(case.cls).parameters
    for number in [0, -1, True, 1.5, "2", None] if takes else []:
        with pytest.raises(ValueError, match="num_samples must be"):
            case.cls(num_samples=number)
    for number in [np.int64(5), np.uint8(5)] if takes else []:
        objective = case.cls(num_samples=number)
        assert objective.num_samples == 5
        again = case.cls.from_config(json.loads(json.dumps(objective.get_config())))
        assert again.get_config() == objective.get_config()


# Numbers: live during training, checked, kept as floats.


def losses_as_a_graph(objective, trace):
    """A compiled function of no argument, as a training step is one."""
    return tf.function(lambda: objective(trace, 0))


@every_number
def test_a_number_that_is_set_takes_effect_in_what_is_compiled(cls, number):
    trace = made_game(batch_size=4) if cls.is_adversarial else made_trace(3)
    objective = cls(**{number: 0.75})
    compiled = losses_as_a_graph(objective, trace)
    before = compiled()
    for value in (0.25, np.float64(0.25), np.float32(0.25)):
        setattr(objective, number, 0.75)
        setattr(objective, number, value)
        assert getattr(objective, number) == 0.25
        assert type(getattr(objective, number)) is float
    close(compiled(), cls(**{number: 0.25})(trace), rtol=1e-6)
    pairs = zip(*map(tf.nest.flatten, (compiled(), before)), strict=True)
    assert max(np.abs(after - was).max() for after, was in pairs) > 1e-3
    assert objective.get_config()[number] == 0.25


@every_number
@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, True, "1", None, [1.0]])
def test_numbers_out_of_range_are_refused_when_made_and_when_set(cls, number, value):
    objective = cls()
    before = objective.get_config()
    with pytest.raises(ValueError, match=f"{number} must be"):
        cls(**{number: value})
    with pytest.raises(ValueError, match=f"{number} must be"):
        setattr(objective, number, value)
    assert objective.get_config() == before


@pytest.mark.parametrize(
    "cls, number, value",
    [(objectives.InfoVAE, "alpha", 1.5), (objectives.CIWAE, "beta", 1)],
)
def test_shares_are_at_most_one(cls, number, value):
    with pytest.raises(ValueError, match=f"{number} must be"):
        cls(**{number: value})


@every_number
def test_only_a_number_that_says_so_may_be_a_schedule(cls, number):
    schedule = keras.optimizers.schedules.PolynomialDecay(0.0, 10, 1.0)
    if getattr(cls, number).scheduled:
        objective = cls(**{number: schedule})
        assert getattr(objective, number) is schedule
        with pytest.raises(AttributeError, match="once the objective is made"):
            setattr(objective, number, 0.5)
    else:
        with pytest.raises(ValueError, match="cannot be a schedule"):
            cls(**{number: schedule})
    with pytest.raises((AttributeError, ValueError), match="schedule"):
        setattr(cls(), number, schedule)


@every_objective
def test_all_else_is_fixed_once_it_is_made(case):
    objective = case.make()
    fixed = set(objective.get_config()) - {name for cls, name in NUMBERS if cls is case.cls}
    for name in fixed:
        setattr(objective, name, getattr(objective, name))
        with pytest.raises(AttributeError, match=f"{name} of an objective is fixed"):
            setattr(objective, name, "something else")


# What an objective needs of a latent variable.


@every_objective
@pytest.mark.parametrize(
    "lacking, match",
    [
        ({"has_density": False}, "is a point and has no density"),
        ({"is_reparameterized": False}, "no gradient with respect to"),
        ({"is_factorized": False}, "not independent given x"),
        ({"has_moments": False}, "are not known, or not finite"),
        ({"is_encoded": False}, "needs a posterior whose parameters"),
    ],
)
def test_a_latent_variable_that_lacks_what_is_needed_is_refused(case, lacking, match):
    objective = case.make()
    objective.check(LATENT)
    needed = {
        "has_density": objective.needs_density,
        "is_reparameterized": objective.pathwise,
        "is_factorized": case.cls in (objectives.BetaTC, objectives.DIP),
        "has_moments": case.cls is objectives.DIP,
        "is_encoded": case.cls is objectives.DReG,
    }
    latent = LATENT._replace(**lacking)
    if needed[next(iter(lacking))]:
        with pytest.raises(ValueError, match=match):
            objective.check(latent)
    else:
        objective.check(latent)
