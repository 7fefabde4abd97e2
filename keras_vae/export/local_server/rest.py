"""TensorFlow Serving's REST API: predict requests, status and metadata of a model."""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from keras_vae.export.local_server.limits import RequestError
from keras_vae.export.local_server.messages import metadata, predicted, status
from keras_vae.export.local_server.models import Models

_PATH = re.compile(r"/v1/models/([^/:?]+)(?:/versions/(\d{1,18}))?(:predict|/metadata)?")
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n" + (
    b'{"error": "This local server has too many connections. Try again."}'
)


@contextlib.contextmanager
def listening(models: Models, port: int) -> Iterator[int]:
    """Answers REST as long as the context lasts.

    Args:
        models: What is served.
        port: The port on the loopback address; 0 takes a free one.

    Yields:
        The port.

    Raises:
        OSError: If the port is taken.
    """
    try:
        server = _Server(models, port)
    except OSError as error:
        raise OSError(
            f"Port {port}, for REST, is taken or not allowed. Choose another with --port; 0 "
            "takes a free one."
        ) from error
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    """A thread for each connection; beyond the limit as many are told so, others closed."""

    request_queue_size = 128

    def __init__(self, models: Models, port: int):
        self.models, self.limits = models, models.limits
        self.threads = threading.Semaphore(2 * self.limits.connections)
        self.connections = threading.Semaphore(self.limits.connections)
        self.requests = threading.Semaphore(self.limits.requests)
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request, client_address):
        if self.threads.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            request.close()

    def process_request_thread(self, request, client_address):
        try:
            if self.connections.acquire(blocking=False):
                try:
                    super().process_request_thread(request, client_address)
                finally:
                    self.connections.release()
            else:
                with contextlib.suppress(OSError):
                    request.sendall(_FULL)
                self.shutdown_request(request)
        finally:
            self.threads.release()

    def close_request(self, request):
        # Closed while data lie unread, a connection is reset, and the client may not see
        # its answer: what a refused request goes on sending is taken and thrown away.
        end = time.monotonic() + min(2.0, self.limits.seconds)
        with contextlib.suppress(OSError):
            while (left := end - time.monotonic()) > 0:
                request.settimeout(left)
                if not request.recv(1 << 16):
                    break
        request.close()


class _TooSlowError(Exception):
    """The time for sending a request is over."""


class _UntilDeadline(io.RawIOBase):
    """What a client sends, for so many seconds; a timeout of its socket starts anew."""

    def __init__(self, connection: socket.socket, seconds: float):
        self.connection, self.end = connection, time.monotonic() + seconds

    def readable(self):
        return True

    def readinto(self, buffer):
        self.connection.settimeout(max(self.end - time.monotonic(), 1e-3))
        try:
            return self.connection.recv_into(buffer)
        except TimeoutError as error:
            raise _TooSlowError from error


class _Handler(BaseHTTPRequestHandler):
    """Answers one request, then closes the connection."""

    # Clients with large bodies ask before they send them.
    protocol_version = "HTTP/1.1"
    # For answers to what is no request, or did not come.
    default_request_version = request_version = protocol_version
    requestline = command = ""
    server: _Server

    def setup(self):
        super().setup()
        self.rfile.close()
        seconds = self.server.limits.seconds
        self.rfile = io.BufferedReader(_UntilDeadline(self.connection, seconds))

    def handle(self):
        # A client that is gone, or does not take its answer, needs none.
        with contextlib.suppress(ConnectionError, TimeoutError):
            try:
                super().handle()
            except _TooSlowError:
                seconds = self.server.limits.seconds
                self.send_error(
                    HTTPStatus.REQUEST_TIMEOUT,
                    f"The request was not complete within {seconds:g} seconds.",
                )

    def do_GET(self):
        self._respond(self._get)

    def do_POST(self):
        if not self.server.requests.acquire(blocking=False):
            self.send_error(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"This local server answers {self.server.limits.requests} requests at a "
                "time. Try again.",
            )
            return
        try:
            self._respond(self._post)
        finally:
            self.server.requests.release()

    def _respond(self, make):
        try:
            payload = make()
        except RequestError as error:
            self.send_error(error.status, str(error))
        except _TooSlowError:
            raise
        except Exception:
            # A defect: the client gets an answer, the terminal the traceback.
            message = "The server has failed; see the error on its terminal."
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, message)
            raise
        else:
            self._answer(HTTPStatus.OK, payload)

    def _get(self) -> bytes:
        model, what = self._asked()
        if what == ":predict":
            raise RequestError("Predictions need the method POST.")
        return _json(metadata(model) if what else status(model))

    def _post(self) -> bytes:
        model, what = self._asked()
        if what != ":predict":
            raise RequestError(f"{self.path[:200]} needs the method GET.")
        body = self._body()
        with self.server.models.answering():
            return _json(predicted(self.server.models, model, body))

    def _asked(self):
        path = _PATH.fullmatch(self.path.partition("?")[0])
        if path is None:
            raise RequestError(f"There is no {self.path[:200]}.", HTTPStatus.NOT_FOUND)
        name, version, what = path.groups()
        number = int(version) if version else None
        return self.server.models.get(name, number), what

    def _body(self) -> bytes:
        lengths = self.headers.get_all("Content-Length", [])
        if not lengths or "Transfer-Encoding" in self.headers:
            raise RequestError(
                "A request must have a Content-Length; chunked requests are not supported.",
                HTTPStatus.LENGTH_REQUIRED,
            )
        if len(lengths) > 1 or not re.fullmatch("[0-9]+", lengths[0]):
            raise RequestError(f"Content-Length must be a number: {', '.join(lengths)}.")
        most = self.server.limits.bytes
        if len(lengths[0]) > 18 or int(lengths[0]) > most:
            raise RequestError(
                f"This local server takes {most} bytes at a time. Send fewer examples, or "
                f"use gRPC. (Content-Length is {lengths[0]}.)",
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            )
        length = int(lengths[0])
        body = self.rfile.read(length)
        if len(body) < length:
            raise RequestError(f"The request ended after {len(body)} of {length} bytes.")
        return body

    def send_error(self, code, message=None, explain=None):
        """Answers with an error as the REST API writes it."""
        self._answer(code, _json({"error": message or HTTPStatus(code).phrase}))

    def _answer(self, code, payload):
        self.connection.settimeout(self.server.limits.seconds)
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    def log_message(self, format, *args):
        """Says nothing."""


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode()
