"""A discriminator that wins is named once, and only then."""

import pytest

from keras_vae.objectives.adversarial import KINDS
from keras_vae.training import game_watch


def said_of(*epochs):
    lines = []
    watch = game_watch.DiscriminatorWarning(lines.append)
    for epoch, right in enumerate(epochs):
        logs = zip((f"accuracy_{kind}" for kind in KINDS), right, strict=True)
        watch.on_epoch_end(epoch, dict(logs))
    return lines


WON, BEATEN = (0.995, 1.0, 0.999), (1.0, 1.0, 0.6)


@pytest.mark.parametrize(
    "epochs",
    [[WON], [WON, BEATEN, WON], [BEATEN] * 5, [(1.0, 0.0, 0.0)] * 5],
    ids=["one", "not in a row", "samples deceive it", "it is deceived"],
)
def test_nothing_is_said_of_a_game_that_is_not_won(epochs):
    assert said_of(*epochs) == []


def test_a_won_game_is_named_once():
    (line,) = said_of(BEATEN, WON, WON, WON, BEATEN, WON, WON)
    assert line.startswith(
        "epoch 3: the discriminator wins: it was right about at least 99%"
    )
    assert "--objective adversarial" in line
