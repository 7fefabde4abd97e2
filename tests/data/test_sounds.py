"""Folders of sound files: decoding, sample rates, lengths, labels, bad input."""

import re
import sys

import numpy as np
import pytest
from PIL import Image
from sound_files import sine, strongest, write

from keras_vae.data import load, sounds
from keras_vae.data.sounds import decode_sounds, write_sounds

soundfile = pytest.importorskip("soundfile")


@pytest.mark.parametrize("suffix", [one for one in sounds.SUFFIXES if one != ".mp3"])
@pytest.mark.parametrize("rate, channels", [(8000, 1), (48000, 2)])
def test_every_suffix_is_read(suffix, rate, channels, tmp_path):
    x = np.stack([sine(440, rate)] * channels, axis=1)
    codec = {
        ".opus": {"format": "OGG", "subtype": "OPUS"},
        ".oga": {"format": "OGG"},
        ".aif": {"format": "AIFF"},
    }.get(suffix, {})
    path = write(tmp_path / f"a{suffix}", x, rate, **codec)
    found = decode_sounds([path], sample_rate=8000)
    assert found.x.dtype == np.float32 and found.sample_rate == 8000
    assert found.x.shape == (1, pytest.approx(2000, abs=2))
    assert strongest(found.x[0], 8000) == pytest.approx(440, abs=4)
    # But for the very ends, which codecs and resampling change.
    np.testing.assert_allclose(
        np.abs(found.x[0, 200:-200]).max(), 0.5, atol=0.05 if suffix != ".wav" else 0.01
    )


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 44100, 96000])
def test_resampling_keeps_pitch_and_length(rate, tmp_path):
    path = write(tmp_path / "a.wav", sine(300, rate, seconds=0.5), rate)
    found = decode_sounds([path], sample_rate=8000, seconds=0.5)
    expected = sine(300, 8000, seconds=0.5)
    np.testing.assert_allclose(found.x[0, 100:-100], expected[100:-100], atol=0.01)


@pytest.mark.parametrize(
    "rates, expected",
    [([8000] * 3, 8000), ([22050, 8000, 8000], 8000), ([44100, 44100, 8000], 16000)],
)
def test_the_usual_rate_is_that_of_most_files(rates, expected, tmp_path):
    paths = [write(tmp_path / f"{i}.wav", sine(99, r), r) for i, r in enumerate(rates)]
    assert decode_sounds(paths).sample_rate == expected


@pytest.mark.parametrize(
    "lengths, asked, expected",
    [
        ([0.1, 0.2, 0.3], None, 0.3),
        ([0.2] * 99 + [1.5], None, 0.2),
        ([0.2] * 99 + [0.25], None, 0.25),
        ([5.0, 0.2], None, 2.0),
        ([0.1, 0.3], 0.2, 0.2),
    ],
)
def test_lengths_are_made_alike(lengths, asked, expected, tmp_path):
    paths = [
        write(tmp_path / f"{i:03}.wav", np.full(round(n * 1000), 0.5), 1000)
        for i, n in enumerate(lengths)
    ]
    found = decode_sounds(paths, seconds=asked)
    assert found.x.shape == (len(lengths), round(1000 * expected))
    kept = [round(1000 * min(n, expected)) for n in lengths]
    assert (found.x != 0).sum(axis=1).tolist() == kept
    notes = "\n".join(found.notes)
    assert ("longer" in notes) == any(n > expected for n in lengths)
    assert ("filled up with silence" in notes) == any(n < expected for n in lengths)


def test_a_folder_has_labels_files_and_notes(tmp_path):
    for i in range(6):
        for name in ("high", "low"):
            path = tmp_path / "clips" / name / f"{i}.wav"
            write(path, sine(1000 if name == "high" else 100, 8000), 8000)
    write(tmp_path / "clips" / "low" / "6.flac", np.zeros((4000, 2)), 16000)
    Image.new("L", (8, 8)).save(tmp_path / "clips" / "high" / "cover.png")
    data = load(tmp_path / "clips")
    assert data.name == "clips" and data.label_names == ("high", "low")
    assert data.event_shape == (2000,) and data.sample_rate == 8000
    assert data.levels is None and data.likelihood == "discretized_logistic"
    x, y = data.split("all")
    assert [strongest(one, 8000) > 500 for one in x[:-1]] == [name == 0 for name in y[:-1]]
    assert sorted(data.table_of_rows("all")["file"])[0] == "high/0.wav"
    notes = "\n".join(data.notes)
    for words in (
        "used 13 of 14 files; left out: 1 .png",
        "0.25 s, at 8,000 samples per second",
        "1 of 13 sounds are resampled from 16,000",
        "1 of 13 sounds have several channels, mixed to one",
        "1 of 13 sounds are silent",
    ):
        assert words in notes


