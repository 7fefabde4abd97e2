"""Whatever a client sends, the local server answers, within its limits, and goes on."""

import socket
import threading
import time

import pytest
import tensorflow as tf
from tiny_server import (
    LIMITS,
    MEGABYTE,
    PREDICT,
    TIGHT,
    allocated,
    answer,
    ask,
    connect,
    is_answered,
    soon,
)

from keras_vae.export.local_server.limits import RequestError
from keras_vae.export.local_server.messages import read_json

POST = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\n".encode()
SPEC = tf.TensorSpec([None, 3], tf.float32, "x")


def post(body, more=b""):
    return POST + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


def inputs(value):
    return post(b'{"inputs": ' + value + b"}")


HOSTILE = {
    "no length": (POST + b"\r\n{}", 411, "must have a Content-Length"),
    "chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, "chunked"),
    "both": (post(b"{}", b"Transfer-Encoding: chunked\r\n"), 411, "chunked"),
    "negative": (POST + b"Content-Length: -1\r\n\r\n{}", 400, "a number: -1"),
    "no number": (POST + b"Content-Length: 1_0\r\n\r\n{}", 400, "a number: 1_0"),
    "two": (post(b"{}", b"Content-Length: 3\r\n"), 400, "a number: 3, 2"),
    "absurd": (
        POST + b"Content-Length: 1%s\r\n\r\n{}" % (b"0" * 5000),
        413,
        f"takes {MEGABYTE}",
    ),
    "beyond": (post(b" " * (MEGABYTE + 1)), 413, f"takes {MEGABYTE}"),
    "far beyond": (post(b" " * 8 * MEGABYTE), 413, f"takes {MEGABYTE}"),
    "deep": (post(b"[" * 100_000), 400, "nested too deeply"),
    "deep objects": (post(b'{"a":' * 100_000), 400, "nested too deeply"),
    "deep input": (inputs(b"[" * 500 + b"]" * 500), 400, "x is nested too deeply"),
    "digits": (inputs(b"[[%s, 0, 0]]" % (b"9" * 5000)), 400, "not JSON"),
    "large number": (inputs(b"[[%s, 0, 0]]" % (b"9" * 4000)), 400, "x must be float32"),
    "no text": (post(b"\xff\xfe\x80"), 400, "not JSON"),
    "nothing": (post(b""), 400, "not JSON"),
    "rows": (inputs(b"[" + b"[0,0,0]," * 16 + b"[0,0,0]]"), 400, "17 examples"),
    "wide": (inputs(b"[[" + b"0," * 300_000 + b"0]]"), 400, "takes arrays of 1 MB"),
    "empty lists": (inputs(b"[[" + b"[]," * 300_000 + b"[]]]"), 400, "arrays of 1 MB"),
    "ragged": (inputs(b"[[0,0,0],[" + b"0," * 9000 + b"0]]"), 400, "its rows differ"),
    "ragged depth": (inputs(b"[[0,0,0],[0,[0],0]]"), 400, "its rows differ"),
    "texts": (inputs(b'[["1", "2", "3"]]'), 400, "x must be numbers"),
    "truth": (inputs(b"[[true, 0, 0]]"), 400, "x must be numbers"),
    "objects": (inputs(b'[[{"x": 1}, 0, 0]]'), 400, "x must be numbers"),
    "NaN": (inputs(b"[[NaN, 0, 0]]"), 400, "x must be finite"),
    "long name": (post(b'{"signature_name": "%s"}' % (b"x" * 900_000)), 400, "either"),
    "long signature": (
        post(b'{"inputs": [], "signature_name": "%s"}' % (b"x" * 900_000)),
        *(404, "Unknown signature 'xxx"),
    ),
    "no name": (post(b'{"inputs": [], "signature_name": [[]]}'), 400, "must be a text"),
    "many inputs": (
        post(b'{"inputs": {%s}}' % b",".join(b'"%d":0' % i for i in range(60_000))),
        *(400, "takes the inputs ['x']"),
    ),
    "whole numbers": (
        post(b'{"signature_name": "zeros", "inputs": 1e99}'),
        *(400, "count must be int32, whole numbers from"),
    ),
    "not a number": (
        post(b'{"signature_name": "zeros", "inputs": NaN}'),
        *(400, "count must be int32, whole numbers from"),
    ),
    "no rows": (
        post(b'{"signature_name": "zeros", "instances": [{"count": 1}]}'),
        *(400, "count must have shape"),
    ),
    "long path": (b"GET /%s HTTP/1.1\r\n\r\n" % (b"x" * 70_000), 414, "Long"),
    "long header": (POST + b"X: %s\r\n\r\n" % (b"y" * 70_000), 431, "Line too long"),
    "many headers": (POST + b"X: y\r\n" * 200 + b"\r\n", 431, "headers"),
    "unknown verb": (b"BREW / HTTP/1.1\r\n\r\n", 501, "Unsupported method"),
    "unknown version": (b"GET / HTTP/7.0\r\n\r\n", 505, "Invalid HTTP version"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_requests_are_answered(ports, name):
    sent, status, words = HOSTILE[name]
    with connect(ports.rest, sent) as connection:
        given, content = answer(connection)
    assert given == status and words in content["error"]
    assert len(content["error"]) < 1100
    assert is_answered(ports.rest)


def test_a_request_that_ends_early_is_answered(ports):
    with connect(ports.rest, POST + b"Content-Length: 100\r\n\r\n{}") as connection:
        connection.shutdown(socket.SHUT_WR)
        assert answer(connection)[1]["error"] == "The request ended after 2 of 100 bytes."


STALLED = POST + b"Content-Length: 1000\r\n\r\n"


@pytest.mark.parametrize(
    "start, trickle",
    [(b"", False), (STALLED, False), (b"POST", True), (STALLED + b"[", True)],
    ids=["nothing", "no body", "header in bytes", "body in bytes"],
)
def test_slow_clients_are_told_that_time_is_over(tight, start, trickle):
    # A byte now and then would go on for ever, if only pauses were limited.
    begin = time.monotonic()
    with connect(tight.rest, start) as connection:
        if trickle:
            connection.settimeout(TIGHT.seconds / 4)
        given = None
        while given is None:
            if trickle:
                connection.sendall(b" " if start.endswith(b"[") else b"x")
            try:
                given = answer(connection)
            except TimeoutError:
                assert time.monotonic() - begin < 8
    assert given[0] == 408 and f"within {TIGHT.seconds:g} seconds" in given[1]["error"]
    assert time.monotonic() - begin > TIGHT.seconds - 0.05
    soon(lambda: is_answered(tight.rest))


def test_more_requests_than_are_taken_are_told_to_come_again(tight):
    stalled = [connect(tight.rest, STALLED) for _ in range(3 * TIGHT.requests)]
    answers = [answer(one) for one in stalled]
    assert sum(status == 408 for status, _ in answers) >= TIGHT.requests
    refused = [content["error"] for status, content in answers if status == 503]
    assert refused and all("2 requests at a time" in error for error in refused)
    soon(lambda: is_answered(tight.rest))


def test_more_connections_than_are_taken_are_closed(tight):
    idle = [connect(tight.rest) for _ in range(TIGHT.connections + 3)]
    answers = [answer(connection) for connection in idle]
    refused = [content["error"] for status, content in answers if status == 503]
    assert refused and all("too many connections" in error for error in refused)
    assert [status for status, _ in answers].count(408) >= TIGHT.connections
    soon(lambda: is_answered(tight.rest))
    # Nothing stays behind.
    soon(lambda: threading.active_count() < 60)


def test_who_does_not_take_an_answer_holds_up_nobody(tight):
    # 25 MB of JSON, more than sockets hold.
    body = b'{"signature_name": "zeros", "inputs": 5000}'
    deaf = [connect(tight.rest, post(body)) for _ in range(3 * TIGHT.requests)]
    soon(lambda: is_answered(tight.rest), 30)
    for connection in deaf:
        connection.close()


def test_clients_that_are_gone_leave_no_trace(ports, capfd):
    for sent in (b"", POST, STALLED, inputs(b"[[0, 0, 0]]")):
        connect(ports.rest, sent).close()
    soon(lambda: is_answered(ports.rest))
    assert capfd.readouterr().err == ""


def test_a_defect_is_answered_and_shown(ports, capfd, monkeypatch):
    def defect(*_):
        raise KeyError("a bug")

    monkeypatch.setattr("keras_vae.export.local_server.rest.status", defect)
    status, content = ask(ports.rest, "/v1/models/tiny")
    assert status == 500 and "its terminal" in content["error"]
    soon(lambda: "KeyError: 'a bug'" in capfd.readouterr().err)


def test_no_text_decides_the_size_of_an_array():
    # NumPy gives each cell the size of the longest: 2.4 GB here.
    value = [["a" * 1_000_000, "b", "c"], *[["d", "e", "f"]] * 199]

    def read():
        with pytest.raises(RequestError, match="x must be numbers"):
            read_json("x", value, SPEC, LIMITS._replace(rows=1000))

    assert allocated(read) < 1


def test_a_long_name_is_not_compared_as_a_whole(ports):
    body = {"inputs": [], "signature_name": "x" * 900_000}
    assert allocated(lambda: ask(ports.rest, body=body)) < 15
