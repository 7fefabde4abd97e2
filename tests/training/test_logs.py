"""The logs of a run: what they hold, and that training is the same without them."""

import contextlib
import csv
import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
from runs import binarized, break_in_batch, contents, history, recipe, run, weights

from keras_vae import DenseVAE
from keras_vae.core.files import read_json
from keras_vae.data import DataSet, Preprocessor
from keras_vae.training import logs
from keras_vae.training.logs import Log, Logger, check_packages
from keras_vae.training.pictures import PictureLog

NAMES = {"samples", "reconstructions"}
SMALL_IMAGES = "conv_vae:latent_dim=2,filters=4,dense_units=8"


@pytest.fixture
def shown(monkeypatch):
    """Pictures by name and epoch, from a logger called memory."""
    pictures = {}

    def show(name, picture, epoch):
        assert picture.dtype == np.uint8 and picture.shape[-1] == 3
        pictures[name, epoch] = picture

    @contextlib.contextmanager
    def memory(run):
        yield Log(keras.callbacks.Callback(), show)

    monkeypatch.setitem(logs.LOGGERS, "memory", Logger(memory))
    return pictures


def write_clips(folder):
    soundfile = pytest.importorskip("soundfile")
    folder.mkdir()
    for i in range(12):
        x = 0.5 * np.sin(np.arange(500) * (0.2 + 0.1 * i))
        soundfile.write(folder / f"{i}.wav", x, 2000)
    return folder


def write_table(folder):
    np.save(folder.with_suffix(".npy"), np.random.default_rng(0).normal(size=(40, 4)))
    return folder.with_suffix(".npy")


def classes(**values):
    return recipe(model="dense_vae:latent_dim=2,hidden_units=8,condition=10", **values)


def labels(**values):
    model = "semi_supervised_vae:latent_dim=2,hidden_units=8"
    return recipe(model=model, labels=20, **values)


def gan(**values):
    small = {"model": "vae_gan:latent_dim=3,filters=4", "batch_size": 256}
    return recipe(**small, objective="adversarial:margin=0.3", **values)


# Runs, the data they need, and whether they have pictures.
RUNS = {
    "binarized": (binarized, None, True),
    "half": (lambda **more: recipe(mixed_precision=True, **more), None, True),
    "classes": (classes, None, True),
    "table": (lambda **more: recipe(batch_size=16, **more), write_table, False),
    "sounds": (lambda **more: recipe(model=SMALL_IMAGES, **more), write_clips, False),
    "labels": (labels, None, True),
    "averages": (lambda **more: recipe(optimizer="adam:use_ema=true", **more), None, True),
    "players": (gan, None, True),
}
SLOW = ("half", "table", "labels", "averages", "players", "sounds")


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[pytest.mark.slow] * (k in SLOW)) for k in RUNS]
)
def test_a_run_with_pictures_is_the_run_without_them(kind, tmp_path, shown):
    make, write, has_pictures = RUNS[kind]
    data = {} if write is None else {"data": str(write(tmp_path / "own"))}
    one = make(epochs=2, **data)
    before, after = tmp_path / "without", tmp_path / "with"
    run(one, before, log=["csv", "memory"], log_images=0)
    assert not shown
    run(one, after, log=["csv", "memory"], log_images=1)
    np.testing.assert_array_equal(weights(before), weights(after))
    assert set(contents(before)) == set(contents(after))
    for name in ("history.csv", "log.csv"):
        assert (before / name).read_bytes() == (after / name).read_bytes()
    with open(after / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for name, values in history(after).items():
        np.testing.assert_allclose([float(row[name]) for row in rows], values, rtol=1e-6)
    epochs = {0, 1} if has_pictures else set()
    assert set(shown) == {(name, epoch) for name in NAMES for epoch in epochs}
    # What is drawn is the model of the epoch.
    for name in NAMES if has_pictures else ():
        assert not np.array_equal(shown[name, 0], shown[name, 1])


@pytest.fixture(scope="module")
def model_and_data():
    """An untrained model, and images for it."""
    x = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1), np.uint8)
    splits = {"x_train": x, "x_validation": x[:5], "x_test": x[5:9]}
    data = DataSet(name="made", likelihood="bernoulli", levels=(0, 255), **splits)
    model = DenseVAE((4, 4, 1), 2, "bernoulli", hidden_units=4, seed=0)
    model.preprocessor = Preprocessor.fit(data, model.support)
    model.compile("adam")
    return model, data


@pytest.mark.parametrize(
    "every, epochs, expected",
    [
        (1, range(3), [0, 1, 2]),
        (2, range(3), [1, 2]),
        (2, range(4), [1, 3]),
        (5, range(2), [1]),
        # A resumed run goes on counting.
        (5, range(3, 7), [4, 6]),
    ],
)
def test_pictures_come_every_few_epochs_and_after_the_last(
    every, epochs, expected, model_and_data
):
    model, data = model_and_data
    seen = []
    made = PictureLog(
        model, data, every, [lambda name, _, epoch: seen.append((name, epoch))]
    )
    made.set_model(model)
    made.on_train_begin()
    for epoch in epochs:
        made.on_epoch_end(epoch)
    made.on_train_end()
    assert sorted(seen) == sorted((name, epoch) for name in NAMES for epoch in expected)


