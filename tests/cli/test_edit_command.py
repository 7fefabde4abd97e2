"""`edit`: attributes and classes of a run's data, as rows of a picture."""

import dataclasses

import numpy as np
import pytest
from commands import MODEL, SMALL, write_images
from PIL import Image

from keras_vae import VAE, generation, plots
from keras_vae import data as data_module
from keras_vae.data import load
from keras_vae.generation import attribute_vectors, edit_attribute


def expected_picture(run, classes, strengths, count, split="test", originals=True):
    """The picture as the functions in Python make it."""
    model = VAE.from_preset(run)
    data = load("digits")
    attributes = {str(one): data.y_train == one for one in classes}
    vectors = attribute_vectors(model, data.x_train.astype("f4"), attributes)
    x = data.split(split)[0][:count].astype("f4")
    edited = edit_attribute(model, x, sum(vectors.values()), strengths)
    rows = np.concatenate([x[:, None], edited], axis=1) if originals else edited
    return plots.image_grid(
        rows.reshape(-1, 8, 8, 1), columns=rows.shape[1], value_range=(0, 16)
    )


def picture(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"), int)


def same(path, expected):
    shown = picture(path)
    assert shown.shape == expected.shape
    # Batches of other sizes may round a pixel to its neighbour.
    assert np.abs(shown - expected).max() <= 1


def test_a_row_goes_from_less_to_more(command, digits_run):
    result = command("edit", digits_run, "--attribute", "3")
    words = "8 rows, the original at the left, then 3 from -1.5 to 1.5"
    assert result == (0, f"wrote edit.png: {words}\n", "")
    same("edit.png", expected_picture(digits_run, [3], (-1.5, -0.75, 0, 0.75, 1.5), 8))


def test_options_say_how_far_how_many_and_of_what(command, digits_run):
    options = ["--strength", "2", "--steps", "2", "--count", "3", "--split", "train"]
    result = command(
        "edit", digits_run, "--attribute", "0", *options, "--output", "new/smile.PNG"
    )
    assert result.out.startswith("wrote new/smile.PNG: 3 rows"), result
    same("new/smile.PNG", expected_picture(digits_run, [0], (-2, 2), 3, "train"))


def test_rows_can_do_without_the_originals(command, digits_run):
    options = ["--steps", "3", "--count", "2", "--no-originals"]
    result = command("edit", digits_run, "--attribute", "3", *options)
    assert result.out == "wrote edit.png: 2 rows, 3 from -1.5 to 1.5\n"
    strengths = (-1.5, 0, 1.5)
    same("edit.png", expected_picture(digits_run, [3], strengths, 2, originals=False))


def test_several_attributes_add_up(command, digits_run):
    given = ["--attribute", "3", "--attribute", "8", "--data", "digits", "--steps", "2"]
    result = command("edit", digits_run, *given)
    assert "3 + 8 from" in result.out
    same("edit.png", expected_picture(digits_run, [3, 8], (-1.5, 1.5), 8))


def test_attributes_are_found_by_their_names(command, digits_run, monkeypatch):
    digits = load("digits")
    labels = {
        f"y_{split}": np.stack([y % 2 == 0, y == 3], axis=1).astype("u1")
        for split in ("train", "validation", "test")
        for y in [digits.split(split)[1]]
    }
    named = dataclasses.replace(digits, **labels, label_names=("Even", "Three"))
    monkeypatch.setattr(data_module, "load", lambda *_, **__: named)
    given = ["--attribute", "Three", "--steps", "2"]
    assert command("edit", digits_run, *given).code == 0
    same("edit.png", expected_picture(digits_run, [3], (-1.5, 1.5), 8))
    result = command("edit", digits_run, "--attribute", "evn")
    assert result.code == 1
    assert "Unknown attribute 'evn'. Did you mean 'Even'?" in result.err


@pytest.fixture
def edit_own(command, own_run, tmp_path):
    """Edits images of the kind of `own_run` that have labels."""
    x = 15 * load("digits").x_train[:100]

    def edit(name, **labels):
        np.savez(tmp_path / "own.npz", x=x, **labels)
        return command("edit", own_run / "run", "--data", "own.npz", "--attribute", name)

    return edit


def test_attributes_without_names_are_called_by_their_columns(edit_own):
    y = np.random.default_rng(0).integers(0, 2, (100, 2))
    y[:, 1] = 1
    assert edit_own("0", y=y).code == 0
    result = edit_own("1", y=y)
    assert result.code == 1 and "'1' is one that all of the 80 examples" in result.err
    result = edit_own("2", y=y)
    assert result.code == 1
    assert "Unknown attribute '2'" in result.err and "Known: 0, 1." in result.err


def test_classes_have_names_and_numbers(edit_own):
    y = np.array(["cat", "dog"] * 50)
    pictures = []
    for name in ("dog", "1", "cat"):
        assert edit_own(name, y=y).code == 0
        pictures.append(picture("edit.png"))
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert (pictures[0] != pictures[2]).any()
    result = edit_own("dogs", y=y)
    assert result.code == 1
    assert "Unknown class 'dogs'. Did you mean 'dog'? Known: cat, dog." in result.err


@pytest.mark.parametrize("split", ["test", "all"])
def test_images_that_are_read_from_their_files_are_edited(command, tmp_path, split):
    for start, label in ((0, "cat"), (6, "dog")):
        write_images(tmp_path / "photos" / label, 12, start=start)
    given = ["--data", "photos", "--stream", "--epochs", "1", *SMALL]
    assert command("train", MODEL, *given, "--output", "run").code == 0
    result = command("edit", "run", "--attribute", "dog", "--split", split)
    assert result.code == 0, result.err
    assert f"{2 if split == 'test' else 8} rows" in result.out


def test_examples_of_unknown_classes_are_left_out(command, digits_run, monkeypatch):
    digits, moves = load("digits"), []
    hidden = np.where(np.arange(1437) % 3, digits.y_train.astype(int), -1)
    some = dataclasses.replace(digits, y_train=hidden)
    monkeypatch.setattr(data_module, "load", lambda *_, **__: some)
    edit = generation.edit_attribute

    def noted(model, x, vector, *rest, **options):
        moves.append(vector)
        return edit(model, x, vector, *rest, **options)

    monkeypatch.setattr(generation, "edit_attribute", noted)
    options = ["--data", "digits", "--count", "1", "--split", "all"]
    assert command("edit", digits_run, "--attribute", "3", *options).code == 0
    known, model = hidden >= 0, VAE.from_preset(digits_run)
    x = digits.x_train[known]
    expected = attribute_vectors(model, x, {"3": hidden[known] == 3})["3"]
    np.testing.assert_allclose(moves[0], expected, atol=1e-5)
    result = command("edit", digits_run, "--attribute", "-1", *options)
    assert result.code == 1 and "Unknown class '-1'" in result.err


def test_labels_of_other_shapes_are_refused(edit_own):
    result = edit_own("0", y=np.zeros((100, 2, 2), int))
    assert result.code == 1 and "must be classes [N] or attributes [N, A]" in result.err


def test_data_without_labels_are_refused(command, own_run):
    copy = np.load(own_run / "own.npy")
    np.save("own.npy", copy)
    result = command("edit", own_run / "run", "--attribute", "0")
    assert result.code == 1 and "has no labels" in result.err


@pytest.mark.parametrize(
    "options, words",
    [
        (["--attribute", "3", "--output", "edit.npy"], "must end in .png"),
        ([], "--attribute"),
        (["--attribute", "3", "--strength", "0"], "--strength"),
        (["--attribute", "3", "--steps", "1"], "--steps"),
    ],
)
def test_wrong_options_are_refused(command, digits_run, tmp_path, options, words):
    result = command("edit", digits_run, *options)
    assert result.code == 2 and words in result.err
    assert list(tmp_path.iterdir()) == []


def test_tables_are_refused(command, tmp_path):
    x = np.random.default_rng(0).random((40, 4)).astype("f4")
    np.savez(tmp_path / "own.npz", x=x, y=np.arange(40) % 2)
    train = ["--data", "own.npz", "--epochs", "1", *SMALL, "--output", "own"]
    assert command("train", "dense_vae", *train).code == 0
    result = command("edit", "own", "--attribute", "1")
    assert result.code == 2 and "are not images" in result.err
