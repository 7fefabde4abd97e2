"""A trained model's networks with another posterior or prior."""

from __future__ import annotations

import keras
import numpy as np

from keras_vae import layers
from keras_vae.models import (
    VQVAE,
    HierarchicalVAE,
    LatentVariableModel,
    SemiSupervisedVAE,
)

_OTHERS = (HierarchicalVAE, SemiSupervisedVAE, VQVAE)


def with_new_parts(
    before: LatentVariableModel,
    seed: int | None,
    posterior: str | None = None,
    prior: str | None = None,
) -> LatentVariableModel:
    """Copies a trained model, with a richer posterior or another prior.

    All other parts keep their weights. The richer posterior is a flow of the distribution
    that the encoder was trained for: the encoder keeps its outputs, and gets new ones for
    the flow's other parameters. Flows start near the identity (except "householder"), so
    that the model begins as the one before.

    Args:
        before: The trained model.
        seed: Seed of the copy.
        posterior: The flow, by name; None keeps the trained posterior.
        prior: The new prior, by name; None keeps the trained one.

    Returns:
        A model of the same class.

    Raises:
        ValueError: If the model has several posteriors or codes, the new posterior is not a
            flow of the one before, the encoder does not end with a dense layer, or the
            prior does not fit the posterior.

    Example:
        >>> richer = with_new_parts(vae, 0, posterior="iaf:num_layers=2")
    """
    given = {"posterior": posterior, "prior": prior}
    new = {name: text for name, text in given.items() if text is not None}
    if new and isinstance(before, _OTHERS):
        raise ValueError(
            f"A trained {type(before).__name__} keeps its {' and '.join(new)}: its other "
            f"parts were trained with it. Leave {' and '.join(new)} out."
        )
    config = {**before.get_config(), "seed": seed}
    encoder = before.encoder
    if posterior is not None:
        flow = _flow_of(before.posterior, posterior)
        encoder = _with_outputs(before.encoder, before.posterior, flow)
        for name, part in (("posterior", flow), ("encoder", encoder)):
            config[name] = keras.saving.serialize_keras_object(part)
    if prior is not None:
        config["prior"] = prior
    model = type(before).from_config(config)
    if not new:
        model.set_weights(before.get_weights())
        return model
    for mine, trained in zip(model.layers, before.layers, strict=True):
        if mine not in [getattr(model, name) for name in new]:
            source = encoder if trained is before.encoder else trained
            mine.set_weights(source.get_weights())
    return model


def start_prior(model: LatentVariableModel, x, y=None, seed: int = 0) -> None:
    """Gives a new prior of a trained model its first values, from data and their codes.

    Args:
        model: The model, whose prior is not trained yet.
        x: Observations [N, *event], in the model's units.
        y: Their conditions, or None.
        seed: Seed of the codes.
    """
    model.prior.start_from(np.where(np.isnan(x), model.support.some_value(), x))
    model.prior.start_from_codes(model.draw_codes(x, y, seed))


def _flow_of(before: layers.DistributionLayer, posterior: str) -> layers.Flow:
    """The new posterior, whose first parameters are those of the one before."""
    flow = layers.get(posterior, before.event_shape, dtype=before.dtype)
    base = flow.base if isinstance(flow, layers.Flow) else None
    if type(base) is type(before) and base.params_size == before.params_size:
        return flow
    raise ValueError(
        f"posterior={posterior!r} cannot continue the trained {type(before).__name__}, "
        "whose parameters mean something else. A trained normal is continued by flows, such "
        "as iaf:num_layers=2. Leave posterior out, or train a new model."
    )


def _with_outputs(encoder: keras.Model, before, flow: layers.Flow) -> keras.Model:
    """The encoder with the trained outputs first, then new ones for the other parameters."""
    last = encoder.layers[-1]
    if not isinstance(last, keras.layers.Dense) or last.output is not encoder.output:
        raise ValueError(
            f"The encoder ends with the layer {last.name!r}. It must be a functional model "
            "that ends with a dense layer, to get outputs for the new posterior."
        )
    # Trained further even if the encoder is frozen, since nobody has trained them.
    wider = keras.layers.Dense.from_config(
        {**last.get_config(), "units": flow.params_size, "trainable": True}
    )
    grown = keras.Model(encoder.input, wider(last.input), name=encoder.name)
    # Means and scales, each in the order in which the flow returns them.
    order = np.arange(before.params_size).reshape(-1, before.event_shape[0])
    order = order[:, ::-1] if flow.is_reversed else order
    weights = wider.get_weights()
    for new, old in zip(weights, last.get_weights(), strict=True):
        new[..., : before.params_size] = old[..., order.ravel()]
    wider.set_weights(weights)
    return grown
