"""Training from a recipe into a run folder."""

from typing import Any

from keras_vae.training.recipe import Recipe

__all__ = ["Recipe", "build_model", "train"]


def build_model(recipe: Recipe, data):
    """Makes the model that `train` would train, for a training loop of your own.

    It has the likelihood and the levels of the data, a preprocessor for them, and the
    start that they suggest, such as the mean image as a bias.

    Args:
        recipe: The model and its parts; None values are decided as in `train`.
        data: The `keras_vae.data.DataSet`.

    Returns:
        The model, not compiled. It takes and returns raw data.

    Raises:
        ValueError: If the parts do not fit each other, or the data.

    Example:
        >>> data = keras_vae.data.load("digits")
        >>> vae = build_model(Recipe("digits", "dense_vae:latent_dim=2,hidden_units=50"), data)
        >>> vae.likelihood_text
        'discretized_logistic:high=16'
    """
    from keras_vae.training import building

    building.check_parts(recipe)
    return building.build_model(recipe.resolve(data), data)[0]


def train(recipe: Recipe, output, **options: Any) -> dict[str, Any]:
    """Trains a model and writes it to a folder; see `keras_vae.training.run.train`.

    Args:
        recipe: What to train.
        output: The run's folder.
        **options: `resume`, `overwrite` and `say`.

    Returns:
        The held-out scores.

    Example:
        >>> recipe = Recipe("digits", "dense_vae:latent_dim=2,hidden_units=50", epochs=1)
        >>> scores = train(recipe, "runs/digits")
    """
    # Imported here, so that reading a recipe does not wait for TensorFlow.
    from keras_vae.training.run import train as run

    return run(recipe, output, **options)
