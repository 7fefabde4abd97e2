"""Models of sounds from the command line: from a folder of clips to WAV files."""

import re

import numpy as np
import pandas as pd
import pytest
from commands import SMALL
from PIL import Image
from scipy.io import wavfile

pytestmark = pytest.mark.slow

soundfile = pytest.importorskip("soundfile")

MODEL = "conv_vae:latent_dim=2,filters=4,dense_units=8"
RATE, SAMPLES = 2000, 500


def write_clips(folder, count=8, rate=RATE):
    """Tones of two pitches in two folders."""
    time = np.arange(SAMPLES * rate // RATE) / rate
    for name, hertz in (("high", 700), ("low", 200)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            x = (0.2 + 0.05 * i) * np.sin(2 * np.pi * hertz * time)
            soundfile.write(folder / name / f"{i}.wav", x, rate)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with clips and a finished run on them, told the pitch; only to be read."""
    from keras_vae.training import Recipe, closing, train

    folder = tmp_path_factory.mktemp("sounds")
    clips = write_clips(folder / "clips")
    recipe = Recipe(str(clips), MODEL, condition="labels", epochs=1, jit=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closing, "_MOST_SAMPLES", 3)
        patch.setattr(closing, "_SOUNDS_OF_CLASS", 2)
        lines = []
        train(recipe, folder / "run", say=lines.append)
    (folder / "said.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture
def run(folder):
    return folder / "run"


def test_training_says_what_sounds_are_seen_as(folder):
    said = (folder / "said.txt").read_text()
    assert "used 16 of 16 files" in said and "0.25 s, at 2,000 samples per second" in said
    # Windows of 0.064 seconds, each 0.016.
    assert re.search(r"sounds are seen as spectrograms of shape \(16, \d+, 1\)", said)
    rate, x = wavfile.read(folder / "run" / "samples.wav")
    assert rate == RATE and x.shape == (4 * SAMPLES,)
    for name in ("samples.png", "reconstructions.png"):
        with Image.open(folder / "run" / name) as image:
            assert image.width > image.height / 2


def test_samples_are_one_file_and_one_each(command, run, tmp_path):
    result = command("sample", run, "--count", "4", "--output", "new/a.wav")
    assert result.code == 0, result.err
    assert result.out == "wrote new/a.wav, and 4 files in new/a_each\n"
    rate, together = wavfile.read("new/a.wav")
    each_one = tmp_path / "new" / "a_each"
    names = sorted(one.name for one in each_one.iterdir())
    assert names == ["001_high.wav", "002_high.wav", "003_low.wav", "004_low.wav"]
    each = [wavfile.read(each_one / name)[1] for name in names]
    assert rate == RATE and np.array_equal(np.concatenate(each), together)
    # What the model makes, but for 16 bits.
    command("sample", run, "--count", "4", "--output", "a.npy")
    x = np.load("a.npy")
    assert x.shape == (4, SAMPLES)
    np.testing.assert_allclose(together, 32767 * x.ravel(), atol=2)


def test_a_folder_of_other_files_is_left_alone(command, run, tmp_path):
    sample = ["sample", run, "--output", "clips.wav", "--count"]
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "001_low.wav").write_text("mine")
    for count in ("4", "2"):
        assert command(*sample, count).code == 0
        assert len(list((tmp_path / "clips_each").iterdir())) == int(count)
    assert (tmp_path / "clips" / "001_low.wav").read_text() == "mine"
    (tmp_path / "clips_each" / "notes.txt").write_text("mine")
    before = (tmp_path / "clips.wav").read_bytes()
    result = command(*sample, "4")
    assert result.code == 1 and "holds notes.txt" in result.err, result.err
    assert (tmp_path / "clips.wav").read_bytes() == before


@pytest.mark.parametrize("subcommand", ["sample", "reconstruct", "interpolate"])
def test_pictures_have_axes(command, run, subcommand):
    given = [] if subcommand == "sample" else ["--split", "all"]
    result = command(subcommand, run, *given, "--count", "2", "--output", "a.png")
    assert result.code == 0, result.err
    with Image.open("a.png") as image:
        # A spectrogram of 16 x 16 levels is larger, with marks around it.
        assert image.width > 100 and np.asarray(image).std() > 10


def test_sounds_are_the_usual_output(command, run, tmp_path):
    assert command("sample", run, "--y", "low", "--count", "2").code == 0
    assert (tmp_path / "samples.wav").exists()


def test_reconstructions_follow_their_originals(command, run, folder, tmp_path):
    given = ["--data", folder / "clips", "--split", "all", "--count", "3"]
    assert command("reconstruct", run, *given, "--output", "a.wav").code == 0
    names = sorted(one.stem for one in (tmp_path / "a_each").iterdir())
    assert names[:3] == ["001_original", "002_reconstruction", "003_original"]
    original = soundfile.read(tmp_path / "a_each" / "003_original.wav")[0]
    source = soundfile.read(folder / "clips" / "high" / "1.wav")[0]
    np.testing.assert_allclose(original, source, atol=1e-3)


def test_walks_go_from_one_sound_to_another(command, run, folder):
    given = ["--data", folder / "clips", "--split", "all"]
    given += ["--count", "2", "--steps", "3"]
    assert command("interpolate", run, *given, "--output", "a.npy").code == 0
    walks = np.load("a.npy").reshape(2, 3, SAMPLES)
    command("reconstruct", run, *given[:4], "--count", "4", "--output", "b.npy")
    # Both ends have the same class here: a walk keeps the condition of its first.
    np.testing.assert_allclose(
        walks[:, [0, -1]].reshape(4, -1), np.load("b.npy"), atol=1e-3
    )
    assert command("interpolate", run, *given, "--output", "a.wav").code == 0


def test_new_sounds_of_another_rate_are_embedded(command, run, tmp_path):
    write_clips(tmp_path / "new", 2, rate=8000)
    result = command("embed", run, "--data", "new", "--output", "z.csv")
    assert result.code == 0 and "4 of 4 sounds are resampled from 8,000" in result.err
    table = pd.read_csv("z.csv")
    assert list(table.columns) == ["row", "file", "z1", "z2", "y"]
    assert table["file"][0] == "high/0.wav"


def test_scores_of_sounds(command, run):
    result = command("evaluate", run, "--metrics", "sounds")
    assert result.code == 0 and "log-spectral distance by way of" in result.out
    about = command("info", run).out
    assert "sounds: 0.25 s at 2,000 samples per second, as spectrograms of 16" in about
    assert (
        "condition: label (high, low)" in about and "training: 1 epoch, finished" in about
    )


def test_the_least_likely_sounds_are_named_and_seen(command, run, folder):
    given = ["--data", folder / "clips", "--num-samples", "2", "--output", "ranked.csv"]
    result = command("anomalies", run, *given)
    worst = pd.read_csv("ranked.csv").iloc[0]
    assert f"{worst['file']}, row {worst['row']}, counted from 0, is the" in result.out
    with Image.open("ranked.png") as image:
        assert image.width > 100


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["sample", "{run}", "--output", "a.mp3"], 2, "--output must end in"),
        (["sample", "dense_vae_digits", "--output", "a.wav"], 2, "not trained on sounds"),
        (["interpolate", "{run}", "--output", "a.txt"], 2, "--output must end in"),
        (["embed", "{run}", "--data", "digits"], 1, "made for examples of shape (500,)"),
        (["impute", "{run}", "--data", "{clips}"], 1, "no gaps"),
        (["train", MODEL, "--data", "{clips}", "--augment", "flip"], 1, "holds sounds"),
        (["train", MODEL, "--data", "{clips}", "--seconds", "0"], 1, "positive number"),
        (["train", MODEL, "--data", "digits", "--seconds", "1"], 1, "named set"),
        (["train", MODEL, "--data", "{clips}", "--channels", "1"], 1, "holds sounds"),
        (["sample", "{run}", "--y", "middle"], 1, "Unknown label 'middle'"),
    ],
)
def test_what_does_not_fit_is_refused(command, folder, arguments, code, words):
    places = {"run": str(folder / "run"), "clips": str(folder / "clips")}
    result = command(*(one.format(**places) for one in arguments))
    assert result.code == code and words in result.err, result.err


def test_training_goes_on_from_a_run_of_sounds(command, folder, tmp_path):
    write_clips(tmp_path / "new", 3, rate=4000)
    given = ["--from-preset", folder / "run", "--data", "new", "--epochs", "1", *SMALL]
    result = command("train", *given, "--output", "more")
    assert result.code == 0, result.err
    assert (tmp_path / "more" / "samples.wav").exists()
