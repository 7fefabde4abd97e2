r"""The levels that BIVA's, the ladder's and plain top-down inference keep active.

    KERAS_VAE_DATA=... python benchmarks/hierarchies.py --epochs 60 --folder hierarchies \
        [--model hierarchical_vae:latent_channels=8-8-16,strides=4-8-16]

All have the same model, data, objective, optimizer and number of epochs. Each has a row with
its held-out negative log-likelihood and the nats of each level. Bidirectional inference has
more networks, so the table also has weights and minutes. FOLDER keeps the runs, and its
`rows.json` the finished rows; a second start resumes the first.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import keras_vae
from keras_vae.data import load
from keras_vae.evaluation import collapse_report, held_out_scores
from keras_vae.training import Recipe, train

INFERENCES = ("ladder", "top_down", "bidirectional")


def trained(inference: str, options: argparse.Namespace, rows: dict) -> float:
    """Trains a model, or continues it, in its own folder.

    Args:
        inference: Its inference.
        options: The parsed command line.
        rows: Results of each inference; the seconds are added to them.

    Returns:
        Total seconds of its training so far.
    """
    separator = "," if ":" in options.model else ":"
    recipe = Recipe(
        data=options.data,
        model=f"{options.model}{separator}inference={inference}",
        objective=f"elbo:free_bits={options.free_bits}",
        optimizer="adam:learning_rate=0.002,global_clipnorm=50",
        warmup_epochs=options.epochs // 5,
        epochs=options.epochs,
        patience=options.epochs,
        batch_size=options.batch_size,
    )
    row, start = rows.setdefault(inference, {"seconds": 0.0}), time.perf_counter()
    try:
        train(recipe, options.folder / inference, resume=True)
    finally:
        row["seconds"] += time.perf_counter() - start
        _write(options.folder, rows)
    return row["seconds"]


def scored(folder: Path, options: argparse.Namespace) -> dict:
    """Scores a trained model on the test split.

    Args:
        folder: Its run.
        options: The parsed command line.

    Returns:
        Weights, nats of each level (the lowest first), and the scores.
    """
    model = keras_vae.VAE.from_preset(folder)
    x = load(options.data).x_test
    limit = min(options.images, len(x))
    return {
        "weights": model.count_params(),
        "levels": collapse_report(model, x[:1000])["group_rate"].tolist(),
        "scores": held_out_scores(model, x, options.num_samples, limit=limit),
    }


def table(rows: dict, num_samples: int) -> str:
    """Writes the finished rows.

    Args:
        rows: Results of each inference.
        num_samples: Importance samples of the log-likelihood.

    Returns:
        A table.
    """
    lines = [
        f"| inference | weights | minutes | -ELBO | NLL (S={num_samples}) "
        "| nats of levels, lowest first | above 1 nat |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        if "scores" not in row:
            continue
        # The whole split's score, if only some images have all importance samples.
        loss, nll = (
            row["scores"].get(f"{one}_of_all", row["scores"][one])
            for one in ("elbo", "log_likelihood")
        )
        alive = sum(rate > 1.0 for rate in row["levels"])
        lines.append(
            f"| {name} | {row['weights']:,} | {row['seconds'] / 60:.1f} "
            f"| {-loss['mean']:.2f} +- {loss['standard_error']:.2f} "
            f"| {-nll['mean']:.2f} +- {nll['standard_error']:.2f} "
            f"| {', '.join(f'{rate:.1f}' for rate in row['levels'])} "
            f"| {alive} of {len(row['levels'])} |"
        )
    return "\n".join(lines)


def _write(folder: Path, rows: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.json").write_text(json.dumps(rows, indent=1))


def main() -> None:
    """Trains and scores missing models, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, required=True, help="folder for runs and rows"
    )
    parser.add_argument("--model", default="ladder_vae:latent_dims=64-32-16-8-4,skips=true")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--free-bits", type=float, default=0.5, help="nats for each level")
    parser.add_argument("--images", type=int, default=1000, help="test images")
    parser.add_argument("--num-samples", type=int, default=1000)
    options = parser.parse_args()
    kept = options.folder / "rows.json"
    rows = json.loads(kept.read_text()) if kept.exists() else {}
    for inference in INFERENCES:
        if "scores" not in rows.get(inference, {}):
            trained(inference, options, rows)
            rows[inference].update(scored(options.folder / inference, options))
            _write(options.folder, rows)
    print(table(rows, options.num_samples))


if __name__ == "__main__":
    main()
