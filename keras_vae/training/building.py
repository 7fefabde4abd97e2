"""What a recipe describes: model, objective, optimizer."""

from __future__ import annotations

import keras

from keras_vae import layers, objectives, priors
from keras_vae.data import DataSet, steps_per_epoch
from keras_vae.models import VAE, VAEGAN, ConvVAE, DenseVAE
from keras_vae.training.recipe import Recipe

_PREBUILT = {"dense_vae": DenseVAE, "conv_vae": ConvVAE}


def build_model(recipe: Recipe, data: DataSet) -> VAE:
    """Makes the model of a resolved recipe.

    Args:
        recipe: The recipe, with its likelihood decided.
        data: The data set, for the event shape and the levels.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: If model and data do not go together.
    """
    arguments = {}
    if recipe.likelihood == "discretized_logistic":
        if data.levels is None:
            raise ValueError(
                "The likelihood 'discretized_logistic' is for whole numbers between two "
                f"bounds, but {data.name!r} holds other numbers. Its own likelihood is "
                f"{data.likelihood!r}."
            )
        arguments = dict(zip(("low", "high"), data.levels, strict=True))
    if recipe.model != "dense_vae" and len(data.event_shape) != 3:
        raise ValueError(
            f"{recipe.model} is for images, but an example of {data.name!r} has shape "
            f"{data.event_shape}. Use dense_vae."
        )
    posteriors = {
        "normal": layers.IndependentNormal,
        "full_covariance": layers.MultivariateNormalTriL,
    }
    prior = priors.StandardNormal()
    if recipe.prior == "mixture_of_normals":
        prior = priors.MixtureOfNormals(recipe.prior_components or 10, seed=recipe.seed)
    common = {
        "posterior": posteriors[recipe.posterior](recipe.latent_dim),
        "prior": prior,
        "seed": recipe.seed,
    }
    if recipe.model == "vae_gan":
        return VAEGAN.for_images(
            data.event_shape,
            recipe.latent_dim,
            recipe.networks or "light",
            recipe.filters,
            spectral_normalization=recipe.spectral_normalization,
            **common,
        )
    sizes = {"hidden_units": recipe.hidden_units, "filters": recipe.filters}
    if recipe.model == "conv_vae":
        sizes["normalization"] = recipe.normalization
    return _PREBUILT[recipe.model](
        data.event_shape,
        recipe.latent_dim,
        layers.get_likelihood(recipe.likelihood, data.event_shape, **arguments),
        **common,
        **{name: size for name, size in sizes.items() if size is not None},
    )


def build_optimizer(recipe: Recipe, data: DataSet) -> keras.Optimizer:
    """Makes the optimizer: Adam, with the recipe's schedule.

    Args:
        recipe: The recipe.
        data: The data set, for the number of steps.

    Returns:
        The optimizer.
    """
    rate = recipe.learning_rate
    if recipe.schedule == "cosine":
        steps = steps_per_epoch(len(data.x_train), recipe.batch_size) * recipe.epochs
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    # The usual momentum of adversarial training (Radford et al. 2016).
    momentum = 0.5 if recipe.model == "vae_gan" else 0.9
    return keras.optimizers.Adam(rate, beta_1=momentum)


def build_objective(
    recipe: Recipe, data: DataSet
) -> objectives.Objective | objectives.Adversarial:
    """Makes the objective, with the recipe's warm-up.

    Args:
        recipe: The recipe.
        data: The data set, for the number of steps.

    Returns:
        The objective.
    """
    if recipe.objective == "adversarial":
        return _adversarial(recipe)
    if recipe.objective == "iwae":
        return objectives.IWAE(recipe.num_samples)
    beta = recipe.beta
    if recipe.warmup_epochs:
        steps = steps_per_epoch(len(data.x_train), recipe.batch_size)
        beta = keras.optimizers.schedules.PolynomialDecay(
            0.0, steps * recipe.warmup_epochs, recipe.beta
        )
    return objectives.ELBO(beta, recipe.num_samples, recipe.free_bits)


def _adversarial(recipe):
    return objectives.Adversarial(
        gamma=0.05 if recipe.gamma is None else recipe.gamma,
        beta=recipe.beta,
        generator_loss=recipe.generator_loss or "non_saturating",
        label_smoothing=recipe.label_smoothing,
        margin=recipe.margin,
        r1=recipe.r1,
        sample_weight=recipe.sample_weight,
    )
