"""Configs of presets: readable by all supported versions of Keras, and not compiled."""

from __future__ import annotations

from typing import Any

# Arguments that Keras got after 3.12.4, with their defaults. The oldest supported Keras
# refuses a config with them.
_NEWER = {
    "input_axes": None,
    "output_axes": None,
    "quantization_config": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
    "sliding_window": None,
    "use_gate": False,
}


def plain_config(config: Any) -> Any:
    """Leaves out compile settings of networks, and newer arguments at their defaults.

    Args:
        config: A config as Keras writes it.

    Returns:
        A config of the same model, not compiled.

    Example:
        >>> plain_config(keras.saving.serialize_keras_object(vae))
    """
    if isinstance(config, list | tuple):
        return [plain_config(value) for value in config]
    if not isinstance(config, dict):
        return config
    config = {k: plain_config(v) for k, v in config.items() if k != "compile_config"}
    of_keras = str(config.get("module")).startswith("keras.")
    if of_keras and isinstance(config.get("config"), dict):
        config["config"] = {
            key: value
            for key, value in config["config"].items()
            if key not in _NEWER or value != _NEWER[key]
        }
    return config


def is_compiled(config: Any) -> bool:
    """Tells whether a model or a network in it was compiled.

    Args:
        config: Its config as Keras writes it.

    Returns:
        Whether it has compile settings.
    """
    if isinstance(config, list | tuple):
        return any(map(is_compiled, config))
    if not isinstance(config, dict):
        return False
    return bool(config.get("compile_config")) or any(map(is_compiled, config.values()))