def test_folders_of_splits_are_splits(tmp_path):
    for split, size in (("train", 3), ("test", 2), ("val", 1)):
        for i in range(size):
            write(tmp_path / split / f"{i}.wav", sine(200, 8000))
    data = load(tmp_path)
    assert [len(data.split(s)[0]) for s in ("train", "validation", "test")] == [3, 1, 2]


# What is written, and: the words of the error, or the notes where it is none.
BAD = {
    "mp3 without decoder": (b"ID3", "a.mp3", "cannot decode MP3. Convert it to WAV", None),
    "corrupt": (
        b"RIFF junk",
        "a.wav",
        "Cannot read the sound .*a.wav: .*--skip-damaged",
        None,
    ),
    "empty file": (b"", "a.flac", "Cannot read the sound .*a.flac", None),
    "no samples": (np.zeros(0), "a.wav", "a.wav: it holds no samples", None),
    "NaN": (np.array([0.0, np.nan]), "a.wav", "a.wav: .* NaN or infinite", None),
    "of 16 bits as floats": (
        np.array([3000.0]),
        "a.wav",
        "up to 3000, but .* -1 to 1",
        None,
    ),
    "silence": (np.zeros(500), "a.wav", None, "1 of 2 sounds are silent"),
    "one sample": (np.array([0.5]), "a.wav", None, "1 of 2 sounds are shorter"),
    "96 kHz": (sine(99, 96000, 0.1), "a.wav", None, "1 of 2 .* resampled from 96,000"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_or_taken(case, tmp_path, monkeypatch):
    content, name, error, note = BAD[case]
    good = write(tmp_path / "b.wav", sine(200, 8000, seconds=0.1))
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        rate = 96000 if case == "96 kHz" else 8000
        write(path, content, rate, subtype="FLOAT")
    formats = {k: v for k, v in soundfile.available_formats().items() if k != "MP3"}
    monkeypatch.setattr(soundfile, "available_formats", lambda: formats)
    if error is not None:
        with pytest.raises(ValueError, match=error):
            decode_sounds([path, good], sample_rate=8000)
        found = decode_sounds([path, good], sample_rate=8000, skip_damaged=True)
        assert found.kept.tolist() == [1] and found.notes[0].startswith("left out, damaged")
        with pytest.raises(ValueError, match=error):
            decode_sounds([path], skip_damaged=True)
        return
    found = decode_sounds([path, good], sample_rate=8000)
    assert found.kept.tolist() == [0, 1] and np.isfinite(found.x).all()
    assert any(re.search(note, one) for one in found.notes)


def test_all_damaged_files_are_named(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.wav").write_bytes(b"junk")
    with pytest.raises(
        ValueError, match=r"2 sounds cannot be read:\n.*a\.wav(.|\n)*b\.wav"
    ):
        load(tmp_path)


@pytest.mark.parametrize(
    "given, words",
    [
        ({"image_size": (8, 8)}, "are for images, but .* holds sounds"),
        ({"levels": (0, 255)}, "levels are for arrays"),
        ({"seconds": -1.0}, "seconds must be a positive number"),
        ({"sample_rate": 0}, "sample_rate must be a positive"),
    ],
)
def test_what_does_not_fit_sounds_is_refused(given, words, tmp_path):
    write(tmp_path / "a.wav", sine(200, 8000))
    with pytest.raises(ValueError, match=words):
        load(tmp_path, **given)


def test_what_is_of_sounds_alone_is_refused_elsewhere(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="are for sounds, but .* holds none"):
        load(tmp_path, sample_rate=8000)
    with pytest.raises(ValueError, match="named set"):
        load("digits", seconds=1.0)


def test_without_the_package_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", sine(200, 8000))
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ImportError, match=r"pip install -e .\.\[sound\]"):
        decode_sounds([path])


def test_what_is_written_is_read(tmp_path):
    x = np.stack([sine(200, 8000), sine(300, 8000)])
    write_sounds(2.5 * x, 8000, tmp_path / "a.wav")
    found = decode_sounds([tmp_path / "a.wav"])
    loud = np.clip(2.5 * x, -1, 1).ravel()
    np.testing.assert_allclose(found.x[0], loud, atol=1e-4)
    with pytest.raises(ValueError, match=r"written as \.wav"):
        write_sounds(x, 8000, tmp_path / "a.mp3")


def test_what_memory_does_not_hold_is_refused_before(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", sine(200, 8000))
    monkeypatch.setattr(sounds, "machine_memory", lambda: 8e9)
    with pytest.raises(ValueError, match=r"2 sounds of 80,.* take 640.0 GB.* --seconds"):
        decode_sounds([path, path], seconds=1e7)


def test_a_missing_permission_is_no_damage(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", sine(200, 8000))

    def refuse(*_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(sounds, "open", refuse, raising=False)
    with pytest.raises(PermissionError, match="a.wav"):
        decode_sounds([path], skip_damaged=True)
