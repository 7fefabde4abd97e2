"""The list of presets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras_vae.presets.files import read_metadata
from keras_vae.presets.lookup import preset_folders


def presets() -> dict[str, dict[str, Any]]:
    """Lists the pretrained models that `VAE.from_preset` knows by name.

    Returns:
        For each name a dict with `name`, `description`, `model`, `data` (the name of the
        data set), `licence` (of the data), `parameters` (their number), `scores` (on test
        data, with standard errors) and `folder`; None if a preset does not have the value.

    Raises:
        ValueError: If the metadata of a preset are damaged.

    Example:
        >>> for name, about in keras_vae.presets().items():
        ...     print(name, about["description"])
    """
    return {name: describe(folder) for name, folder in preset_folders().items()}


def describe(folder: Path) -> dict[str, Any]:
    """Reads the description of a preset.

    Args:
        folder: The preset's folder.

    Returns:
        See `presets`.
    """
    metadata = read_metadata(folder)
    data = metadata.get("data")
    data = data if isinstance(data, dict) else {"name": data}
    return {
        "name": metadata.get("name", folder.name),
        "description": metadata.get("description"),
        "model": metadata.get("model"),
        "data": data.get("name"),
        "licence": data.get("licence"),
        "parameters": metadata.get("parameters"),
        "scores": metadata.get("scores"),
        "folder": str(folder),
    }


class PresetsOfClass:
    """A class attribute: the presets that `from_preset` of the class knows by name.

    Example:
        >>> sorted(keras_vae.ConvVAE.presets)
        ['conditional_vae_mnist', ...]
    """

    def __get__(self, model: object, cls: type) -> dict[str, dict[str, Any]]:
        """See `presets`."""
        names = {one.__name__ for one in _with_subclasses(cls)}
        found = preset_folders().items()
        kinds = {name: read_metadata(folder).get("class") for name, folder in found}
        return {n: describe(folder) for n, folder in found if kinds[n] in names}


def _with_subclasses(cls: type[Any]) -> list[type[Any]]:
    below = [one for kind in cls.__subclasses__() for one in _with_subclasses(kind)]
    return [cls, *below]
