"""Addresses: one declaration of each gives the route, the checks and the documentation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vaekit.interfaces.server.api.media import JSON, Malformed, Reply, sent_as, wanted
from vaekit.interfaces.server.api.options import Option, read_options
from vaekit.interfaces.server.api.served import Asked
from vaekit.interfaces.server.guards import in_words
from vaekit.system.checks import BadInput

ROUTE = "vaekit.route"


@dataclass(frozen=True)
class Reading:
    """A request whose body is still to be read.

    Args:
        length: bytes that it says it has; None where it does not say.
        read: reads it.
        client: the address that it came from.
    """

    length: int | None
    read: Callable[[], Awaitable[Asked]]
    client: str = ""


@dataclass(frozen=True)
class Endpoint:
    """An address, and what can be asked there.

    Args:
        method: GET or POST.
        path: of the address.
        name: that no other has.
        about: what it does, in a sentence or two.
        answer: what answers; it is handed what reads the request.
        options: that the address may have.
        takes: kinds of bodies, and their schemas; nothing where there is no body.
        gives: kinds of replies, and their schemas; the first where a client does not care.
        needs_body: whether there must be a body.
        example: a body in JSON.
        is_open: whether it needs no token.
        tag: of the group that it belongs to.
    """

    method: str
    path: str
    name: str
    about: str
    answer: Callable[[Reading], Awaitable[Reply]]
    gives: Mapping[str, Any]
    options: tuple[Option, ...] = ()
    takes: Mapping[str, Any] = field(default_factory=dict)
    needs_body: bool = True
    example: Any = None
    is_open: bool = False
    tag: str = "server"

    def route(self) -> Route:
        """As Starlette has it."""
        return Route(self.path, self._handle, methods=[self.method])

    async def _handle(self, request: Request) -> Response:
        """Check what can be checked before the body is read, then answer."""
        request.scope[ROUTE] = self.path
        try:
            options = read_options(self.options, request.query_params)
            kind = self._kind(request)
            wants = wanted(request.headers.get("accept"), list(self.gives))

            async def read() -> Asked:
                body = await request.body() if self.takes else b""
                if self.takes and self.needs_body and not body:
                    raise Malformed("the body is empty")
                return Asked(body, kind if body else "", wants, options, str(request.base_url))

            length = request.headers.get("content-length")
            size = None if length is None else int(length)
            client = request.client.host if request.client else ""
            reply = await self.answer(Reading(size, read, client))
        except Malformed as error:
            raise HTTPException(400, in_words(error)) from error
        except (BadInput, ArithmeticError) as error:
            raise HTTPException(422, in_words(error)) from error
        return Response(reply.body, media_type=reply.media)

    def _kind(self, request: Request) -> str:
        """Kind of the body, where there is one."""
        header, length = request.headers.get("content-type"), request.headers.get("content-length")
        chunked = "transfer-encoding" in request.headers
        there = chunked or (length or "0") != "0"
        if not self.takes or not (there or self.needs_body):
            return ""
        return sent_as(header, list(self.takes)) if header or there else JSON
