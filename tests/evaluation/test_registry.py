"""Metrics by name: what they need, what they return, how it is written."""

import json

import keras
import numpy as np
import pytest

import keras_vae
from keras_vae.core.seeds import make_seed
from keras_vae.data import Sprites
from keras_vae.evaluation import (
    METRICS,
    HeldOut,
    Metric,
    active_units,
    auroc,
    describe_metrics,
    evaluate_metrics,
    information,
    likelihood_scores,
    metrics,
)

RNG = np.random.default_rng(0)


class Squares:
    """Images of 12 x 12 pixels with two factors: the place of a square."""

    sizes = (4, 5)

    def sample(self, n, rng):
        return rng.integers(0, self.sizes, size=(n, 2))

    def draw(self, factors):
        x = np.zeros((len(factors), 12, 12, 1), "float32")
        for image, (row, column) in zip(x, factors, strict=True):
            image[2 * row : 2 * row + 4, 2 * column : 2 * column + 4] = 1.0
        return x


FACTORS = Squares().sample(60, RNG)
X = Squares().draw(FACTORS)


@pytest.fixture(scope="module")
def on():
    keras.utils.set_random_seed(make_seed(0))
    model = keras_vae.ConvVAE((12, 12, 1), 3, filters=(4,))
    return HeldOut(
        model, X, FACTORS, lambda: (X, FACTORS), Squares(), 1 - X[:9], num_samples=4, seed=1
    )


@pytest.fixture(scope="module")
def of_classes():
    """A model that learns labels, which others do not."""
    model = keras_vae.SemiSupervisedVAE((12, 12, 1), 3, 4, hidden_units=(4,), seed=0)
    return HeldOut(model, X, FACTORS[:, 0])


@pytest.fixture(autouse=True)
def few_points(monkeypatch):
    monkeypatch.setitem(metrics._POINTS, "num_train", 20)
    monkeypatch.setitem(metrics._POINTS, "num_test", 10)
    monkeypatch.setitem(metrics._ANNEALED, "num_steps", 4)
    monkeypatch.setitem(metrics._ANNEALED, "num_chains", 2)
    monkeypatch.setitem(metrics._LOCAL, "steps", 4)
    monkeypatch.setattr(metrics, "_FEW", 5)


# Those are of other models: test_classes.py, test_sound_scores.py.
@pytest.mark.thinned
@pytest.mark.parametrize("name", [n for n in METRICS if n not in ("classes", "sounds")])
def test_every_metric(on, of_classes, name):
    """Scores are finite, the same for the same seed, fit into JSON, and are printed."""
    on = of_classes if METRICS[name].needs == "predicted labels" else on
    results = evaluate_metrics([name], on)
    assert json.dumps(results, allow_nan=False) == json.dumps(evaluate_metrics([name], on))
    scores = [s for s in results[name].values() if isinstance(s, dict)]
    assert scores and all(np.isfinite(s["mean"]) for s in scores)
    assert all(set(s) == {"mean", "standard_error"} for s in scores)
    lines = describe_metrics(results).splitlines()
    assert lines[0].startswith(name) and len(lines) == 1 + len(scores)
    assert METRICS[name].about


def test_scores_are_those_of_the_functions(on):
    found = evaluate_metrics(["information", "likelihood", "active_units"], on)
    assert list(found) == ["information", "likelihood", "active_units"]
    expected = information(on.model, X, seed=1)
    ceiling = expected["mutual_information"]["mean"] > np.log(60) - 1
    assert ("caution" in found["information"]) == ceiling
    found["information"].pop("caution", None)
    assert found["information"] == expected
    assert found["likelihood"] == likelihood_scores(on.model, X, 4, seed=1)
    units = found["active_units"]
    assert units["active_units"]["mean"] == active_units(on.model, X).sum()
    assert len(units["rate_of_units"]) == units["num_units"] == 3


def test_a_limit_is_drawn_with_the_seed_for_all_alike(on):
    limited = HeldOut(on.model, X, FACTORS, on.train, seed=5, limit=20, num_samples=2)
    found = evaluate_metrics(["likelihood", "active_units", "probe", "frechet"], limited)
    assert {scores["num_examples"] for scores in found.values()} == {20}
    rows = np.sort(np.random.default_rng(5).choice(60, 20, replace=False))
    np.testing.assert_array_equal(limited.cut.x, X[rows])
    np.testing.assert_array_equal(limited.cut.y, FACTORS[rows])
    assert on.cut is on


