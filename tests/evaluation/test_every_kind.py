"""Every tool with every kind of latent variable: it works, or says why not."""

import math

import keras
import numpy as np
import pytest
from kind_cases import CLASSES, KINDS, ROWS, SHAPE, Kind, kind
from laws import without_graphs

import keras_vae
from keras_vae import evaluation, generation, plots
from keras_vae.core.seeds import fold
from keras_vae.evaluation import HeldOut, evaluate_metrics, metrics
from keras_vae.generation import impute

HALF = np.arange(ROWS) % 2
LABELS = HALF[:, np.newaxis]


def filled(one, method):
    """Images whose right half is missing."""
    observed = np.ones(one.x.shape, bool)
    observed[:, :, 4:] = False
    found = impute(one.model, one.x, observed, method, 4, num_draws=2, y=one.y)
    np.testing.assert_array_equal(found.mean[observed], one.x[observed])
    assert found.draws.shape == (2, *one.x.shape)
    if one.model.trains_likelihood:
        # Draws are observations. (Those of a VAE-GAN's likelihood are not meant to be.)
        one.model.to_units(found.draws[0])
    return [*found]


def edited(one):
    vectors = generation.attribute_vectors(one.model, one.x, LABELS, y=one.y)
    assert vectors.shape == (1, *one.model.latent.shape)
    found = generation.edit_attribute(one.model, one.x, vectors[0], (0.0, 1.0), y=one.y)
    np.testing.assert_allclose(
        found[:, 0], one.model.reconstruct(one.x, one.y), rtol=1e-5, atol=1e-6
    )
    return found


def swapped(one):
    found = generation.swap(one.x, one.model, one.model, y=one.y)
    np.testing.assert_array_equal(found, one.model.reconstruct(one.x, one.y))
    return found


def sampled(one):
    """Samples, which a picture shows as they come."""
    samples = one.model.sample(4, None if one.y is None else 1)
    # A VAE-GAN's likelihood is a normal, whose means may lie beyond black and white.
    return samples if one.model.trains_likelihood else np.clip(samples, 0.0, 1.0)


def scores(one):
    found = evaluation.held_out_scores(one.model, one.x, 4, limit=5, y=one.y)
    assert len(evaluation.describe_scores(found).splitlines()) > 1
    return found


def report(one):
    """Rates by group sum to the rate of the model, those of units to no more."""
    found = evaluation.collapse_report(one.model, one.x, y=one.y)
    assert found["num_units"] == one.model.latent_dim
    rates = found["group_rate"]
    if rates is None:
        assert not one.model.latent.has_density and found["rate"] is None
        return found["variance"]
    units = one.model.to_units(one.x, scores=True)
    total = np.mean(one.model.trace(units, seed=fold(0, 0), y=one.y).rate)
    np.testing.assert_allclose(rates.sum(), total, rtol=1e-4)
    if found["rate"] is not None:
        assert found["rate"].sum() < total + 1e-4
    return [rates, found["variance"]]


def metric(name):
    """A metric by name."""

    def tool(one):
        y = LABELS[:, 0] if one.y is None else one.y
        on = HeldOut(
            one.model, one.x, y, lambda: (one.x, y), None, one.x[:5], 4, limit=ROWS - 1
        )
        return evaluate_metrics([name], on)[name]

    return tool


# Those that need other data, and those that only take another way through the same.
ELSEWHERE = {
    *("disentanglement", "interventions", "frechet", "likelihood", "ais"),
    *("classes", "sounds"),
}
TOOLS = {
    "impute, importance": lambda one: filled(one, "importance"),
    "impute, gibbs": lambda one: filled(one, "gibbs"),
    "edit": edited,
    "swap": swapped,
    "held-out scores": scores,
    "collapse report": report,
    "manifold": lambda one: plots.latent_manifold(
        one.model, 3, y=None if one.y is None else 1
    ),
    "traversals": lambda one: plots.traversals(one.model, one.x, steps=3, y=one.y),
    "grid": lambda one: plots.image_grid(sampled(one)),
    **{name: metric(name) for name in evaluation.METRICS if name not in ELSEWHERE},
}

