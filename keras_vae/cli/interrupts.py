"""Ctrl-C that a library turned into another error."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def ctrl_c_is_an_interrupt() -> Iterator[None]:
    """Turns every exception that Ctrl-C causes in the block into a `KeyboardInterrupt`.

    Python raises it at any point of the program, also in a function called by TensorFlow's
    C++ code. TensorFlow then raises an error of another class.

    Raises:
        KeyboardInterrupt: If the block ended with an exception after Ctrl-C.
    """
    before = signal.getsignal(signal.SIGINT)
    # The handler is not a function if the process ignores Ctrl-C, as a shell's background
    # jobs do. Python interrupts only the main thread.
    main = threading.current_thread() is threading.main_thread()
    if not main or not callable(before):
        yield
        return
    pressed = False

    def note(number, frame):
        nonlocal pressed
        pressed = True
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    except Exception as error:
        if pressed:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, before)
