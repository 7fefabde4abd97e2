"""The zoo's README page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from keras_vae.core.files import read_json, write_atomically
from keras_vae.core.score_rows import score_rows
from keras_vae.presets.cards import protocol, score_text
from keras_vae.presets.files import METADATA, RECIPE, read_metadata

PAGE = "README.md"
# The scores that the table shows: of each line, the first one that a preset has.
_SHOWN = (
    ("log_likelihood_of_all", "log_likelihood", "psnr"),
    ("bits_per_dimension_of_all", "bits_per_dimension"),
)


def write_page(zoo: str | os.PathLike) -> Path:
    """Writes the zoo's `README.md` from the presets' metadata.

    Args:
        zoo: The folder of all presets.

    Returns:
        The page.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If a preset is damaged, or not made by `keras-vae zoo build`.

    Example:
        >>> write_page("zoo")
        PosixPath('zoo/README.md')
    """
    zoo = Path(zoo)
    if not zoo.is_dir():
        raise FileNotFoundError(f"There is no folder {zoo}.")
    found = sorted(zoo.glob(f"[!.]*/{METADATA}"))
    every = {path.parent.name: path.parent for path in found}
    metadata = {name: read_metadata(folder) for name, folder in every.items()}
    for name, about in metadata.items():
        if about.get("name") != name or "scores" not in about:
            raise ValueError(
                f"{zoo / name} is not a preset of that name. Make it with `keras-vae zoo "
                f"build RUN {name}`."
            )
    recipes = {name: read_json(every[name] / RECIPE) for name in every}
    text = page(metadata, recipes)
    write_atomically(zoo / PAGE, lambda path: path.write_text(text, encoding="utf-8"))
    return zoo / PAGE


def page(metadata: dict[str, dict[str, Any]], recipes: dict[str, dict[str, Any]]) -> str:
    """Writes the zoo's page.

    Args:
        metadata: The `metadata.json` of each preset, by name.
        recipes: Their recipes.

    Returns:
        Markdown: a table with scores and samples of each model.
    """
    title = (
        "# Pretrained models\n\n"
        "`keras-vae zoo table` writes this page from the metadata of the presets."
    )
    if not metadata:
        return f"{title}\n\nNo models are here yet.\n"
    columns = (
        "preset, data, parameters, score on test data, protocol, licence of the data, "
        "samples"
    )
    head = f"| {columns.replace(', ', ' | ')} |"
    rows = [_row(name, about, recipes[name]) for name, about in metadata.items()]
    table = "\n".join([head, "|---" * 7 + "|", *rows])
    note = (
        "Scores are means over examples +- standard error. Each card has more of them. The weights "
        "are Apache-2.0 as far as the licence of their data allows."
    )
    return "\n\n".join([title, table, note]) + "\n"


def _row(name: str, about: dict[str, Any], recipe: dict[str, Any]) -> str:
    cells = [
        f"[{name}]({name}/README.md): {about.get('description')}",
        about["data"]["name"],
        f"{about['parameters']:,}",
        _score(about["scores"]),
        protocol(about, recipe),
        about["data"]["licence"],
        f'<img src="{name}/samples.png" width="200" alt="samples of {name}">',
    ]
    if "samples.csv" in about["files"]:
        cells[-1] = f"[samples.csv]({name}/samples.csv)"
    elif "samples.png" not in about["files"]:
        cells[-1] = ""
    return f"| {' | '.join(cells)} |"


def _score(scores):
    firsts = (next((key for key in keys if key in scores), None) for keys in _SHOWN)
    shown = {key: scores[key] for key in firsts if key}
    rows = score_rows({"num_samples": scores["num_samples"], **shown})
    texts = (f"{name} {score_text(mean, error, unit)}" for name, mean, error, unit in rows)
    return "; ".join(texts) or "none"
