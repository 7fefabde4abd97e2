"""Runs `keras-vae`, and kills the process before the n-th change of a file in a folder.

Usage: killed_command.py FOLDER N ARGUMENT ...; at the end it prints how many there were.
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import moments

from keras_vae.cli import main

left = int(sys.argv[2])
count = 0


def before_change():
    global count
    count += 1
    if count == left:
        os.kill(os.getpid(), signal.SIGKILL)


moments.call_before_each_change(before_change)
main(sys.argv[3:])
print(f"{count} changes")
