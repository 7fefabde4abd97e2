"""Keras's callbacks, each doing what it promises."""

import csv
import importlib.util

import keras
import numpy as np
import pytest
from model_cases import data_for, fit, vae, weights


def compiled(run_eagerly=True):
    keras.utils.set_random_seed(3)
    model = vae()
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=run_eagerly)
    return model, data_for(model, 8)


def val_loss(model, x):
    return model.evaluate(x, batch_size=4, verbose=0, return_dict=True)["loss"]


def test_early_stopping_restores_the_best_weights():
    model, x = compiled()
    # Largest is best: the first epoch of a training that lowers the loss.
    stop = keras.callbacks.EarlyStopping(
        "val_loss", patience=2, mode="max", restore_best_weights=True
    )
    losses = fit(model, x, epochs=10, validation_data=x, callbacks=[stop])["val_loss"]
    assert len(losses) == 3 and losses[0] > losses[2]
    np.testing.assert_allclose(val_loss(model, x), losses[0], rtol=1e-6)


@pytest.mark.parametrize("monitor", ["val_elbo", "elbo"])
def test_the_bound_can_be_monitored(monitor):
    model, x = compiled()
    stop = keras.callbacks.EarlyStopping(monitor, patience=1, mode="min")
    assert len(fit(model, x, 10, validation_data=x, callbacks=[stop])["loss"]) == 2


@pytest.mark.parametrize("weights_only", [True, False])
def test_a_checkpoint_is_the_model_of_its_epoch(weights_only, tmp_path):
    model, x = compiled()
    ending = "weights.h5" if weights_only else "keras"
    checkpoint = keras.callbacks.ModelCheckpoint(
        str(tmp_path / f"{{epoch}}.{ending}"), save_weights_only=weights_only
    )
    losses = fit(model, x, epochs=3, validation_data=x, callbacks=[checkpoint])["val_loss"]
    for epoch, loss in enumerate(losses, start=1):
        path = tmp_path / f"{epoch}.{ending}"
        if weights_only:
            loaded, _ = compiled()
            loaded.load_weights(path)
        else:
            loaded = keras.saving.load_model(path)
        np.testing.assert_allclose(val_loss(loaded, x), loss, rtol=1e-6)


class Interruption(Exception):
    pass


class InterruptAt(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Interruption


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_an_interrupted_training_goes_on_as_if_it_had_not_been(run_eagerly, tmp_path):
    whole, x = compiled(run_eagerly)
    losses = fit(whole, x, epochs=4)["loss"]
    first, _ = compiled(run_eagerly)

    def backup():
        return keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))

    with pytest.raises(Interruption):
        fit(first, x, epochs=4, callbacks=[backup(), InterruptAt(2)])
    second, _ = compiled(run_eagerly)
    resumed = fit(second, x, epochs=4, callbacks=[backup()])["loss"]
    np.testing.assert_allclose(resumed, losses[2:], rtol=1e-6)
    np.testing.assert_allclose(weights(second), weights(whole), rtol=0, atol=1e-6)


def test_the_csv_log_has_every_number(tmp_path):
    model, x = compiled()
    log = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    history = fit(model, x, epochs=2, validation_data=x, callbacks=[log])
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"epoch", *history}
    for name, values in history.items():
        np.testing.assert_allclose([float(row[name]) for row in rows], values, rtol=1e-6)


@pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None,
    reason="the tensorboard package, which tf.summary needs, is not installed",
)
def test_tensorboard_gets_every_scalar(tmp_path):
    from tensorboard.backend.event_processing import event_accumulator

    model, x = compiled()
    board = keras.callbacks.TensorBoard(tmp_path, write_graph=False)
    history = fit(model, x, epochs=2, callbacks=[board])
    events = event_accumulator.EventAccumulator(
        str(tmp_path / "train"), size_guidance={"tensors": 0}
    )
    events.Reload()
    for name in history:
        assert len(events.Tensors(f"epoch_{name}")) == 2


def test_learning_rate_callbacks_reach_the_optimizer():
    model, x = compiled()
    rates = keras.callbacks.LearningRateScheduler(lambda epoch: 0.5 * 0.1**epoch)
    logged = fit(model, x, epochs=2, callbacks=[rates])["learning_rate"]
    np.testing.assert_allclose(logged, [0.5, 0.05], rtol=1e-6)


def test_terminate_on_nan_stops():
    model, x = compiled()
    model.decoder.layers[-1].bias.assign(np.full(6, np.nan))
    terminate = keras.callbacks.TerminateOnNaN()
    assert len(fit(model, x, epochs=5, callbacks=[terminate])["loss"]) == 1
