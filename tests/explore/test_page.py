"""The page: what it holds, and that it computes what the model computes."""

import importlib.resources
import re

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from in_node import content_of, evaluate, needs_node, run_jobs
from kind_cases import CLASSES, KINDS, ROWS, kind

import keras_vae
from keras_vae import explore
from keras_vae.data import Preprocessor, Scaling, Spectrogram
from keras_vae.data.conditions import Conditions
from keras_vae.data.tables import Column
from keras_vae.evaluation import collapse_report
from keras_vae.explore import contents, operations

# Latent variables that a slider cannot move alone.
BOUND = {"sphere", "bits", "one-hot", "simplex"}
# The draws of a gamma variable, which it is made of, are a loop.
LOOP = {"between 0 and 1"}


def same_as_the_model(model, path, x, y=None):
    """Compares decoder and encoder of a page with those of the model, within 1e-4."""
    content, weights = content_of(path)
    latents, programs = content["latents"], content["programs"]
    rng = np.random.default_rng(0)
    z = rng.uniform(latents["low"], latents["high"], (3, model.latent_dim)).astype("f4")
    z = z.reshape(3, *model.latent.shape)
    told = [] if y is None else [y[:3]]
    units = model.to_units(x[:3])
    named = [{} if y is None else {"y": y[i]} for i in range(3)]
    jobs = [(programs["decode"], {"z": z[i], **named[i]}) for i in range(3)]
    jobs += [(programs["encode"], {"x": units[i], **named[i]}) for i in range(3)]
    found = run_jobs(jobs, weights)
    decoded = np.reshape(model.decoded(tf.constant(z), *told), (3, -1))
    q = {"z": model.codes(units, *told)}
    if model.latent.has_density and model.latent.is_factorized and model.latent.has_moments:
        q |= {
            name: model.posterior_summary(units, *told)[name] for name in ("mean", "stddev")
        }
    for i in range(3):
        np.testing.assert_allclose(found[i]["mean"], decoded[i], rtol=0, atol=1e-4)
        for name, value in q.items():
            wanted = np.ravel(value[i])
            np.testing.assert_allclose(found[3 + i][name], wanted, rtol=0, atol=1e-4)
    return found[3], content


@pytest.fixture(scope="module")
def normal(tmp_path_factory):
    """A page of digits-like images in two halves, with labels of both sorts."""
    path = tmp_path_factory.mktemp("pages") / "page.html"
    model, x, _ = kind("normal")
    half = np.where(np.arange(ROWS) % 2, "low", "</script>")
    labels = {
        "half": half,
        "bright": np.arange(ROWS) % 4 == 0,
        "size": np.linspace(0, 9, ROWS),
    }
    assert explore.write_page(model, path, x, labels=labels, title="<b>", examples=3) == []
    return path


def test_a_page_is_one_file(normal):
    text = normal.read_text("utf-8")
    assert re.findall(r"https?:|src=|href=|@import|url\(", text) == []
    assert "default-src 'none'" in text
    assert text.count("</script>") == 3 and "<title>&lt;b&gt;</title>" in text


@needs_node
def test_a_page_computes_what_its_model_computes(normal):
    model, x, _ = kind("normal")
    found, _ = same_as_the_model(model, normal, x)
    draws = found["draws"].reshape(-1, 3)
    # Five standard errors.
    off = (draws.mean(axis=0) - found["mean"]) / found["stddev"]
    assert np.abs(off).max() < 5 / np.sqrt(len(draws))


def test_numbers_that_say_most_come_first(normal):
    model, x, _ = kind("normal")
    content, _ = content_of(normal)
    rate = collapse_report(model, x)["rate"]
    np.testing.assert_allclose(content["latents"]["said"], rate, rtol=1e-5)
    assert content["latents"]["order"] == np.argsort(-rate).tolist()
    assert content["map"]["axes"] == content["latents"]["order"]
    # Three standard deviations of the prior to both sides.
    assert (np.array(content["latents"]["low"]) <= -2.8).all()
    assert (np.array(content["latents"]["high"]) >= 2.8).all()
    assert content["latents"]["center"] == [0.0, 0.0, 0.0]


