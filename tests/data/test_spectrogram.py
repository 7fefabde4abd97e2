"""Spectrograms: pitches and loudness where they belong, and the way back to a waveform."""

import json

import numpy as np
import pytest
import tensorflow as tf
from sound_files import sine

from keras_vae import data
from keras_vae.data import Preprocessor, Scaling, Spectrogram
from keras_vae.data.spectrogram import LEVELS

RATE, SAMPLES = 4000, 1024
SIZES = (RATE, SAMPLES, 256, 64)
KINDS = {"mel": Spectrogram(*SIZES, 32), "linear": Spectrogram(*SIZES, None)}


def voices():
    """Sounds that change: a chirp, two tones, a tone that stops."""
    time = np.arange(SAMPLES) / RATE
    chirp = 0.5 * np.sin(2 * np.pi * (200 + 2000 * time) * time)
    tones = sine(300, RATE, 0.256, 0.3) + sine(900, RATE, 0.256, 0.3)
    return np.stack([chirp, tones, sine(500, RATE, 0.256) * (time < 0.1)]).astype("f4")


@pytest.fixture(scope="module", params=KINDS)
def spectrogram(request):
    return KINDS[request.param]


@pytest.mark.parametrize("hertz", [250, 500, 1000, 1500])
@pytest.mark.parametrize("loud", [1.0, 0.1])
def test_a_sine_is_where_it_belongs(spectrogram, hertz, loud):
    levels = spectrogram(sine(hertz, RATE, 0.256, loud)[np.newaxis])[0, ..., 0]
    # Away from the ends, where windows hold half of it.
    middle = levels[4:-4].astype(float).mean(axis=0)
    band = middle.argmax()
    width = np.gradient(spectrogram.hertz)[band]
    assert abs(spectrogram.hertz[band] - hertz) <= width
    decibels = spectrogram.top + spectrogram.span * (middle[band] / LEVELS[1] - 1.0)
    # A mel band takes a part of one frequency, or adds up the Hann window's main lobe, which
    # is twice its middle.
    low, high = (-4.0, 6.1) if spectrogram.num_mels else (-0.4, 0.4)
    expected = 20 * np.log10(loud)
    assert min(expected + low, spectrogram.top) <= decibels <= expected + high


def test_the_way_there_and_back(spectrogram):
    x = voices()
    levels = spectrogram(x)
    again = spectrogram.inverse(levels)
    assert again.shape == x.shape and again.dtype == np.float32
    mine, theirs = (spectrogram.magnitudes(one).numpy() for one in (x, again))
    # Spectral convergence; bands of frequencies tell less than these themselves.
    apart = np.linalg.norm(theirs - mine) / np.linalg.norm(mine)
    assert apart < (0.4 if spectrogram.num_mels else 0.15)
    # Where the sound has stopped there is silence, but for the edge.
    assert np.abs(again[2, 700:]).max() < 0.01


def test_silence_stays_silence(spectrogram):
    silence = np.zeros((2, SAMPLES), "f4")
    assert not spectrogram(silence).any()
    assert not spectrogram.inverse(spectrogram(silence)).any()


def test_rows_do_not_depend_on_each_other(spectrogram):
    levels = spectrogram(voices())
    together = spectrogram.inverse(levels)
    np.testing.assert_allclose(together[1:2], spectrogram.inverse(levels[1:2]), atol=1e-3)
    shaped = spectrogram.inverse(levels.reshape(3, 1, *spectrogram.event_shape))
    np.testing.assert_array_equal(shaped[:, 0], together)


def test_within_a_graph_it_is_the_same(spectrogram):
    x = voices()
    graph = tf.function(spectrogram.levels)(tf.constant(x))
    np.testing.assert_array_equal(np.round(graph), spectrogram(x))


@pytest.mark.parametrize("samples", [1, 63, 64, 1000])
def test_any_length_comes_back_as_it_was(samples):
    one = Spectrogram(RATE, samples, 256, 64, 16)
    x = np.full((2, samples), 0.5, "f4")
    assert one.event_shape == (-(-samples // 64), 16, 1)
    assert one(x).shape == (2, *one.event_shape)
    assert one.inverse(one(x)).shape == x.shape


def test_fit_goes_by_rate_and_loudness():
    x = voices()
    for rate, frame in ((8000, 512), (16000, 1024), (44100, 2048)):
        one = Spectrogram.fit(x, rate)
        assert (one.frame_length, one.hop_length) == (frame, frame // 4)
        assert one(x).max() >= 254
        assert Spectrogram.fit(0.1 * x, rate).top == pytest.approx(one.top - 20, abs=0.2)
    assert Spectrogram.fit(x, 8000).num_mels == 64
    # As many bands as each hear something.
    few = Spectrogram.fit(x, 1000)
    assert few.num_mels < 64
    with pytest.raises(ValueError, match="too narrow"):
        Spectrogram(1000, 1024, few.frame_length, few.hop_length, 2 * few.num_mels)
    assert Spectrogram.fit(x, 8000, num_mels=None).num_mels is None
    with pytest.raises(ValueError, match="silent"):
        Spectrogram.fit(0 * x, 8000)


@pytest.mark.parametrize(
    "given, words",
    [
        ({"sample_rate": 0}, "sample_rate"),
        ({"hop_length": 200}, "hop_length must be at most half"),
        ({"num_mels": 200}, "too narrow"),
        ({"span": 0.0}, "span must be positive"),
        ({"top": np.nan}, "top a number"),
    ],
)
def test_bad_sizes_are_refused(given, words):
    usual = dict(zip(("sample_rate", "num_samples", "frame_length"), SIZES, strict=False))
    with pytest.raises(ValueError, match=words):
        Spectrogram(**{**usual, "hop_length": 64, "num_mels": 32, **given})


def preprocessor(spectrogram):
    scaling = Scaling(spectrogram.event_shape, 0.0, 255.0)
    return Preprocessor(scaling, levels=LEVELS, spectrogram=spectrogram)


def test_a_preprocessor_takes_and_returns_waveforms(spectrogram):
    x, prepare = voices(), preprocessor(spectrogram)
    assert prepare.raw_shape == (SAMPLES,)
    units = prepare(x)
    np.testing.assert_allclose(255 * units, spectrogram(x), atol=1e-4)
    np.testing.assert_allclose(prepare.in_graph(x, None), units, atol=1e-6)
    np.testing.assert_array_equal(
        prepare.inverse(units), spectrogram.inverse(spectrogram(x))
    )
    pictures = prepare.pictures(x)
    assert pictures.shape == (3, spectrogram.event_shape[1], 16, 1)
    # High pitches are at the top, late ones at the right: the chirp rises.
    rows = pictures[0, ..., 0].argmax(axis=0)
    assert rows[12] < rows[3]


def test_a_preprocessor_is_its_config(spectrogram):
    prepare = preprocessor(spectrogram)
    config = json.loads(json.dumps(prepare.get_config()))
    assert Preprocessor.from_config(config) == prepare
    # Those of other data have no entry of it.
    assert "spectrogram" not in Preprocessor(Scaling((8, 8, 1))).get_config()
    with pytest.raises(ValueError, match="Spectrograms have the shape"):
        Preprocessor(Scaling((8, 8, 1)), levels=LEVELS, spectrogram=spectrogram)


def test_bands_are_found_while_a_graph_is_made():
    one = KINDS["mel"]
    expected = one.levels(voices())
    data.spectrogram._mel_bands.cache_clear()
    found = tf.function(one.levels, autograph=False)(voices())
    np.testing.assert_allclose(found, expected, atol=1e-3)
