"""A SavedModel of two functions, and clients that ask the local server for them."""

import json
import socket
import time
import tracemalloc
import urllib.error
import urllib.request

import tensorflow as tf

from keras_vae.export.local_server import Limits

MEGABYTE = 1 << 20
LIMITS = Limits(bytes=MEGABYTE, rows=16)
# Soon reached.
TIGHT = LIMITS._replace(requests=2, connections=12, seconds=1.0)


class Tiny(tf.Module):
    """Doubles rows of three numbers, and counts what is asked for."""

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, "x")])
    def double(self, x):
        return {"y": 2.0 * tf.debugging.check_numerics(x, "x must be finite.")}

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, "count")])
    def zeros(self, count):
        return {"y": tf.zeros([count, 1000])}


def save(folder):
    """Writes the SavedModel."""
    tiny = Tiny()
    signatures = {"serving_default": tiny.double, "zeros": tiny.zeros}
    tf.saved_model.save(tiny, str(folder), signatures)
    return folder


PREDICT = "/v1/models/tiny:predict"


def ask(port, path=PREDICT, body=None):
    """Status and content of the answer to a plain request."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"http://localhost:{port}{path}", data) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def is_answered(port):
    """Whether a right request gets its right answer."""
    return ask(port, body={"inputs": [[1.0, 2.0, 3.0]]}) == (200, {"outputs": [[2, 4, 6]]})


def soon(condition, seconds=8.0):
    """Waits until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def connect(port, sent=b""):
    """An open connection, over which something was sent."""
    connection = socket.create_connection(("localhost", port), timeout=8)
    connection.sendall(sent)
    return connection


def answer(connection):
    """Status and content of what is answered until the server closes."""
    received = b""
    while block := connection.recv(1 << 16):
        received += block
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def allocated(call):
    """The most memory that a call takes, in MB."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / MEGABYTE
    finally:
        tracemalloc.stop()
