"""The metadata of a card for hubs: YAML before the text."""

from __future__ import annotations

import json
import re
from typing import Any

from keras_vae.core.score_rows import score_rows

_WEIGHTS, _OTHER = "apache-2.0", "other"
_PLAIN = re.compile(r"[A-Za-z][\w.-]*")
_NOT_WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")


def card_data(metadata: dict[str, Any]) -> str:
    """Writes the YAML of a card.

    Args:
        metadata: The preset's `metadata.json`.

    Returns:
        Licence of the weights (as the hub names SPDX's), library, tags, data, metrics and
        scores, between lines of three dashes.

    Example:
        >>> from keras_vae.presets.files import read_metadata
        >>> from keras_vae.presets.lookup import find_preset
        >>> text = card_data(read_metadata(find_preset("dense_vae_digits")))
        >>> text.splitlines()[1]
        'license: apache-2.0'
    """
    data, is_image = metadata["data"], len(metadata["data"]["event_shape"]) == 3
    task = "unconditional-image-generation" if is_image else "other"
    free = "non-commercial" not in data["licence"]
    about: dict[str, Any] = {"license": _WEIGHTS if free else _OTHER}
    if not free:
        about["license_name"] = data["licence"]
    about["library_name"] = "keras_vae"
    if is_image:
        about["pipeline_tag"] = task
    about["tags"] = ["keras", "tensorflow", "vae", "variational-autoencoder"]
    about["tags"].append(metadata["model"].replace("_", "-"))
    if data.get("sample_rate"):
        about["tags"].append("audio")
    about["datasets"] = [data["name"]]
    scores = metadata["scores"]
    keys = [key for key, value in scores.items() if isinstance(value, dict)]
    kept = [key for key in keys if "mean" in scores[key]]
    about["metrics"] = [key.replace("_", "-") for key in kept]
    result = {
        "task": {"type": task},
        "dataset": {"name": data["name"], "type": data["name"], "split": scores["split"]},
        "metrics": [
            {"type": key.replace("_", "-"), "name": _name(key, scores), "value": value}
            for key, value in ((key, scores[key]["mean"]) for key in kept)
        ],
    }
    about["model-index"] = [{"name": metadata["name"], "results": [result]}]
    return f"---\n{_yaml(about)}---\n"


def _name(key, scores):
    """A score's name in words."""
    numbers = {k: v for k, v in scores.items() if not isinstance(v, dict)}
    ((name, *_),) = score_rows({**numbers, key: scores[key]})
    return name


def _yaml(value: Any, indent: str = "") -> str:
    """Writes mappings and lists; texts are quoted as in JSON where YAML needs it."""
    lines = []
    items = value.items() if isinstance(value, dict) else ((None, one) for one in value)
    for key, one in items:
        start = f"{indent}- " if key is None else f"{indent}{key}:"
        if not isinstance(one, dict | list):
            lines.append(f"{start}{'' if key is None else ' '}{_scalar(one)}\n")
        elif key is None:
            lines.append(start + _yaml(one, f"{indent}  ").removeprefix(f"{indent}  "))
        else:
            lines.append(
                f"{start}\n{_yaml(one, indent + ('  ' if type(one) is dict else ''))}"
            )
    return "".join(lines)


def _scalar(value: Any) -> str:
    plain = isinstance(value, str) and _PLAIN.fullmatch(value)
    # Words that YAML reads as something else, in capitals, too.
    if plain and value.lower() not in _NOT_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
