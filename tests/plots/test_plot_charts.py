import csv
import io
from concurrent.futures import ThreadPoolExecutor

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex
from PIL import Image

from keras_vae import plots

RNG = np.random.default_rng(0)


def history(epochs=20, validation=True):
    """A run that goes well."""
    falling = 100 + 50 * np.exp(-np.arange(epochs) / 5)
    curves = {"elbo": -falling, "reconstruction_loss": falling - 20, "kl_loss": falling / 9}
    if validation:
        curves |= {f"val_{key}": values + 1 for key, values in curves.items()}
    return {"loss": list(falling)} | {k: list(v) for k, v in curves.items()}


def lines(figure, panel=0):
    """The curves of a panel by their labels."""
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in figure.axes[panel].get_lines()
    }


def test_loss_curves_show_the_history():
    given = history()
    figure = plots.loss_curves(given)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["ELBO", "Reconstruction loss", "KL loss"]
    for panel, key in enumerate(["elbo", "reconstruction_loss", "kl_loss"]):
        ax = figure.axes[panel]
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "nats per example")
        assert lines(figure, panel) == {
            "training": (list(range(1, 21)), given[key]),
            "validation": (list(range(1, 21)), given[f"val_{key}"]),
        }
    legend = figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["training", "validation"]


def test_charts_have_captions():
    figures = [
        plots.loss_curves(history(), caption="A run."),
        plots.latent_scatter(RNG.normal(size=(9, 2)), caption="A run."),
    ]
    assert [figure.get_suptitle() for figure in figures] == ["A run."] * 2
    assert plots.loss_curves(history()).get_suptitle() == ""


def test_runs_without_validation_and_without_some_of_the_losses():
    figure = plots.loss_curves({"kl_loss": [1.0, 2.0]})
    assert len(figure.axes) == 1
    assert lines(figure) == {"training": ([1, 2], [1.0, 2.0])}


def test_validation_in_every_third_epoch_stands_at_these_epochs():
    given = history(10) | {"val_elbo": [-3.0, -2.0, -1.0]}
    assert lines(plots.loss_curves(given))["validation"][0] == [3, 6, 9]
    # Every fourth epoch and every fifth give as many.
    given = history(11) | {"val_elbo": [-2.0, -1.0]}
    with pytest.raises(ValueError, match=r"4, 5. Give the one of fit.*validation_freq=4"):
        plots.loss_curves(given)
    figure = plots.loss_curves(given, validation_freq=4)
    assert lines(figure)["validation"][0] == [4, 8]


def test_a_csv_file_of_keras_can_be_drawn():
    text = "epoch,elbo,val_elbo\n6,-90.5,NA\n7,-89.0,-91.0\n8,-88,NA\n9,-87,-90.0\n"
    rows = list(csv.DictReader(io.StringIO(text)))
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    curves = lines(plots.loss_curves(columns))
    assert curves["training"] == ([7, 8, 9, 10], [-90.5, -89.0, -88.0, -87.0])
    # One line, not lone points between gaps, which are not seen.
    assert curves["validation"] == ([8, 10], [-91.0, -90.0])
    again = lines(plots.loss_curves(columns, validation_freq=2))
    assert again["validation"] == curves["validation"]
    with pytest.raises(ValueError, match="validation_freq must be a positive"):
        plots.loss_curves(columns, validation_freq=-1)
    # Keras writes such a column even if there was no validation.
    columns["val_elbo"] = ["NA"] * 4
    assert "validation" not in lines(plots.loss_curves(columns))


@pytest.mark.parametrize("wild", [1e9, 1e4, np.nan, np.inf])
@pytest.mark.parametrize("epochs", [3, 6, 20, 200])
def test_a_wild_first_epoch_does_not_squash_the_rest(wild, epochs):
    given = history(epochs)
    given["elbo"][0], given["val_elbo"][0] = -wild, -2 * wild
    low, high = plots.loss_curves(given).axes[0].get_ylim()
    assert high - low < 60
    # What comes after is there: the end of both curves, and the second epoch.
    for value in (given["elbo"][-1], given["val_elbo"][-1], given["elbo"][1]):
        assert low < value < high or (epochs == 200 and value == given["elbo"][1])


def test_tame_curves_are_shown_whole():
    given = {"elbo": list(np.linspace(-120, -100, 30))}
    low, high = plots.loss_curves(given).axes[0].get_ylim()
    assert low < -120 and high > -100


