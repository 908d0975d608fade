"""The explorer's addresses: its page, and what the page asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from vaekit.interfaces.server import looks
from vaekit.interfaces.server.asking import (
    codes_of,
    given_of,
    ids_of,
    object_of,
    shape_header,
    whole_of,
)
from vaekit.interfaces.server.faces import Shown
from vaekit.interfaces.server.guards import Guard
from vaekit.interfaces.server.one_file import steps_of
from vaekit.interfaces.server.running import LOOPBACK
from vaekit.interfaces.server.subject import Subject
from vaekit.system.checks import BadInput, require
from vaekit.system.progress import quiet_if
from vaekit.system.types import Array

T = TypeVar("T")
PAGE = Path(__file__).with_name("page")
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PLACES = ("/a", "/b")  # of two models side by side
MOST_CODES, MOST_STEPS, MOST_ROWS = 4096, 240, 512


class Explorer:
    """What answers the page.

    Args:
        subject: what is explored.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.selection: Array = np.empty(0, np.int64)
        self.quick: Executor = ThreadPoolExecutor(1, "decoding")
        self.slow: Executor = ThreadPoolExecutor(1, "looking")
        self.apart: Executor = ThreadPoolExecutor(1, "steps")  # takes seconds, once

    def routes(self, place: str = "") -> list[Route]:
        """All addresses.

        Args:
            place: before each, as "/a".
        """
        gets: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/api/about": self.about,
            "/api/points": self.points,
            "/api/masses": self.masses,
            "/api/colour": self.colour,
            "/api/row": self.row,
            "/api/find": self.find,
            "/api/prior": self.prior,
            "/api/decoder": self.decoder,
        }
        posts: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/api/decode": self.decode,
            "/api/rows": self.rows,
            "/api/codes": self.codes,
            "/api/path": self.path,
            "/api/encode": self.encode,
            "/api/differs": self.differs,
            "/api/selection": self.select,
            "/api/rows.csv": self.as_csv,
        }
        return [
            *_pages(place, "index.html"),
            *(Route(place + path, answer) for path, answer in gets.items()),
            *(Route(place + path, answer, methods=["POST"]) for path, answer in posts.items()),
        ]

    async def _do(self, where: Executor, what: Callable[[], T]) -> T:
        """Something that computes, in a thread of its own."""

        def quietly() -> T:
            with quiet_if(wanted=True):
                return what()

        return await asyncio.get_running_loop().run_in_executor(where, quietly)

    async def about(self, request: Request) -> Response:
        """What the page has to know first."""
        return JSONResponse(await self._do(self.slow, self.subject.about))

    async def points(self, request: Request) -> Response:
        """Where rows lie in a plane, (N, 5) float32, and the plane in a header."""
        name, planes = request.query_params.get("plane", "0,1"), self.subject.planes
        plane = await self._do(self.slow, lambda: planes.plane(name))
        found = await self._do(self.slow, lambda: planes.points(name))
        return _binary(found, plane=json.dumps(plane.about()))

    async def masses(self, request: Request) -> Response:
        """Where prior and data have mass, (2, side, side) float32."""
        name = request.query_params.get("plane", "0,1")
        found = await self._do(self.slow, lambda: self.subject.planes.masses(name))
        box = ",".join(map(repr, found.box))
        return _binary(np.stack([found.prior, found.data]), box=box)

    async def colour(self, request: Request) -> Response:
        """One number of each row, (N,) float32; or how much of that is done."""
        found = self.subject.colours.values(request.query_params.get("by", ""))
        if isinstance(found, np.ndarray):
            return _binary(found)
        if found.failed:
            raise BadInput(found.failed)
        return JSONResponse({"done": found.share}, 202)

    async def row(self, request: Request) -> Response:
        """A closer look at one row."""
        number = whole_of(request, "row", 0, 0, len(self.subject.rows) - 1)
        return JSONResponse(await self._do(self.slow, lambda: looks.look_at(self.subject, number)))

    async def find(self, request: Request) -> Response:
        """Numbers of rows in which a text stands, uint32."""
        text = request.query_params.get("text", "")[:200]
        found = await self._do(self.slow, lambda: self.subject.found(text))
        return _binary(found.astype(np.uint32))

    async def prior(self, request: Request) -> Response:
        """A code drawn from the prior."""
        return _binary(await self._do(self.slow, self.subject.drawn))

    async def decode(self, request: Request) -> Response:
        """Rows that codes stand for; few at once go before many."""
        codes = await codes_of(request, self.subject.trained.latent, MOST_CODES)
        given = given_of(request)
        where = self.quick if len(codes) <= 2 else self.slow
        return _shown(await self._do(where, lambda: self.subject.decode(codes, given)))

    async def decoder(self, request: Request) -> Response:
        """The decoder as steps for the page itself; nothing where there are no such."""
        body = await self._do(self.apart, lambda: self._steps)
        return Response(body, media_type="application/octet-stream")

    @cached_property
    def _steps(self) -> bytes:
        return steps_of(self.subject)

    async def rows(self, request: Request) -> Response:
        """Rows as they are."""
        ids = await ids_of(request, len(self.subject.rows))
        require(len(ids) <= MOST_ROWS, f"ask for at most {MOST_ROWS} rows at once")
        face = self.subject.face
        return _shown(await self._do(self.quick, lambda: face.stored(self.subject.chosen(ids))))

    async def codes(self, request: Request) -> Response:
        """Codes of rows, (N, latent) float32."""
        ids = await ids_of(request, len(self.subject.rows))
        return _binary(self.subject.codes[ids])

    async def path(self, request: Request) -> Response:
        """Codes on the way from one code to another."""
        ends = await codes_of(request, self.subject.trained.latent, 2)
        require(len(ends) == 2, "send two codes")
        steps = whole_of(request, "steps", 48, 2, MOST_STEPS)
        way = request.query_params.get("way", "straight")
        return _binary(
            await self._do(self.slow, lambda: self.subject.path(ends[0], ends[1], steps, way))
        )

    async def encode(self, request: Request) -> Response:
        """A closer look at a row that is sent: a picture, or JSON."""
        given = given_of(request)
        is_json = request.headers.get("content-type", "").startswith("application/json")
        sent: Any = await object_of(request) if is_json else await request.body()
        look = partial(looks.look_at_new, self.subject, sent, given)
        return JSONResponse(await self._do(self.slow, look))

    async def differs(self, request: Request) -> Response:
        """What sets some rows apart."""
        ids = await ids_of(request, len(self.subject.rows))
        return JSONResponse(await self._do(self.slow, lambda: looks.differs(self.subject, ids)))

    async def select(self, request: Request) -> Response:
        """Keep the rows that are selected, for who started the server."""
        empty = not await request.body()
        none = np.empty(0, np.int64)
        self.selection = none if empty else await ids_of(request, len(self.subject.rows))
        return JSONResponse({"rows": len(self.selection)})

    async def as_csv(self, request: Request) -> Response:
        """Rows as a table to keep."""
        ids = await ids_of(request, len(self.subject.rows))
        text = await self._do(self.slow, lambda: self.subject.as_csv(ids))
        named = {"content-disposition": 'attachment; filename="rows.csv"'}
        return Response(text, media_type="text/csv; charset=utf-8", headers=named)


