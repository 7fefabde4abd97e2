"""Every objective obeys the laws."""

import json

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from objective_cases import CASES, repeated

from keras_vae import objectives
from keras_vae.objectives import Adversarial, Objective, PlayerLosses

every_objective = pytest.mark.parametrize("name", CASES)


@pytest.fixture
def case(name):
    """The case of that name."""
    return CASES[name]


def test_every_public_objective_has_a_case():
    listed = {case.cls for case in CASES.values()}
    assert listed == laws.public_classes(objectives, Objective)


def test_the_public_objectives_without_a_case_are_those_of_several_players():
    # Their losses are checked in test_adversarial_objective.py.
    public = {getattr(objectives, name) for name in objectives.__all__}
    classes = {one for one in public if isinstance(one, type)}
    others = classes - {case.cls for case in CASES.values()} - {Objective}
    assert others == {Adversarial, PlayerLosses}


@every_objective
@pytest.mark.parametrize("with_kl", [True, False])
@pytest.mark.parametrize("step", [0, 3, 1000])
def test_loss_is_that_of_the_oracle(case, with_kl, step):
    trace = case.trace(with_kl=with_kl)
    losses = case.make()(trace, step)
    assert losses.shape == (4,) and losses.dtype == tf.float32
    laws.close(losses, case.oracle(trace, step))


@every_objective
def test_repeating_the_batch_leaves_the_losses(case):
    objective, trace = case.make(), case.trace()
    losses = objective(trace, 5)
    laws.close(objective(repeated(trace), 5), np.tile(losses, 2), rtol=1e-6)


@every_objective
def test_examples_do_not_see_each_other(case):
    objective, trace = case.make(), case.trace()
    changed = trace._replace(log_px=trace.log_px + [[0.0, 100.0, 0.0, 0.0]])
    difference = np.asarray(objective(changed, 5) - objective(trace, 5))
    laws.close(difference, [0.0, -100.0, 0.0, 0.0], atol=1e-4)


@every_objective
def test_eager_graph_and_xla_agree(case):
    objective, trace = case.make(), case.trace()

    def loss(log_q, log_px, step):
        return objective(trace._replace(log_q=log_q, log_px=log_px), step)

    step = tf.constant(5, tf.int64)
    laws.agrees_compiled(loss, trace.log_q, trace.log_px, step)


@every_objective
def test_gradient_is_minus_one_for_the_likelihood(case):
    # Adding a constant to log p(x|z) of all draws lowers the loss by it.
    objective, trace = case.make(), case.trace()
    shift = tf.zeros([4])
    with tf.GradientTape() as tape:
        tape.watch(shift)
        losses = objective(trace._replace(log_px=trace.log_px + shift), 5)
    laws.close(tape.gradient(losses, shift), -1.0)


@every_objective
def test_config_rebuilds_the_objective(case):
    objective, trace = case.make(), case.trace()
    laws.config_names_all_arguments(objective)
    for again in [
        case.cls.from_config(objective.get_config()),
        objectives.get(keras.saving.serialize_keras_object(objective)),
    ]:
        assert type(again) is case.cls
        assert again.num_samples == objective.num_samples
        assert again.get_config() == objective.get_config()
        for step in (0, 5):
            laws.close(again(trace, step), objective(trace, step), rtol=1e-7)


@every_objective
@pytest.mark.parametrize("number", [0, -1, True, 1.5, "2", None])
def test_number_of_draws_is_a_positive_integer(case, number):
    with pytest.raises(ValueError, match="num_samples must be"):
        case.cls(num_samples=number)


@every_objective
@pytest.mark.parametrize("number", [np.int64(5), np.uint8(5)])
def test_number_of_draws_may_be_a_numpy_integer(case, number):
    objective = case.cls(num_samples=number)
    assert objective.num_samples == 5
    again = case.cls.from_config(json.loads(json.dumps(objective.get_config())))
    assert again.get_config() == objective.get_config()
