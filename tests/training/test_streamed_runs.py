"""Runs on images that are streamed: those on the same images in memory."""

import functools

import numpy as np
import pytest
from PIL import Image
from runs import binarized, break_in_batch, recipe, run, same_run, weights

from keras_vae import DenseVAE
from keras_vae.data import Preprocessor, Streamed, load
from keras_vae.evaluation import (
    HeldOut,
    anomaly_ranking,
    anomaly_scores,
    collapse_report,
    evaluate_metrics,
    held_out_scores,
)
from keras_vae.evaluation.likelihood.estimates import logarithm_of
from keras_vae.models import LatentVariableModel
from keras_vae.presets.files import read_metadata
from keras_vae.training import closing
from keras_vae.training.recipe import Recipe


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of 200 tiny images of two classes."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for i in range(200):
        (folder / "ab"[i % 2]).mkdir(exist_ok=True)
        image = rng.integers(0, 256, (4, 4), dtype=np.uint8)
        Image.fromarray(image).save(folder / "ab"[i % 2] / f"{i:03}.png")
    return folder


@pytest.fixture(scope="module")
def streamed(photos, tmp_path_factory):
    """A finished streamed run; only to be read."""
    folder = tmp_path_factory.mktemp("runs") / "streamed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closing, "_MOST_SAMPLES", 10)
        text = run(binarized(data=str(photos), stream=True, epochs=2), folder)
    assert "are streamed from their files" in text
    return folder


@pytest.mark.slow
def test_the_weights_and_scores_are_those_in_memory(photos, streamed, tmp_path):
    run(binarized(data=str(photos), stream=False, epochs=2), tmp_path / "held")
    np.testing.assert_array_equal(weights(streamed), weights(tmp_path / "held"))
    one, other = (read_metadata(each)["scores"] for each in (streamed, tmp_path / "held"))
    assert one == other
    assert Recipe.from_json(streamed / "recipe.json").stream is True


@pytest.mark.slow
@pytest.mark.parametrize(
    "values",
    [
        {"likelihood": "bernoulli", "binarize": "static"},
        {"likelihood": "normal:scale=shared", "augment": "flip,shift=1"},
        {"prior": "vamp:num_components=3"},
        {"condition": "labels"},
        {"model": "semi_supervised_vae:latent_dim=2,hidden_units=8", "labels": 20},
    ],
)
def test_every_kind_of_run_is_that_in_memory(values, photos, tmp_path):
    for stream in (False, True):
        one = recipe(**{"data": str(photos), "stream": stream, "epochs": 2, **values})
        run(one, tmp_path / str(stream))
    same_run(tmp_path / "False", tmp_path / "True")


@pytest.mark.slow
def test_a_streamed_run_goes_on_where_it_was_interrupted(
    photos, streamed, tmp_path, monkeypatch
):
    one = binarized(data=str(photos), stream=True, epochs=2)
    with monkeypatch.context() as patch:
        break_in_batch(patch, 1, 3)
        with pytest.raises(KeyboardInterrupt):
            run(one, tmp_path / "run")
    # Not read twice.
    monkeypatch.setattr("keras_vae.data.images.check_one", None)
    run(one, tmp_path / "run", resume=True)
    same_run(streamed, tmp_path / "run")


QUESTIONS = {
    "embed": lambda model, x: model.embed(x),
    "reconstruct": lambda model, x: model.reconstruct(x),
    "elbo": lambda model, x: model.elbo(x, batch_size=7),
    "log_likelihood": lambda model, x: model.log_likelihood(x, 3, batch_size=7),
    "predict": lambda model, x: model.predict(x, verbose=0),
    "evaluate": lambda model, x: model.evaluate(x, batch_size=7, verbose=0),
    "reconstruction": lambda model, x: anomaly_scores(model, x, "reconstruction"),
    "complexity": lambda model, x: anomaly_scores(model, x, "input_complexity", 2),
    "ranking": lambda model, x: anomaly_ranking(model, x, 2).order,
    "scores": lambda model, x: held_out_scores(model, x, 3)["log_likelihood"]["mean"],
    "some": lambda model, x: held_out_scores(model, x, 3, limit=9)["elbo_of_all"]["mean"],
    "logarithm": logarithm_of,
    "collapse": lambda model, x: collapse_report(model, x)["variance"],
}


@pytest.mark.thinned
@pytest.mark.parametrize("question", QUESTIONS)
def test_all_that_a_model_is_asked_is_answered_as_in_memory(question, photos, streamed):
    model = LatentVariableModel.from_preset(streamed)
    model.compile()
    held, read = (load(photos, stream=stream).x_test for stream in (False, True))
    assert isinstance(read, Streamed)
    answers = (QUESTIONS[question](model, x) for x in (held, read))
    np.testing.assert_array_equal(*map(np.asarray, answers))


def test_fit_trains_on_what_is_streamed_as_on_arrays(photos, streamed):
    found = []
    for stream in (False, True):
        data = load(photos, stream=stream)
        model = LatentVariableModel.from_preset(streamed)
        model.compile("sgd")
        options = {"batch_size": 64, "shuffle": False, "verbose": 0}
        history = model.fit(data.x_train, validation_split=0.1, **options).history
        found.append((history, model.get_weights()))
    (one, first), (other, second) = found
    assert one == other
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize(
    "metric",
    [
        *("likelihood", "active_units", "information", "probe", "images", "frechet"),
        *("precision_recall", "anomalies"),
    ],
)
def test_metrics_are_those_in_memory(metric, tmp_path):
    rng, found = np.random.default_rng(0), []
    for i in range(120):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        image = rng.integers(0, 256, (12, 12), dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / "ab"[i % 2] / f"{i:03}.png")
    sets = [load(tmp_path, stream=stream) for stream in (False, True)]
    model = DenseVAE(sets[0].event_shape, 2, "bernoulli", hidden_units=(8,), seed=0)
    model.preprocessor = Preprocessor.fit(sets[1], model.support)
    for data in sets:
        on = HeldOut(
            model,
            *data.split("test"),
            train=functools.partial(data.split, "train"),
            anomalies=data.x_validation,
            num_samples=5,
        )
        found.append(evaluate_metrics([metric], on))
    assert str(found[0]) == str(found[1])
