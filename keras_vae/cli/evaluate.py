"""The command `evaluate`: scores of a trained model on held-out data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_vae.cli.opening import open_run
from keras_vae.cli.options import PATH, data_option, run_argument, seed_option, split_option
from keras_vae.cli.package import PackageCommand, import_package
from keras_vae.core.files import write_json
from keras_vae.core.names import unknown

if TYPE_CHECKING:
    from keras_vae.evaluation import HeldOut


class _MetricsOption(click.Option):
    """An option whose help lists the metrics, for which it imports the package."""

    def get_help_record(self, ctx):
        import_package()
        from keras_vae.evaluation import METRICS

        lines = [f"{name}: {metric.about}" for name, metric in METRICS.items()]
        self.help = f"Names, separated by commas. {'; '.join(lines)}."
        return super().get_help_record(ctx)


def _names(value: str | None) -> list[str] | None:
    """Checks names before a model is loaded."""
    from keras_vae.evaluation import METRICS

    names = None if value is None else [name.strip() for name in value.split(",")]
    for name in names or []:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
    return names


@click.command(cls=PackageCommand)
@run_argument
@data_option
@split_option("test")
@click.option("--metrics", cls=_MetricsOption)
@click.option(
    "--anomalies",
    help="For the metric anomalies: name or path of anomalous data. All rows of a path count.",
)
@click.option(
    "--num-samples",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="Importance samples for each example; for scores of images, samples from the prior.",
)
@click.option("--limit", type=click.IntRange(1), help="Take this many random examples.")
@seed_option
@click.option("--output", type=PATH, help="Also write the scores to this new .json file.")
def evaluate(run, data, split, metrics, anomalies, num_samples, limit, seed, output):
    """Print the held-out ELBO and log-likelihood of the model in RUN.

    A VAE-GAN gets scores of the accuracy of its reconstructions and the sharpness of its
    images instead. --metrics computes other scores.
    """
    from keras_vae import evaluation
    from keras_vae.data import names as data_names

    _check_output(output)
    metrics = _names(metrics)
    if anomalies is not None and "anomalies" not in (metrics or []):
        raise click.UsageError(
            "--anomalies is for the metric anomalies, which --metrics does not name. Add "
            "--metrics anomalies, or leave --anomalies out."
        )
    opened = open_run(run, data, split)
    name = opened[-1].name
    about = {"run": str(run), "data": name, "split": split, "seed": seed, "limit": limit}
    results: dict[str, Any] = {}

    def done(metric, scores, describe=evaluation.describe_metrics):
        """Prints and writes the scores so far."""
        if not results:
            click.echo(f"{name}, {split}")
        results[metric] = scores
        click.echo(describe({metric: scores}))
        if output is not None:
            write_json(output, {**about, "metrics": results})

    if metrics is None:
        scores = scored(*opened, split, num_samples, seed, limit)
        describe = evaluation.describe_scores
        done("held_out", scores, lambda found: describe(found["held_out"]))
    else:
        options = {"num_samples": num_samples, "seed": seed, "limit": limit}
        if anomalies is not None:
            # Files of one's own hold nothing but anomalies, so all of them count.
            part = split if anomalies in data_names() else "all"
            options["anomalies"] = open_run(run, anomalies, part)[-1].split(part)[0]
        evaluation.evaluate_metrics(metrics, held_out(*opened, split, **options), done)
    if output is not None:
        click.echo(f"wrote {output}")


def held_out(model, data_set, split, **options) -> HeldOut:
    """The `HeldOut` of a model and a data set that `open_run` returned."""
    from keras_vae.data import Sprites
    from keras_vae.evaluation import HeldOut
    from keras_vae.training.splits import split_for

    def labelled(name):
        # A model with a condition uses the condition as its labels.
        if model.condition_shape is None:
            return data_set.split(name)
        return split_for(model, data_set, name)

    x, y = labelled(split)
    return HeldOut(
        model,
        x,
        y,
        # Probes must not be tested on the data that they learn from.
        train=None if split in ("train", "all") else lambda: labelled("train"),
        factors=Sprites() if data_set.name == "sprites" else None,
        verbose=int(sys.stdout.isatty()),
        **options,
    )


def scored(model, data_set, split, num_samples, seed, limit) -> dict:
    """Scores on a split of a model and a data set of `open_run`; see `held_out_scores`."""
    from keras_vae.evaluation import held_out_scores
    from keras_vae.training.splits import split_for

    x, y = split_for(model, data_set, split)
    verbose = int(sys.stdout.isatty())
    return held_out_scores(model, x, num_samples, seed, limit, verbose, y)


def _check_output(output: Path | None) -> None:
    if output is None:
        return
    if output.suffix.lower() != ".json":
        raise click.UsageError(f"--output must end in .json, but is {output}.")
    if output.exists():
        raise click.UsageError(
            f"{output} exists, and scores are never overwritten. Choose another file."
        )
