"""The page in a browser: what a user does with it, beside what Keras computes."""

import numpy as np
import pytest
from chromium import PATH, opened

import keras_vae
from keras_vae import explore
from keras_vae.data import load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PATH is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def vae():
    return keras_vae.VAE.from_preset("dense_vae_digits")


@pytest.fixture(scope="module")
def browser(vae, tmp_path_factory):
    """The page of a preset, open, and its data."""
    folder = tmp_path_factory.mktemp("page")
    data = load("digits")
    given = data.x_train[:200], None, {"digit": data.y_train[:200]}
    explore.write_page(vae, folder / "page.html", *given)
    with opened(folder / "page.html", folder / "profile") as page:
        yield page


@pytest.fixture
def page(browser):
    browser.problems.clear()
    yield browser
    # Nothing went wrong, and nothing was asked of the network.
    assert browser.problems == []
    assert browser.evaluate("performance.getEntriesByType('resource').length") == 0


def pixels_of(page):
    """z, what is decoded from it, and the levels on the screen's canvas."""
    z = page.evaluate("Array.from(state.z)")
    x = page.evaluate("Array.from(state.x)")
    levels = page.evaluate(
        "Array.from(byId('pixels').getContext('2d').getImageData(0, 0, 8, 8).data)"
    )
    return np.array(z, "f4")[None], np.reshape(x, (8, 8, 1)), np.reshape(levels, (8, 8, 4))


def same_as_keras(vae, page):
    z, x, levels = pixels_of(page)
    wanted = np.asarray(vae.decoded(z))[0]
    # The model's units are 0 to 16: pixels are shares of white.
    np.testing.assert_allclose(x / 16, wanted / 16, rtol=0, atol=1e-4)
    assert np.abs(levels[..., :3] - 255 * np.clip(wanted / 16, 0, 1)).max() < 0.51
    return z[0]


def test_a_slider_that_is_moved(vae, page):
    before = pixels_of(page)[1]
    for index, share in [(3, 0.9), (5, 0.1)]:
        page.drag(page.place(f"#z{index}"), page.place(f"#z{index}", across=share))
    z = same_as_keras(vae, page)
    assert z[2] > 1.5 and z[4] < -1.5
    assert np.abs(pixels_of(page)[1] - before).max() > 1


def test_a_click_on_the_map(vae, page):
    page.drag(page.place("#map", 0.75, 0.4))
    z = same_as_keras(vae, page)
    across, up = page.evaluate("map.axes")
    low, high = (page.evaluate(f"latents.{end}") for end in ("low", "high"))
    # The map has a margin of 6 percent.
    for axis, share in ((across, 0.75), (up, 0.6)):
        wanted = low[axis] + (1.12 * share - 0.06) * (high[axis] - low[axis])
        assert abs(z[axis] - wanted) < 0.05


def test_a_digit_that_is_drawn(vae, page):
    # Down the middle of a column of pixels.
    page.drag(*(page.place("#pad", 9 / 16, down) for down in np.linspace(0.1, 0.9, 9)))
    drawn = np.array(page.evaluate("Array.from(readPad())"), "f4").reshape(1, 8, 8, 1)
    assert 15 < drawn.max() <= 16 and drawn[0, :, :2].max() == 0
    summary = vae.posterior_summary(drawn)
    for name in ("mean", "stddev"):
        found = page.evaluate(f"Array.from(state.q.{name})")
        np.testing.assert_allclose(found, np.asarray(summary[name])[0], atol=1e-4)
    z = same_as_keras(vae, page)
    np.testing.assert_allclose(z, np.asarray(vae.codes(drawn))[0], atol=1e-4)
    draws = np.array(page.evaluate("state.q.draws.map((z) => Array.from(z))"))
    off = np.asarray((draws - summary["mean"]) / summary["stddev"])
    assert draws.shape == (64, 8) and abs(off.mean()) < 5 / np.sqrt(off.size)
    assert abs(off.std() - 1) < 5 / np.sqrt(2 * off.size)


def test_an_example_an_attribute_and_a_draw(vae, page):
    page.drag(page.place("#examples button"))
    x = page.evaluate("Array.from(numbersFromBase64(content.examples.x)).slice(0, 64)")
    code = np.asarray(vae.codes(np.reshape(x, (1, 8, 8, 1)).astype("f4")))[0]
    np.testing.assert_allclose(same_as_keras(vae, page), code, atol=1e-4)
    slider = "#attributes .row:nth-child(4) input"
    page.drag(page.place(slider), page.place(slider, across=0.75))
    strength = float(page.evaluate(f"+document.querySelector('{slider}').value"))
    vector = np.array(page.evaluate("content.attributes.vectors[3].vector"))
    assert 0.8 < strength < 1.2
    np.testing.assert_allclose(
        same_as_keras(vae, page), code + strength * vector, atol=1e-4
    )
    page.drag(page.place("#buttons button"))
    drawn = same_as_keras(vae, page)
    page.drag(page.place("#buttons button"))
    assert np.abs(same_as_keras(vae, page) - drawn).max() > 0.1
    assert page.evaluate(f"document.querySelector('{slider}').value") == "0"


def test_an_address_holds_the_place(vae, page):
    page.evaluate("location.hash = '#z=0.5,-1,0,1,2,0,0,-2'")
    page.settle()
    np.testing.assert_array_equal(same_as_keras(vae, page), [0.5, -1, 0, 1, 2, 0, 0, -2])
    assert page.evaluate("asHash()") == "#z=0.5,-1,0,1,2,0,0,-2"


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_nothing_is_wider_than_the_screen(page, width):
    page.ask(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=800,
        deviceScaleFactor=1,
        mobile=width < 500,
    )
    page.settle()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.ask("Emulation.clearDeviceMetricsOverride")


def test_convolutions_of_a_class(tmp_path, monkeypatch):
    vae = keras_vae.VAE.from_preset("conditional_vae_mnist")
    monkeypatch.setattr(explore.page, "_OWN_SAMPLES", 20)
    explore.write_page(vae, tmp_path / "page.html")
    with opened(tmp_path / "page.html", tmp_path / "profile") as page:
        page.evaluate(
            "(() => { const select = document.querySelector('#condition select');"
            "select.value = '7'; select.dispatchEvent(new Event('change')); })()"
        )
        first = f"#z{page.evaluate('latents.order[0]') + 1}"
        page.drag(page.place(first), page.place(first, across=0.8))
        z = np.array(page.evaluate("Array.from(state.z)"), "f4")[None]
        assert np.abs(z).max() > 1
        x = page.evaluate("Array.from(state.x)")
        wanted = np.asarray(vae.decoded(z, np.array([7])))
        np.testing.assert_allclose(x, wanted.ravel(), rtol=0, atol=1e-4)
        assert page.problems == []
