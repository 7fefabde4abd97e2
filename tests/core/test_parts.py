"""Parts by name: each room finds its own, and refuses in words what does not fit."""

import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest

from keras_vae import layers, models, objectives, priors
from keras_vae.core.arguments import can_be_written, fitting
from keras_vae.core.parts import Room, part_name, part_text
from keras_vae.models import optimizers

ROOMS = [models.ROOM, layers.ROOM, priors.ROOM, objectives.ROOM, optimizers.ROOM]
PARTS = [(room, name) for room in ROOMS for name in room.parts()]


def title(value):
    return value.kind.replace(" ", "_") if isinstance(value, Room) else None


@keras.saving.register_keras_serializable("test_parts")
class Halved(objectives.Objective):
    """An objective as a user writes one: without annotations."""

    def __init__(self, weight=10.0, steps=3, loud=False, needed=None):
        super().__init__()
        self.weight, self.steps, self.loud = weight, steps, loud

    def get_config(self):
        return {"weight": self.weight, "steps": self.steps, "loud": self.loud}


@pytest.mark.parametrize(
    "cls, name",
    [
        (objectives.ELBO, "elbo"),
        (objectives.BetaTC, "beta_tc"),
        (layers.IndependentStudentT, "student_t"),
        (layers.MultivariateNormalTriL, "full_normal"),
        (layers.IndependentNormal, "normal"),
        (priors.VampPrior, "vamp"),
        (priors.StandardNormal, "standard_normal"),
        (models.ConvVAE, "conv_vae"),
        (models.VAEGAN, "vae_gan"),
        (models.AutoencoderKL, "autoencoder_kl"),
        (models.SemiSupervisedVAE, "semi_supervised_vae"),
        (models.LadderVAE, "ladder_vae"),
        (models.HierarchicalVAE, "hierarchical_vae"),
        (Halved, "halved"),
    ],
)
def test_names_are_those_of_classes(cls, name):
    assert part_name(cls) == name
    assert any(cls in room.parts().values() for room in ROOMS)


def test_rooms_share_no_class_and_are_sorted():
    every = [cls for room in ROOMS for cls in room.parts().values()]
    assert len(every) == len(set(every))
    for room in ROOMS:
        assert list(room.parts()) == sorted(room.parts())
        assert all(issubclass(cls, room.base) for cls in room.parts().values())


def test_a_part_of_ones_own_is_known_as_soon_as_it_is_registered():
    class Other(objectives.Objective):
        """Not registered."""

    assert "other" not in objectives.ROOM.parts()
    keras.saving.register_keras_serializable("test_parts")(Other)
    assert objectives.ROOM.parts()["other"] is Other
    made = objectives.get("halved:weight=3,steps=2,loud=true")
    assert (made.weight, made.steps, made.loud) == (3.0, 2, True)
    assert type(made.weight) is float and type(made.steps) is int


@pytest.mark.parametrize("room, name", PARTS, ids=title)
def test_unknown_arguments_are_refused_with_the_known(room, name):
    with pytest.raises(ValueError, match=f"of the {room.kind} {name}: 'nothing'. .*Known"):
        room.check(f"{name}:nothing=1")


@pytest.mark.thinned
@pytest.mark.parametrize("room, name", PARTS, ids=title)
def test_whatever_is_written_for_an_argument_gives_a_part_or_a_plain_refusal(room, name):
    given = {"event_shape": (8, 8, 1), "event_size": 4, "low": 0, "high": 3}
    given |= {"num_classes": 3, "num_components": 2}
    values = ["word", "-1", "2.5", "true", "3-2", "nan", "inf", "(a)"]
    # Optimizers are Keras's and slow to make: what they refuse themselves, and what we do.
    values = values[:2] if room is optimizers.ROOM else values
    for argument, value in itertools.product(room.arguments(name), values):
        description = f"{name}:{argument}={value}"
        try:
            # Networks take their time, so of a model only what is checked before.
            if room is models.ROOM:
                room.check(description)
            else:
                room.get(description, **given)
        except ValueError as error:
            assert str(error) and "\n" not in str(error)


@pytest.mark.parametrize(
    "room, name, nearest",
    [
        (models.ROOM, "dens_vae", "dense_vae"),
        (layers.ROOM, "bernouli", "bernoulli"),
        (priors.ROOM, "vam", "vamp"),
        (objectives.ROOM, "elb", "elbo"),
        (optimizers.ROOM, "adm", "adam"),
    ],
    ids=title,
)
def test_an_unknown_part_is_refused_with_the_nearest_and_how_own_ones_get_known(
    room, name, nearest
):
    with pytest.raises(ValueError) as error:
        room.check(name)
    assert f"Unknown {room.kind} {name!r}. Did you mean {nearest!r}?" in str(error.value)
    assert "keras-vae --import FILE" in str(error.value)


