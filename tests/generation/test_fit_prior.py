"""Priors that are fitted after the fact: what the codes gain, and what stays as it was."""

import keras
import numpy as np
import pytest

from keras_vae import DenseVAE, LadderVAE, SemiSupervisedVAE, generation, priors

# Codes of two clusters, far from the origin and from each other.
_rng = np.random.default_rng(0)
SIDES = np.where(_rng.random((400, 1)) < 0.3, -6.0, 5.0)
X = (SIDES + 0.3 * _rng.normal(size=(400, 2))).astype(np.float32)


def autoencoder(posterior="deterministic", **kwargs):
    """A model whose code is x itself."""
    keras.utils.set_random_seed(0)
    vae = DenseVAE(2, 2, "normal:scale=1.0", (), posterior=posterior, **kwargs)
    kernel = vae.encoder.weights[-2]
    start = np.zeros(kernel.shape, np.float32)
    start[:2, :2] = np.eye(2)
    kernel.assign(start)
    return vae


PRIORS = {
    "mixture of normals": "mixture_of_normals:num_components=2,seed=1",
    "normal": "learned:layer=normal",
    "masked autoregressive flow": "learned:layer=(flow:bijector=maf,num_layers=1)",
    "second stage": "second_stage_vae:hidden_units=8,latent_dim=1",
}


@pytest.mark.thinned
@pytest.mark.parametrize(
    "posterior, prior",
    [
        ("normal", "normal"),
        ("deterministic", "masked autoregressive flow"),
        ("normal", "second stage"),
    ],
)
def test_codes_score_better_and_the_original_stays_as_it_was(posterior, prior):
    vae = autoencoder(posterior)
    before = vae.get_weights()
    fitted = generation.fit_prior(vae, X, PRIORS[prior], epochs=3)
    z = vae.embed(X)
    gain = np.mean(fitted.log_prior(z)) - np.mean(vae.log_prior(z))
    assert gain > 15.0
    for mine, earlier in zip(vae.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, earlier)
    np.testing.assert_array_equal(fitted.embed(X), z)
    np.testing.assert_array_equal(fitted.reconstruct(X), vae.reconstruct(X))


def test_a_mixture_finds_the_clusters():
    fitted = generation.fit_prior(autoencoder(), X, PRIORS["mixture of normals"], epochs=2)
    z = np.asarray(fitted.draw(4000, seed=0))[:, 0]
    share = (SIDES < 0).mean()
    assert (z < 0).mean() == pytest.approx(share, abs=4 * np.sqrt(0.25 / 4000))
    assert abs(z[z < 0].mean() + 6.0) < 0.1 and abs(z[z > 0].mean() - 5.0) < 0.1


@pytest.mark.slow
def test_a_prior_of_the_condition_learns_what_goes_with_it():
    vae = autoencoder(condition=2)
    y = (SIDES[:, 0] > 0).astype(int)
    fitted = generation.fit_prior(
        vae,
        X,
        priors.Conditional("normal"),
        y=y,
        epochs=100,
        patience=100,
        learning_rate=0.05,
    )
    means = [
        np.asarray(fitted.draw(500, seed=0, y=np.full(500, one))).mean() for one in (0, 1)
    ]
    assert means[0] == pytest.approx(-6.0, abs=1.5) and means[1] == pytest.approx(
        5.0, abs=0.5
    )


def test_a_prior_without_weights_takes_the_place_of_another():
    vae = autoencoder(prior="mixture_of_normals:num_components=3")
    fitted = generation.fit_prior(vae, X, "standard_normal")
    assert np.std(fitted.draw(2000, seed=0)) == pytest.approx(1.0, abs=0.1)


def test_a_fitted_model_is_saved(tmp_path):
    fitted = generation.fit_prior(autoencoder(), X, PRIORS["second stage"], epochs=1)
    fitted.save_to_preset(tmp_path / "fitted")
    again = DenseVAE.from_preset(tmp_path / "fitted")
    np.testing.assert_array_equal(again.draw(5, seed=0), fitted.draw(5, seed=0))
    np.testing.assert_array_equal(again.log_prior(X), fitted.log_prior(X))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="at least 20"):
        generation.fit_prior(autoencoder(), X[:19], "standard_normal")
    with pytest.raises(ValueError, match="epochs"):
        generation.fit_prior(autoencoder(), X, "standard_normal", epochs=0)
    with pytest.raises(ValueError):
        generation.fit_prior(autoencoder(), X, "uniform_on_sphere")


@pytest.mark.parametrize(
    "make",
    [
        lambda: LadderVAE(2, (2, 1), "normal", hidden_units=(3, 3), seed=0),
        lambda: SemiSupervisedVAE(2, 2, 3, "normal", hidden_units=(4,), seed=0),
    ],
    ids=["hierarchy", "classes"],
)
def test_models_whose_prior_belongs_to_their_levels_or_classes_say_so(make):
    model = make()
    with pytest.raises(ValueError, match="when you make the model"):
        generation.fit_prior(model, X, "standard_normal")
