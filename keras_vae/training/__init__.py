"""Training from a recipe into a run folder."""

from typing import Any

from keras_vae.training.recipe import Recipe

__all__ = ["Recipe", "train"]


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
