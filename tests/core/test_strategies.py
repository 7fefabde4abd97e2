"""Graphs that are kept for strategies."""

import gc
import weakref

import tensorflow as tf

from keras_vae.core.replicas import _on_replicas


def test_strategies_are_not_kept_for_ever():
    first = tf.distribute.OneDeviceStrategy("/cpu:0")
    _on_replicas(tf.identity, first)
    seen = weakref.ref(first)
    del first
    for _ in range(4):
        _on_replicas(tf.identity, tf.distribute.OneDeviceStrategy("/cpu:0"))
    gc.collect()
    assert seen() is None
