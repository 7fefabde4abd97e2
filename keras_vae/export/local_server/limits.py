"""Limits of requests, and the error of refused ones."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

# The longest message of an error: requests are quoted in them, and gRPC has a limit.
_LONGEST = 1000


class Limits(NamedTuple):
    """The limits of requests to the local server.

    Attributes:
        bytes: Size of a request, and of each of its arrays.
        rows: Examples in a request.
        requests: Requests at a time, of which one is answered and the others are read or
            wait; more are refused. Of REST and gRPC each.
        connections: Connections at a time, REST; more are closed.
        seconds: Time for sending a request, and for taking its answer.

    Example:
        >>> Limits(seconds=2.0)
    """

    bytes: int = 16 << 20
    rows: int = 1024
    requests: int = 32
    connections: int = 128
    seconds: float = 10.0


class RequestError(Exception):
    """A request that is refused.

    Args:
        message: Why, for the client.
        status: The status in REST; gRPC's code follows from it.
    """

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST):
        """Shortens the message where it quotes a long request."""
        if len(message) > _LONGEST:
            message = f"{message[:_LONGEST]} ..."
        super().__init__(message)
        self.status = status