@pytest.mark.parametrize(
    "room, description, words",
    [
        (models.ROOM, "conv_vae:latent_dm=3", "'latent_dm'. Did you mean 'latent_dim'"),
        (models.ROOM, "conv_vae:filters=a", "filters of the model conv_vae must be whole"),
        (models.ROOM, "conv_vae:filters=1.5", "must be whole numbers such as 32-64"),
        (models.ROOM, "conv_vae:normalization=maybe", "must be true or false, .* 'maybe'"),
        (models.ROOM, "conv_vae:encoder=3", "must be an object of Functional|of Model"),
        (objectives.ROOM, "elbo:exact_kl=1", "must be true or false, but is 1"),
        (objectives.ROOM, "halved:loud=1", "loud of the objective halved must be true"),
        (objectives.ROOM, "halved:weight=heavy", "must be a finite number, .* 'heavy'"),
        (optimizers.ROOM, "adam:learning_rate=nan", "must be a finite number, but is nan"),
        (optimizers.ROOM, "adam:clipnorm=x", "a finite number or none, but is 'x'"),
        (priors.ROOM, "vamp:seed=x", "seed of the prior vamp must be a whole number"),
    ],
    ids=title,
)
def test_values_of_another_kind_are_refused_before_anything_is_made(
    room, description, words
):
    with pytest.raises(ValueError, match=words):
        room.check(description)


def test_objects_pass_and_classes_and_other_things_do_not():
    layer = layers.IndependentNormal(3)
    assert layers.get(layer) is layer
    again = layers.get(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer) and again.event_shape == (3,)
    with pytest.raises(ValueError, match="is the class StandardNormal; pass an object"):
        priors.get(priors.StandardNormal)
    with pytest.raises(ValueError, match="must be a name such as .*derived from Prior"):
        priors.get(3)
    with pytest.raises(ValueError, match="needs num_components: write mixture_of_normals"):
        priors.get("mixture_of_normals")


def test_what_the_description_says_comes_before_what_the_caller_knows():
    assert layers.get("discretized_logistic:high=7", (2,), low=0, high=3).high == 7
    # What the class does not take is left out.
    assert layers.get("normal", (2,), high=3).event_shape == (2,)


@pytest.mark.parametrize("name", optimizers.ROOM.parts())
def test_every_optimizer_of_keras_is_a_part(name):
    made = optimizers.get_optimizer(f"{name}:learning_rate=1")
    assert type(made) is optimizers.ROOM.parts()[name]
    assert float(made.learning_rate) == 1.0


def test_optimizers_are_found_as_keras_finds_them():
    every = {
        name.lower()
        for name, one in vars(keras.optimizers).items()
        if inspect.isclass(one) and issubclass(one, keras.Optimizer)
    }
    assert (
        every - set(optimizers.ROOM.parts())
        == {*("optimizer", "lossscaleoptimizer", "multioptimizer")} & every
    )
    assert type(optimizers.get_optimizer("RMSprop")) is keras.optimizers.RMSprop
    config = keras.optimizers.serialize(keras.optimizers.SGD(0.5))
    assert float(optimizers.get_optimizer(config).learning_rate) == 0.5


def parameter(annotation=inspect.Parameter.empty, default=None):
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter("n", kind, annotation=annotation, default=default)


@pytest.mark.parametrize(
    "one, right, wrong",
    [
        (parameter(int), [0, -3, 7], [1.5, True, "1", None, (1, 2)]),
        (parameter(float), [0, 2.5], [True, "a", None, float("nan"), float("inf")]),
        (parameter(bool), [True, False], [0, 1, "yes", None]),
        (parameter(str), ["a"], [1, True, None]),
        (parameter(int | None), [3, None], ["a", 1.5]),
        (parameter(Sequence[int]), [3, (), (1, 2), [4]], [(1, 2.5), "a", (True,)]),
        (parameter(tuple[float, float]), [(0, 1.5)], [("a", 1)]),
        (parameter(str | dict | np.ndarray), ["a", {}, np.array(2)], [3, (1,)]),
        (parameter(Any), [1, "a", None, ()], []),
        (parameter(), [1, "a", None, ()], []),
        (parameter(default=True), [False], [1, "a", None]),
        (parameter(default=0.5), [1, 0.1], ["a", True, None]),
        (parameter(default=3), [1, 0.1], ["a", True, None]),
        (parameter(default="a"), [1, "b", None], []),
    ],
)
def test_kinds_of_values(one, right, wrong):
    for value in right:
        assert fitting(value, one, "n") in [value]
    for value in wrong:
        with pytest.raises(ValueError, match="n must be .*, but is"):
            fitting(value, one, "n")


def test_what_only_objects_can_be_is_not_among_the_known():
    assert not can_be_written(parameter(keras.Model | None))
    assert not can_be_written(parameter(Callable))
    with pytest.raises(ValueError) as error:
        models.ROOM.check("conv_vae:x=1")
    assert "latent_dim" in str(error.value) and "encoder" not in str(error.value)


@pytest.mark.parametrize(
    "part, text",
    [
        (layers.IndependentNormal(3), "normal"),
        (layers.IndependentNormal(3, scale="shared"), "normal:scale=shared"),
        (layers.DiscretizedLogistic((2,), low=0, high=7), "discretized_logistic:high=7"),
        (priors.VampPrior(20), "vamp:num_components=20"),
        (objectives.ELBO(beta=4), "elbo:beta=4.0"),
        (Halved(steps=5), "halved:steps=5"),
    ],
)
def test_a_part_is_written_with_what_is_not_its_default(part, text):
    assert part_text(part) == text