def test_labels_are_colours_and_attributes(normal):
    content, _ = content_of(normal)
    half, bright, size = content["map"]["labels"]
    assert half["names"] == ["</script>", "low"] and half["values"][:3] == [0, 1, 0]
    assert size["names"] is None and (size["values"][0], size["values"][-1]) == (0, 1)
    names = [one["name"] for one in content["attributes"]["vectors"]]
    assert names == ["half </script>", "half low", "bright"]
    model, x, _ = kind("normal")
    is_low = np.arange(ROWS) % 2
    vector = keras_vae.generation.attribute_vectors(model, x, {"low": is_low})["low"]
    np.testing.assert_allclose(
        content["attributes"]["vectors"][1]["vector"], vector, atol=1e-5
    )
    assert content["examples"]["count"] == 3


@needs_node
def test_what_a_browser_lacks_is_said(monkeypatch, tmp_path):
    model, x, _ = kind("normal")
    monkeypatch.setattr(operations, "DRAWS", {})
    prior, encoder = explore.write_page(model, tmp_path / "page.html", x)
    assert prior.startswith("There is no button that draws from the prior. The layer ")
    assert encoder.startswith("There are no draws of q(z|x). The layer ")
    found, content = same_as_the_model(model, tmp_path / "page.html", x)
    assert content["notes"][:2] == [prior, encoder]
    assert "draws" not in found and "prior" not in content["programs"]


def test_data_that_must_not_be_shown_are_not_there(tmp_path):
    model, x, _ = kind("normal")
    explore.write_page(model, tmp_path / "page.html", x, examples=0)
    content, _ = content_of(tmp_path / "page.html")
    assert content["examples"] is None


@needs_node
def test_convolutions_with_a_condition_and_no_data(tmp_path, monkeypatch):
    monkeypatch.setattr(explore.page, "_OWN_SAMPLES", 10)
    vae = keras_vae.ConvVAE(
        (9, 6, 3), 2, "normal", (4, 8), 8, normalization=True, condition=3, seed=0
    )  # fmt: skip
    path = tmp_path / "page.html"
    assert explore.write_page(vae, path) == []
    x, y = vae.sample(3, y=[0, 1, 2]), np.arange(3)
    _, content = same_as_the_model(vae, path, x, y)
    assert "samples from the model" in content["latents"]["note"]
    assert content["map"]["count"] == 0 and content["examples"] is None
    assert content["condition"]["controls"][0]["names"] == ["0", "1", "2"]


def test_a_vector_of_labels_has_a_control_for_each():
    model, _, _ = kind("normal")
    told = Conditions(
        [
            Column("kind", "category", ("cat", "dog")),
            Column("age", "real", low=0, high=90),
        ],
        gaps=True,
        library_size=100.0,
    )

    class Told:
        condition_shape, num_classes = told.shape, None
        preprocessor = type("Preprocessor", (), {"conditions": told})

    found = explore.contents.condition_of(Told)
    size, animal, age = found["controls"]
    assert (size["at"], animal["at"], age["at"], age["knownAt"]) == (0, 2, 4, 5)
    coded = told.codes({"library_size": 100.0, "kind": "cat", "age": 45.0})
    np.testing.assert_array_equal(found["start"], coded[0])
    assert age["shown"] == [0, 90] and animal["mayBeUnknown"]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"labels": {"a": [1, 2]}}, "label 'a' has shape .2,., but must have a value"),
        ({"labels": {"a": np.full(12, np.inf)}}, "label 'a' has infinite values"),
        ({"examples": -1}, "examples"),
    ],
)
def test_bad_arguments_are_refused(change, words, tmp_path):
    model, x, _ = kind("normal")
    with pytest.raises(ValueError, match=words):
        explore.write_page(model, tmp_path / "page.html", x, **change)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("posterior", ["power_spherical", "bernoulli"])
def test_numbers_that_do_not_vary_by_themselves_are_refused(posterior, tmp_path):
    vae = keras_vae.DenseVAE(4, 3, "normal", (4,), posterior=posterior)
    with pytest.raises(ValueError, match="A slider moves one latent number"):
        explore.write_page(vae, tmp_path / "page.html")


def test_what_is_no_picture_is_refused(tmp_path):
    vae = keras_vae.DenseVAE((4, 4, 2), 2, hidden_units=(4,))
    with pytest.raises(ValueError, match="neither images with 1 or 3 channels nor rows"):
        explore.write_page(vae, tmp_path / "page.html")