# Tools: (kinds they refuse, words).
FLAT = {"sphere", "bits", "one-hot", "simplex", "between 0 and 1", "classes to learn"}
CONDITIONS = {"condition", "prior of a condition"}
POINT = {
    "autoencoder": "is a point",
    "VAE-GAN": "not trained for",
    "maps": "not trained for",
}
NO_LINES = dict.fromkeys(FLAT, "lives on")
NO_CONDITION = dict.fromkeys(CONDITIONS, "knows no condition")
REFUSED = {
    "impute, importance": {"autoencoder": "is a point"},
    "impute, gibbs": {"autoencoder": "is a point"},
    "edit": dict.fromkeys(FLAT, "out of their support"),
    "traversals": dict.fromkeys(FLAT, "out of their support"),
    "manifold": dict.fromkeys(KINDS, "a manifold is drawn of 2"),
    "bidirectional": POINT | NO_LINES | NO_CONDITION,
    "gaps": POINT
    | NO_CONDITION
    | dict.fromkeys(("bits", "one-hot"), "no gradient")
    | {"classes to learn": "no posterior of a single layer"},
    "labels": dict.fromkeys(
        set(KINDS) - {"classes to learn"}, "a model that learns labels"
    ),
    "information": {
        "autoencoder": "is a point",
        "prior of a condition": "no one p.z.",
    },
    "anomalies": dict.fromkeys(CONDITIONS, "for data without labels"),
}


def numbers(found):
    """All numbers of a result."""
    if isinstance(found, dict):
        return [one for value in found.values() for one in numbers(value)]
    if isinstance(found, list | tuple):
        return [one for value in found for one in numbers(value)]
    if found is None or isinstance(found, str):
        return []
    return np.ravel(found).tolist()


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """Few steps, run eagerly: tracing them would take longer."""
    monkeypatch.setitem(metrics._ANNEALED, "num_steps", 2)
    monkeypatch.setitem(metrics._ANNEALED, "num_chains", 2)
    monkeypatch.setitem(metrics._LOCAL, "steps", 2)
    with without_graphs():
        yield


@pytest.mark.thinned
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("tool", TOOLS)
def test_it_works_or_says_why_not(name, tool):
    one, words = kind(name), REFUSED.get(tool, {}).get(name)
    if words is not None:
        with pytest.raises(ValueError, match=words):
            TOOLS[tool](one)
        return
    found = numbers(TOOLS[tool](one))
    assert found and np.isfinite(found).all()


def test_what_is_refused_is_known():
    assert set(REFUSED) <= set(TOOLS)
    assert set().union(*REFUSED.values()) <= set(KINDS)
    assert kind("normal").x.shape == (ROWS, *SHAPE)


def at_condition(model, c):
    """The model without a condition that one with a condition is for class c."""

    def fixed(network, shape):
        x = keras.Input(shape)
        zero = keras.ops.zeros_like(keras.ops.reshape(x, (-1, math.prod(shape)))[:, :1])
        y = zero + np.eye(CLASSES, dtype="float32")[c]
        return keras.Model(x, network([x, y]))

    return keras_vae.VAE(
        fixed(model.encoder, SHAPE),
        fixed(model.decoder, model.latent.shape),
        model.posterior,
        model.likelihood,
        seed=0,
    )


CONDITIONED = (
    set(TOOLS)
    - {"manifold", "grid", "probe", "labels"}
    - {tool for tool, kinds in REFUSED.items() if "condition" in kinds}
)


@pytest.mark.thinned
@pytest.mark.parametrize("tool", sorted(CONDITIONED))
def test_of_one_class_a_condition_is_a_model_of_its_own(tool):
    model, x, _ = kind("condition")
    told = TOOLS[tool](Kind(model, x, np.full(ROWS, 2)))
    alone = TOOLS[tool](Kind(at_condition(model, 2), x, None))
    np.testing.assert_allclose(numbers(told), numbers(alone), rtol=1e-4, atol=1e-5)


def test_labels_of_a_condition_must_be_there():
    model, x, _ = kind("condition")
    for name in ("likelihood", "active_units", "frechet"):
        with pytest.raises(ValueError, match="y was not given"):
            evaluate_metrics([name], HeldOut(model, x))
