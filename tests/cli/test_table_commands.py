"""Tables from the command line: train, sample, reconstruct, impute, anomalies, embed."""

import json

import numpy as np
import pandas as pd
import pytest

from keras_vae import DenseVAE
from keras_vae.cli.writing import write_table

SMALL = ["dense_vae:latent_dim=2,hidden_units=16", "--epochs", "1"]
N = 200


def table(n=N, seed=0):
    """Ages and incomes that go together, a word, a date, gaps."""
    rng = np.random.default_rng(seed)
    grown = rng.random(n) < 0.5
    frame = pd.DataFrame(
        {
            "id": np.arange(n),
            "age": np.where(grown, rng.integers(30, 70, n), rng.integers(5, 18, n)),
            "income": np.where(grown, rng.normal(50, 5, n), rng.normal(2, 0.5, n)).round(1),
            "job": np.where(grown, rng.choice(["nurse", "cook"], n), "pupil"),
            "since": pd.date_range("2024-01-01", periods=n),
            "country": "here",
        }
    )
    frame.loc[::7, "income"] = None
    frame.loc[::9, "job"] = "?"
    return frame


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A trained run, and the table that it was trained on."""
    from keras_vae.training import Recipe, train

    folder = tmp_path_factory.mktemp("tables")
    table().to_csv(folder / "people.csv", index=False)
    model, optimizer = "dense_vae:latent_dim=2,hidden_units=64", "adam:learning_rate=0.005"
    data = str(folder / "people.csv")
    recipe = Recipe(data, model, optimizer=optimizer, epochs=40, patience=40)
    said = []
    train(recipe, folder / "run", say=said.append)
    return folder / "run", folder / "people.csv", said


def test_what_columns_are_is_said_before_training(run):
    text = "\n".join(run[2])
    assert "whole: age" in text and "category: job (3)" in text and "date: since" in text
    assert "identifier (left out): id" in text and "constant (keeps its value)" in text
    assert text.index("whole: age") < text.index("training on")


@pytest.mark.parametrize("subcommand", ["sample", "reconstruct", "interpolate"])
def test_answers_are_tables_like_the_data(command, run, tmp_path, subcommand):
    folder, path, _ = run
    options = {"sample": ["--count", "50"], "reconstruct": ["--count", "50"]}.get(
        subcommand, ["--count", "25", "--steps", "2"]
    )
    options += [] if subcommand == "sample" else ["--split", "all"]
    assert command(subcommand, folder, *options, "--output", "x.csv").code == 0
    answer, data = pd.read_csv("x.csv"), table()
    assert list(answer.columns) == ["age", "income", "job", "since", "country"]
    assert len(answer) == 50 and set(answer["job"]) <= {"nurse", "cook", "pupil"}
    assert answer["age"].between(data["age"].min(), data["age"].max()).all()
    assert answer["age"].dtype == int and (answer["country"] == "here").all()
    assert pd.to_datetime(answer["since"]).between("2024-01-01", "2024-12-31").all()


def test_gaps_are_filled_and_the_rest_is_as_it_was(command, run, tmp_path):
    folder, path, _ = run
    data = pd.read_csv(path, na_values="?")
    # Higher than in training, and no model learns an identifier.
    data.loc[3, "age"] = 99
    data = data.astype({"id": "Int64"})
    data.loc[5, "id"] = None
    data["job"] = data["job"].fillna("? ")
    assert (data["job"] == "? ").any()
    data.to_csv("mine.csv", index=False, float_format="%.3f")
    data["job"] = data["job"].replace("? ", None)
    answer = command("impute", folder, "--data", "mine.csv", "--draws", "2")
    assert answer.code == 0 and "of 200 rows" in answer.out
    filled = pd.read_csv("filled.csv")
    assert list(filled.columns) == list(data.columns)
    assert filled.drop(columns="id").notna().all(axis=None)
    assert set(filled["job"]) <= {"nurse", "cook", "pupil"}
    # Identifiers with a gap are still whole.
    lines = (tmp_path / "filled.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[6:8]] == ["", "6"]
    # Known cells are written as they were, such as 38.500.
    before, after = (pd.read_csv(f"{name}.csv", dtype=str) for name in ("mine", "filled"))
    assert before["income"].str.endswith("0").any()
    for name in filled:
        known = data[name].notna()
        assert (after[name] == before[name])[known].all(), name
    # The other columns tell who earns much.
    gap = data["income"].isna()
    grown = data["age"][gap] > 18
    assert (
        filled["income"][gap][grown].mean() > 40 > 10 > filled["income"][gap][~grown].mean()
    )
    draws = [pd.read_csv(f"filled_{i}.csv") for i in (1, 2)]
    assert not draws[0]["income"].equals(draws[1]["income"])


def test_anomalies_are_ranked_with_the_shares_of_columns(command, run, tmp_path):
    folder, _, _ = run
    data = table()
    data.loc[17, ["age", "income", "job"]] = [8, 55.0, "pupil"]
    data.loc[30, ["age", "income"]] = [500, 4000.0]
    data.to_csv("odd.csv", index=False)
    answer = command("anomalies", folder, "--data", "odd.csv", "--count", "5")
    assert "counted from 0, is the least likely" in answer.out
    assert "1 value of age is beyond 5 to 69" in answer.err
    ranked = pd.read_csv("ranked.csv")
    assert len(ranked) == 5 and 17 in list(ranked["row"])
    assert (ranked["score"].diff().dropna() <= 0).all()
    shares = ranked[ranked["row"] == 17].filter(like="share of ").iloc[0]
    assert shares.idxmax() in ("share of income", "share of age")
    odd = ranked[ranked["row"] == 30].iloc[0]
    assert (odd["id"], odd["age"], odd["income"]) == (30, 500, 4000.0)


def test_words_do_not_become_arrays(command, run, tmp_path):
    folder, path, _ = run
    for given in (["sample"], ["impute", "--data", path], ["anomalies", "--data", path]):
        answer = command(*given, folder, "--output", "x.npy")
        assert answer.code == 2 and "holds only numbers" in answer.err
    assert not any(tmp_path.iterdir())
    write_table(tmp_path / "x.npy", pd.DataFrame({"a": [1.5], "b": pd.array([2])}))
    np.testing.assert_array_equal(np.load("x.npy"), [[1.5, 2.0]])


def test_codes_have_the_numbers_of_their_rows(command, run):
    folder, _, _ = run
    assert command("embed", folder, "--split", "test", "--output", "z.csv").code == 0
    codes = pd.read_csv("z.csv")
    assert list(codes.columns) == ["row", "z1", "z2"] and len(codes) == N // 10
    assert codes["row"].is_monotonic_increasing and codes["row"].max() > N // 2


def test_the_order_of_columns_does_not_matter(command, run, tmp_path):
    folder, path, _ = run
    pd.read_csv(path).iloc[:, ::-1].to_csv("other.csv", index=False)
    for data, output in ((path, "a.csv"), ("other.csv", "b.csv")):
        command("embed", folder, "--data", data, "--output", output)
    pd.testing.assert_frame_equal(pd.read_csv("a.csv"), pd.read_csv("b.csv"))
    pd.read_csv(path).rename(columns={"age": "years"}).to_csv("other.csv", index=False)
    answer = command("embed", folder, "--data", "other.csv")
    assert answer.code == 1 and "missing are age; unknown are years" in answer.err


@pytest.mark.slow
def test_kinds_are_given_in_a_file_and_by_options(command, tmp_path):
    table().to_csv("people.csv", index=False)
    (tmp_path / "kinds.json").write_text(json.dumps({"age": "count", "id": "whole"}))
    given = ["--columns", "kinds.json", "--column", "id=identifier", "--label", "job"]
    table().assign(job="cook").to_csv("people.csv", index=False)
    answer = command("train", *SMALL, "--data", "people.csv", "--output", "run", *given)
    assert answer.code == 0
    assert "count: age" in answer.out and "(left out): id" in answer.out
    assert "job" not in answer.out.split("training on")[0]
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert recipe["columns"] == {"age": "count", "id": "identifier"}
    assert command("evaluate", "run", "--num-samples", "5").code == 0


@pytest.mark.parametrize(
    "given, words",
    [
        (["--column", "age"], "NAME=KIND"),
        (["--column", "age=years"], "kind of column 'age'"),
        (["--column", "ages=count"], "Did you mean 'age'"),
        (["--label", "jobs"], "Did you mean 'job'"),
    ],
)
def test_kinds_that_cannot_be_are_refused(command, tmp_path, given, words):
    table().to_csv("people.csv", index=False)
    answer = command("train", *SMALL, "--data", "people.csv", *given)
    assert answer.code in (1, 2) and words in answer.err
    assert not (tmp_path / "runs").exists()


def test_models_without_columns_fill_tables_too(command):
    frame = pd.DataFrame({"a": np.arange(40) / 7, "b": np.arange(40) % 9 / 5})
    frame.loc[::5, "a"] = None
    frame.to_csv("gaps.csv", index=False)
    DenseVAE(2, 2, "normal", (4,), seed=0).save_to_preset("plain")
    options = ["--data", "gaps.csv", "--num-samples", "5"]
    assert command("impute", "plain", *options).code == 0
    filled = pd.read_csv("filled.csv")
    assert filled.notna().all(axis=None) and list(filled) == ["a", "b"]
    known = frame["a"].notna()
    np.testing.assert_allclose(filled["a"][known], frame["a"][known])


def test_data_without_gaps_need_no_filling(command, run):
    table().fillna({"income": 1.0}).replace("?", "cook").to_csv("whole.csv", index=False)
    answer = command("impute", run[0], "--data", "whole.csv")
    assert answer.code == 1 and "has no gaps" in answer.err


@pytest.mark.slow
def test_a_model_of_missingness_is_trained_and_asked(command, tmp_path):
    x = np.random.default_rng(0).normal(size=(N, 3)).round(3)
    frame = pd.DataFrame(np.where(x > 0.5, np.nan, x), columns=list("abc"))
    frame.to_csv("gaps.csv", index=False)
    model = SMALL[0] + ",missingness=(self_masking:direction=high)"
    trained = ("train", model, *SMALL[1:], "--data", "gaps.csv", "--output", "run")
    # Tables' own likelihood has no gradients through draws.
    refused = command(*trained)
    assert refused.code == 1 and "--likelihood student_t" in refused.err
    assert command(*trained, "--likelihood", "student_t").code == 0
    few = ("impute", "run", "--data", "gaps.csv", "--num-samples", "5")
    assert command(*few, "--output", "x.csv").code == 0
    filled = pd.read_csv("x.csv")
    assert filled.notna().all(axis=None)
    pd.testing.assert_frame_equal(filled.where(frame.notna()), frame)
    refused = command(*few, "--method", "gibbs")
    assert refused.code == 1 and "--method importance" in refused.err


def test_columns_without_names_keep_their_place(tmp_path):
    # A model leaves out column 1, an identifier.
    write_table(tmp_path / "x.csv", pd.DataFrame({0: [1, 2], 2: [3.5, 4.5]}))
    assert (tmp_path / "x.csv").read_text().split() == ["1,,3.5", "2,,4.5"]
