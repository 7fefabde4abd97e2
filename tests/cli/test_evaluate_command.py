"""`evaluate --metrics`, and the file it writes."""

import json

import pytest

from keras_vae import VAE
from keras_vae.data import load
from keras_vae.evaluation import METRICS, HeldOut, describe_metrics, evaluate_metrics


def test_metrics_are_printed(command, digits_run):
    data = load("digits")
    on = HeldOut(
        VAE.from_preset(digits_run),
        data.x_test.astype("f4"),
        data.y_test,
        lambda: (data.x_train.astype("f4"), data.y_train),
        num_samples=3,
        seed=2,
        limit=40,
    )
    names = ["likelihood", "active_units", "information", "probe", "images", "frechet"]
    expected = describe_metrics(evaluate_metrics(names, on))
    given = ["--metrics", ", ".join(names), "--num-samples", "3", "--seed", "2"]
    result = command("evaluate", digits_run, *given, "--limit", "40")
    assert result == (0, f"digits, test\n{expected}\n", "")


@pytest.mark.parametrize("metrics", [[], ["--metrics", "active_units,probe"]])
def test_scores_are_written_to_a_new_file(command, digits_run, tmp_path, metrics):
    given = ["evaluate", digits_run, *metrics, "--limit", "20", "--num-samples", "2"]
    given += ["--output", "new/scores.json"]
    result = command(*given)
    assert result.code == 0 and "wrote new/scores.json" in result.out
    written = json.loads((tmp_path / "new/scores.json").read_text())
    assert written["data"] == "digits" and written["limit"] == 20
    assert list(written["metrics"]) == (
        ["active_units", "probe"] if metrics else ["held_out"]
    )
    for scores in written["metrics"].values():
        assert scores["num_examples"] == 20
    again = command(*given)
    assert again.code == 2 and "never overwritten" in again.err
    assert json.loads((tmp_path / "new/scores.json").read_text()) == written


def test_the_file_must_be_json(command, digits_run):
    result = command("evaluate", digits_run, "--output", "scores.csv")
    assert result.code == 2 and "must end in .json" in result.err


def test_unknown_metrics_are_refused_with_the_known(command):
    # Before the run is looked for.
    result = command("evaluate", "nowhere", "--metrics", "likelihood,fid")
    assert result.code == 1 and "Unknown metric 'fid'" in result.err
    assert all(name in result.err for name in METRICS)


@pytest.mark.parametrize(
    "given, words",
    [
        (["--metrics", "probe", "--split", "train"], "one of their held-out splits"),
        (["--metrics", "disentanglement"], "'sprites' has them"),
        (["--metrics", "interventions"], "only for the data set 'sprites'"),
        (["--metrics", "anomalies"], "observations of another kind"),
    ],
)
def test_what_data_lack_is_said(command, digits_run, given, words):
    result = command("evaluate", digits_run, *given)
    assert result.code == 1 and words in result.err and not result.out


def test_anomalies_that_nothing_asks_for_are_refused(command):
    result = command("evaluate", "nowhere", "--anomalies", "digits", "--metrics", "images")
    assert result.code == 2 and "is for the metric anomalies" in result.err


def test_data_are_no_anomalies_among_themselves(command, digits_run, tmp_path):
    given = ["--metrics", "anomalies", "--anomalies", "digits", "--limit", "30"]
    result = command("evaluate", digits_run, *given, "--output", "scores.json")
    assert result.code == 0 and "auroc by elbo" in result.out
    found = json.loads((tmp_path / "scores.json").read_text())["metrics"]["anomalies"]
    assert found["num_examples"] == found["num_anomalies"] == 30
    for method in ("elbo", "log_likelihood", "reconstruction"):
        assert found[f"auroc_by_{method}"]["mean"] == pytest.approx(0.5, abs=1e-9)


def test_help_lists_the_metrics(command):
    result = command("evaluate", "--help")
    assert all(name in result.out for name in METRICS)
