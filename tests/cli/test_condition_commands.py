"""Models with a condition from the command line: classes, several labels, gaps."""

import numpy as np
import pandas as pd
import pytest
from commands import SMALL
from PIL import Image

from keras_vae import VAE, DenseVAE
from keras_vae.cli.conditions import conditions_of, usual_count

DENSE = "dense_vae:latent_dim=2,hidden_units=16"


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
    """Images in two folders: black cats and white dogs."""
    folder = tmp_path_factory.mktemp("animals")
    rng = np.random.default_rng(0)
    for name, level in (("cat", 30), ("dog", 220)):
        (folder / name).mkdir()
        for i in range(20):
            pixels = np.clip(rng.normal(level, 8, (8, 8)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def images(animals, tmp_path_factory):
    """A run with the folders' names as condition."""
    from keras_vae.training import Recipe, train

    folder = tmp_path_factory.mktemp("images")
    optimizer = "adam:learning_rate=0.02"
    recipe = Recipe(str(animals), DENSE, condition="labels", optimizer=optimizer, epochs=15)
    train(recipe, folder / "run", say=lambda line: None)
    return folder / "run"


def test_names_of_classes_are_conditions(command, images, tmp_path):
    for name, low, high in (("cat", 0, 120), ("dog", 140, 255)):
        options = ["--y", name, "--count", "3", "--output", "x.npy"]
        assert command("sample", images, *options).code == 0
        x = np.load("x.npy")
        assert len(x) == 3 and low <= x.mean() <= high
    model = VAE.from_preset(images)
    assert np.array_equal(model.sample(2, "dog"), model.sample(2, 1))
    assert np.array_equal(model.sample(2, ["cat", "dog"]), model.sample(2, [0, 1]))


def test_all_is_a_row_for_each_class(command, images, tmp_path):
    for options in (["--y", "all"], []):
        command("sample", images, "--count", "10", *options, "--output", "x.npy")
        means = np.load("x.npy").mean(axis=(1, 2, 3))
        assert means[:5].max() < 140 < means[5:].min()
    assert command("sample", images, "--count", "10", "--output", "x.png").code == 0
    with Image.open("x.png") as image:
        assert image.width > 2 * image.height


@pytest.mark.parametrize("count", [5, 10, 12, None])
def test_all_classes_are_there_as_often_as_the_count_allows(count):
    model = DenseVAE(6, 2, hidden_units=(4,), condition=10)
    number = count or usual_count(model, None)
    y, columns = conditions_of(model, "all", number)
    counts = np.bincount(y, minlength=10)
    assert counts.sum() == number and np.ptp(counts) <= 1 and (np.diff(y) >= 0).all()
    assert (number, columns) == ((60, 6) if count is None else (count, None))


@pytest.mark.parametrize("y", ["mouse", "2", "cat,dog", "age=3"])
def test_classes_that_are_not_there_are_refused(command, images, y):
    result = command("sample", images, "--y", y)
    assert result.code == 1 and ("cat, dog" in result.err or "label" in result.err)


@pytest.mark.parametrize("subcommand", ["reconstruct", "embed", "anomalies", "evaluate"])
def test_subcommands_take_the_labels_of_their_data(
    command, images, animals, tmp_path, subcommand
):
    out = {"evaluate": [], "reconstruct": ["--output", "x.png"]}.get(
        subcommand, ["--output", "x.csv"]
    )
    assert command(subcommand, images, "--data", animals, *out).code == 0
    # Other folders, of which the model knows one.
    other = tmp_path / "more"
    for name in ("dog", "emu"):
        (other / name).mkdir(parents=True)
        for i in range(4):
            Image.new("L", (8, 8), 220).save(other / name / f"{i}.png")
    options = [] if subcommand == "anomalies" else ["--split", "all"]
    result = command(subcommand, images, "--data", other, *options, *out)
    assert result.code == 1 and "'emu'" in result.err


def people(n=200, seed=0):
    """Heights that follow from age and sex, which are missing here and there."""
    rng = np.random.default_rng(seed)
    sex, age = rng.choice(["f", "m"], n), rng.integers(20, 80, n)
    height = 150 + 30 * (sex == "m") - 0.3 * (age - 50) + rng.normal(0, 1, n)
    frame = pd.DataFrame({"sex": sex, "age": age, "height": height.round(1)})
    frame["weight"] = (frame.height - 100 + rng.normal(0, 5, n)).round(1)
    frame.loc[::9, "age"] = None
    frame.loc[::7, "sex"] = "?"
    return frame


@pytest.mark.slow
def test_columns_of_a_table_are_conditions(command, tmp_path):
    people().to_csv("people.csv", index=False)
    options = ["--data", "people.csv", "--condition", "sex,age", "--epochs", "8"]
    options += ["--optimizer", "adam:learning_rate=0.02", "--output", "run"]
    assert command("train", DENSE, *options).code == 0
    heights = {}
    for y in ("sex=m,age=30", "sex=f,age=30", "age=30"):
        options = ["--y", y, "--count", "200", "--output", "x.csv"]
        assert command("sample", "run", *options).code == 0
        answer = pd.read_csv("x.csv")
        assert set(answer.columns) == {"sex", "age", "height", "weight"}
        heights[y] = answer.height.mean()
        assert (answer.age == 30).all()
    men, women, either = heights.values()
    assert women < either < men and men - women > 10
    assert command("sample", "run").code == 1
    people(20, 1).to_csv("more.csv", index=False)
    assert command("embed", "run", "--data", "more.csv", "--output", "z.csv").code == 0
    gaps = people(20, 1)
    gaps.loc[:9, "height"] = None
    gaps.to_csv("gaps.csv", index=False)
    options = ["--data", "gaps.csv", "--output", "filled.csv"]
    assert command("impute", "run", *options).code == 0
    filled, known = pd.read_csv("filled.csv"), people(20, 1)
    assert filled.height.notna().all() and (filled.height[10:] == known.height[10:]).all()
    # By sex and age, which were given: men are 30 taller.
    man, woman = (known.sex[:10] == one for one in ("m", "f"))
    assert filled.height[:10][man].mean() > filled.height[:10][woman].mean()
    people(20, 1).drop(columns="age").to_csv("less.csv", index=False)
    result = command("embed", "run", "--data", "less.csv", "--output", "z.csv")
    assert result.code == 1 and "age" in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "digits", "--condition", "colour"], "Unknown label 'colour'"),
        (["--data", "table.csv", "--condition", "c"], "Unknown label column 'c'"),
        (["--data", "table.csv", "--condition", "labels"], "no labels"),
    ],
)
def test_conditions_that_are_not_there_are_refused(command, tmp_path, options, message):
    pd.DataFrame({"a": np.arange(50) / 7, "b": np.arange(50) / 3}).to_csv(
        "table.csv", index=False
    )
    result = command("train", DENSE, *options, *SMALL, "--output", "run")
    assert result.code == 1 and message in result.err and not (tmp_path / "run").exists()


def test_a_condition_is_said_once(command):
    result = command(
        "train", f"{DENSE},condition=10", "--data", "digits", "--condition", "labels"
    )
    assert result.code == 1 and "leave condition out" in result.err