@pytest.mark.parametrize(
    "given, every, words",
    [
        (["cvs"], 5, "Unknown logger 'cvs'. Did you mean 'csv'"),
        (["csv"], -1, "number of epochs, or 0 .* but is -1"),
        (["csv"], 1.5, "but is 1.5"),
        (["csv"], True, "but is True"),
    ],
)
def test_wrong_names_and_numbers_are_refused(given, every, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        run(recipe(), tmp_path / "run", log=given, log_images=every)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("name", [k for k, one in logs.LOGGERS.items() if one.package])
def test_a_missing_package_is_named(name, folder, tmp_path, monkeypatch):
    if folder:
        # As W&B's own folder of logs, where Python looks first.
        (tmp_path / "missing_logger").mkdir()
        monkeypatch.syspath_prepend(tmp_path)
    logger = logs.LOGGERS[name]._replace(package="missing_logger")
    monkeypatch.setitem(logs.LOGGERS, name, logger)
    with pytest.raises(ImportError, match=rf'--log {name} needs .*".\[missing_logger\]"'):
        check_packages([name])


def test_every_package_is_an_extra():
    setup = (Path(__file__).parents[2] / "setup.py").read_text()
    for logger in logs.LOGGERS.values():
        assert logger.package is None or f'"{logger.package}": ' in setup


@pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None,
    reason="the tensorboard package is not installed",
)
def test_tensorboard_gets_scores_and_pictures(tmp_path):
    from tensorboard.backend.event_processing import event_accumulator

    def events(folder):
        read = event_accumulator.EventAccumulator(str(folder), size_guidance={"tensors": 0})
        read.Reload()
        return read

    run(recipe(), tmp_path / "run", log=["tensorboard"], log_images=2)
    board = tmp_path / "run" / "tensorboard"
    assert len(events(board / "validation").Tensors("epoch_elbo")) == 3
    for name in NAMES:
        pictures = events(board / "pictures").Tensors(name)
        assert [one.step for one in pictures] == [1, 2]
        # Width, height and the file.
        assert pictures[0].tensor_proto.string_val[2].startswith(b"\x89PNG")
    run(recipe(epochs=1), tmp_path / "off", log=["tensorboard"], log_images=0)
    assert not (tmp_path / "off" / "tensorboard" / "pictures").exists()


def interrupted_and_resumed(folder, monkeypatch, name, between=lambda: None):
    """A run of three epochs, of which Ctrl-C ends the second."""
    monkeypatch.chdir(folder)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        break_in_batch(patch, 1, 3)
        run(recipe(), "run", log=[name], log_images=1)
    between()
    run(recipe(), "run", log=[name], log_images=1, resume=True)


@pytest.mark.slow
def test_mlflow_gets_one_run_although_it_was_resumed(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    states = []

    def note():
        states.append(mlflow.search_runs(output_format="list")[0].info.status)
        assert mlflow.active_run() is None

    interrupted_and_resumed(tmp_path, monkeypatch, "mlflow", note)
    note()
    assert states == ["FAILED", "FINISHED"]
    (one,) = mlflow.search_runs(output_format="list")
    assert one.info.run_name == "run"
    assert one.data.params == {k: str(v) for k, v in kept_recipe(tmp_path).items()}
    client = mlflow.MlflowClient()
    for name, values in history(tmp_path / "run").items():
        if name != "epoch":
            logged = client.get_metric_history(one.info.run_id, name)
            assert [metric.step for metric in logged] == [0, 1, 2]
            np.testing.assert_allclose([m.value for m in logged], values, rtol=1e-6)
    files = [file.path for file in client.list_artifacts(one.info.run_id, "images")]
    for epoch in range(3):
        for name in NAMES:
            begin = f"images/{name}"
            assert any(f.startswith(begin) and f"step+{epoch}+" in f for f in files)


@pytest.mark.slow
def test_wandb_gets_one_run_although_it_was_resumed(tmp_path, monkeypatch, capfd):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    ends, finish = [], wandb.Run.finish

    def noted(self, exit_code=None, **options):
        ends.append((self.id, exit_code, dict(self.summary)))
        assert self.name == "run" and dict(self.config) == kept_recipe(tmp_path)
        finish(self, exit_code, **options)

    monkeypatch.setattr(wandb.Run, "finish", noted)
    interrupted_and_resumed(tmp_path, monkeypatch, "wandb")
    assert wandb.run is None
    (first, failed, _), (second, done, summary) = ends
    assert first == second and (failed, done) == (1, 0)
    # Nothing is printed about an end that is no error of ours.
    assert "Traceback" not in capfd.readouterr().err
    assert summary["epoch/epoch"] == 2
    last = history(tmp_path / "run")["val_elbo"][-1]
    np.testing.assert_allclose(summary["epoch/val_elbo"], last, rtol=1e-6)
    pictures = list(tmp_path.glob("wandb/offline-run-*/files/media/images/epoch/*.png"))
    for name in NAMES:
        assert sum(path.name.startswith(name) for path in pictures) == 3


def kept_recipe(folder):
    return read_json(folder / "run" / "recipe.json")
