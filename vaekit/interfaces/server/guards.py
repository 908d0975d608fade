"""What stands before the server: who may ask, and how much may be sent. Errors are plain JSON."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from vaekit.interfaces.server.running import LOOPBACK
from vaekit.system.checks import BadInput, printable

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES = 32 * 2**20
SAFE = ("GET", "HEAD")
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        b"connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'self'",
    ),
)


class Guard:
    """Asks of each request whether it may come, and turns what goes wrong into a line of JSON.

    A page elsewhere on the web must not reach a server on this machine: the name that a browser
    asked for (Host) has to be one of this server's, which ends DNS rebinding, and what changes or
    computes something has to come from the page itself (Origin).

    Args:
        inner: what answers.
        hosts: names and addresses under which the server may be asked for; "*" for any address
            in numbers (a page elsewhere can make its own name mean this machine, but no address).
        most: bytes of a request's body.
    """

    def __init__(
        self, inner: Asgi, hosts: Collection[str] = LOOPBACK, most: int = MOST_BYTES
    ) -> None:
        self.inner, self.hosts, self.most = inner, {h.casefold() for h in hosts}, most

    def _is_own(self, name: str) -> bool:
        return name in self.hosts - {"*"} or ("*" in self.hosts and _is_address(name))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        begun = False

        async def headed(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        try:
            self._check(scope)
            scope["app"] = self  # what is not found, or not allowed, is an error like others
            await self.inner(scope, _Limited(receive, self.most), headed)
        except ClientDisconnect:
            return
        except Exception as error:
            if begun:
                raise
            await _answer(headed, *_told(error))

    def _check(self, scope: Scope) -> None:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        host = headers.get("host", "")
        if not self._is_own(_name(f"//{host}")):
            raise HTTPException(421, f"this server is not asked for as {printable(host)[:80]!r}")
        if scope["method"] not in SAFE:
            self._check_origin(headers, host)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.most:
            raise HTTPException(413, f"a request may have {self.most:,} bytes")

    def _check_origin(self, headers: dict[str, str], host: str) -> None:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
        if site not in ("same-origin", "none") or (
            origin is not None and urlsplit(origin).netloc.casefold() != host.casefold()
        ):
            raise HTTPException(403, "only the server's own page may ask for this")


def _name(url: str) -> str:
    """The host of an address, without its port."""
    try:
        return (urlsplit(url).hostname or "").casefold()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class _Limited:
    """Passes a body on up to its largest size."""

    def __init__(self, receive: Receive, most: int) -> None:
        self.receive, self.left = receive, most

    async def __call__(self) -> MutableMapping[str, Any]:
        message = await self.receive()
        self.left -= len(message.get("body", b""))
        if self.left < 0:
            raise HTTPException(413, "the request is too large")
        return message


def in_words(error: Exception) -> str:
    """What an error says, in one line that can be shown."""
    return printable(" ".join(str(error).split()))


def _told(error: Exception) -> tuple[int, str, Mapping[str, str]]:
    """The status of an error, what is said of it, and headers: to people what they can act on, and
    nothing of the inside."""
    if isinstance(error, HTTPException):
        headers = error.headers or {}
        allowed = headers.get("Allow")
        said = f"only {allowed} can be asked here" if allowed else error.detail
        return error.status_code, said, headers
    if isinstance(error, BadInput | ArithmeticError):
        return 400, in_words(error), {}
    traceback.print_exception(error, file=sys.stderr)
    return 500, "this failed; the server's terminal says more", {}


async def _answer(send: Send, status: int, why: str, more: Mapping[str, str]) -> None:
    body = json.dumps({"error": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in more.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
