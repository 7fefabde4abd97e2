"""Samples of a class, as a classifier of real images reads them."""

import numpy as np
import pytest

import keras_vae
from keras_vae.evaluation import (
    METRICS,
    HeldOut,
    class_reader,
    condition_accuracy,
    describe_metrics,
    evaluate_metrics,
    metrics,
)

CLASSES, SHAPE = 3, (8, 8, 1)


def images(y, seed=0):
    """Bars at the height that their class says, with noise."""
    x = np.random.default_rng(seed).uniform(0.0, 0.3, (len(y), *SHAPE)).astype("f4")
    for image, place in zip(x, y, strict=True):
        image[2 * place : 2 * place + 2] += 0.7
    return x


Y = np.arange(240) % CLASSES
X = images(Y)


class Obeying:
    """A model whose samples of some classes are those of others."""

    num_classes = CLASSES
    shown_range = (0.0, 1.0)
    event_shape = SHAPE
    condition_shape = (CLASSES,)
    preprocessor = None

    def __init__(self, answers):
        self.answers = np.array(answers)

    def pictures(self, x):
        return x

    def reconstruct(self, x, y):
        return images(self.answers[y])

    def sample(self, n, y, seed=0):
        return images(self.answers[y], seed + 1)

    def check_condition(self, y, n):
        return y


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(metrics, "_OF_EACH_CLASS", 20)
    monkeypatch.setattr(metrics, "_READER_STEPS", 60)


@pytest.fixture(scope="module")
def reader():
    return class_reader(X, Y, CLASSES, epochs=10)


@pytest.mark.parametrize(
    "answers, share", [((0, 1, 2), 1), ((0, 1, 1), 2 / 3), ((1, 2, 0), 0)]
)
def test_the_share_is_that_of_the_classes_that_are_obeyed(reader, answers, share):
    found = condition_accuracy(Obeying(answers), reader, 20)
    assert found["mean"] == pytest.approx(share)
    assert found["standard_error"] == pytest.approx((share * (1 - share) / 59) ** 0.5)


def test_large_images_are_averaged_down_first():
    large = np.kron(X[:60], np.ones((1, 12, 12, 1), "f4"))
    reader = class_reader(large, Y[:60], CLASSES, epochs=20)
    assert (reader.predict(large, verbose=0).argmax(-1) == Y[:60]).mean() > 0.9
    # 96 pixels are 32, halved twice.
    assert reader.layers[-1].kernel.shape == (8 * 8 * 64, CLASSES)


def test_levels_do_not_matter(reader):
    eight_bits = class_reader(255 * X, Y, CLASSES, (0, 255), epochs=10)
    for ours, x in ((reader, X), (eight_bits, 255 * X)):
        assert (ours.predict(x, verbose=0).argmax(-1) == Y).all()


def test_the_metric_reads_held_out_images_and_samples():
    # The class of every fifth is unknown.
    y = np.where(np.arange(len(Y)) % 5, Y, -1)
    on = HeldOut(Obeying((0, 1, 1)), X[:30], y[:30], lambda: (X, y))
    found = evaluate_metrics("classes", on)["classes"]
    assert found["num_examples"] == 24 and found["num_train"] == 192
    assert found["classifier_accuracy"]["mean"] == 1
    assert found["reconstruction_accuracy"]["mean"] == pytest.approx(2 / 3)
    assert found["condition_accuracy"]["mean"] == pytest.approx(2 / 3)
    assert (
        "class that was asked for" in describe_metrics({"classes": found})
        and METRICS["classes"].about
    )


def test_what_has_no_classes_is_refused(reader):
    model = keras_vae.DenseVAE(SHAPE, 2, hidden_units=(4,))
    with pytest.raises(ValueError, match="condition of this model is not a class"):
        evaluate_metrics("classes", HeldOut(model, X, Y, lambda: (X, Y)))
    with pytest.raises(ValueError, match="whose condition is a class"):
        condition_accuracy(model, reader)
    with pytest.raises(ValueError, match="needs labels"):
        evaluate_metrics("classes", HeldOut(Obeying((0, 1, 2)), X))
    with pytest.raises(ValueError, match="shapes"):
        class_reader(X, Y[:5], CLASSES)