@pytest.mark.parametrize("values", [[-5.0], [-5.0, -5.0], [0.0, 0.0], [np.nan, np.nan]])
def test_curves_without_extent(values, tmp_path):
    figure = plots.loss_curves({"elbo": values, "val_elbo": values})
    plots.save_figure(figure, tmp_path / "loss.png")
    low, high = figure.axes[0].get_ylim()
    assert low < high and np.isfinite([low, high]).all()
    if len(values) == 1:
        assert figure.axes[0].get_lines()[0].get_marker() == "o"


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "but has nothing"),
        ({"loss": [1.0], "mae": [2.0]}, "but has loss, mae"),
        ({"elbo": []}, "no epochs"),
        ({"elbo": [1.0, 2.0], "epoch": [0]}, r"history\['epoch'\] must hold 2 numbers"),
        ({"elbo": [1.0], "epoch": ["one"]}, r"history\['epoch'\] must hold 1 numbers"),
    ],
)
def test_histories_that_cannot_be_drawn_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        plots.loss_curves(given)


def scatter(figure):
    """Points and the colour of each."""
    dots = figure.axes[0].collections[0]
    return np.asarray(dots.get_offsets()), [to_hex(c) for c in dots.get_facecolors()]


def legend(figure):
    """Colours by name."""
    handles = figure.legends[0].legend_handles
    return {one.get_label(): to_hex(one.get_color()) for one in handles}


def test_codes_in_the_plane_are_shown_as_they_are():
    codes = RNG.normal(size=(50, 2))
    figure = plots.latent_scatter(codes)
    points, colors = scatter(figure)
    assert sorted(map(tuple, points)) == sorted(map(tuple, codes))
    assert len(set(colors)) == 1 and not figure.legends
    ax = figure.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("z[0]", "z[1]")
    assert ax.get_aspect() == 1.0


@pytest.mark.parametrize("classes", [2, 10, 20])
def test_each_class_has_its_own_colour_and_name(classes):
    codes = RNG.normal(size=(100, 2))
    labels = np.arange(100) % classes
    names = [f"class {i}" for i in range(classes)]
    figure = plots.latent_scatter(codes, labels, names)
    colors = legend(figure)
    assert list(colors) == names
    assert len(set(colors.values())) == classes
    for point, color in zip(*scatter(figure), strict=True):
        where = np.flatnonzero((codes == point).all(axis=1))[0]
        assert color == colors[names[labels[where]]]


def test_labels_may_be_words_and_need_no_names():
    figure = plots.latent_scatter(np.eye(3)[:, :2], ["dog", "cat", "dog"])
    assert list(legend(figure)) == ["cat", "dog"]


def test_more_dimensions_are_projected_on_principal_components():
    codes = RNG.normal(size=(4000, 5)) * [0.1, 3.0, 0.1, 1.0, 0.1]
    figure = plots.latent_scatter(codes)
    ax = figure.axes[0]
    assert ax.get_xlabel() == "principal component 1 (90% of variance)"
    assert ax.get_ylabel() == "principal component 2 (10% of variance)"
    np.testing.assert_allclose(scatter(figure)[0].std(axis=0), [3.0, 1.0], rtol=0.05)


@pytest.mark.parametrize(
    "codes, labels, names, message",
    [
        (np.zeros(4), None, None, r"\[N, D\]"),
        (np.zeros((4, 1)), None, None, "at least 2 dimensions"),
        (np.zeros((1, 4)), None, None, "at least 2 codes"),
        (np.full((4, 2), np.nan), None, None, "NaN"),
        (np.ones((4, 3)), None, None, "all the same"),
        (np.eye(4), [0, 1, 2], None, r"shape \(4,\), but has shape \(3,\)"),
        (np.eye(4), np.eye(4), None, r"has shape \(4, 4\)"),
        (np.eye(21), range(21), None, "21 different values"),
        (np.eye(3), [0, 1, 2], ["a", "b"], "2 names.*labels has 2"),
        (np.eye(3), [-1, 0, 1], ["a", "b"], "labels has -1"),
        (np.eye(3), ["a", "b", "b"], ["a", "b"], "labels has 'a'"),
    ],
)
def test_codes_that_cannot_be_drawn_are_refused(codes, labels, names, message):
    with pytest.raises(ValueError, match=message):
        plots.latent_scatter(codes, labels, names)


def test_charts_and_pictures_work_in_threads(tmp_path, plane):
    codes = RNG.normal(size=(60, 4))

    def work(i):
        plots.save_figure(plots.loss_curves(history()), tmp_path / f"loss_{i}.png")
        figure = plots.latent_scatter(codes, np.arange(60) % 3)
        plots.save_figure(figure, tmp_path / f"scatter_{i}.png")
        plots.save_image(plots.latent_manifold(plane, 3), tmp_path / f"z_{i}.png")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    for kind in ("loss", "scatter", "z"):
        first, *others = [Image.open(path) for path in tmp_path.glob(f"{kind}_*.png")]
        assert len(others) == 2
        for other in others:
            np.testing.assert_array_equal(first, other)


def test_global_state_of_matplotlib_is_left_alone():
    before = dict(matplotlib.rcParams), pyplot.get_fignums()
    plots.loss_curves(history())
    plots.latent_scatter(np.eye(3), [0, 1, 2])
    assert (dict(matplotlib.rcParams), pyplot.get_fignums()) == before
