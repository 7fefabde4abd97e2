"""Keras's callbacks, each doing what it promises."""

import csv
import importlib.util

import keras
import numpy as np
import pytest
from model_cases import case, data_for, fit, vae, weights


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


@pytest.mark.slow
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


def callbacks(folder):
    """Every callback of Keras that watches a training, and what each needs."""
    made = keras.callbacks
    return {
        "EarlyStopping": made.EarlyStopping("val_loss", restore_best_weights=True),
        "ReduceLROnPlateau": made.ReduceLROnPlateau("val_loss", patience=0, min_delta=9.0),
        "LearningRateScheduler": made.LearningRateScheduler(lambda epoch: 1e-3),
        "ModelCheckpoint": made.ModelCheckpoint(str(folder / "best.keras"), "val_loss"),
        "BackupAndRestore": made.BackupAndRestore(str(folder / "backup")),
        "CSVLogger": made.CSVLogger(str(folder / "log.csv")),
        "TerminateOnNaN": made.TerminateOnNaN(),
        "SwapEMAWeights": made.SwapEMAWeights(),
        "LambdaCallback": made.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
    }


NOT_WATCHING = {
    # Bases, and what is tested by itself above or needs a server.
    "Callback",
    "CallbackList",
    "History",
    "MonitorCallback",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "RemoteMonitor",
    "TensorBoard",
    "TrackioLogger",
}


def test_every_callback_of_keras_is_in_the_list(tmp_path):
    public = {name for name in dir(keras.callbacks) if name[0].isupper()}
    assert public - NOT_WATCHING <= set(callbacks(tmp_path))


@pytest.mark.parametrize(
    "name",
    [
        "from parts",
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in (
                "flow posterior",
                "bits",
                "autoencoder",
                "classes as condition",
                "semi-supervised",
                "VAE-GAN",
            )
        ),
    ],
)
def test_every_kind_of_model_trains_with_every_callback(name, tmp_path):
    found = callbacks(tmp_path)
    average = found.pop("SwapEMAWeights")
    # By themselves; of the slow ones all at once.
    groups = [[one] for one in found.values()] if name == "from parts" else [found.values()]
    for group in [*groups, [average]]:
        model, x = case(name, run_eagerly=True)
        if average in group:
            if model.objective.players:
                continue  # Refused by `compile`: see test_vae_gan_refusals.py.
            optimizer = keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.5)
            model.compile(optimizer, model.objective, run_eagerly=True)
        x = x[:4]
        logs = fit(model, x, epochs=2, validation_data=x, callbacks=[*group])
        assert len(logs["loss"]) == 2 and np.isfinite(logs["val_loss"]).all(), group


def test_a_plateau_lowers_the_rate_of_the_next_step():
    model, x = compiled()
    plateau = keras.callbacks.ReduceLROnPlateau(
        "val_loss", factor=0.1, patience=0, min_delta=1e9
    )
    logged = fit(model, x, epochs=3, validation_data=x, callbacks=[plateau])
    np.testing.assert_allclose(logged["learning_rate"], [1e-2, 1e-2, 1e-3], rtol=1e-5)


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_averages_of_weights_are_kept_and_swapped_in(run_eagerly):
    keras.utils.set_random_seed(3)
    model = vae()
    optimizer = keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5)
    model.compile(optimizer, run_eagerly=run_eagerly)
    x, seen = data_for(model, 8), []

    class Record(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(weights(self.model))

    fit(model, x, epochs=2, callbacks=[Record()])
    # Keras's average begins with the first step's weights.
    average = seen[0]
    for one in seen[1:]:
        average = 0.5 * average + 0.5 * one
    # At the end of `fit` Keras writes it into the model.
    np.testing.assert_allclose(weights(model), average, rtol=1e-4, atol=1e-5)
    assert np.abs(average - seen[-1]).max() > 1e-4


def test_terminate_on_nan_stops():
    model, x = compiled()
    model.decoder.layers[-1].bias.assign(np.full(6, np.nan))
    terminate = keras.callbacks.TerminateOnNaN()
    assert len(fit(model, x, epochs=5, callbacks=[terminate])["loss"]) == 1
