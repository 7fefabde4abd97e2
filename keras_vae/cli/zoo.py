"""`keras-vae zoo`: commands for pretrained models."""

from __future__ import annotations

import click

from keras_vae.cli.evaluate import held_out, scored
from keras_vae.cli.opening import open_run
from keras_vae.cli.options import PATH, complete_run
from keras_vae.cli.package import PackageCommand, import_package
from keras_vae.presets.files import CARD, check_all, check_file, read_metadata
from keras_vae.presets.listing import describe, presets
from keras_vae.presets.lookup import find_preset, preset_folders, short_name

_OF_CLASSES = (
    *("num_of_each_class", "classifier_accuracy", "round_trip_accuracy"),
    *("reconstruction_accuracy", "condition_accuracy"),
)
_NO_PRESETS = (
    "There are no pretrained models here. Set $KERAS_VAE_ZOO to a folder of models."
)
_zoo_option = click.option(
    "--zoo",
    type=PATH,
    default="zoo",
    show_default=True,
    help="Folder of all presets.",
)


@click.group()
def zoo():
    """List, show, check and make pretrained models.

    Every command that takes a RUN also takes the name of a pretrained model. The command
    searches the folder $KERAS_VAE_ZOO, then the zoo of the package.
    """


@zoo.command("list")
def list_presets():
    """List the pretrained models."""
    found = presets()
    if not found:
        click.echo(_NO_PRESETS)
        return
    width = max(map(len, found))
    for name, about in found.items():
        click.echo(f"{name:<{width}}  {about['description'] or 'no description'}")


@zoo.command()
@click.argument("name", shell_complete=complete_run)
def show(name):
    """Print the card of a preset, or its metadata if it has no card."""
    folder = find_preset(name)
    files = read_metadata(folder)["files"]
    if CARD in files:
        path = check_file(folder, CARD, files[CARD])
        click.echo(path.read_text(encoding="utf-8"), nl=False)
        return
    about = describe(folder)
    scores = about.pop("scores")
    for key, value in about.items():
        if value is not None:
            click.echo(f"{key}: {value}")
    if scores:
        import_package()
        from keras_vae.evaluation import describe_scores

        click.echo(describe_scores(scores))


@zoo.command()
@click.argument("name", required=False, shell_complete=complete_run)
def verify(name):
    """Check all files of a preset, or of all presets, against their checksums."""
    folders = preset_folders().values() if name is None else [find_preset(name)]
    failed = 0
    for folder in folders:
        try:
            click.echo(f"{folder}: {len(check_all(folder))} files are undamaged")
        except (ValueError, OSError) as error:
            failed += 1
            click.echo(f"{folder}: {error}", err=True)
    if failed:
        raise ValueError(f"{failed} of {len(folders)} presets are damaged.")
    if name is None:
        click.echo(f"checked: {len(folders)} preset(s)")


@zoo.command(cls=PackageCommand)
@click.argument("run", type=PATH)
@click.argument("name")
@_zoo_option
@click.option("--description", help="One sentence  [default: model and data]")
@click.option("--overwrite", is_flag=True, help="Replace the preset of that name.")
def build(run, name, zoo, description, overwrite):
    """Turn the finished run in the folder RUN into the preset NAME."""
    from keras_vae.presets.building import build_preset

    folder = build_preset(run, name, zoo, description, overwrite)
    click.echo(f"wrote {folder}")


@zoo.command(cls=PackageCommand)
@click.argument("folder", type=PATH)
@click.option(
    "--num-samples",
    type=click.IntRange(1),
    default=5000,
    show_default=True,
    help="Importance samples for each example; for scores of images, samples from the prior.",
)
@click.option("--limit", type=click.IntRange(1), help="Take this many random examples.")
def score(folder, num_samples, limit):
    """Measure a preset's scores on the test data, and write them on its card."""
    from keras_vae.evaluation import describe_scores, evaluate_metrics
    from keras_vae.presets.building import preset_metadata, record_scores

    folder = find_preset(folder)
    # This refuses a folder without metadata before the work.
    preset_metadata(folder)
    opened = open_run(folder, None, "test")
    model, data_set = opened
    scores = scored(*opened, "test", num_samples, 0, limit)
    is_image = len(model.event_shape) == 3
    if is_image and model.condition_shape is not None and model.num_classes is not None:
        # The classifier is much cheaper than importance samples, so it reads the whole split.
        read = evaluate_metrics("classes", held_out(*opened, "test"))["classes"]
        scores |= {key: read[key] for key in _OF_CLASSES if key in read}
    if data_set.sample_rate is not None:
        of_sounds = evaluate_metrics("sounds", held_out(*opened, "test"))["sounds"]
        scores |= {key: of_sounds[key] for key in of_sounds if not key.startswith("num_")}
    if len(model.event_shape) == 1:
        scores |= _table_scores(*opened)
    record_scores(folder, scores)
    click.echo(describe_scores(scores))


def _table_scores(model, data_set):
    """Scores of samples, and of filled gaps, on the test data of a table."""
    from keras_vae.evaluation import table_scores
    from keras_vae.generation import impute
    from keras_vae.training.splits import split_for

    x, y = split_for(model, data_set, "test")
    return table_scores(
        model, x, lambda raw, observed: impute(model, raw, observed, y=y).mean, y=y
    )


@zoo.command("add-files", cls=PackageCommand)
@click.argument("folder", type=PATH)
def add_files_to_preset(folder):
    """Record the checksums of new files in a preset, such as pictures."""
    from keras_vae.presets.building import add_files

    added = add_files(folder)
    click.echo(f"{folder}: {len(added)} files added" + "".join(f"\n  {n}" for n in added))


@zoo.command(cls=PackageCommand)
@_zoo_option
def table(zoo):
    """Write the zoo's README.md from the presets' metadata."""
    from keras_vae.presets.tables import write_page

    click.echo(f"wrote {write_page(zoo)}")


@zoo.command("upload", cls=PackageCommand)
@click.argument("folder", type=PATH)
@click.argument("handle")
@click.option("--private", is_flag=True, help="Make a new repository private.")
def upload(folder, handle, private):
    """Publish the model in FOLDER on the Hugging Face Hub, as HANDLE (hf://user/name)."""
    from keras_vae.presets import hub

    click.echo(hub.upload(handle, find_preset(folder), private))


@zoo.command("export", cls=PackageCommand)
@click.argument("folder", type=PATH)
@click.argument("names", nargs=-1, shell_complete=complete_run)
@click.option("--overwrite", is_flag=True, help="Replace earlier exports.")
def export_presets(folder, names, overwrite):
    """Write presets (all of them, or NAMES) as SavedModels for TensorFlow Serving.

    FOLDER then has NAME/1 for each preset, and models.config, which lists all models in
    FOLDER. For a folder or a handle of a hub, NAME is its last part.
    """
    from keras_vae.export.serving import write_config_of_all
    from keras_vae.models import LatentVariableModel

    names = names or tuple(preset_folders())
    if not names:
        raise ValueError(_NO_PRESETS)
    served = {short_name(name): name for name in names}
    if len(served) < len(names):
        raise click.UsageError(
            f"These would have the same name: {', '.join(names)}. Export them one by one into "
            "several folders."
        )
    for name, preset in served.items():
        model = LatentVariableModel.from_preset(preset)
        model.export(folder / name / "1", overwrite=overwrite)
        click.echo(f"wrote {folder / name / '1'}")
    click.echo(f"wrote {write_config_of_all(folder)}")
