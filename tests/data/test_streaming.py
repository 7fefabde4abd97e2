"""Images that are read when they are needed: the same as those in memory."""

import errno
import io
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_vae.data import Scaling, Streamed, binarize, load, pipeline, rows_of
from keras_vae.data.augmentation import Augmentation
from keras_vae.data.dataset import SPLITS
from keras_vae.data.pipeline import array_batches
from keras_vae.data.streaming import failures_are_said, streamed

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (30, 6, 5), dtype=np.uint8)


def photos(folder, images=GREY, form="png"):
    """A folder of images, in two folders of classes."""
    for i, image in enumerate(images):
        (folder / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / "ab"[i % 2] / f"{i:03}.{form}")
    return folder


def records(file, images=GREY, label=lambda i: i % 3, name="image", options=None):
    """A TFRecord file of images; labels are whole numbers, lists of them, names or None."""
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file), options) as writer:
        for i, image in enumerate(images):
            one, y = tf.train.Example(), label(i)
            png = tf.io.encode_png(image[..., np.newaxis]).numpy()
            one.features.feature[name].bytes_list.value.append(png)
            if isinstance(y, str):
                one.features.feature["label"].bytes_list.value.append(y.encode())
            elif isinstance(y, float):
                one.features.feature["label"].float_list.value.append(y)
            elif y is not None:
                one.features.feature["label"].int64_list.value.extend(np.atleast_1d(y))
            writer.write(one.SerializeToString())
    return file


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A folder in memory, and streamed."""
    folder = photos(tmp_path_factory.mktemp("photos"))
    return [load(folder, seed=1, stream=stream) for stream in (False, True)]


def assert_same(held, read):
    """Asserts that two data sets hold the same, and that the second is streamed."""
    for split in (*SPLITS, "all"):
        (x, y), (lazy, labels) = held.split(split), read.split(split)
        assert isinstance(lazy, Streamed) and not isinstance(x, Streamed)
        assert (lazy.shape, lazy.dtype, len(lazy)) == (x.shape, x.dtype, len(x))
        np.testing.assert_array_equal(np.asarray(lazy), x)
        np.testing.assert_array_equal(labels, y)
        assert held.table_of_rows(split).equals(read.table_of_rows(split))
    assert held.label_names == read.label_names and repr(held) == repr(read)


def test_a_folder_has_the_same_splits_labels_and_files(both):
    assert_same(*both)


@pytest.mark.parametrize(
    "key", [slice(3, 9), slice(None, None, 4), np.array([5, 0, 5]), RNG.random(24) < 0.5, 7]
)
def test_rows_are_taken_as_of_an_array(key, both):
    held, read = (one.x_train for one in both)
    np.testing.assert_array_equal(np.asarray(read[key]), held[key])
    np.testing.assert_array_equal(np.asarray(read[key][1:]), held[key][1:])
    if not isinstance(key, int):
        assert isinstance(read[key], Streamed)
        taken = np.asarray(rows_of(held, key)), np.asarray(rows_of(read, key))
        np.testing.assert_array_equal(*taken)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"augment": Augmentation("flip,shift=1")},
        {"binarize": "dynamic", "scaling": Scaling((6, 5, 1), 0.0, 255.0)},
        {"start_step": 9, "y": np.arange(24)},
    ],
)
def test_batches_are_those_of_the_array(options, both):
    streams = (pipeline(one.x_train, 7, seed=3, **options).take(8) for one in both)
    for held, read in zip(*streams, strict=True):
        for one, other in zip(tf.nest.flatten(held), tf.nest.flatten(read), strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.shape == other.shape and other.shape.rank is not None


def test_one_pass_gives_the_batches_of_the_array(both):
    streams = (array_batches(one.x_train, 7, shuffle=False) for one in both)
    for (held,), (read,) in zip(*streams, strict=True):
        np.testing.assert_array_equal(held, read)


@pytest.mark.parametrize("shape", [(5,), (2, 2)])
def test_rows_are_binarized_as_in_the_whole(shape):
    x, rows = RNG.random((9, *shape), dtype="f4"), np.array([7, 0, 3, 8])
    np.testing.assert_array_equal(binarize(x[rows], 4, rows), binarize(x, 4)[rows])


def test_what_is_mapped_knows_its_places(both):
    x = both[1].x_train[4:12]
    plus = x.mapped(lambda rows, places: rows + places.reshape(-1, 1, 1, 1), "float32")
    expected = np.asarray(x) + np.arange(8, dtype="f4").reshape(-1, 1, 1, 1)
    assert plus.dtype == np.float32
    for key in (slice(None), np.array([6, 2])):
        np.testing.assert_array_equal(np.asarray(plus[key]), expected[key])


@pytest.mark.parametrize(
    "memory, stream", [(4 * GREY.size, False), (4 * GREY.size - 4, True)]
)
def test_what_takes_more_than_a_quarter_of_memory_is_streamed(
    memory, stream, tmp_path, monkeypatch
):
    monkeypatch.setattr(streamed, "machine_memory", lambda: memory)
    data = load(photos(tmp_path))
    assert isinstance(data.x_train, Streamed) == stream
    assert any("are streamed" in line for line in data.notes) == stream
    assert not isinstance(load(tmp_path, stream=False).x_train, Streamed)


def test_what_does_not_fit_is_refused_in_words(both, tmp_path, monkeypatch):
    monkeypatch.setattr(streamed, "machine_memory", lambda: GREY.size - 1)
    with pytest.raises(ValueError, match=r"30 images of shape \(6, 5, 1\).*--stream"):
        load(photos(tmp_path), stream=False)
    with pytest.raises(ValueError, match="more than 25% of this machine's memory"):
        np.asarray(both[1].x_train)


@pytest.mark.parametrize("source", ["digits", "x.npy", "x.csv", "sounds"])
def test_what_is_not_streamed_says_so(source, tmp_path):
    np.save(tmp_path / "x.npy", GREY)
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "a.wav").touch()
    path = source if source == "digits" else tmp_path / source
    with pytest.raises(ValueError, match="stream is for folders of images and TFRecord"):
        load(path, stream=True)


def damaged(folder):
    """Cuts the pixels of two images, whose heads are whole."""
    files = sorted(photos(folder).rglob("*.png"))
    for file in (files[3], files[20]):
        file.write_bytes(file.read_bytes()[:-30])
    return files[3], files[20]


def test_damaged_files_are_all_named_or_left_out_before(tmp_path):
    first, second = damaged(tmp_path)
    with pytest.raises(ValueError, match="2 images cannot be read") as error:
        load(tmp_path, stream=True)
    assert str(first) in str(error.value) and str(second) in str(error.value)
    options = {"skip_damaged": True, "seed": 2}
    held, read = (load(tmp_path, stream=one, **options) for one in (False, True))
    assert_same(held, read)
    assert {one for one in held.notes if "damaged" in one} < set(read.notes)


def test_a_file_that_is_damaged_later_is_named_in_the_stream(tmp_path):
    data = load(photos(tmp_path), stream=True)
    either = "|".join(re.escape(str(file)) for file in damaged(tmp_path))
    unread = load(tmp_path, stream=True, check=False, image_size=(6, 5), channels=1)
    for x in (data.split("all")[0], unread.split("all")[0]):
        with pytest.raises(ValueError, match=f"Cannot read the image ({either})"):
            with failures_are_said():
                list(pipeline(x, 30).take(1))


def test_a_folder_that_cannot_be_read_is_not_damaged(tmp_path, monkeypatch):
    x = load(photos(tmp_path), stream=True).split("all")[0]
    message = f"Input/output error: '{tmp_path / 'a' / '000.png'}'"
    monkeypatch.setattr(Image, "open", failing(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(OSError, match=re.escape(message)), failures_are_said():
        list(pipeline(x[:1], 1).take(1))


def failing(error):
    """A function that fails."""

    def fail(*_, **__):
        raise error

    return fail


def test_only_the_last_failure_is_kept(tmp_path):
    x = load(photos(tmp_path), stream=True).split("all")[0]
    damaged(tmp_path)
    for _ in range(3):
        with pytest.raises(tf.errors.OpError):
            list(pipeline(x, 30).take(1))
    assert len(streamed._FAILURES) == 1


@pytest.mark.parametrize("key", [None, np.array([[0, 1], [2, 3]])])
def test_rows_of_several_axes_are_refused(key, both):
    with pytest.raises(IndexError, match="indexed by a number, a slice or a list"):
        both[1].x_train[key]


def test_files_are_known_by_their_ends(tmp_path):
    folder, arguments = photos(tmp_path / "photos", form="bmp"), {"stream": True, "seed": 1}
    first = load(folder, **arguments).fingerprint()
    size = (folder / "a" / "000.bmp").stat().st_size
    photos(folder, 255 - GREY, form="bmp")
    assert (folder / "a" / "000.bmp").stat().st_size == size
    assert load(folder, **arguments).fingerprint() != first


def test_records_are_known_by_their_checksums(tmp_path, monkeypatch):
    # The same images, but for their pixels, have files of the same size.
    monkeypatch.setattr(tf.io, "encode_png", lambda x: tf.constant(bmp(x)))
    file = records(tmp_path / "a.tfrecord")
    first = load(file, stream=True, seed=1).fingerprint()
    size = file.stat().st_size
    records(file, 255 - GREY)
    assert file.stat().st_size == size
    assert load(file, stream=True, seed=1).fingerprint() != first


def bmp(x):
    """The bytes of a BMP file."""
    file = io.BytesIO()
    Image.fromarray(x[..., 0]).save(file, "BMP")
    return file.getvalue()


@pytest.mark.parametrize("name", ["0.png", "below/0.wav"])
def test_records_beside_other_data_are_refused(name, tmp_path):
    records(tmp_path / "stray.tfrecord")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    if name.endswith("png"):
        photos(tmp_path)
    with pytest.raises(ValueError, match="both TFRecord files .1. and images or sounds"):
        load(tmp_path)


def test_files_are_known_by_their_names_and_sizes(tmp_path):
    one = photos(tmp_path / "one")
    first = load(one, stream=True).fingerprint()
    assert load(one.rename(tmp_path / "moved"), stream=True).fingerprint() == first
    Image.fromarray(GREY[0]).resize((50, 50)).save(tmp_path / "moved" / "a" / "000.png")
    changed = load(tmp_path / "moved", stream=True, image_size=(6, 5), channels=1)
    assert changed.fingerprint() != first


@pytest.mark.parametrize("name", ["image", "image/encoded"])
@pytest.mark.parametrize("kind", [lambda i: i % 3, lambda i: "xyz"[i % 3], lambda i: None])
def test_records_hold_images_and_labels(name, kind, tmp_path):
    file = records(tmp_path / "digits.tfrecord", label=kind, name=name)
    held, read = (load(file, stream=stream) for stream in (False, True))
    assert_same(held, read)
    x, y = read.split("all")
    np.testing.assert_array_equal(np.asarray(x)[..., 0], GREY)
    labels = [kind(i) for i in range(len(GREY))]
    if None in labels:
        assert y is None
    else:
        found = y if read.label_names is None else np.array(read.label_names)[y]
        assert found.tolist() == labels


def test_files_of_records_bring_splits(tmp_path):
    for i, name in enumerate(["train.tfrecord-00000-of-2", "train.tfrecord-00001-of-2"]):
        records(tmp_path / f"my-{name}", GREY[10 * i : 10 * i + 10])
    records(tmp_path / "my-test.tfrecord-00000-of-1", GREY[20:])
    data = load(tmp_path, stream=True)
    assert [len(data.split(one)[0]) for one in SPLITS] == [18, 2, 10]
    np.testing.assert_array_equal(np.asarray(data.x_test)[..., 0], GREY[20:])
    assert data.table_of_rows("test")["file"][3] == "my-test.tfrecord-00000-of-1, record 3"
    records(tmp_path / "more.tfrecord")
    with pytest.raises(ValueError, match="holds splits .* and also more.tfrecord"):
        load(tmp_path)


@pytest.mark.parametrize("label", [[1, 2], 0.5, float("nan")])
def test_labels_of_records_that_are_no_classes_are_refused(label, tmp_path):
    file = records(tmp_path / "a.tfrecord", GREY[:3], lambda i: label)
    with pytest.raises(ValueError, match=r"record 0 has the label .* one whole number or"):
        load(file)


def test_records_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "empty.tfrecord").touch()
    with pytest.raises(ValueError, match="empty.tfrecord: there are no records"):
        load(tmp_path / "empty.tfrecord")
    file = records(tmp_path / "a.tfrecord", name="picture")
    with pytest.raises(ValueError, match="record 0 holds label, picture, but a feature"):
        load(file)
    data = bytearray(records(file).read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"a.tfrecord is damaged, compressed, or not a"):
        load(file)
    records(file, options=tf.io.TFRecordOptions("GZIP"))
    with pytest.raises(ValueError, match="Unpack it if it is compressed"):
        load(file)


class Builder:
    """As much of a builder of `tensorflow_datasets` as is asked for."""

    def __init__(self, folder, file_format="tfrecord"):
        self.data_dir = str(folder)
        names = {"train": GREY[:20], "test": GREY[20:25], "extra": GREY[25:]}
        splits = {
            name: SimpleNamespace(filepaths=[str(records(folder / f"{name}.tfrecord", x))])
            for name, x in names.items()
        }
        features = {"label": SimpleNamespace(names=["x", "y", "z"])}
        form = SimpleNamespace(value=file_format)
        self.info = SimpleNamespace(splits=splits, features=features, file_format=form)

    def download_and_prepare(self):
        """Has done it."""


@pytest.fixture
def tensorflow_datasets(monkeypatch):
    """Stands in for the package, which would download."""
    package = SimpleNamespace(core=SimpleNamespace(DatasetNotFoundError=KeyError))
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", package)
    return package


def test_sets_of_tensorflow_datasets_are_their_records(tmp_path, tensorflow_datasets):
    made = {"mine": Builder(tmp_path), "other": Builder(tmp_path, "array_record")}
    tensorflow_datasets.builder = made.__getitem__
    held, read = (load("tfds:mine", stream=stream) for stream in (False, True))
    assert_same(held, read)
    assert [len(read.split(one)[0]) for one in SPLITS] == [18, 2, 5]
    assert (read.name, read.label_names) == ("mine", ("x", "y", "z"))
    assert "left out the splits extra" in read.notes
    with pytest.raises(ValueError, match="tensorflow_datasets has no set 'tfds:none'"):
        load("tfds:none")
    with pytest.raises(ValueError, match="prepared as array_record files"):
        load("tfds:other")
    with pytest.raises(ValueError, match="is a set of images. Leave them out"):
        load("tfds:mine", label="z")
    with pytest.raises(ValueError, match="sample_rate and seconds are for sounds"):
        load("tfds:mine", seconds=1.0)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match="pip install tensorflow-datasets"):
        load("tfds:mnist")


def test_a_set_that_the_package_prepares_is_read(tmp_path, monkeypatch):
    package = pytest.importorskip("tensorflow_datasets")
    made = package.testing.DummyMnist(data_dir=tmp_path)
    monkeypatch.setattr(package, "builder", lambda name: made)
    data = load("tfds:dummy_mnist", stream=True)
    assert data.event_shape == (28, 28, 1) and len(data.x_test) == 20
    assert data.label_names == tuple("0123456789")
