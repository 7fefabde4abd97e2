import numpy as np
import pytest

from keras_vae import plots


def grey(*values, shape=(4, 5, 1)):
    """One constant image for each value."""
    return np.stack([np.full(shape, value, np.uint8) for value in values])


def test_panels_have_their_labels_and_the_look_of_the_charts():
    labels = ("epoch", "nats"), ("z", "density", "prior")
    figure, axes = plots.panels(*labels, caption="Two panels.", width=3.0, height=2.0)
    assert figure.axes == list(axes)
    assert [(ax.get_xlabel(), ax.get_ylabel()) for ax in axes] == [x[:2] for x in labels]
    assert [ax.get_title(loc="left") for ax in axes] == ["", "prior"]
    assert figure.get_suptitle() == "Two panels."
    assert figure.get_size_inches()[0] == 6.0
    assert not axes[0].spines["top"].get_visible()


@pytest.mark.parametrize("labels", [(), (("epoch",),), (("a", "b", "c", "d"),)])
def test_panels_without_labels_are_refused(labels):
    with pytest.raises(ValueError, match="Each panel needs"):
        plots.panels(*labels)


def test_each_row_and_column_of_images_has_its_name_at_its_middle():
    rows = {"first": grey(10, 20, 30), "second": grey(40, 50, 60)}
    figure = plots.image_rows(rows, columns=["a", "b", "c"], caption="Six images.")
    (ax,) = figure.axes
    picture = ax.get_images()[0].get_array()
    ticks = {
        axis: list(
            zip(np.round(at).astype(int), [t.get_text() for t in texts], strict=True)
        )
        for axis, at, texts in [
            ("y", ax.get_yticks(), ax.get_yticklabels()),
            ("x", ax.get_xticks(), ax.get_xticklabels()),
        ]
    }
    assert [name for _, name in ticks["y"]] == ["first", "second"]
    assert [name for _, name in ticks["x"]] == ["a", "b", "c"]
    values = [[picture[y, x, 0] for x, _ in ticks["x"]] for y, _ in ticks["y"]]
    assert values == [[10, 20, 30], [40, 50, 60]]
    assert figure.get_suptitle() == "Six images."


def test_rows_may_have_ranges_of_their_own():
    rows = {"bytes": grey(0, 255), "floats": grey(0, 1).astype(np.float32)}
    picture = plots.image_rows(rows).axes[0].get_images()[0].get_array()
    assert (picture[0] == picture[-1]).all()


def test_rows_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        plots.image_rows({"a": grey(1, 2), "b": grey(1)})
    with pytest.raises(ValueError, match="one shape"):
        plots.image_rows({})
    with pytest.raises(ValueError, match="3 names for 2 columns"):
        plots.image_rows({"a": grey(2, 3)}, columns="abc")


@pytest.mark.parametrize("count", [3, 12])
def test_names_of_rows_are_whole(count):
    names = ["autoencoder, second-stage VAE", *"abcde"]
    figure = plots.image_rows({name: grey(count) for name in names})
    figure.draw_without_rendering()
    labels = figure.axes[0].get_yticklabels()
    assert min(one.get_window_extent().x0 for one in labels) >= 0
