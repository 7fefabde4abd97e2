"""Pictures of data, of a model's outputs, and of its training.

Image functions return arrays of pixels, chart functions Matplotlib figures; `save_image`
and `save_figure` write them. Nothing here needs a screen or touches Matplotlib's global
state, so it works on servers, in callbacks and in threads.
"""

from keras_vae.plots.charts import latent_scatter, loss_curves
from keras_vae.plots.grids import (
    image_grid,
    reconstruction_pairs,
    save_image_grid,
    save_reconstruction_pairs,
)
from keras_vae.plots.latent import latent_manifold, traversals
from keras_vae.plots.levels import level_reconstructions, level_samples
from keras_vae.plots.panels import image_rows, panels
from keras_vae.plots.saving import save_figure, save_image
from keras_vae.plots.spectrograms import save_spectrograms, spectrogram_rows

__all__ = [
    "image_grid",
    "image_rows",
    "latent_manifold",
    "latent_scatter",
    "level_reconstructions",
    "level_samples",
    "loss_curves",
    "panels",
    "reconstruction_pairs",
    "save_figure",
    "save_image",
    "save_image_grid",
    "save_reconstruction_pairs",
    "save_spectrograms",
    "spectrogram_rows",
    "traversals",
]
