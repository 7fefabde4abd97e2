"""What is known of a run before it trains: for its folder, and for the user."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import keras

from keras_vae.core.parts import part_name
from keras_vae.data import DataSet
from keras_vae.presets.files import read_metadata
from keras_vae.presets.lookup import preset_folders
from keras_vae.training import fine_tuning, hardware
from keras_vae.training.recipe import FEW_IMAGES, Recipe
from keras_vae.training.setup import Setup


def metadata_of(recipe: Recipe, data: DataSet, model) -> dict[str, Any]:
    """Makes the metadata of a run, except for the results of training.

    Args:
        recipe: The recipe.
        data: The data set.
        model: The model, compiled.

    Returns:
        The content of `metadata.json`.
    """
    about: dict[str, Any] = {
        "name": data.name,
        "licence": data.licence,
        "fingerprint": data.fingerprint(
            labels=model.num_classes is not None or model.condition_shape is not None
        ),
        "event_shape": list(data.event_shape),
    }
    if data.sample_rate is not None:
        about["sample_rate"] = data.sample_rate
    likelihood = model.likelihood_text
    if "feature_distance" in model.objective.terms:
        likelihood = (
            "distances in a discriminator's features"
            if model.objective.feature_weight
            else "distances of images, and a discriminator"
        )
    metadata = {
        "model": part_name(type(model)),
        "likelihood": likelihood,
        "binarized": model.preprocessor.seed if model.preprocessor.binarize else None,
        "policy": keras.config.dtype_policy().name,
        "data": about,
    }
    if recipe.from_preset is not None:
        metadata["from_preset"] = fine_tuning.origin(recipe)
    return metadata


def check_unchanged(output: Path, before: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Refuses to continue a run with other data or another precision.

    Args:
        output: The run's folder.
        before: The metadata with which the run began.
        metadata: Those of today.

    Raises:
        ValueError: If they differ.
    """
    if before.get("from_preset") != metadata.get("from_preset"):
        raise ValueError(
            f"The preset that the run in {output} began with has changed since. Restore "
            "it, or train anew."
        )
    begun, here = before.get("policy"), metadata["policy"]
    if begun != here:
        raise ValueError(
            f"The run in {output} was begun in {begun}, but would continue in {here}: half "
            "precision differs between GPUs and CPUs. Continue on the kind of device where "
            "it began, or train anew."
        )
    before, now = before["data"], metadata["data"]
    if before["fingerprint"] != now["fingerprint"]:
        raise ValueError(
            f"{now['name']!r} has changed since the run in {output} began, and with it the "
            "held-out data. Restore the data, or train anew."
        )


def describe(
    recipe: Recipe, setup: Setup, data: DataSet, metadata: dict[str, Any], workers: int
) -> str:
    """Describes a run in words.

    Args:
        recipe: The recipe.
        setup: The parts of the run.
        data: The data set.
        metadata: The run's metadata.
        workers: Number of workers.

    Returns:
        Lines for the user.
    """
    model, passes = setup.model, setup.passes
    kind = "GPU" if hardware.on_gpu() else "CPU"
    count = model.distribute_strategy.num_replicas_in_sync
    sizes = [len(data.split(name)[0]) for name in ("train", "validation", "test")]
    return (
        f"{metadata['model']} with {model.count_params():,} weights, latent size "
        f"{model.latent_size_text}, likelihood {metadata['likelihood']}\n"
        f"{data.name}: {sizes[0]:,} examples of shape {data.event_shape} for training, "
        f"{sizes[1]:,} for validation, {sizes[2]:,} for the test\n"
        + _values(data, model)
        + (
            f"training images are changed at random: {recipe.augment}\n"
            if recipe.augments
            else ""
        )
        + advice(recipe, data)
        + _late_game(recipe, setup)
        + (f"an epoch is {passes} passes through the training data\n" if passes > 1 else "")
        + f"training on {count} {kind}{'s' if count > 1 else ''}"
        + (f", by {workers} workers" if workers > 1 else "")
        + (" with XLA" if setup.jit else "")
        + (" in mixed precision" if metadata["policy"].startswith("mixed") else "")
    )


def _late_game(recipe: Recipe, setup: Setup) -> str:
    """Says so if the adversarial training would start after the last step."""
    total = setup.steps * cast(int, recipe.epochs)
    start = getattr(setup.model.objective, "start_step", 0)
    if start < total:
        return ""
    return (
        f"the adversarial training starts at step {start:,}, but there are only {total:,} "
        "steps: train longer (--epochs), or lower start_step (--objective adversarial:...)\n"
    )


def advice(recipe: Recipe, data: DataSet) -> str:
    """Says what may help if a model is trained on few images.

    Args:
        recipe: The recipe.
        data: The data set.

    Returns:
        A line, or nothing if there are enough images.
    """
    are_images = data.sample_rate is None and len(data.event_shape) == 3
    if not are_images or len(data.x_train) >= FEW_IMAGES or recipe.from_preset:
        return ""
    shapes = {
        name: read_metadata(folder)["data"].get("event_shape")
        for name, folder in preset_folders().items()
        if name.startswith(recipe.title)
    }
    alike = [name for name, shape in shapes.items() if shape == list(data.event_shape)]
    lines = [f"{len(data.x_train)} images are few for a model of images"]
    if not recipe.augments:
        lines.append("--augment flip,shift=2 may help, if such images are plausible")
    if alike:
        names = " or ".join(alike)
        lines.append(f"a start from trained weights may help: --from-preset {names}")
    return "; ".join(lines) + "\n"


def _values(data: DataSet, model) -> str:
    """Lines about the kind of the values, if it was guessed."""
    if data.sample_rate is not None:
        return f"sounds are seen as spectrograms of shape {tuple(model.event_shape)}\n"
    if data.sha256 is None or data.columns:
        return ""
    if data.levels is None:
        name = data.likelihood
        if name not in ("poisson", "negative_binomial"):
            return ""
        return f"the values are treated as counts: {name} (see --likelihood)\n"
    low, high = data.levels
    return f"the values are treated as levels from {low} to {high} (see --levels)\n"
