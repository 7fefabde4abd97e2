"""Runs of a VAE-GAN: the last epoch is kept, and its images are scored."""

import numpy as np
import pytest
from runs import break_in_batch, contents, history, recipe, run, same_run

from keras_vae import VAE, VAEGAN, AutoencoderKL
from keras_vae.data import load
from keras_vae.evaluation import image_scores
from keras_vae.presets.files import read_metadata
from keras_vae.training import game_watch


def adversarial(**values):
    small = {"model": "vae_gan:latent_dim=3,filters=4", "batch_size": 256}
    return recipe(**{**small, "objective": "adversarial:margin=0.3", **values})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run; only to be read."""
    folder = tmp_path_factory.mktemp("adversarial") / "run"
    with pytest.MonkeyPatch.context() as patch:
        # So every discriminator wins.
        patch.setattr(game_watch, "_RIGHT", 0.0)
        return folder, run(adversarial(), folder)


def test_a_run_keeps_the_last_epoch_and_scores_images(whole):
    folder, said = whole
    model, metadata = VAE.from_preset(folder), read_metadata(folder)
    assert type(model) is VAEGAN and metadata["training"]["best_epoch"] == 3
    assert said.count("the discriminator wins") == 1
    assert "kept the last of 3 epochs" in said and "sharpness of samples" in said
    # It scores no likelihood, so there are no units to explain.
    assert "raw values" not in said
    scores = image_scores(model, load("digits").x_test, 500)
    assert metadata["scores"] == {**scores, "split": "test"}
    assert metadata["training"]["monitor"] is None
    assert metadata["likelihood"] == "distances in a discriminator's features"
    assert {"samples.png", "reconstructions.png", "loss.png"} <= set(contents(folder))


def test_the_history_has_every_player(whole):
    columns = set(history(whole[0]))
    logged = ["encoder_loss", "decoder_loss", "discriminator_loss", "feature_distance"]
    logged += ["kl_loss", "accuracy_real", "accuracy_reconstructed", "accuracy_sampled"]
    assert {f"{prefix}{name}" for name in logged for prefix in ("", "val_")} <= columns
    assert "decoder_updates" in columns and "val_decoder_updates" not in columns


@pytest.mark.slow
def test_a_run_of_maps_of_codes(tmp_path):
    model = "autoencoder_kl:latent_channels=2,filters=4-4"
    said = run(adversarial(model=model, objective=None, epochs=1), tmp_path / "run")
    made = VAE.from_preset(tmp_path / "run")
    assert type(made) is AutoencoderKL
    assert made.embed(load("digits").x_test[:3]).shape == (3, 2, 2, 2)
    metadata = read_metadata(tmp_path / "run")
    assert metadata["likelihood"] == "distances of images, and a discriminator"
    assert "PSNR of reconstructions" in said
    # The game would start later than this short run ends.
    assert "the adversarial training starts at step 1,000" in said


@pytest.mark.slow
def test_a_resumed_run_is_the_uninterrupted_one(whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        break_in_batch(patch, 2, 1)
        run(adversarial(), tmp_path)
    assert len(history(tmp_path)["epoch"]) == 2
    said = run(adversarial(), tmp_path, resume=True)
    assert "continuing after epoch 2 of at most 3" in said
    same_run(whole[0], tmp_path)
    before, now = read_metadata(whole[0]), read_metadata(tmp_path)
    assert before["training"] == now["training"]
    np.testing.assert_allclose(
        before["scores"]["psnr"]["mean"], now["scores"]["psnr"]["mean"], rtol=1e-4
    )


@pytest.mark.parametrize(
    "values, words",
    [
        ({"objective": "adversarial:label_smoothing=1"}, "label_smoothing must be below 1"),
        ({"objective": "adversarial:gama=1"}, "'gama'. Did you mean 'gamma'"),
        ({"binarize": "dynamic"}, "makes 0/1 pixels"),
        ({"data": "table.npy"}, "image"),
        ({"model": "vae_gan:networks=paper,filters=4"}, "filters, .* are for networks='li"),
        ({"model": "vae_gan:networks=heavy"}, "'heavy'"),
        ({"model": "autoencoder_kl:filters=4-4-4-4"}, "8x8 cannot be halved 4 times"),
        ({"model": "autoencoder_kl:latent_channels=0"}, "latent_channels must be a posi"),
        ({"model": "dense_vae"}, "has the players encoder, .* Use keras_vae.VAEGAN"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_folder_is_made(
    values, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    np.save("table.npy", np.random.default_rng(0).normal(size=(40, 5)))
    with pytest.raises(ValueError, match=words):
        run(adversarial(**values), tmp_path / "run")
    assert not (tmp_path / "run").exists()
