"""Folders of image files: decoding, sizes, channels, labels, splits."""

import re
import sys

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from keras_vae.data import images, load, load_images
from keras_vae.data.dataset import SPLITS
from keras_vae.data.streaming import files, image_file

RNG = np.random.default_rng(0)


def save(path, size=(8, 8), mode="RGB", color=0, **options):
    """Saves an image of one colour; size is (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size[::-1], color).save(path, **options)
    return path


def noise(height, width):
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", image_file.SUFFIXES)
def test_every_suffix_is_read(suffix, tmp_path):
    save(tmp_path / f"a{suffix}", color=(250, 10, 10))
    x = load_images(tmp_path, channels=3)
    assert x.shape == (1, 8, 8, 3) and x.dtype == np.uint8
    assert abs(x[0, 0, 0].astype(int) - [250, 10, 10]).max() <= 5


def test_pixels_are_kept_when_nothing_changes(tmp_path):
    pixels = noise(8, 12)
    Image.fromarray(pixels).save(tmp_path / "a.PNG")
    np.testing.assert_array_equal(load_images(tmp_path), pixels[np.newaxis])


def test_order_is_by_path_and_hidden_files_are_left_out(tmp_path):
    for i, name in enumerate(["b/1.png", "a/2.png", "c.png", "a/10.png"]):
        save(tmp_path / name, color=(i, i, i))
    save(tmp_path / "._c.png")
    save(tmp_path / ".cache" / "c.png")
    (tmp_path / "notes.txt").write_text("no image")
    x = load_images(tmp_path)
    assert x[:, 0, 0, 0].tolist() == [3, 1, 0, 2]


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ([(20, 30), (20, 30)], (20, 30)),
        ([(128, 128)], (128, 128)),
        ([(129, 100)], (64, 64)),
        ([(20, 30), (30, 20)], (64, 64)),
    ],
)
def test_default_size(sizes, expected, tmp_path):
    for i, size in enumerate(sizes):
        save(tmp_path / f"{i}.png", size)
    assert load_images(tmp_path).shape[1:3] == expected


def test_centre_is_cut_without_stretching(tmp_path):
    # Red, a green square in the middle, blue: only the square may remain.
    pixels = np.zeros((10, 30, 3), np.uint8)
    for i in range(3):
        pixels[:, 10 * i : 10 * (i + 1), i] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    x = load_images(tmp_path, image_size=(10, 10))
    assert (x == [0, 255, 0]).all()


def test_reduction_is_antialiased(tmp_path):
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "a.png")
    x = load_images(tmp_path, image_size=(8, 8))
    assert abs(x.astype(int) - 127).max() < 20


@pytest.mark.parametrize(
    "modes, channels",
    [(["L", "LA", "1"], 1), (["L", "RGB"], 3), (["P"], 3), (["RGBA"], 3)],
)
def test_default_channels(modes, channels, tmp_path):
    for i, mode in enumerate(modes):
        save(tmp_path / f"{i}.png", mode=mode)
    assert load_images(tmp_path).shape == (len(modes), 8, 8, channels)


def test_colour_is_turned_grey_and_grey_to_colour(tmp_path):
    save(tmp_path / "a.png", color=(255, 255, 255))
    save(tmp_path / "b.png", mode="L", color=100)
    grey = load_images(tmp_path, channels=1)
    assert grey.shape == (2, 8, 8, 1) and grey[:, 0, 0, 0].tolist() == [255, 100]
    assert load_images(tmp_path, channels=3)[1, 0, 0].tolist() == [100] * 3


def test_palette_and_transparency(tmp_path):
    save(tmp_path / "a.png", mode="RGBA", color=(255, 0, 0, 0))
    save(tmp_path / "b.png", mode="RGBA", color=(255, 0, 0, 255))
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 255, 9, 9, 9])
    palette.save(tmp_path / "c.png")
    palette.save(tmp_path / "d.png", transparency=0)
    save(tmp_path / "e.png", mode="LA", color=(7, 0))
    x = load_images(tmp_path)[:, 0, 0].tolist()
    white = [255] * 3
    assert x == [white, [255, 0, 0], [0, 0, 255], white, white]


def test_exif_orientation_is_applied(tmp_path):
    upright = noise(6, 10)
    exif = Image.Exif()
    exif[0x0112] = 6  # Turn by 90 degrees clockwise to see it upright.
    stored = np.rot90(upright)
    assert stored.shape == (10, 6, 3)
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(load_images(tmp_path), upright[np.newaxis])


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("L", (8, 8), value) for value in (40, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (load_images(tmp_path, channels=1) == 40).all()


@pytest.mark.parametrize("options", [{}, {"image_size": (8, 8), "channels": 3}])
@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_damaged_image_is_named(damage, options, tmp_path):
    save(tmp_path / "a.png")
    bad = tmp_path / "sub" / "bad.jpg"
    bad.parent.mkdir()
    Image.fromarray(noise(64, 64)).save(bad)
    whole = bad.read_bytes()
    bad.write_bytes(
        {"truncated": whole[: len(whole) // 2], "text": b"hello", "empty": b""}[damage]
    )
    with pytest.raises(ValueError, match=r"Cannot read the image .*bad\.jpg"):
        load_images(tmp_path, **options)


@pytest.mark.parametrize("kind", ["EPS", "PPM", "ICNS", "PDF"])
def test_a_name_does_not_open_other_formats(kind, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: started.append(1))
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png", format=kind)
    with pytest.raises(ValueError, match=r"Cannot read the image .*a\.png"):
        load_images(tmp_path)
    assert not started


def test_16_bit_image_is_refused(tmp_path):
    Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match=r"deep\.png.*more than 8 bits.*\.npy"):
        load_images(tmp_path)


def test_folder_without_images(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ValueError, match=r"no images .*\.bmp, .*\.png"):
        load_images(tmp_path)
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        load_images(tmp_path / "a.txt")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"image_size": 64}, r"\(height, width\).*got 64"),
        ({"image_size": (64,)}, r"\(height, width\)"),
        ({"image_size": (0, 64)}, "positive"),
        ({"image_size": (6.5, 64)}, "whole numbers"),
        ({"channels": 2}, r"1 \(grey\) or 3"),
    ],
)
def test_wrong_arguments(options, message, tmp_path):
    save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=message):
        load_images(tmp_path, **options)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_long_loads_show_progress_on_a_terminal(is_terminal, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(files, "_PROGRESS_FROM", 2)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    # Left there by whoever runs the tests from a notebook's environment.
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    for i in range(3):
        save(tmp_path / f"{i}.png", color=(i, i, i))
        x = load_images(tmp_path)
        assert ("3/3" in capsys.readouterr().out) == (is_terminal and i == 2)
    assert x[:, 0, 0, 0].tolist() == [0, 1, 2]


def test_folder_as_data_set(tmp_path):
    for i in range(20):
        save(tmp_path / f"{i:02}.png", color=(i, i, i))
    data = load(tmp_path, image_size=(4, 6), channels=1)
    assert data.event_shape == (4, 6, 1)
    assert (data.likelihood, data.levels) == ("discretized_logistic", (0, 255))
    assert data.name == tmp_path.name and data.y_train is None
    found = np.concatenate([data.split(s)[0][:, 0, 0, 0] for s in SPLITS])
    assert sorted(found.tolist()) == list(range(20))


def test_sub_folders_are_labels(tmp_path):
    for i in range(10):
        save(tmp_path / "dogs" / "young" / f"{i}.png", color=(1, 1, 1))
        save(tmp_path / "cats" / f"{i}.png", color=(0, 0, 0))
    data = load(tmp_path)
    assert data.label_names == ("cats", "dogs")
    for split in SPLITS:
        x, y = data.split(split)
        np.testing.assert_array_equal(x[:, 0, 0, 0], y)


@pytest.mark.parametrize("also", ["train_set/3.png", "top.png"])
def test_no_labels_from_one_folder_or_loose_files(also, tmp_path):
    for i in range(3):
        save(tmp_path / "train_set" / f"{i}.png")
    save(tmp_path / also)
    if also == "top.png":
        save(tmp_path / "b" / "1.png")
    assert load(tmp_path).y_train is None


def test_split_folders_are_splits(tmp_path):
    colours = {"train": 1, "val": 2, "Test": 3}
    for folder, colour in colours.items():
        for i, label in enumerate(["cats", "dogs"] * 10):
            save(tmp_path / folder / label / f"{i}.png", color=(colour, i % 2, 0))
    data = load(tmp_path)
    assert data.label_names == ("cats", "dogs")
    for colour, split in enumerate(SPLITS, start=1):
        x, y = data.split(split)
        assert len(x) == 20 and (x[..., 0] == colour).all()
        np.testing.assert_array_equal(x[:, 0, 0, 1], y)


def test_missing_validation_folder_is_taken_from_train(tmp_path):
    for i in range(20):
        save(tmp_path / "train" / f"{i}.png", color=(1, 0, 0))
        save(tmp_path / "test" / f"{i}.png", color=(2, 0, 0))
    data = load(tmp_path)
    assert [len(data.split(s)[0]) for s in SPLITS] == [18, 2, 20]
    assert (data.x_validation[..., 0] == 1).all()
    assert data.y_train is None
    for stream in (False, True):
        joined = load(tmp_path, cut=False, stream=stream, image_size=(8, 8), channels=3)
        x = np.asarray(joined.split("all")[0][:])
        assert len(joined.x_train) == 0 and x[:, 0, 0, 0].tolist() == [1] * 20 + [2] * 20
        assert len(joined.files["test"]) == 40


def test_folders_beside_splits_are_refused(tmp_path):
    for folder in ("train", "test", "extra"):
        save(tmp_path / folder / "1.png")
    with pytest.raises(ValueError, match=r"splits \(test, train\) and also extra"):
        load(tmp_path)


def test_train_may_be_a_class(tmp_path):
    for i in range(3):
        save(tmp_path / "train" / f"{i}.png")
        save(tmp_path / "car" / f"{i}.png")
    assert load(tmp_path).label_names == ("car", "train")


def fill(folder, names, count=10):
    """Folders with images; the red of each says the folder it lies in."""
    for red, name in enumerate(names):
        for i in range(count):
            save(folder / name / f"{i}.png", color=(10 * red, i, 0))


LAYOUTS = {
    "capitals": ("Training/a", "Training/b", "Test/a", "Test/b"),
    "sets": ("training_set/a", "training_set/b", "test_set/a", "test_set/b"),
    "development": ("train/a", "train/b", "dev/a", "dev/b"),
    "an archive": (
        "archive/train/a",
        "archive/train/b",
        "archive/test/a",
        "archive/test/b",
    ),
    "two archives": ("a/b/train/a", "a/b/train/b", "a/b/valid/a", "a/b/valid/b"),
    "data": ("train_data/a", "train_data/b", "val_data/a", "val_data/b"),
    "below classes": ("a/train", "b/train", "a/test", "b/test"),
    "with blanks": ("Train Set/a", "Train Set/b", "Test Set/a", "Test Set/b"),
    "years": ("train2017/a", "train2017/b", "val2017/a", "val2017/b"),
    "numbers": ("train_1/a", "train_1/b", "test_1/a", "test_1/b"),
    "evaluation": ("train/a", "train/b", "eval/a", "eval/b"),
    "prefixes": ("signs_train/a", "signs_train/b", "signs_test/a", "signs_test/b"),
    "suffixes": ("D_train_HR/a", "D_train_HR/b", "D_valid_HR/a", "D_valid_HR/b"),
    "twice": (
        "seg_train/seg_train/a",
        "seg_train/seg_train/b",
        "seg_test/seg_test/a",
        "seg_test/seg_test/b",
    ),
    "images within": (
        "train/images/a",
        "train/images/b",
        "test/images/a",
        "test/images/b",
    ),
}


@pytest.mark.parametrize("stray", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_splits_and_labels_in_every_usual_layout(layout, stray, tmp_path):
    fill(tmp_path, LAYOUTS[layout])
    if stray:
        top = LAYOUTS[layout][0].partition("train")[0] if "archive" in layout else "."
        save(tmp_path / top / "overview.png", color=(200, 0, 0))
    data = load(tmp_path)
    assert data.label_names == ("a", "b")
    held = "validation" if re.search("dev|val", LAYOUTS[layout][-1]) else "test"
    x, y = data.split(held)
    assert len(x) == 20 and set(x[:, 0, 0, 0].tolist()) == {20, 30}
    np.testing.assert_array_equal(x[:, 0, 0, 0] == 30, y == 1)
    assert sum(len(data.split(split)[0]) for split in SPLITS) == 40
    for split in (*SPLITS, "all"):
        x, files = data.split(split)[0], data.table_of_rows(split)["file"]
        numbers = [int(name.split("/")[-1].removesuffix(".png")) for name in files]
        np.testing.assert_array_equal(x[:, 0, 0, 1], numbers)
    assert ("left out: 1 images outside" in data.notes[0]) == stray


@pytest.mark.parametrize("also", [(), ("car",)])
def test_classes_whose_names_say_train_are_classes(also, tmp_path):
    names = ("bullet train", *also, "freight train")
    fill(tmp_path, names)
    assert load(tmp_path).label_names == names


@pytest.mark.parametrize("count", [3, 20])
def test_a_test_split_without_labels_stays_one(count, tmp_path):
    fill(tmp_path, ("train/cats", "train/dogs"), 50)
    fill(tmp_path, ("test",), count)
    data = load(tmp_path)
    assert data.y_train is None and len(data.x_test) == count
    assert f"all labels, since {count} images of test" in data.notes[0]


def test_one_loose_image_does_not_cost_the_labels(tmp_path):
    fill(tmp_path, ("cats", "dogs"))
    save(tmp_path / "thumbnail.png", color=(99, 0, 0))
    data = load(tmp_path)
    assert data.label_names == ("cats", "dogs")
    assert "used 20 of 21 files; left out: 1 images outside of the folders" in data.notes[0]


def test_links_are_followed_but_not_in_circles(tmp_path):
    fill(tmp_path / "elsewhere", ("cats", "dogs"))
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("cats", "dogs"):
        (folder / name).symlink_to(tmp_path / "elsewhere" / name)
    (tmp_path / "elsewhere" / "cats" / "back").symlink_to(folder)
    (folder / "dogs" / "up").symlink_to(tmp_path / "elsewhere")
    data = load(folder)
    assert data.label_names == ("cats", "dogs")
    names = [path.name for path in images.find_images(folder).paths]
    # What a link shows a second time is there twice, and nothing more often.
    assert 20 <= len(names) <= 60


def test_links_that_lead_nowhere_are_counted(tmp_path):
    fill(tmp_path, ("cats", "dogs"))
    (tmp_path / "cats" / "lost.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "birds").symlink_to(tmp_path / "nowhere")
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    assert "used 20 of 23 files; left out: 3 broken links" in load(tmp_path).notes[0]


def test_what_is_left_out_is_said(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.png")
    save(tmp_path / "grey.pgm", mode="L")
    save(tmp_path / "suffixless", format="PNG")
    save(tmp_path / "wide.png", size=(8, 24))
    pages = [Image.new("RGB", (8, 8)) for _ in range(3)]
    pages[0].save(tmp_path / "scan.tiff", save_all=True, append_images=pages[1:])
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "README").write_text("x")
    data = load(tmp_path, image_size=(8, 8), channels=3)
    text = "\n".join(data.notes)
    assert "used 7 of 9 files; left out: 1 without suffix, 1 .txt" in text
    assert (
        "1 of 7 images lose more than a fifth" in text
        and "1 files have several pages" in text
    )


def test_all_damaged_images_are_named_and_may_be_skipped(tmp_path):
    fill(tmp_path, ("cats", "dogs"))
    for name in ("cats/bad.png", "dogs/worse.jpg"):
        (tmp_path / name).write_bytes(b"hello")
    with pytest.raises(ValueError, match=r"2 images cannot be read") as error:
        load(tmp_path)
    text = str(error.value)
    assert "bad.png" in text and "worse.jpg" in text and "--skip-damaged" in text
    data = load(tmp_path, skip_damaged=True)
    x, y = data.split("all")
    assert len(x) == 20 and "used 20 of 22 files" in data.notes[0]
    np.testing.assert_array_equal(x[:, 0, 0, 0] == 10, y == 1)
    assert "bad.png" in "\n".join(data.notes)
    for path in tmp_path.rglob("*.png"):
        path.write_bytes(b"hello")
    with pytest.raises(ValueError, match="22 images cannot be read") as error:
        load(tmp_path, skip_damaged=True)
    assert all(path.name in str(error.value) for path in tmp_path.rglob("*.*g"))


def test_one_image_is_data_to_use(tmp_path):
    path = save(tmp_path / "a.png", size=(20, 20), color=(9, 8, 7))
    data = load(path, image_size=(8, 8), channels=3, cut=False)
    assert data.x_test.shape == (1, 8, 8, 3)
    with pytest.raises(ValueError, match="1 row, too few"):
        load(path)


@pytest.mark.parametrize(
    "error",
    [PermissionError(13, "Permission denied"), OSError(24, "Too many"), MemoryError()],
)
def test_what_is_not_of_the_file_is_no_damage(error, tmp_path, monkeypatch):
    fill(tmp_path, ("cats", "dogs"))

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(type(error)) as found:
        load(tmp_path, skip_damaged=True)
    assert found.value is error and (isinstance(error, MemoryError) or "png" in str(error))


def test_a_place_beyond_the_end_is_damage(tmp_path, monkeypatch):
    save(tmp_path / "a.png")

    def seek(*_, **__):
        with open(tmp_path / "a.png", "rb") as file:
            file.seek(-1)

    monkeypatch.setattr(Image, "open", seek)
    with pytest.raises(ValueError, match="Cannot read the image .*a.png"):
        load_images(tmp_path)
