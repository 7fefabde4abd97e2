"""A trained model's networks with another posterior or prior."""

from __future__ import annotations

import keras

from keras_vae import layers
from keras_vae.models import LatentVariableModel


def with_new_parts(
    before: LatentVariableModel,
    seed: int | None,
    posterior: str | None = None,
    prior: str | None = None,
) -> LatentVariableModel:
    """Copies a trained model, with another posterior or prior.

    All other parts keep their weights. The posterior may have more parameters than the one
    before: the encoder gets new outputs for them, after those that it has. A flow begins
    with the parameters of a normal and changes little at first, so it continues where a
    normal was. (Each layer of most flows reverses the order of the numbers, so take an even
    number of layers.)

    Args:
        before: The trained model.
        seed: Seed of the copy.
        posterior: The new posterior, by name; None keeps the trained one.
        prior: The new prior, by name; None keeps the trained one.

    Returns:
        A model of the same class.

    Raises:
        ValueError: If the new posterior has fewer parameters than the one before, the encoder
            does not end with a dense layer, or posterior and prior do not fit together.

    Example:
        >>> richer = with_new_parts(vae, 0, posterior="iaf:num_layers=2")
    """
    given = {"posterior": posterior, "prior": prior}
    new = {name: text for name, text in given.items() if text is not None}
    config = {**before.get_config(), "seed": seed}
    encoder = None
    if posterior is not None:
        layer = layers.get(
            posterior, before.posterior.event_shape, dtype=before.posterior.dtype
        )
        encoder = _with_outputs(before, layer)
        for name, part in (("posterior", layer), ("encoder", encoder)):
            config[name] = keras.saving.serialize_keras_object(part)
    if prior is not None:
        config["prior"] = prior
    model = type(before).from_config(config)
    for mine, trained in zip(model.layers, before.layers, strict=True):
        if mine not in [getattr(model, name) for name in new]:
            source = trained if trained is not before.encoder else encoder or trained
            mine.set_weights(source.get_weights())
    return model


def _with_outputs(before: LatentVariableModel, posterior) -> keras.Model:
    """The encoder with the trained outputs first, then new ones for the other parameters."""
    encoder, size = before.encoder, posterior.params_size
    last, trained = encoder.layers[-1], before.posterior.params_size
    if size < trained:
        raise ValueError(
            f"The posterior {type(posterior).__name__} has {size} parameters, fewer than "
            f"the {trained} that the encoder was trained for. Take one that has as many or "
            "more, such as a flow."
        )
    if size == trained:
        return encoder
    if not isinstance(last, keras.layers.Dense) or last.output is not encoder.output:
        raise ValueError(
            f"The encoder ends with the layer {last.name!r}. It must be a functional model "
            "that ends with a dense layer, to get outputs for the new posterior."
        )
    wider = keras.layers.Dense.from_config({**last.get_config(), "units": size})
    grown = keras.Model(encoder.input, wider(last.input), name=encoder.name)
    weights = wider.get_weights()
    for new, old in zip(weights, last.get_weights(), strict=True):
        new[..., :trained] = old
    wider.set_weights(weights)
    return grown
