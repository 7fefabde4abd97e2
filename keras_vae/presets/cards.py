"""The card of a preset, made entirely from its metadata, recipe and conditions."""

from __future__ import annotations

import shlex
from typing import Any

from keras_vae.core.score_rows import score_rows
from keras_vae.data.conditions import Conditions
from keras_vae.presets.card_data import card_data
from keras_vae.presets.files import FIRST_RECIPE

_PICTURES = {
    "samples.png": "samples from the prior",
    "reconstructions.png": "held-out examples above their reconstructions",
    "manifold.png": "the decoder's manifold over the two latent variables",
}


def card(
    metadata: dict[str, Any],
    recipe: dict[str, Any],
    files: list[str],
    conditions: Conditions | None = None,
) -> str:
    """Writes a preset's card.

    Args:
        metadata: The preset's `metadata.json`.
        recipe: The recipe that it was trained with.
        files: Names of its files.
        conditions: The labels of its condition, if it has one.

    Returns:
        Markdown, with YAML for hubs before it.
    """
    parts = [
        f"# {metadata['name']}\n\n{metadata['description'].rstrip('.')}.",
        _facts(metadata, recipe),
        _pictures(files, conditions),
        f"## Scores\n\n{_scores(metadata, recipe)}",
        f"## Use\n\n{_use(metadata, files, conditions)}",
        f"## Training\n\n{_training(metadata, recipe, files)}",
        f"## Intended use and limits\n\n{_limits(metadata)}",
        "`keras-vae zoo build` made this card from metadata.json and recipe.json.",
    ]
    return card_data(metadata) + "\n\n".join(part for part in parts if part) + "\n"


def _facts(metadata, recipe):
    data = metadata["data"]
    rows = {
        "model": f"`{metadata['class']}`, {metadata['parameters']:,} parameters",
        "latent size": metadata["latent_dim"],
        "likelihood": metadata["likelihood"],
        "data": _data(data),
        "licence of the data": data["licence"],
        "licence of the weights": "Apache-2.0, as far as that of the data allows",
        "made with": ", ".join(f"{n} {v}" for n, v in metadata["versions"].items()),
    }
    return "| | |\n|---|---|\n" + "\n".join(f"| {k} | {v} |" for k, v in rows.items())


def _data(data):
    if rate := data.get("sample_rate"):
        seconds = data["event_shape"][0] / rate
        return f"{data['name']}, sounds of {seconds:.3g} s at {rate:,} samples a second"
    return f"{data['name']}, examples of shape {tuple(data['event_shape'])}"


def may_show_data(licence: str) -> bool:
    """Tells whether pictures of the data may be published with a model.

    Args:
        licence: Licence of the data.

    Returns:
        False for data that are for non-commercial use only.
    """
    return "non-commercial" not in licence


def _pictures(files, conditions):
    shown = {name: text for name, text in _PICTURES.items() if name in files}
    of_classes = conditions is not None and isinstance(conditions.shape, int)
    if of_classes and "samples.png" in shown:
        shown["samples.png"] = "samples from the prior, a row for each class"
    images = " ".join(
        f'<img src="{name}" width="45%" alt="{text}">' for name, text in shown.items()
    )
    if "samples.csv" in files:
        return "[samples.csv](samples.csv) has rows sampled from the model."
    if not shown:
        return ""
    texts = "; ".join(shown.values())
    if "samples.wav" in files:
        texts += ". [samples.wav](samples.wav) has the samples one after another"
    return f"{images}\n\n{texts[0].upper()}{texts[1:]}."


def score_text(mean: float, error: float | None, unit: str) -> str:
    """Writes a score with its standard error.

    Args:
        mean: The score.
        error: Its standard error; None if it is unknown.
        unit: The unit.

    Returns:
        Text such as "-94.6 +- 1.1 nats".
    """
    # As many decimals as the error makes meaningful.
    decimals = 3 if error is None or error < 0.095 else 2 if error < 0.95 else 1
    text = "n/a" if error is None else f"{error:.{decimals}f}"
    return f"{mean:.{decimals}f} +- {text} {unit}"


def protocol(metadata: dict[str, Any], recipe: dict[str, Any]) -> str:
    """Describes how the scores were measured.

    Args:
        metadata: The preset's `metadata.json`.
        recipe: Its recipe.

    Returns:
        A sentence: split, examples, binarization, samples.
    """
    scores, drawn_with = metadata["scores"], metadata["binarized"]
    words = [f"{scores['num_examples']:,} examples of the {scores['split']} split"]
    if "elbo_of_all" in scores:
        words[0] += ", drawn at random"
    if drawn_with is not None:
        how = recipe.get("binarize", "dynamic")
        words.append(
            f"grey values binarized once with seed {drawn_with} (in training: {how})"
        )
    kind = "samples from the prior" if "of" not in scores else "importance samples each"
    words.append(f"{scores['num_samples']:,} {kind}")
    if "of" in scores:
        words.append(f"the logarithm is of a {scores['of']}")
    if "condition_accuracy" in scores:
        words.append(
            f"{scores['num_of_each_class']:,} samples of each class, read by a classifier "
            "of the training images"
        )
    return "; ".join(words)


