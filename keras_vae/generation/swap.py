"""One encoder and a decoder for each person, to swap the faces of two people."""

from __future__ import annotations

import numpy as np

from keras_vae.models import LatentVariableModel

_HOW = (
    "Make one encoder, pass it to both models, VAE(encoder, decoder_a, ...) and "
    "VAE(encoder, decoder_b, ...), and train them in turns."
)


def swap(
    x,
    source: LatentVariableModel,
    target: LatentVariableModel,
    batch_size: int = 256,
    y=None,
) -> np.ndarray:
    """Encodes observations of one kind, and decodes them as the other kind.

    Two models share one encoder, and each has its own decoder, trained on the faces of one
    of two people. The encoder serves both, so a code describes what both have (pose,
    expression, light), and each decoder adds the identity. So the source's face, decoded by
    the target's decoder, becomes the target's face with the same expression.

    To keep such a pair, save both models and build the second one anew with the first one's
    encoder after loading, since each file holds its own encoder: `VAE(a.encoder, b.decoder,
    b.posterior, b.likelihood, b.prior)`.

    Args:
        x: Observations [N, *event] of the source's kind.
        source: The model that was trained on data like x.
        target: The model with the same encoder, whose decoder is used.
        batch_size: Observations at a time.
        y: The condition of each observation, for models that have one.

    Returns:
        Array [N, *event]: the mean of the target's p(x|z) at the source's code.

    Raises:
        ValueError: If the models differ in latent or event shape, or do not share one
            encoder; or if x is empty or does not fit them.

    Example:
        >>> def face_model(encoder):
        ...     decoder = keras_vae.networks.conv_decoder(64, (64, 64, 3), 2 * 64 * 64 * 3)
        ...     likelihood = keras_vae.layers.DiscretizedLogistic((64, 64, 3))
        ...     posterior = keras_vae.layers.IndependentNormal(64)
        ...     return keras_vae.VAE(encoder, decoder, posterior, likelihood)
        >>> encoder = keras_vae.networks.conv_encoder((64, 64, 3), 128, rescale=1 / 255)
        >>> a, b = face_model(encoder), face_model(encoder)
        >>> a.compile(keras.optimizers.Adam(1e-3))  # an optimizer each
        >>> b.compile(keras.optimizers.Adam(1e-3))
        >>> for _ in range(epochs):
        ...     a.fit(x_a)
        ...     b.fit(x_b)
        >>> a_as_b = swap(x_a[:8], source=a, target=b)

    Source:
        The shared encoder with two decoders of the "deepfakes" face swap (2017), here
        with variational auto-encoders.
    """
    shapes = {
        "latent shape": (source.latent.shape, target.latent.shape),
        "event shape": (tuple(source.event_shape), tuple(target.event_shape)),
    }
    for what, (one, other) in shapes.items():
        if one != other:
            raise ValueError(
                f"source and target must have the same {what}, but have {one} and {other}. "
                f"{_HOW}"
            )
    if not source.shares_encoder(target):
        raise ValueError(
            "source and target must share one encoder, but each has its own, so the codes "
            f"of one mean nothing to the decoder of the other. {_HOW} Two models that were "
            "loaded from files have two encoders: build the second anew on the first's."
        )
    z = source.embed(x, y, batch_size)
    return target.decode_codes(z, y, batch_size)
