"""Runs of a VAE-GAN: the last epoch is kept, and its images are scored."""

import numpy as np
import pytest
from runs import break_in_batch, contents, history, recipe, run, same_run

from keras_vae import VAE, VAEGAN
from keras_vae.data import Preprocessor, load
from keras_vae.evaluation import image_scores
from keras_vae.presets.files import read_metadata


def adversarial(**values):
    small = {"hidden_units": None, "filters": (4,), "batch_size": 256, "latent_dim": 3}
    return recipe(**{"model": "vae_gan", "margin": 0.3, **small, **values})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run; only to be read."""
    folder = tmp_path_factory.mktemp("adversarial") / "run"
    return folder, run(adversarial(), folder)


def test_a_run_keeps_the_last_epoch_and_scores_images(whole):
    folder, said = whole
    model, metadata = VAE.from_preset(folder), read_metadata(folder)
    assert type(model) is VAEGAN and metadata["training"]["best_epoch"] == 3
    assert "kept is the last of 3 epochs" in said and "sharpness of samples" in said
    x = Preprocessor.from_config(metadata["data"]["preprocessor"])(load("digits").x_test)
    scores = image_scores(model, x, 500)
    assert metadata["scores"] == {**scores, "split": "test"}
    assert {"samples.png", "reconstructions.png", "loss.png"} <= set(contents(folder))


def test_the_history_has_every_player(whole):
    columns = set(history(whole[0]))
    logged = ["encoder_loss", "decoder_loss", "discriminator_loss", "feature_distance"]
    logged += ["kl_loss", "accuracy_real", "accuracy_reconstructed", "accuracy_sampled"]
    assert {f"{prefix}{name}" for name in logged for prefix in ("", "val_")} <= columns
    assert "decoder_updates" in columns and "val_decoder_updates" not in columns


def test_a_resumed_run_is_the_uninterrupted_one(whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        break_in_batch(patch, 2, 1)
        run(adversarial(), tmp_path)
    assert len(history(tmp_path)["epoch"]) == 2
    said = run(adversarial(), tmp_path, resume=True)
    assert "going on after epoch 2 of at most 3" in said
    same_run(whole[0], tmp_path)
    before, now = read_metadata(whole[0]), read_metadata(tmp_path)
    assert before["training"] == now["training"]
    np.testing.assert_allclose(
        before["scores"]["psnr"]["mean"], now["scores"]["psnr"]["mean"], rtol=1e-4
    )


@pytest.mark.parametrize(
    "values, words",
    [
        ({"label_smoothing": 1.0}, "label_smoothing must be below 1"),
        ({"binarize": "dynamic"}, "not 'vae_gan'"),
        ({"data": "table.npy"}, "vae_gan is for images"),
        ({"networks": "paper"}, "filters .* are for networks='light'"),
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