def _scores(metadata, recipe):
    rows = [
        f"| {name} | {score_text(mean, error, unit)} |"
        for name, mean, error, unit in score_rows(metadata["scores"])
    ]
    table = "| score | mean +- standard error over examples |\n|---|---|\n"
    return f"{table}{chr(10).join(rows)}\n\nProtocol: {protocol(metadata, recipe)}."


def _use(metadata, files, conditions):
    name, data = metadata["name"], metadata["data"]
    # Arguments of the examples in Python and on the command line.
    asked, told, beside = ("", "", "")
    if conditions is not None:
        asked, told = _of_condition(conditions)
        beside = ", y"
    text = f"""```python
import keras_vae

vae = keras_vae.VAE.from_preset("{name}")
samples = vae.sample(64, {asked}seed=0)  # raw values, as the data have them
z = vae.embed(x{beside})
```

```bash
keras-vae sample {name}{told} --output samples.png
keras-vae evaluate {name}
keras-vae train --from-preset {name} --data mine.npy --output runs/mine  # fine-tuning
keras-vae export {name} models/{name}/1  # a SavedModel, which TF Serving serves
```"""
    if data.get("sample_rate"):
        text = text.replace("mine.npy", "clips/").replace("samples.png", "samples.wav")
    elif len(data["event_shape"]) < 3:
        of_tables = (
            f"samples.csv\nkeras-vae impute {name} --data mine.csv --output filled.csv"
        )
        text = text.replace("mine.npy", "mine.csv").replace("samples.png", of_tables)
    return text


def _of_condition(conditions: Conditions) -> tuple[str, str]:
    """A condition as an argument of `sample`, and as an option of `keras-vae sample`."""
    if conditions.classes is not None:
        first = conditions.classes[0]
        return f"y={first!r}, ", f" --y {shlex.quote(str(first))}"
    numbers = [0.0 if one.categories else one.low for one in conditions.labels]
    if conditions.library_size is not None:
        numbers.insert(0, conditions.library_size)
    row = conditions.as_table([numbers], 1).astype(object).iloc[0]
    # Dates are told as texts.
    values = {
        str(name): value if isinstance(value, str | int | float) else str(value)[:10]
        for name, value in row.items()
    }
    text = ",".join(f"{label}={value}" for label, value in values.items())
    return f"y={values!r}, ", f" --y {shlex.quote(text)}"


def _training(metadata, recipe, files):
    training = metadata["training"]
    kept = (
        f"the preset has the weights of epoch {training['best_epoch']} of "
        f"{training['epochs']}, the best by {training['monitor']} on the validation split"
        if training["monitor"]
        else f"the preset has the weights of the last of {training['epochs']} epochs"
    )
    rows = "\n".join(f"| {name} | {_plain(value)} |" for name, value in recipe.items())
    before, start = recipe.get("from_preset"), ""
    if FIRST_RECIPE in files:
        first = f"keras-vae train {FIRST_RECIPE} --output {before}"
        start = f"It started from an earlier run: `{first}`. "
    elif before:
        start = f"It started from the preset {before}. "
    return (
        f"{start}`keras-vae train recipe.json` trains it again; {kept}. "
        f"{_fitted_prior(metadata)}The test data had no part in any choice."
        f"\n\n| recipe | |\n|---|---|\n{rows}"
    )


def _fitted_prior(metadata):
    if "fitted_prior" not in metadata:
        return ""
    how = metadata["fitted_prior"]
    options = "".join(
        f" --{name} {how[name]}" for name in ("data", "epochs", "seed") if name in how
    )
    return (
        "Its prior was fitted afterwards to the codes of the training data: `keras-vae "
        f"fit-prior RUN --prior {how['prior']}{options}`, which stops when the codes of a "
        "held-out tenth score no better. "
    )


def _plain(value):
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _limits(metadata):
    name, licence = metadata["data"]["name"], metadata["data"]["licence"]
    return (
        "The model is meant for experiments with latent variables: samples, embeddings, "
        "comparison of likelihoods, fine-tuning, and trials of serving. Do not use it for "
        "decisions about people, nor for anything that the licence of the data forbids "
        f"({licence}).\n\n"
        f"The model was trained on {name} alone. Other data must have the same shape and "
        "range of values, and its likelihoods do not tell whether they are anomalies. "
        "Samples repeat the frequent patterns of the training data, and their biases."
    )