def app_of(explorer: Explorer, *others: Explorer, hosts: Collection[str] = LOOPBACK) -> Guard:
    """The explorer as it is served; several side by side, each in a place of its own.

    Args:
        explorer: what answers.
        others: of other models, on the same rows.
        hosts: names under which the server may be asked for.
    """
    if not others:
        return Guard(Router(routes=explorer.routes()), hosts)
    places = zip(PLACES, (explorer, *others), strict=False)
    routes = [route for place, each in places for route in each.routes(place)]
    return Guard(Router(routes=[*_pages("", "beside.html"), *routes]), hosts)


def _pages(place: str, first: str) -> list[Route]:
    """The page's files, and which of them comes first."""
    files = {f"/{p.name}": p for p in sorted(PAGE.iterdir()) if p.suffix in KINDS}
    return [
        Route(place + path, partial(_file, p)) for path, p in {**files, "/": PAGE / first}.items()
    ]


async def _file(path: Path, request: Request) -> Response:
    headers = {"cache-control": "no-cache"}
    return Response(path.read_bytes(), media_type=KINDS[path.suffix], headers=headers)


def _shown(shown: Shown) -> Response:
    """Rows as bytes, or as texts in JSON."""
    if isinstance(shown, np.ndarray):
        return _binary(shown)
    return JSONResponse({"cells": shown})


def _binary(values: Array, **more: str) -> Response:
    """Numbers as little-endian bytes, their shape and type in headers."""
    headers = {**shape_header(values), **{f"x-{name}": text for name, text in more.items()}}
    body = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    return Response(body, media_type="application/octet-stream", headers=headers)
