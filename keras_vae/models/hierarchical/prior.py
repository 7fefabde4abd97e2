"""The prior of a hierarchy: each level given the levels above it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae import priors
from keras_vae.core import numbers
from keras_vae.layers import IndependentNormal
from keras_vae.models.hierarchical.walk import Levels, Step, Walk, apply, places_of
from keras_vae.priors import Prior


@keras.saving.register_keras_serializable("keras_vae")
class TopDownPrior(Prior):
    """p(z_L) p(z_L-1 | z_L) ... p(z_1 | z_2 ... z_L), packed with the lowest level first.

    A state passes from the top to the bottom: the block of a level computes it from z and,
    with generative skips, from the state above; the head computes the next level's normal
    from it. The decoder reads the last state.

    Args:
        sizes: Numbers of each level, lowest first.
        blocks: Functional model of each level, lowest first: z [B, size] -> state, or
            [z, state of the level above] -> state. The highest reads only z.
        heads: Functional model of each level but the highest: state of the level above ->
            means and scales [B, 2 * size].
        top: Prior of the highest level, or its name; None is the standard normal.
        shapes: Shape of each level, (size,) or (height, width, channels); the latter is
            packed one channel after the other. None: all are vectors.
        **kwargs: Arguments of `Prior`.

    Raises:
        ValueError: If the number of networks does not fit the levels, their shapes do not
            fit, or the top uses the encoder.

    Example:
        >>> vae = keras_vae.LadderVAE(6, (4, 2), prior="mixture_of_normals:num_components=3")
        >>> vae.prior.sizes, type(vae.prior.top).__name__
        ((4, 2), 'MixtureOfNormals')

    Source:
        Sonderby et al. 2016, "Ladder variational autoencoders", equations 1 and 2.
    """

    # Networks have no names.
    part_name = None

    def __init__(
        self,
        sizes: Sequence[int],
        blocks: Sequence[keras.Model],
        heads: Sequence[keras.Model],
        top: Any = None,
        shapes: Sequence[Sequence[int]] | None = None,
        **kwargs,
    ):
        """Creates the prior."""
        self.sizes = numbers.sizes(sizes, "sizes")
        self.shapes = [tuple(one) for one in shapes or [(n,) for n in self.sizes]]
        if [math.prod(one) for one in self.shapes] != list(self.sizes):
            raise ValueError(
                f"The levels have {self.sizes} numbers, but shapes {self.shapes}. Make "
                "them equal."
            )
        kwargs["event_shape"] = (sum(self.sizes),)
        super().__init__(**kwargs)
        self.places = places_of(self.sizes)
        self.blocks, self.heads = list(blocks), list(heads)
        self._check_networks()
        self.top = priors.get("standard_normal" if top is None else top, dtype=self.dtype)
        if self.top.asks_encoder:
            raise ValueError(
                f"The prior {type(self.top).__name__} uses the encoder's codes, but a "
                "hierarchy's highest level is only a part of a code. Take another, such as "
                "'mixture_of_normals:num_components=10'."
            )
        self.normals = [IndependentNormal(n, dtype=self.dtype) for n in self.sizes]

    def _check_networks(self):
        count = len(self.sizes)
        if (len(self.blocks), len(self.heads)) != (count, count - 1):
            raise ValueError(
                f"{count} levels need {count} blocks and {count - 1} heads, but there are "
                f"{len(self.blocks)} and {len(self.heads)}."
            )
        above = None
        for level in reversed(range(count)):
            block, size = self.blocks[level], self.sizes[level]
            reads = [tuple(one.shape[1:]) for one in block.inputs]
            if reads not in ([(size,)], [(size,), above]) or (above is None and reads[1:]):
                known = "" if above is None else f", or that and the state {above}"
                raise ValueError(
                    f"The block of level {level + 1} reads {reads}, but its latent variables "
                    f"have shape {(size,)}: it must read these{known}."
                )
            if above is not None:
                shapes = self.heads[level].input_shape, self.heads[level].output_shape
                if shapes != ((None, *above), (None, 2 * size)):
                    raise ValueError(
                        f"The head of level {level + 1} makes {shapes[1]} of {shapes[0]}, "
                        f"but must make {(None, 2 * size)}, means and scales, of the state "
                        f"{(None, *above)} above."
                    )
            above = tuple(block.output_shape[1:])
        self.state_shape = above

    def split(self, z) -> list:
        """Splits packed latent variables into levels.

        Args:
            z: Array or tensor [..., D].

        Returns:
            The latent variables of each level, lowest first, still flat, [..., size of the
            level].
        """
        return [z[..., places] for places in self.places]

    def connect(self, model):
        """Connects the highest level's prior to the family and the condition."""
        about = {"posterior": self.normals[-1], "condition_shape": model.condition_shape}
        self.top.connect(SimpleNamespace(**about))

    def make_weights(self):
        """Creates the weights of the highest level's prior."""
        self.top.build((self.sizes[-1],))

    def walk(
        self,
        visit: Callable[[int, tfd.Distribution | Any, tf.Tensor | None], tuple],
        top: tfd.Distribution | None = None,
        training: bool = False,
        temperature: float = 1.0,
    ) -> Walk:
        """Goes from the highest level to the lowest.

        Args:
            visit: Function of a level's number (0 is the lowest), p and the state above
                that returns its latent variables, and q or None.
            top: p of the highest level, which may depend on a condition; None if `visit`
                does not read it.
            training: Whether the model is being trained.
            temperature: Factor of the standard deviations of the levels below.

        Returns:
            What was met.
        """
        state, steps = None, []
        for level in reversed(range(len(self.sizes))):
            p = top
            if state is not None:
                p = self._level(level, state, training, temperature)
            z, q = visit(level, p, state)
            steps.append(Step(z, p, q))
            block = self.blocks[level]
            reads = [z, state][: len(block.inputs)]
            state = apply(block, *reads, training=training)
        return Walk(steps[::-1], state)

    def with_lowest(self, parts: Sequence[tf.Tensor], first: int, choose):
        """Replaces the latent variables of the lowest levels.

        Args:
            parts: The latent variables of each level, as `split` returns them.
            first: The first level, counted from 0 for the lowest, that stays; the highest
                always does.
            choose: Function of p of a level, given the levels above it, and of the level's
                number; it returns new latent variables.

        Returns:
            All latent variables, packed, [..., D].
        """

        def visit(level, p, state):
            return (parts[level] if level >= first else choose(p, level)), None

        return self.walk(visit).z

    def _level(self, level, state, training, temperature):
        params = apply(self.heads[level], state, training=training)
        p = self.normals[level].distribution(params)
        if temperature == 1.0:
            return p
        loc, scale = p.distribution.loc, temperature * p.distribution.scale
        return tfd.Independent(tfd.Normal(loc, scale), 1)

    def distribution(self, y=None, training: bool = False):
        """The distribution of all levels; see `Prior`."""
        self._require_shape()
        return self._levels(y, training)

    def make_distribution(self, y=None):
        """The distribution of all levels."""
        return self._levels(y)

    def tempered(self, temperature, y=None):
        """All standard deviations times a factor."""
        return self._levels(y, temperature=temperature)

    def _levels(self, y, training=False, temperature=1.0):
        top = (
            self.top.distribution(y, training)
            if temperature == 1.0
            else self.top.tempered(temperature, y)
        )

        def walk(pick):
            def visit(level, p, state):
                return pick(self.places[level], p), None

            return self.walk(visit, top, training, temperature)

        batch = top.batch_shape, top.batch_shape_tensor()
        return Levels(walk, sum(self.sizes), batch, self.compute_dtype)

    def get_config(self):
        """Returns the constructor's arguments."""
        serialize = keras.saving.serialize_keras_object
        config = super().get_config()
        del config["event_shape"]
        return {
            **config,
            "sizes": list(self.sizes),
            "shapes": [list(one) for one in self.shapes],
            "blocks": [serialize(one) for one in self.blocks],
            "heads": [serialize(one) for one in self.heads],
            "top": serialize(self.top),
        }

    @classmethod
    def from_config(cls, config):
        """Makes the prior from the result of `get_config`."""
        make = keras.saving.deserialize_keras_object
        made = {name: [make(one) for one in config[name]] for name in ("blocks", "heads")}
        return cls(**{**config, **made})
