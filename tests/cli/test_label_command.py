"""`train semi_supervised_vae --labels`, and `label`."""

import json

import numpy as np
import pandas as pd
import pytest
from commands import LEARNS_LABELS, SMALL

import keras_vae
from keras_vae import data
from keras_vae.presets.files import read_metadata


def test_a_run_knows_as_many_classes_as_the_data_and_logs_accuracy(labels_run):
    model = keras_vae.SemiSupervisedVAE.from_preset(labels_run)
    assert model.num_classes == 10
    recipe = json.loads((labels_run / "recipe.json").read_text())
    scores = read_metadata(labels_run)["scores"]
    assert recipe["labels"] == 20 and scores["num_labels"] == 180
    history = pd.read_csv(labels_run / "history.csv")
    assert history[["accuracy", "val_accuracy"]].notna().all(axis=None)


def test_labels_are_written_with_their_probabilities(command, labels_run, tmp_path):
    output = tmp_path / "labels.csv"
    result = command("label", labels_run, "--split", "test", "--output", output)
    assert result.code == 0, result.err
    digits = data.load("digits")
    model = keras_vae.SemiSupervisedVAE.from_preset(labels_run)
    predicted = model.predict_label(digits.x_test)
    table = pd.read_csv(output)
    np.testing.assert_array_equal(table["label"], predicted.label)
    np.testing.assert_array_equal(table["row"], np.arange(180))
    probabilities = table[[f"p({i})" for i in range(10)]]
    np.testing.assert_allclose(probabilities, predicted.probabilities, rtol=1e-4)
    accuracy = (predicted.label == digits.y_test).mean()
    assert f"{accuracy:.2%}" in result.out and "of 180 known labels" in result.out


def test_metrics_samples_and_codes_need_no_labels(command, labels_run):
    result = command(
        "evaluate", labels_run, "--metrics", "labels,active_units", "--limit", "50"
    )
    assert result.code == 0 and "accuracy of labels, 50 examples" in result.out
    assert (
        command("sample", labels_run, "--y", "3", "--count", "4", "--output", "s.npy").code
        == 0
    )
    assert np.load("s.npy").shape == (4, 8, 8, 1)
    assert command("embed", labels_run, "--output", "z.npz").code == 0
    assert np.load("z.npz")["z"].shape == (1797, 12)


@pytest.mark.parametrize(
    "options, words",
    [
        (["dense_vae", "--data", "digits", "--labels", "20"], "does not. Leave it out"),
        ([LEARNS_LABELS, "--data", "digits", "--labels", "5"], "too few for 10 classes"),
        (
            [LEARNS_LABELS, "--data", "digits", "--labels", "0"],
            "labels must be a whole number",
        ),
        ([LEARNS_LABELS, "--data", "frey_faces"], "has no labels|frey_faces"),
    ],
)
def test_labels_that_cannot_be_are_refused(command, options, words):
    result = command("train", *options, *SMALL, "--epochs", "1", "--output", "no")
    assert result.code == 1
    assert any(one in result.err for one in words.split("|")), result.err


def test_other_models_tell_no_labels(command, digits_run):
    result = command("label", digits_run)
    assert result.code == 1 and "learns no labels" in result.err


@pytest.mark.slow
def test_a_table_with_some_labels_and_one_without(command):
    rng = np.random.default_rng(0)
    kinds = np.array(["cat", "dog", ""])[np.arange(90) % 3]
    table = pd.DataFrame({"a": rng.normal(size=90), "b": rng.normal(size=90)})
    table.assign(kind=kinds).to_csv("pets.csv", index=False)
    options = ["--data", "pets.csv", "--label", "kind", "--epochs", "1", *SMALL]
    result = command("train", LEARNS_LABELS, *options, "--output", "run")
    assert result.code == 0, result.err
    result = command("label", "run", "--output", "labels.csv")
    assert "of 60 known labels" in result.out, result.err
    assert set(pd.read_csv("labels.csv")["label"]) <= {"cat", "dog"}
    table.head(7).to_csv("new.csv", index=False)
    result = command("label", "run", "--data", "new.csv", "--output", "told.csv")
    assert result.code == 0 and "known labels" not in result.out, result.err
    assert len(pd.read_csv("told.csv")) == 7
    model = keras_vae.SemiSupervisedVAE.from_preset("run")
    rows = table.head(2)
    assert (model.elbo(rows, y=["dog", "cat"]) < model.log_likelihood(rows) + 5).all()
    result = command("sample", "run", "--y", "dog", "--count", "3", "--output", "s.csv")
    assert result.code == 0, result.err
    assert (pd.read_csv("s.csv")["kind"] == "dog").all()
