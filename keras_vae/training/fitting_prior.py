"""Fits a prior to the codes of a run, into a new folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_vae.core.files import write_json
from keras_vae.data import DataSet
from keras_vae.evaluation import describe_scores, plus_minus
from keras_vae.generation import fit_prior
from keras_vae.models import LatentVariableModel
from keras_vae.presets.files import RECIPE, WEIGHTS
from keras_vae.presets.folder import WRITTEN_BY_SAVE
from keras_vae.training.closing import draw, test_scores
from keras_vae.training.pictures import SAMPLES
from keras_vae.training.recipe import Recipe
from keras_vae.training.splits import split_for


def refuse_folder(output: Path) -> None:
    """Refuses a folder that is not empty.

    Args:
        output: Folder for the model with the fitted prior.

    Raises:
        FileExistsError: If the folder holds anything.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(
            f"{output} exists already. Choose another --output, or remove it."
        )


def fit_prior_of_run(
    model: LatentVariableModel,
    metadata: dict[str, Any],
    recipe: Recipe | None,
    data: DataSet,
    prior: str,
    output: Path,
    *,
    say: Callable[[str], None] = print,
    **options: Any,
) -> dict[str, Any]:
    """Fits a prior to the codes of training data, and writes the model with it.

    The folder gets the files of a run: model, metadata, recipe, pictures; the recipe is
    that of the original model.

    Args:
        model: The trained model.
        metadata: Its metadata.
        recipe: Its recipe, or None.
        data: Its training data.
        prior: The prior, by name.
        output: The new folder.
        say: Called with each line for the user.
        **options: `epochs`, `seed` and `verbose` of `generation.fit_prior`.

    Returns:
        The scores of the test data, with the fitted prior.

    Raises:
        FileExistsError: If the folder holds anything.
        ValueError: If the prior does not fit the model.
    """
    refuse_folder(output)
    x, y = split_for(model, data, "train")
    fitted = fit_prior(model, x, prior, y=y, **options)
    x, y = split_for(model, data, "test")
    scores = {**test_scores(fitted, x, y), "split": "test"}
    trained_on = metadata.get("data", {}).get("name", data.name)
    is_other = data.name != trained_on
    before = None if is_other else metadata.get("scores", {}).get("elbo")
    if before:
        say(f"ELBO of the test data before: {plus_minus(before, '.2f')}")
    say(describe_scores(scores))
    if before and scores["elbo"]["mean"] < before["mean"]:
        say(
            "the fitted prior is worse than the one before; more --epochs or another "
            "--prior may help"
        )
    kept = {k: v for k, v in metadata.items() if k not in (*WRITTEN_BY_SAVE, "scores")}
    origin = {
        "prior": prior,
        **{name: value for name, value in options.items() if name != "verbose"},
        "sha256": metadata["files"][WEIGHTS]["sha256"],
        **({"data": data.name} if is_other else {}),
    }
    if recipe is not None:
        write_json(output / RECIPE, recipe.to_config())
    fitted.save_to_preset(output, {**kept, "fitted_prior": origin, "scores": scores})
    draw(fitted, x[:16], output, None if y is None else y[:SAMPLES])
    say(f"{output} holds the model with the prior {prior}")
    return scores