def test_probes_learn_from_some_training_examples(on, monkeypatch):
    monkeypatch.setattr(metrics, "_MOST_PROBED", 50)
    found = evaluate_metrics(["probe"], on)["probe"]
    assert found["num_train"] == 50 and found["num_examples"] == 60


def test_one_name_is_a_name(on):
    assert evaluate_metrics("active_units", on) == evaluate_metrics(["active_units"], on)


def test_held_out_data_are_checked_at_once():
    with pytest.raises(ValueError, match="limit"):
        HeldOut(None, X, limit=0)
    with pytest.raises(ValueError, match="60 observations x, but 7 labels y"):
        HeldOut(None, X, FACTORS[:7])


def test_names_are_checked_before_work():
    with pytest.raises(ValueError, match="Unknown metric 'prob'. Did you mean 'probe'"):
        evaluate_metrics(["prob"], HeldOut(None, X))
    known = ", ".join(sorted(METRICS))
    with pytest.raises(ValueError, match=f"Known: {known}"):
        evaluate_metrics(["zzz"], HeldOut(None, X))


@pytest.mark.parametrize(
    "name, missing, message",
    [
        ("probe", {"y": None}, "needs labels"),
        ("probe", {"train": None}, "needs labels"),
        ("disentanglement", {"y": None}, "true factors"),
        ("disentanglement", {"y": FACTORS[:, 0]}, "true factors"),
        ("disentanglement", {"y": FACTORS * [1, 0]}, "each of which varies"),
        ("interventions", {"factors": None}, "draws images for given factors"),
        ("anomalies", {}, "observations of another kind"),
        ("labels", {}, "a model that learns labels"),
    ],
)
def test_what_is_missing_is_said_before_work(on, name, missing, message):
    called = []
    poor = HeldOut(**{"model": on.model, "x": X, "y": FACTORS, "train": on.train} | missing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METRICS, "first", Metric(called.append, "must not be called"))
        with pytest.raises(ValueError, match=message):
            evaluate_metrics(["first", name], poor)
    assert not called


@pytest.mark.parametrize("name", ["likelihood", "ais", "bidirectional", "gaps"])
def test_a_likelihood_that_was_not_trained_is_not_scored(name):
    gan = keras_vae.VAEGAN.for_images((12, 12, 1), 2, filters=(4,))
    with pytest.raises(ValueError, match="needs a likelihood of pixels"):
        evaluate_metrics([name], HeldOut(gan, X))


def test_what_was_done_is_known_when_a_later_metric_fails(on, monkeypatch):
    def fail(on):
        raise ValueError("too late")

    monkeypatch.setitem(METRICS, "failing", Metric(fail, "fails"))
    known = {}
    with pytest.raises(ValueError, match="too late"):
        evaluate_metrics(["active_units", "failing", "likelihood"], on, known.__setitem__)
    assert known == evaluate_metrics(["active_units"], on)


def test_anomalies_are_told_by_each_score(on):
    found = evaluate_metrics(["anomalies"], on)["anomalies"]
    assert found["num_anomalies"] == 9 and found["num_examples"] == 60
    normal, anomalous = (-on.model.elbo(rows, seed=1) for rows in (X, on.anomalies))
    assert found["auroc_by_elbo"] == auroc(normal, anomalous)


@pytest.mark.parametrize("name", ["images", "frechet", "precision_recall"])
def test_scores_of_images_are_not_of_tables(name):
    table = keras_vae.DenseVAE((5,), 2, hidden_units=(), likelihood="normal:scale=shared")
    with pytest.raises(ValueError, match="is for images"):
        evaluate_metrics([name], HeldOut(table, np.zeros((4, 5))))


def test_words_of_a_metric_without_words(on, monkeypatch):
    scores = {"count": 3, "half": 0.5, "extra_gap": {"mean": 2.0, "standard_error": None}}
    monkeypatch.setitem(METRICS, "new", Metric(lambda on: scores, "new"))
    text = describe_metrics(evaluate_metrics(["new"], on))
    heading, line = text.splitlines()
    assert heading == "new (count=3, half=0.5)"
    assert line.split() == ["extra", "gap", "2.000", "+-", "n/a"]


def test_sprites_have_what_interventions_need():
    assert {"sizes", "sample", "draw"} <= set(dir(Sprites()))
