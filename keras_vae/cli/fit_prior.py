"""`keras-vae fit-prior`."""

from __future__ import annotations

from pathlib import Path

import click

from keras_vae.cli.opening import open_run
from keras_vae.cli.options import PATH, data_option, run_argument, seed_option
from keras_vae.cli.package import PackageCommand
from keras_vae.presets.lookup import short_name

_OF_NUMBERS, _OF_CODES = "mixture_of_normals:num_components=50", "pixel_cnn"


@click.command("fit-prior", cls=PackageCommand)
@run_argument
@click.option(
    "--prior",
    help="The prior; `keras-vae parts priors` lists them  [default: "
    "mixture_of_normals:num_components=50; for codes of a codebook, pixel_cnn]",
)
@data_option
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Maximum number of passes through the codes.",
)
@click.option("--output", type=PATH, help="The new folder  [default: RUN-prior]")
@seed_option
def fit_prior(run, prior, data, epochs, output, seed):
    """Fit a prior to the codes of the model in RUN, and write the result to a new folder.

    RUN itself does not change. A fitted prior lets an autoencoder sample, and improves the
    samples of a VAE whose prior does not match its codes.
    """
    from keras_vae import priors
    from keras_vae.training.fine_tuning import read_run
    from keras_vae.training.fitting_prior import fit_prior_of_run, refuse_folder

    if prior is not None:
        priors.ROOM.check(prior)
    if output is None:
        # Beside a run, or in the current folder for a preset given by name.
        beside = run.resolve() if run.is_dir() else Path(short_name(run)).absolute()
        output = beside.with_name(f"{beside.name}-prior")
    refuse_folder(output)
    model, data_set = open_run(run, data, "train")
    if prior is None:
        prior = _OF_CODES if model.index_shape is not None else _OF_NUMBERS
    _, metadata, recipe = read_run(run)
    fit_prior_of_run(
        model,
        metadata,
        recipe,
        data_set,
        prior,
        output,
        epochs=epochs,
        seed=seed,
        verbose=2,
        say=click.echo,
    )
