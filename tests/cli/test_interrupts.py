"""Ctrl-C ends the command as such, also where a library turns it into an error."""

import signal
import threading

import pytest

from keras_vae.cli import main
from keras_vae.cli.interrupts import ctrl_c_is_an_interrupt


@pytest.fixture(autouse=True)
def pythons_handler():
    """Python's own handler, also where the tests run as a shell's background job."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press_as_in_a_library():
    """What TensorFlow makes of Ctrl-C in a function that it calls."""
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise ValueError("a function returned a result with an exception set") from None


def test_an_error_after_ctrl_c_is_the_interrupt():
    with pytest.raises(KeyboardInterrupt) as raised, ctrl_c_is_an_interrupt():
        press_as_in_a_library()
    assert isinstance(raised.value.__cause__, ValueError)


def test_ctrl_c_in_an_inner_block_is_one_of_the_outer_block_too():
    with pytest.raises(KeyboardInterrupt), ctrl_c_is_an_interrupt():
        try:
            with ctrl_c_is_an_interrupt():
                press_as_in_a_library()
        except KeyboardInterrupt:
            raise ValueError from None


def test_other_errors_stay_what_they_are():
    with pytest.raises(ValueError, match="shape"), ctrl_c_is_an_interrupt():
        raise ValueError("shape")


@pytest.mark.parametrize("ends", [True, False])
def test_the_handler_is_put_back(ends):
    with pytest.raises(KeyboardInterrupt) if ends else ctrl_c_is_an_interrupt():
        with ctrl_c_is_an_interrupt():
            if ends:
                press_as_in_a_library()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_who_ignores_ctrl_c_goes_on_ignoring_it():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with ctrl_c_is_an_interrupt():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        signal.raise_signal(signal.SIGINT)


def test_other_threads_are_left_alone():
    found = []

    def work():
        with ctrl_c_is_an_interrupt():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]


@pytest.mark.parametrize(
    "arguments, function, words",
    [
        (
            ["train", "dense_vae", "--data", "digits", "--output"],
            "keras_vae.training.train",
            "interrupted before the end of the first epoch",
        ),
        (["info"], "keras_vae.training.fine_tuning.read_run", "interrupted"),
    ],
)
def test_commands_end_with_130(monkeypatch, capsys, tmp_path, arguments, function, words):
    monkeypatch.setattr(function, lambda *_, **__: press_as_in_a_library())
    with pytest.raises(SystemExit) as ended:
        main([*arguments, str(tmp_path / "run")])
    assert ended.value.code == 130
    assert capsys.readouterr().err.strip().startswith(words)
