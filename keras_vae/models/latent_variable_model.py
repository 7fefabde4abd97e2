"""The methods of trained models, whatever their wiring."""

from __future__ import annotations

import math
import os
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae import export
from keras_vae.core.batches import in_batches
from keras_vae.core.checks import check_array, check_shape
from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import fold, make_seed, row_seeds
from keras_vae.core.support import REAL
from keras_vae.data import Streamed
from keras_vae.models.checks import as_array
from keras_vae.models.conditions import check_condition
from keras_vae.models.inputs import Batch
from keras_vae.models.interface import ModelInterface
from keras_vae.presets import folder as preset_folder
from keras_vae.presets.listing import PresetsOfClass

# Decoded events (images times draws), and elements of them (pixels), that the likelihood
# estimate holds at a time: enough to keep two cores at their matrix speed, and well below
# a gigabyte with the temporaries of any likelihood.
_EVENTS_AT_A_TIME = 5_000
_ELEMENTS_AT_A_TIME = 4_000_000
# Tracing a prior's draw takes as long as drawing some rows without a graph.
_ROWS_WORTH_A_GRAPH = 16
# Tracing a network takes about as long as applying it to this many rows without a graph.
_EVENTS_WORTH_A_GRAPH = 4_096


class LatentVariableModel(ModelInterface):
    """A model of observations x with latent variables z; the base class of all models.

    Its methods work through the members of `ModelInterface`, which subclasses define. They
    take arrays of any length, return NumPy arrays, a batch at a time, and give the same
    result for the same seed. With a `preprocessor` they take and return raw data; `encode`,
    `decode`, `trace` and a call stay in the model's units.

    Example:
        >>> model = LatentVariableModel.from_preset("dense_vae_digits")
        >>> model.sample(4, seed=0).shape
        (4, 8, 8, 1)
    """

    presets = PresetsOfClass()

    def sample(
        self,
        n: int = 1,
        y=None,
        seed: int | None = 0,
        temperature: float = 1.0,
        draw: bool | None = None,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Makes new data: p(x|z) at draws z from the prior.

        Args:
            n: Number of observations.
            y: The condition, one for all or one for each, for a model that has one.
            seed: The same seed gives the same samples, and row i is the same for any n;
                None takes Keras's global seed.
            temperature: Factor of the prior's standard deviations; below 1, samples are
                more typical and less varied.
            draw: Whether to draw from p(x|z) instead of taking its mean; None draws only
                the rows of tables with named columns.
            batch_size: Latent variables decoded at a time.

        Returns:
            Array [n, *event], or a `pandas.DataFrame` for tables with named columns.

        Raises:
            ValueError: If `n` or `temperature` is not positive, or the prior has no
                temperature.

        Example:
            >>> vae.sample(64, seed=0).shape
            (64, 28, 28, 1)
        """
        positive_int(n, "n")
        positive_int(batch_size, "batch_size")
        seed, y = make_seed(seed), self.check_condition(y, n)
        if draw is None:
            draw = self.preprocessor is not None and self.preprocessor.columns is not None
        z = self._drawn_by_row(row_seeds(seed, n), y, temperature)
        if not draw:
            made = self._in_batches("decoded", self.decoded, (z, y), batch_size)
            return self.as_table(self.from_units(made))
        # Whole batches, since the draws of a row may depend on their size.
        rows = np.resize(np.arange(n), -(-n // batch_size) * batch_size)
        z, y = np.asarray(z)[rows], None if y is None else y[rows]

        def decode(rows, index):
            return self.decode(*rows).sample(seed=fold(seed, 1, index))

        return self.as_table(self.from_units(in_batches(decode, (z, y), batch_size)[:n]))

    def _in_batches(self, name, function, rows, batch_size):
        """`in_batches` of a function of observations or codes and their condition."""
        function = self._for_many(len(rows[0]), name, function)
        return in_batches(lambda rows, _: function(*rows), rows, batch_size)

    def _for_many(self, count, name, function):
        """The function, as a graph if this saves time for so many observations."""
        if count < _EVENTS_WORTH_A_GRAPH:
            return function
        return self._compiled(name, partial(function))

    def _drawn_by_row(self, seeds, y, temperature):
        """`draw_by_row`, for many rows as a graph."""
        if len(seeds) <= _ROWS_WORTH_A_GRAPH:
            return self.draw_by_row(seeds, y, temperature)
        # The temperature is a constant of the graph, since priors check it in Python.
        draw = self._compiled(
            f"draw at {temperature!r}", partial(self.draw_by_row, temperature=temperature)
        )
        return draw(seeds, y)

    def embed(self, x, y=None, batch_size: int = 256) -> np.ndarray:
        """Returns the centre of the posterior, the usual embedding.

        Args:
            x: Observations [N, *event]; grey values are read as probabilities if the
                model's data were binarized.
            y: The condition of each observation, for a model that has one.
            batch_size: Observations at a time.

        Returns:
            Array [N, *latent]: means, or modes for discrete posteriors.

        Raises:
            ValueError: If x is empty, of another shape, NaN, infinite or outside the
                likelihood's support.
        """
        x, y = self.to_units(x), self.check_condition(y, len(x))
        return self._in_batches("codes", self.codes, (x, y), batch_size)

    def reconstruct(self, x, y=None, batch_size: int = 256) -> np.ndarray:
        """Returns the mean of p(x|z) at the centre of q(z|x), like `predict`.

        Args:
            x: Observations [N, *event]; see `embed`.
            y: The condition of each observation, for a model that has one.
            batch_size: Observations at a time.

        Returns:
            Array [N, *event].

        Raises:
            ValueError: As `embed`.
        """
        x, y = self.to_units(x), self.check_condition(y, len(x))
        rebuilt = self._in_batches("call", self, (x, y), batch_size)
        return self.as_table(self.from_units(rebuilt))

    def interpolate(self, start, end, steps: int = 8, y=None) -> np.ndarray:
        """Walks in latent space from one observation to another.

        Args:
            start: Observations [N, *event].
            end: As many others.
            steps: Points of each walk, both ends included.
            y: The condition, one for all or one for each walk.

        Returns:
            Array [N, steps, *event]: the mean of p(x|z) at each point.

        Raises:
            ValueError: If `start` and `end` differ in shape, or `steps` is below 2.
        """
        codes = self.embed(start, y), self.embed(end, y)
        return self.interpolate_codes(*codes, steps, y)

    def interpolate_codes(self, start, end, steps: int = 8, y=None) -> np.ndarray:
        """Walks in latent space from one code to another, without leaving the support.

        Args:
            start: Codes [N, *latent].
            end: As many others.
            steps: Points of each walk, both ends included.
            y: The condition, one for all or one for each walk.

        Returns:
            Array [N, steps, *event]: the mean of p(x|z) at each point of a straight line,
            or of a great circle on a sphere. The elements of discrete codes change one
            after another.

        Raises:
            ValueError: If `start` and `end` differ in shape, or `steps` is below 2.

        Example:
            >>> z = vae.draw(2, seed=0)
            >>> vae.interpolate_codes(z[:1], z[1:]).shape
            (1, 8, 28, 28, 1)
        """
        if positive_int(steps, "steps") < 2:
            raise ValueError(f"steps must be at least 2, but is {steps!r}.")
        dtype = self.probability_dtype
        z0, z1 = np.asarray(start, dtype), np.asarray(end, dtype)
        if z0.shape != z1.shape:
            raise ValueError(
                "start and end must have the same shape [N, *latent], but have "
                f"{z0.shape} and {z1.shape}."
            )
        self._check_codes(z0)
        z = self.latent.support.path(z0, z1, steps)
        y = self.check_condition(y, len(z0))
        y = None if y is None else np.repeat(y, steps, axis=0)
        decoded = self.decode_codes(z.reshape(-1, *z.shape[2:]), y)
        return decoded.reshape(len(z0), steps, *self.raw_shape)

    def decode_codes(self, z, y=None, batch_size: int = 256) -> np.ndarray:
        """Returns the mean of p(x|z) for codes.

        Args:
            z: Codes [N, *latent].
            y: The condition, one for all or one for each code.
            batch_size: Codes at a time.

        Returns:
            Array [N, *event].

        Raises:
            ValueError: If z is empty, of another shape, NaN or infinite.
        """
        z = np.asarray(z, self.probability_dtype)
        self._check_codes(z)
        y = self.check_condition(y, len(z))
        return self.from_units(
            self._in_batches("decoded", self.decoded, (z, y), batch_size)
        )

    def _check_codes(self, z):
        shape = self.latent.shape
        if z.shape[1:] != shape or z.ndim != 1 + len(shape):
            raise ValueError(
                f"z has shape {z.shape}, but this model's latent variables have shape "
                f"{shape}: give codes [N, *{shape}]."
            )
        if not len(z):
            raise ValueError(f"z is empty: it has shape {z.shape}.")
        REAL.check(z, "z")

    def elbo(
        self, x, num_samples: int = 1, batch_size: int = 256, seed: int = 0, y=None
    ) -> np.ndarray:
        """Estimates the evidence lower bound of each observation.

        Args:
            x: Observations [N, *event]; they are binarized once if the model's data were.
            y: The condition of each observation, for a model that has one.
            num_samples: Latent draws for each observation.
            batch_size: Observations at a time.
            seed: The same seed and `batch_size` give the same estimate.

        Returns:
            Array [N], nats, below log p(x) in expectation; with a preprocessor, a density
            refers to raw values.

        Raises:
            ValueError: As `embed`; or if the posterior is a point and has no rate.
        """
        rate, distortion = self.rate_and_distortion(x, num_samples, batch_size, seed, y)
        return -(rate + distortion)

    def rate_and_distortion(
        self, x, num_samples: int = 1, batch_size: int = 256, seed: int = 0, y=None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Estimates the two parts of the negative ELBO of each observation.

        Args:
            x: Observations [N, *event]; see `elbo`.
            y: The condition of each observation, for a model that has one.
            num_samples: Latent draws for each observation.
            batch_size: Observations at a time.
            seed: The same seed and `batch_size` give the same estimate, and that of `elbo`.

        Returns:
            The rate KL(q, p), in closed form where there is one, and the distortion, the
            mean of -log p(x|z); arrays [N], nats.

        Raises:
            ValueError: As `elbo`.

        Source:
            Alemi et al. 2018, "Fixing a broken ELBO".
        """
        self.require_density()
        x, y = self.to_units(x, scores=True), self.check_condition(y, len(x))
        positive_int(num_samples, "num_samples")
        seed = make_seed(seed)

        def parts(x, y, seed):
            trace = self.bound(x, num_samples, seed, y=y)
            both = trace.rate, trace.distortion
            return tf.stack([tf.reduce_mean(part, axis=0) for part in both], axis=1)

        of_rows = self._for_many(len(x), f"parts of {num_samples} draws", parts)
        rate, distortion = in_batches(
            lambda rows, index: of_rows(*rows, fold(seed, index)), (x, y), batch_size
        ).T
        return rate, distortion - self.log_scale_of(x)

    def log_likelihood(
        self,
        x,
        num_samples: int = 500,
        batch_size: int = 100,
        seed: int = 0,
        verbose: int = 0,
        y=None,
    ) -> np.ndarray:
        """Estimates log p(x) of each observation by importance weighting.

        The estimate is the log of the mean of p(x, z) / q(z|x) over `num_samples` draws z
        from q: a lower bound in expectation that grows with `num_samples` to log p(x).
        Draws are decoded a few thousand events at a time, so memory does not grow with
        `num_samples`.

        Args:
            x: Observations [N, *event]; see `elbo`.
            y: The condition of each observation, for a model that has one.
            num_samples: Latent draws for each observation.
            batch_size: Observations at a time.
            seed: The same seed and `batch_size` give the same estimate.
            verbose: 1 shows a progress bar.

        Returns:
            Array [N], nats; with a preprocessor, a density refers to raw values.

        Raises:
            ValueError: As `elbo`; or if `num_samples` is below 1.

        Example:
            >>> vae.log_likelihood(x_test, num_samples=5000).mean()

        Source:
            Burda et al. 2016, equation 8; Rezende et al. 2014, appendix E.
        """
        self.require_density()
        x, y = self.to_units(x, scores=True), self.check_condition(y, len(x))
        positive_int(num_samples, "num_samples")
        positive_int(batch_size, "batch_size")
        seed = make_seed(seed)
        at_a_time = self.events_at_a_time()
        batch_size = min(batch_size, len(x), at_a_time)
        counts = (
            tf.constant(num_samples),
            tf.constant(min(num_samples, at_a_time // batch_size)),
        )
        estimate = self._compiled("estimate", partial(self._importance_weighted))

        def of_rows(rows, index):
            return estimate(*rows, *counts, fold(seed, index))

        return in_batches(of_rows, (x, y), batch_size, verbose) + self.log_scale_of(x)

    def _compiled(self, name, function):
        """Returns a function as a graph, traced once for the same weights.

        TensorFlow counts the traces of a method over all models, and would warn about them;
        a partial has its own count.
        """
        key = self._graph_key()
        # This avoids Keras's tracking, which would look for weights in it.
        graphs = self.__dict__.setdefault("_graphs", {})
        if name not in graphs or graphs[name][0] != key:
            graph = tf.function(function, autograph=False, reduce_retracing=True)
            graphs[name] = key, graph, list(self.variables)
        return graphs[name][1]

    def _graph_key(self):
        """The state of the model that a traced graph keeps."""
        # The variables themselves, since others may have the same names.
        return [id(v) for v in self.variables]

    def _importance_weighted(self, x, y, num_samples, chunk, seed):
        """Log of the mean weight of `num_samples` draws, `chunk` draws at a time."""

        def add(done, log_sum):
            count = tf.minimum(chunk, num_samples - done)
            log_weight = self.log_weights(x, count, fold(seed, done), y)
            log_sum = tf.reduce_logsumexp(
                tf.concat([log_sum[tf.newaxis], log_weight], axis=0), axis=0
            )
            return done + count, tf.ensure_shape(log_sum, [None])

        dtype = tf.as_dtype(self.probability_dtype)
        start = tf.fill(tf.shape(x)[:1], tf.constant(-np.inf, dtype))
        _, log_sum = tf.while_loop(
            lambda done, _: done < num_samples,
            add,
            (tf.constant(0), start),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape([None])),
            # One chunk at a time is in memory.
            parallel_iterations=1,
        )
        return log_sum - tf.math.log(tf.cast(num_samples, dtype))

    def events_at_a_time(self) -> int:
        """Number of events decoded together, so that memory stays bounded."""
        largest = max(math.prod(self.event_shape), self._decoded_size)
        return max(1, min(_EVENTS_AT_A_TIME, _ELEMENTS_AT_A_TIME // largest))

    @property
    def _decoded_size(self) -> int:
        """Number of the decoder's outputs for one event."""
        return math.prod(self.event_shape)

    def log_scale_of(self, x: np.ndarray) -> float | np.ndarray:
        """The term that turns log-densities in the model's units into those of raw values.

        Args:
            x: Observations [N, *event], in the model's units.

        Returns:
            Nats; an array [N] if observations have gaps.
        """
        if self.preprocessor is None or self.is_discrete:
            return 0.0
        return self.preprocessor.log_scale_of(x)

    def require_density(self) -> None:
        """Refuses an autoencoder, which has no rate and no bound on the likelihood."""
        if not self.latent.has_density:
            raise ValueError(
                f"The posterior {self.latent.name} is a point: an autoencoder has no rate, "
                "and no bound of the likelihood. Train with another posterior, such as "
                "IndependentNormal."
            )

    def to_units(self, x, scores: bool = False, name: str = "x") -> Any:
        """Converts observations to the model's units, and checks them.

        Args:
            x: Raw observations [N, *event]; without a preprocessor in the model's units.
            scores: Whether they will be scored: then grey values are binarized once, if the
                model's data were.
            name: Their name in messages.

        Returns:
            Array [N, *event]; for `Streamed` observations, a view that is converted when it
            is read.

        Raises:
            ValueError: If they do not fit the model.
        """
        x, prepare = self.as_raw(x, name), self.preprocessor

        def in_units(x, rows=None):
            if prepare is not None:
                check_shape(x.shape, self.raw_shape, name)
                x = prepare.held_out(x, rows) if scores else prepare(x)
            check_array(x, self.event_shape, self.support, name, self.takes_gaps)
            return x

        if isinstance(x, Streamed):
            check_shape(x.shape, self.event_shape, name)
            if not len(x):
                raise ValueError(f"{name} is empty: it has shape {x.shape}.")
            return x.mapped(in_units, x.dtype if prepare is None else np.float32)
        return in_units(x)

    def to_stream(self, x: np.ndarray, held_out: bool, name: str = "x"):
        """Converts observations to the form of batches, and checks them.

        Args:
            x: Raw observations [N, *event]; without a preprocessor in the model's units.
            held_out: Whether they will be scored, not trained on.
            name: Their name in messages.

        Returns:
            Array [N, *event], and whether it is in the model's units. Observations stay raw
            if a step prepares them: whole numbers, which take less memory, and grey values
            that are binarized anew in each epoch.

        Raises:
            ValueError: If they do not fit the model.
        """
        prepare = self.preprocessor
        x = self.as_raw(x, name)
        units = self.to_units(x, scores=held_out, name=name)
        is_ready = x.dtype.kind == "f" and not (prepare and prepare.binarize)
        # Spectrograms are computed once, not in each epoch.
        of_sounds = prepare is not None and prepare.spectrogram is not None
        if held_out or prepare is None or is_ready or of_sounds:
            return units, True
        return x, False

    def from_units(self, x: np.ndarray) -> np.ndarray:
        """Converts the model's outputs to raw values, if there is a preprocessor."""
        return x if self.preprocessor is None else self.preprocessor.inverse(x)

    def pictures(self, x: np.ndarray) -> np.ndarray:
        """Returns raw observations as images: sounds as spectrograms, others unchanged.

        Args:
            x: Raw observations [N, *raw].

        Returns:
            Array, [N, bands, windows, 1] for sounds, with values in `shown_range`.
        """
        return x if self.preprocessor is None else self.preprocessor.pictures(x)

    def as_raw(self, x, name: str = "x") -> Any:
        """Reads observations as one array; of a table the numbers that stand for it."""
        if isinstance(x, Streamed):
            return x
        return as_array(
            x if self.preprocessor is None else self.preprocessor.codes(x), name
        )

    def as_table(self, x: np.ndarray) -> Any:
        """Returns raw values as a table, if the preprocessor knows its columns."""
        return x if self.preprocessor is None else self.preprocessor.as_table(x)

    def batch_to_units(self, batch: Batch, seed):
        """Converts a batch to the model's units, within a step.

        Args:
            batch: The batch.
            seed: Seed of a binarization, or None for none.

        Returns:
            Tensor [B, *event].
        """
        if self.preprocessor is None or batch.in_units:
            return batch.x
        return self.preprocessor.in_graph(batch.x, seed)

    def check_condition(self, y, n: int):
        """Checks the condition of n observations.

        Args:
            y: One condition for all, or one for each; None if the model has none.
            n: Number of observations.

        Returns:
            Array [n, ...] as the data hold it, class numbers as int32; or None.

        Raises:
            ValueError: If the model has a condition and y is None, or the other way
                round, or y has another shape or classes that do not exist.
        """
        if y is not None and self.condition_shape is not None:
            if self.preprocessor is not None and self.preprocessor.conditions is not None:
                y = self.preprocessor.conditions.codes(y)
                y = y[0] if len(y) == 1 != n else y
        return check_condition(y, n, self.condition_shape, self.num_classes)

    def export(
        self,
        filepath: str | os.PathLike,
        format: str = "tf_saved_model",
        overwrite: bool = False,
        serving: bool = False,
        images: bool = False,
    ) -> None:
        """Writes the model into a folder that other runtimes can read without keras_vae.

        A SavedModel has the signatures that `export.signatures.signatures_of` describes,
        with `reconstruct` as `serving_default`; if the preprocessor scales 8-bit levels, it
        also has signatures for uint8 images. ONNX has a file each for `encode` and
        `decode`; LiteRT has both as signatures of `model.tflite`. These check no values.

        If the process is killed, either the earlier export or the new one is there. Only
        files of exports are replaced; `batching_params.pbtxt` is kept, and as long as the
        signatures stay the same, so are warm-up requests in `assets.extra/`. If there is
        any other file, such as a vocabulary in `assets/`, an error names it, and nothing is
        written.

        Args:
            filepath: The folder. TF Serving reads numbered versions: `models/NAME/1`.
            format: "tf_saved_model"; "onnx" (packages: `pip install -e ".[onnx]"`); or
                "litert", for phones and other small devices.
            overwrite: Whether to replace an earlier export.
            serving: Whether to write warm-up requests, parameters of batching and
                `models.config` for TF Serving, too (`pip install -e ".[serving]"`).
            images: Whether to write signatures that take the contents of JPEG and PNG
                files, too; see `export.images.image_signatures`.

        Raises:
            DiskFullError: If there is too little room.
            FileExistsError: If the folder holds something that may not be replaced.
            ImportError: If a package for ONNX, or for TF Serving's messages, is missing.
            ValueError: If the format is not known, or the model cannot be exported.

        Example:
            >>> vae.export("models/digits/1")
        """
        export.write(self, filepath, format, overwrite, serving, images)

    @classmethod
    def from_preset(
        cls,
        name_or_folder: str | os.PathLike,
        preprocessor: Any = "saved",
        load_weights: bool = True,
        **overrides: Any,
    ) -> LatentVariableModel:
        """Reads a model from a folder, after checking that its files are undamaged.

        Nothing in the folder is executed: the config may name only layers and parts of
        Keras and keras_vae, and classes that the program has registered with Keras.

        Args:
            name_or_folder: A folder that `save_to_preset` or `keras-vae train` wrote, or
                the name of a preset (`keras_vae.presets()`), which is looked up in the
                folder `$KERAS_VAE_ZOO` and in the zoo of the package; or
                `hf://user/name[@revision]`, on the Hugging Face Hub, or
                `kaggle://user/model/keras/variation[/version]`.
            preprocessor: "saved" attaches the saved one, so that the model takes and
                returns raw data; with None it uses its own units.
            load_weights: Whether to load the weights; False makes an untrained model of the
                same parts.
            **overrides: Arguments of the model, as its config holds them, that replace the
                saved ones: `seed=3`. With `dtype="mixed_bfloat16"` a model that makes its
                own networks, such as `ConvVAE`, computes in half precision.

        Returns:
            The model, of the saved class and not compiled: ready to sample, embed and
            score, or to be compiled and trained further.

        Raises:
            FileNotFoundError: If there is no such preset, or one of its files is missing.
            ValueError: If a file is damaged, of a newer format, or not a model of this
                class.

        Example:
            >>> vae = keras_vae.VAE.from_preset("conv_vae_mnist")
            >>> vae.sample(64, seed=0)
        """
        model = preset_folder.load(cls, name_or_folder, load_weights, overrides)
        if preprocessor != "saved":
            model.preprocessor = preprocessor
        return model

    def save_to_preset(
        self, folder: str | os.PathLike, metadata: dict[str, Any] | None = None
    ) -> None:
        """Writes the model's config, weights and metadata into a folder.

        The compilation is left out. If the process is killed, the folder holds either the
        earlier model or the new one.

        Args:
            folder: The folder; it is created if missing. Its other files stay.
            metadata: Further entries of `metadata.json`, as JSON holds them.

        Raises:
            DiskFullError: If there is too little room.
            ValueError: If `metadata` has an entry that this method writes itself.

        Example:
            >>> vae.save_to_preset("runs/mine", {"data": "mnist_5k"})
        """
        preset_folder.save(self, folder, metadata)
