"""A local server for trying clients: it answers as TensorFlow Serving does."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from keras_vae.export.local_server import rest
from keras_vae.export.local_server.limits import Limits
from keras_vae.export.local_server.models import Models, newest_saved_model

__all__ = ["Limits", "Ports", "newest_saved_model", "serve"]


class Ports(NamedTuple):
    """The ports of the local server, which listens only on this machine.

    Attributes:
        rest: Port of the REST API.
        grpc: Port of gRPC; None if tensorflow-serving-api is not installed.

    Example:
        >>> Ports(rest=8501, grpc=None).rest
        8501
    """

    rest: int
    grpc: int | None


@contextlib.contextmanager
def serve(
    models: Mapping[str, str | os.PathLike],
    port: int = 0,
    grpc_port: int = 0,
    limits: Limits | None = None,
) -> Iterator[Ports]:
    """Answers the requests of TensorFlow Serving's clients, REST and gRPC.

    It takes the same requests: predictions, and by REST also status and metadata of a
    model. TensorFlow runs the SavedModel in this process. Use it only for tests of clients
    and for lessons: it listens only on the loopback address, has no access control, answers
    one request after the other, and refuses large ones.

    A SavedModel is a program: serve only models that you made or trust.

    Args:
        models: For each name the folder of a SavedModel, or a folder with numbered ones,
            of which the newest is taken.
        port: Port for REST; 0 takes a free one.
        grpc_port: Port for gRPC, which needs the package tensorflow-serving-api.
        limits: Limits of requests; see `Limits`.

    Yields:
        The ports, as long as the context lasts.

    Raises:
        FileNotFoundError: If a folder holds no SavedModel.
        ValueError: If a SavedModel is damaged, or a name does not fit into a URL.
        OSError: If a port is taken.

    Example:
        >>> request = b'{"signature_name": "decode", "inputs": [[0.0, 1.0]]}'
        >>> with serve({"digits": "models/digits"}) as ports:
        ...     url = f"http://localhost:{ports.rest}/v1/models/digits:predict"
        ...     answer = json.load(urllib.request.urlopen(url, request))
        >>> np.shape(answer["outputs"])
        (1, 8, 8, 1)

    Source:
        TensorFlow Serving's "RESTful API" and `prediction_service.proto`.
    """
    for name in models:
        if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
            raise ValueError(
                f"The name of a model must fit into a URL: letters, digits, _, . and -, but "
                f"is {name!r}. Choose another (--name)."
            )
    loaded = Models(models, limits or Limits())
    with contextlib.ExitStack() as stack:
        stack.callback(loaded.close)
        rest_port = stack.enter_context(rest.listening(loaded, port))
        if not importlib.util.find_spec("tensorflow_serving"):
            yield Ports(rest_port, None)
            return
        from keras_vae.export.local_server import rpc

        yield Ports(rest_port, stack.enter_context(rpc.listening(loaded, grpc_port)))
