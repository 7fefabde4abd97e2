"""Settings with which a part means nothing: refused when it is made, compiled or fed."""

import numpy as np
import pytest
import tensorflow as tf

from keras_vae import DenseVAE, layers, objectives, priors


def model(posterior, latent_dim=3, **arguments):
    """A small model with a posterior."""
    return DenseVAE(4, latent_dim, "normal", (4,), posterior=posterior, seed=0, **arguments)


def compiled(objective):
    """A model that is compiled with an objective."""
    vae = model("normal")
    vae.compile("adam", objective=objective)
    return vae


def fitted(objective, rows, batch_size):
    """A model that is compiled with an objective and trained in batches."""
    vae = compiled(objective)
    vae.fit(np.zeros((rows, 4), np.float32), batch_size=batch_size, verbose=0)


BAD = {
    "temperature of zero": (
        lambda: model("relaxed_one_hot_categorical:temperature=0"),
        "temperature must be positive, but is 0",
    ),
    "VIMCO of one draw": (
        lambda: model("normal").compile("adam", objective="vimco:num_samples=1"),
        "num_samples of VIMCO must be at least 2",
    ),
    "temperature of zero, of a prior": (
        lambda: model("normal").draw(3, seed=0, temperature=0.0),
        "temperature must be positive and finite, but is 0",
    ),
    "leave-one-out of one draw": (
        lambda: model("bernoulli").compile("adam", "leave_one_out:num_samples=1"),
        "num_samples of LeaveOneOut must be at least 2",
    ),
    "second-stage VAE on bits": (
        lambda: model("bernoulli", prior="second_stage_vae"),
        "gives probabilities, but the prior SecondStageVAE gives densities",
    ),
    "second-stage VAE on a sphere": (
        lambda: model("power_spherical", prior="second_stage_vae"),
        "lives on .*sphere.*, but the prior SecondStageVAE on",
    ),
    "leapfrog steps on a sphere": (
        lambda: model("power_spherical", leapfrog=2).compile("adam", "hvae"),
        "HVAE moves latent variables along straight steps",
    ),
    "flow on bits": (
        lambda: model("bernoulli", prior=priors.Learned(layers.Flow(3))),
        "gives probabilities, but the prior Learned gives densities",
    ),
    "flow on classes": (
        lambda: model("one_hot_categorical", prior="learned:layer=flow"),
        "gives probabilities, but the prior Learned gives densities",
    ),
    "InfoVAE, batches of one": (
        lambda: fitted(objectives.InfoVAE(), 8, 1),
        "InfoVAE compares .* needs at least 2",
    ),
    "WAE, a last batch of one": (
        lambda: fitted(objectives.WAE(), 9, 8),
        "WAE compares .* leave a batch of 1",
    ),
    "WAE, one observation by hand": (
        lambda: compiled(objectives.WAE()).train_on_batch(np.zeros((1, 4), np.float32)),
        "WAE compares .* leave a batch of 1",
    ),
    "sphere of one dimension": (
        lambda: model("power_spherical", latent_dim=1),
        "event_size must be at least 2, but is 1",
    ),
    "directions in one dimension": (
        lambda: model("von_mises_fisher", latent_dim=1),
        "must be at least 2, but is 1|must be",
    ),
}


@pytest.mark.parametrize("make, match", BAD.values(), ids=list(BAD))
def test_settings_that_mean_nothing_are_refused_plainly(make, match):
    with pytest.raises(ValueError, match=match) as error:
        make()
    assert "in user code" not in str(error.value)


def test_a_last_batch_of_one_in_a_stream_is_not_learned_from():
    vae = compiled(objectives.InfoVAE())
    stream = tf.data.Dataset.from_tensor_slices(np.zeros((5, 4), np.float32)).batch(4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="InfoVAE compares"):
        vae.fit(stream, verbose=0)
    assert all(np.isfinite(w).all() for w in vae.get_weights())
