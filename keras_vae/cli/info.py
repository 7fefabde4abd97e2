"""The command `info`."""

from __future__ import annotations

import click

from keras_vae.cli.options import run_argument
from keras_vae.cli.package import PackageCommand


@click.command(cls=PackageCommand)
@run_argument
def info(run):
    """Describe the model, data, training and scores of RUN."""
    from keras_vae.evaluation import describe_scores
    from keras_vae.models import LatentVariableModel
    from keras_vae.training.fine_tuning import read_run

    folder, metadata, _ = read_run(run)
    model = LatentVariableModel.from_preset(folder)
    about, training = metadata.get("data"), metadata.get("training")
    kind = metadata.get("model") or "saved from Python"
    lines = [
        f"{kind}: {type(model).__name__}, {model.count_params():,} weights, latent size "
        f"{model.latent_size_text}, likelihood {model.likelihood_text}"
    ]
    if isinstance(about, dict):
        shape = tuple(about["event_shape"])
        licence = f"licence: {about['licence']}"
        lines.append(f"data: {about['name']}, events of shape {shape}; {licence}")
    lines += _raw_lines(model.preprocessor)
    if isinstance(training, dict):
        state = "finished" if training["finished"] else "not finished; best model so far"
        epochs = "epoch" if training["epochs"] == 1 else "epochs"
        lines.append(f"training: {training['epochs']} {epochs}, {state}")
    click.echo("\n".join(lines))
    if "scores" in metadata:
        click.echo(describe_scores(metadata["scores"]))


def _raw_lines(preprocessor) -> list[str]:
    """What the model takes beside or instead of arrays: tables, sounds and conditions."""
    from keras_vae.data.labels import shown
    from keras_vae.data.tables import describe_columns

    lines = []
    if columns := preprocessor and preprocessor.columns:
        lines.append(f"table of {len(columns)} columns")
        lines += [f"  {line}" for line in describe_columns(columns)]
    if spectrogram := preprocessor and preprocessor.spectrogram:
        rate = spectrogram.sample_rate
        lines.append(
            f"sounds: {spectrogram.num_samples / rate:.3g} s at {rate:,} samples per second, "
            f"as spectrograms of {spectrogram.num_frames} times and "
            f"{spectrogram.event_shape[1]} frequencies"
        )
    if conditions := preprocessor and preprocessor.conditions:
        texts = [
            f"{one.name} ({shown(one.categories, 12) if one.categories else one.kind})"
            for one in conditions.labels
        ]
        if conditions.library_size is not None:
            texts.insert(0, f"library_size (typically {conditions.library_size:g})")
        lines.append(f"condition: {', '.join(texts)}")
    return lines