@needs_node
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(KINDS) - BOUND - LOOP))
def test_a_page_of_every_kind(name, tmp_path):
    model, x, y = kind(name)
    y = None if model.condition_shape is None else y
    assert explore.write_page(model, tmp_path / "page.html", x, y) == []
    same_as_the_model(model, tmp_path / "page.html", x, y)
    content, _ = content_of(tmp_path / "page.html")
    # A class within z is chosen, and no slider moves a part of it.
    inside = CLASSES if model.learns_labels else 0
    assert len(content["latents"]["order"]) == model.latent_dim - inside
    assert len(content["latents"]["classes"]) == bool(inside)


def test_a_loop_is_said(tmp_path):
    vae = keras_vae.DenseVAE((3,), 2, "normal", (4,), posterior="gamma", seed=0)
    lacking = explore.write_page(vae, tmp_path / "page.html")
    assert any("is part of a loop, which the page cannot compute" in one for one in lacking)


@pytest.mark.parametrize(
    "given, expected",
    [
        ([10, 2, None], np.array([10, 2, np.nan])),
        ([1, "a", None], np.array(["1", "a", None], object)),
    ],
)
def test_objects_are_numbers_if_they_can_be_and_otherwise_text(given, expected):
    found = explore.page._checked_labels({"a": np.array(given, object)}, 3)["a"]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_class_numbers_of_minus_one_are_unknown():
    flags = {"smiles": np.array([1, -1, 0, 1])}
    codes = np.array([[0.0, 1.0], [9.0, 9.0], [4.0, 1.0], [2.0, 1.0]])
    (label,) = contents.map_of(codes, [0, 1], flags, "rows")["labels"]
    assert (label["names"], label["values"]) == (["0", "1"], [1, None, 0, 1])
    (found,) = contents.attributes_of(kind("normal").model, codes, flags, "rows")["vectors"]
    assert found["name"] == "smiles"
    signs = {"smiles": np.array([1, -1, -1, 1])}
    (label,) = contents.map_of(codes, [0, 1], signs, "rows")["labels"]
    assert label["names"] == ["-1", "1"]
    degrees = {"degrees": np.array([1, -1, -2, 1])}
    (label,) = contents.map_of(codes, [0, 1], degrees, "rows")["labels"]
    assert None not in label["values"]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, ""])
def test_labels_may_be_unknown(missing):
    kinds = np.array(["cat", missing, "dog", "cat"], object)
    (label,) = contents.map_of(np.zeros((4, 2)), [0, 1], {"kind": kinds}, "rows")["labels"]
    assert (label["names"], label["values"]) == (["cat", "dog"], [0, None, 1, 0])
    codes = np.array([[0.0, 1.0], [9.0, 9.0], [4.0, 1.0], [2.0, 1.0]])
    found = contents.attributes_of(kind("normal").model, codes, {"kind": kinds}, "rows")
    assert [one["name"] for one in found["vectors"]] == ["cat", "dog"]
    np.testing.assert_allclose(found["vectors"][1]["vector"], [3.0, 0.0])


def test_sounds_are_refused(tmp_path):
    spectrogram = Spectrogram(2000, 512, 128, 32, 16)
    vae = keras_vae.DenseVAE(spectrogram.event_shape, 2, hidden_units=(4,))
    scaling = Scaling(spectrogram.event_shape)
    vae.preprocessor = Preprocessor(scaling, levels=(0, 255), spectrogram=spectrogram)
    with pytest.raises(ValueError, match="this model is of sounds. Listen to them"):
        explore.write_page(vae, tmp_path / "page.html")


@needs_node
def test_an_address_without_numbers_changes_none():
    asset = importlib.resources.files("keras_vae.explore") / "assets/page.js"
    read = re.search(r"function readHash\(\) \{.*?\n\}", asset.read_text("utf-8"), re.S)[0]
    code = """
const asked = ["", "#z=3", "#y=1", "#z=3&y=2"].map((hash) => {
  globalThis.location = { hash };
  globalThis.state = { z: Float32Array.of(5), y: Float32Array.of(4) };
  readHash();
  return [...state.z, ...state.y];
});
process.stdout.write(JSON.stringify(asked));
"""
    assert evaluate(read + code) == [[5, 4], [3, 4], [5, 1], [3, 2]]


def test_whole_numbers_are_classes_as_long_as_they_are_few():
    labels = {"year": np.arange(1900, 1960), "grade": np.arange(60) % 5}
    codes = np.zeros((60, 2))
    year, grade = contents.map_of(codes, [0, 1], labels, "rows")["labels"]
    assert year["names"] is None and (year["values"][0], year["values"][-1]) == (0, 1)
    assert grade["names"] == list("01234") and grade["values"][:6] == [0, 1, 2, 3, 4, 0]
