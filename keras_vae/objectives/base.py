"""The base of all objectives."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras.optimizers.schedules import LearningRateSchedule, serialize
from tensorflow_probability import distributions as tfd

from keras_vae.core.latent import Latent
from keras_vae.core.numbers import not_negative, positive_int
from keras_vae.core.schedules import WarmUp, schedule_of
from keras_vae.core.trace import Trace


class Number:
    """A number of an objective that may change while a model trains on it.

    It is kept in a variable, so that a new value from a callback takes effect at the next
    step, compiled or not. In a graph it reads as a tensor, elsewhere as a float; a schedule
    (of the optimizer's iterations) is returned itself.

    Args:
        check: Function of value and name that returns the value or raises ValueError.
        scheduled: Whether it may be a schedule.

    Example:
        >>> class Mine(Objective):
        ...     weight = Number()
    """

    def __init__(self, check=not_negative, scheduled: bool = False):
        """Remembers the check."""
        self.check, self.scheduled = check, scheduled

    def __set_name__(self, owner, name):
        """Learns the attribute's name."""
        self.name = name

    def __get__(self, objective, owner=None):
        """Returns the float, the tensor or the schedule."""
        if objective is None:
            return self
        held = objective.__dict__["_numbers"][self.name]
        if isinstance(held, LearningRateSchedule):
            return held
        # (Under a strategy a variable has a copy for each replica, and no `float`.)
        eager = tf.executing_eagerly()
        return float(held.read_value()) if eager else tf.convert_to_tensor(held)

    def __set__(self, objective, value):
        """Checks and keeps a value."""
        numbers = objective.__dict__.setdefault("_numbers", {})
        before = numbers.get(self.name)
        if self.scheduled:
            value = schedule_of(value, self.name)
        if isinstance(value, LearningRateSchedule) and not self.scheduled:
            raise ValueError(
                f"{self.name} of {type(objective).__name__} cannot be a schedule. Set it in "
                "a callback instead."
            )
        if isinstance(value, LearningRateSchedule) or isinstance(
            before, LearningRateSchedule
        ):
            if before is not None:
                raise AttributeError(
                    f"{self.name} cannot become a schedule, or stop being one, once the "
                    "objective is made. Make a new one and set model.objective."
                )
            numbers[self.name] = value
            return
        value = self.check(value, self.name)
        if before is None:
            with tf.init_scope():
                numbers[self.name] = tf.Variable(value, trainable=False, dtype=tf.float32)
        else:
            before.assign(value)


class Objective:
    """The quantity that training minimises: a loss for each example, from a `Trace`.

    Subclasses define `call` and, where they have arguments, `get_config`. Numbers that may
    change during training are declared as `Number`; everything else is fixed when the
    objective is made.

    Attributes:
        pathwise: Whether gradients go through the draws of z. False: draws are constants,
            and the gradient of the encoder goes only through log q(z|x).
        per_example: Whether the loss of an example depends on that example alone. False:
            the batch is read as a whole, so weights of examples and several replicas are
            refused.
        needs_density: Whether log q(z|x) or the rate is read.
        terms: Names of further values [B] that `call` returns, to be logged as means.
        players: Names of the players with their own losses; empty if there is one loss for
            all.
        is_adversarial: Whether players judge each other, so that no loss measures the quality of a
            model.
        needs: Names of the functions of `core.trace.Extras` that it needs, and "draws" if it
            overrides `draw`, "encoder_input" if it overrides `encoder_input`.
        least_batch: Smallest number of examples in a batch.

    Args:
        num_samples: Latent draws S for each example.

    Raises:
        ValueError: If `num_samples` is not a positive integer.

    Example:
        >>> class Distortion(Objective):
        ...     def call(self, trace, step):
        ...         return tf.reduce_mean(trace.distortion, axis=0)
        >>> Distortion()(vae.trace(x[:4])).shape
        TensorShape([4])
    """

    pathwise = True
    per_example = True
    needs_density = True
    terms: tuple[str, ...] = ()
    players: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    # Advice for the error of a model that lacks one of the players.
    players_advice = "Use another objective, or another model, such as VAE."
    is_adversarial = False
    least_batch = 1

    def __init__(self, num_samples: int = 1):
        """Creates the objective."""
        self.num_samples = positive_int(num_samples, "num_samples")

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuses to change values that a compiled training step would ignore."""
        is_number = isinstance(getattr(type(self), name, None), Number)
        if not is_number and name in self.__dict__ and self.__dict__[name] != value:
            raise AttributeError(
                f"{name} of an objective is fixed once it is made. Make a new one, and set "
                "model.objective to it."
            )
        super().__setattr__(name, value)

    def check(self, latent: Latent) -> None:
        """Refuses a model that cannot be trained this way.

        Args:
            latent: The model's latent variable.

        Raises:
            ValueError: If draws lack a gradient that is needed, or there is no rate.
        """
        name = type(self).__name__
        if self.needs_density and not latent.has_density:
            raise ValueError(
                f"The posterior {latent.name} is a point and has no density, which the "
                f"objective {name} needs. Use objectives.Reconstruction(), or another "
                "posterior."
            )
        if not self.pathwise and latent.support.vectors == "codes":
            raise ValueError(
                f"The posterior {latent.name} chooses its code deterministically, so the "
                f"objective {name}, which learns from the probabilities of draws, would "
                "not train the encoder. Use objectives.ELBO()."
            )
        if self.pathwise and not latent.is_reparameterized:
            raise ValueError(
                f"Draws from the posterior {latent.name} have no gradient with respect to "
                f"its parameters, so the objective {name} would not train the encoder. Use "
                "objectives.VIMCO(), or a posterior whose draws have one, such as "
                "IndependentNormal, StraightThroughBernoulli or RelaxedOneHotCategorical."
            )

    def draw(self, q: tfd.Distribution, seed: tf.Tensor) -> tf.Tensor:
        """Draws latent variables for a pass, in objectives with `needs = ("draws",)`.

        Args:
            q: Posterior, batch [B].
            seed: int32 tensor [2].

        Returns:
            Tensor [S, B, *latent].
        """
        return q.sample(self.num_samples, seed=seed)

    def encoder_input(self, x: tf.Tensor, seed: tf.Tensor, training: bool) -> tf.Tensor:
        """The encoder's input for observations, in objectives with `needs = ("encoder_input",)`.

        Args:
            x: Observations [B, *event], which are scored as they are.
            seed: int32 tensor [2].
            training: Whether the model is being trained.

        Returns:
            Tensor of the shape of x.
        """
        return x

    def call(self, trace: Trace, step: tf.Tensor):
        """Computes the loss.

        Args:
            trace: A pass with `num_samples` latent draws.
            step: The optimizer's iteration, which schedules read.

        Returns:
            Nats, [B] (or a scalar if the batch is read as a whole), or a dict with one for
            each player. With `terms`, a pair of this and a dict of the terms, each [B] or
            scalar.
        """
        raise NotImplementedError

    def __call__(self, trace: Trace, step: int | tf.Tensor = 0):
        """Computes the loss of each example.

        Args:
            trace: A pass with `num_samples` latent draws.
            step: The optimizer's iteration, which schedules read.

        Returns:
            Nats, [B], or a dict with one for each player; lower is better.
        """
        return self.losses_and_terms(trace, step)[0]

    def losses_and_terms(self, trace: Trace, step: int | tf.Tensor = 0):
        """Computes the loss of each example, and further values to log.

        Args:
            trace: A pass with `num_samples` latent draws.
            step: The optimizer's iteration.

        Returns:
            The result of `__call__`, and a dict of the terms, each [B].
        """
        result = self.call(trace, step)
        losses, terms = result if self.terms else (result, {})
        size = tf.shape(trace.x)[:1]
        whole = tf.nest.map_structure(lambda one: tf.broadcast_to(one, size), losses)
        return whole, {key: tf.broadcast_to(one, size) for key, one in terms.items()}

    def turns(self, trace: Trace, step: int | tf.Tensor = 0) -> dict[str, tf.Tensor]:
        """Decides which players are updated at a step.

        Args:
            trace: The pass.
            step: The optimizer's iteration.

        Returns:
            Bool scalars by player, the same on every replica; others are always updated.
        """
        return {}

    @property
    def turn_takers(self) -> tuple[str, ...]:
        """Names of the players that may skip a step."""
        return ()

    def opposed(self, trace: Trace, step: int | tf.Tensor) -> dict[str, tf.Tensor]:
        """Computes additional losses of players, with balanced gradients.

        At each step the gradient of such a loss is scaled, so that its norm at the player's
        last kernel is `balance_factor` times that of the loss of `call`.

        Args:
            trace: The pass.
            step: The optimizer's iteration.

        Returns:
            Nats, [B], by player.
        """
        return {}

    @property
    def balanced_players(self) -> tuple[str, ...]:
        """Names of the players that `opposed` has losses for."""
        return ()

    @property
    def balance_factor(self) -> float:
        """Ratio of an opposed loss's gradient norm to that of the player's own loss."""
        return 1.0

    def number_at(self, name: str, step: int | tf.Tensor) -> tf.Tensor:
        """Returns a number that may be a schedule.

        Args:
            name: Its name.
            step: The optimizer's iteration.

        Returns:
            Its value at that step, a scalar.
        """
        value = getattr(self, name)
        return tf.cast(
            value(step) if isinstance(value, LearningRateSchedule) else value, tf.float32
        )

    def number_config(self, name: str) -> float | dict:
        """Returns the config of a number that may be a schedule.

        Args:
            name: Its name.

        Returns:
            The number, or the schedule's config.
        """
        value = getattr(self, name)
        return serialize(value) if isinstance(value, LearningRateSchedule) else value

    def warmed_up(self, updates: int) -> Objective:
        """Returns the objective with a weight beta of the rate that grows from 0.

        Args:
            updates: Number of updates after which beta has its value.

        Returns:
            A copy with a schedule.

        Raises:
            ValueError: If the objective has no beta that can be a schedule, or it is one.

        Example:
            >>> float(ELBO(beta=2.0).warmed_up(100).number_at("beta", 50))
            1.0

        Source:
            Bowman et al. 2016, "Generating sentences from a continuous space", section 3.1.
        """
        number = getattr(type(self), "beta", None)
        if not isinstance(number, Number) or not number.scheduled:
            raise ValueError(
                "warmup_epochs raises the weight beta of the rate, which the objective "
                f"{type(self).__name__} does not schedule. Leave it out, or take elbo."
            )
        config = self.get_config()
        if not isinstance(config["beta"], float):
            raise ValueError(
                "warmup_epochs raises the weight beta of the rate, which has a schedule "
                "already. Leave one of them out."
            )
        schedule = WarmUp(updates, end=config["beta"])
        return type(self).from_config({**config, "beta": serialize(schedule)})

    def logs(self, step: int | tf.Tensor) -> dict[str, tf.Tensor]:
        """Scalars to log that need no trace: the values of schedules.

        Args:
            step: The optimizer's iteration.

        Returns:
            Scalars by name.
        """
        numbers = self.__dict__.get("_numbers", {})
        return {
            name: self.number_at(name, step)
            for name, held in numbers.items()
            if isinstance(held, LearningRateSchedule)
        }

    @property
    def is_plain_bound(self) -> bool:
        """Whether the loss is minus the plain ELBO, so that the two need not be compared."""
        return False

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {"num_samples": self.num_samples}

    @classmethod
    def from_config(cls, config):
        """Makes the objective from the result of `get_config`."""
        return cls(**config)
