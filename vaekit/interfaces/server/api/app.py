"""The API's application: its addresses, who may ask, and what is done when too much is asked."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import time
from collections import Counter
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.routing import Router

from vaekit.interfaces.server.api import openapi, reference
from vaekit.interfaces.server.api.endpoints import ROUTE, Endpoint, Reading
from vaekit.interfaces.server.api.limits import LIMITS, Limits
from vaekit.interfaces.server.api.media import HTML, JSON, TEXT, Reply, in_json
from vaekit.interfaces.server.api.metrics import MEDIA, Metrics
from vaekit.interfaces.server.api.operations import Operation
from vaekit.interfaces.server.api.served import Asked, Served
from vaekit.interfaces.server.api.whole import OPERATIONS
from vaekit.interfaces.server.api.worker import Job, Worker
from vaekit.interfaces.server.guards import Asgi, Guard, Receive, Scope, Send
from vaekit.interfaces.server.running import LOOPBACK
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, known

OPEN = ("/healthz", "/readyz")
ANYTHING: dict[str, Any] = {"type": "object"}
GONE = 499  # who asked went away
BODIES = 8  # of the largest size that may be in hand at once
LEAVE = 2.0  # seconds that bodies have to come once the server stops


class Api:
    """Models, and what answers for them.

    Args:
        models: by the names that they have in addresses.
        limits: of what is taken.
    """

    def __init__(self, models: Mapping[str, Trained], limits: Limits = LIMITS) -> None:
        self.limits = limits
        self.models = {name: Served(name, each, limits) for name, each in models.items()}
        self.metrics = Metrics()
        self.worker = Worker(self.metrics, limits.bytes)
        self.in_hand, self.bytes_in_hand, self.is_stopping = 0, 0, False
        self.of_each: Counter[str] = Counter()
        self._reading: set[asyncio.Timeout] = set()
        self.cannot = {name: _cannot(model) for name, model in self.models.items()}
        self.endpoints = [*self._own(), *self._of_models()]
        self._document = openapi.document(self.endpoints)

    @property
    def is_full(self) -> bool:
        """Whether no more requests are taken."""
        return self.is_stopping or self.in_hand >= self.limits.waiting

    def _own(self) -> list[Endpoint]:
        """Addresses of the server."""
        text = {TEXT: {"type": "string"}}
        return [
            Endpoint(
                "GET", "/", "reference", "This page.", self._page, {HTML: {"type": "string"}}
            ),
            Endpoint(
                "GET", "/reference.css", "style", "Its style.", self._style, {"text/css": {}}
            ),
            Endpoint(
                "GET", "/openapi.json", "openapi", "All of this as OpenAPI 3.1.", self._openapi,
                {JSON: ANYTHING},
            ),
            Endpoint(
                "GET", "/healthz", "health", "Whether the server runs.", self._health,
                {JSON: ANYTHING}, is_open=True,
            ),
            Endpoint(
                "GET", "/readyz", "readiness",
                "Whether requests are taken: 503 while the server stops, or has its hands full.",
                self._readiness, {JSON: ANYTHING}, is_open=True,
            ),
            Endpoint(
                "GET", "/metrics", "metrics", "Counts and times, for Prometheus.", self._measured,
                text,
            ),
            Endpoint(
                "GET", "/v1/models", "models", "The models, and what each can be asked.",
                self._listed, {JSON: ANYTHING},
            ),
        ]  # fmt: skip

    def _of_models(self) -> list[Endpoint]:
        """Addresses of the models."""
        found = []
        for name, model in self.models.items():
            answer = partial(self._told, model)
            found.append(
                Endpoint(
                    "GET", f"/v1/models/{name}", f"{name}.about", "What the model is.", answer,
                    {JSON: ANYTHING}, tag=name,
                )
            )  # fmt: skip
            can = (each for each in OPERATIONS if each.name not in self.cannot[name])
            found += [self._endpoint(model, each) for each in can]
        return found

    def _endpoint(self, model: Served, operation: Operation) -> Endpoint:
        return Endpoint(
            "POST", f"/v1/models/{model.name}/{operation.name}", f"{model.name}.{operation.name}",
            operation.about, partial(self._computed, model, operation), operation.gives(model),
            operation.options(model), operation.takes(model), operation.needs_body,
            operation.example(model), tag=model.name,
        )  # fmt: skip

    async def _computed(self, model: Served, operation: Operation, reading: Reading) -> Reply:
        """What a model answers, if it is not asked too much."""
        size = self.limits.bytes if reading.length is None else reading.length
        if self.is_full or self.bytes_in_hand + size > BODIES * self.limits.bytes:
            raise self._busy("the server has its hands full")
        if self.of_each[reading.client] >= self.limits.each:
            most = self.limits.each
            many = f"{most} requests of yours are" if most > 1 else "a request of yours is"
            raise self._busy(f"{many} in hand", 429)
        job: Job | None = None
        self._take(reading.client, size, 1)
        try:
            async with asyncio.timeout(self.limits.seconds) as end:
                asked = await self._read(reading, end)
                job = self.worker.submit(partial(operation.prepared, model, asked), size)
                return await asyncio.wrap_future(job.future)
        except TimeoutError:
            raise self._late(job) from None
        finally:
            self._take(reading.client, size, -1)
            if job is not None:
                job.dropped = True

    def _take(self, client: str, size: int, sign: int) -> None:
        """Count a request that is taken, by 1, or done with, by -1."""
        self.in_hand += sign
        self.bytes_in_hand += sign * size
        self.of_each[client] += sign
        if not self.of_each[client]:
            del self.of_each[client]

    async def _read(self, reading: Reading, end: asyncio.Timeout) -> Asked:
        """A request, whose body has to come soon if the server stops meanwhile."""
        self._reading.add(end)
        try:
            return await reading.read()
        finally:
            self._reading.discard(end)

    def stopping(self) -> None:
        """Take nothing new, and wait no longer than a moment for what is still being sent."""
        self.is_stopping = True
        soon = asyncio.get_running_loop().time() + LEAVE
        for end in self._reading:
            end.reschedule(min(end.when() or soon, soon))

    def _busy(self, why: str, status: int = 503) -> HTTPException:
        """503 or 429, and when to come again."""
        seconds = math.ceil(min(self.in_hand * self.worker.seconds, self.limits.seconds))
        again = str(max(seconds, 1))
        return HTTPException(status, f"{why}: come again in {again} s", {"retry-after": again})

    def _late(self, job: Job | None) -> HTTPException:
        """What is said of a request that took too long."""
        most = f"{self.limits.seconds:g} s"
        if self.is_stopping and job is None:
            return HTTPException(503, "the server stops, and the body did not come")
        if job is None:
            return HTTPException(408, f"the body did not come within {most}")
        if not job.future.running():
            return self._busy(f"the request was not begun within {most}")
        return HTTPException(504, f"this takes longer than {most}: ask for less at once")

    async def _page(self, reading: Reading) -> Reply:
        asked = await reading.read()
        return Reply(reference.page(self.endpoints, [*self.models.values()], asked.base), HTML)

    async def _style(self, reading: Reading) -> Reply:
        return Reply(reference.STYLE.read_bytes(), "text/css")

    async def _openapi(self, reading: Reading) -> Reply:
        return in_json(self._document)

    async def _health(self, reading: Reading) -> Reply:
        return in_json({"status": "ok"})

    async def _readiness(self, reading: Reading) -> Reply:
        if self.is_stopping or not self.worker.is_alive:
            raise HTTPException(503, "the server stops")
        if self.is_full:
            raise self._busy("the server has its hands full")
        return in_json({"status": "ready", "models": list(self.models)})

    async def _measured(self, reading: Reading) -> Reply:
        now = {
            "vaekit_requests_in_hand": ("Requests being read, waiting or computed.", self.in_hand),
            "vaekit_queue_depth": ("Requests that wait for the models.", self.worker.depth),
        }
        return Reply(self.metrics.text(now).encode(), MEDIA)

    async def _listed(self, reading: Reading) -> Reply:
        return in_json({"models": [self._about(model) for model in self.models.values()]})

    async def _told(self, model: Served, reading: Reading) -> Reply:
        return in_json(self._about(model))

    def _about(self, model: Served) -> dict[str, Any]:
        """What a model is, and what it can be asked."""
        config, cannot = model.trained.config, self.cannot[model.name]
        can = [each.name for each in OPERATIONS if each.name not in cannot]
        return {
            "name": model.name,
            "recipe": config.recipe,
            "data": config.data.name,
            "likelihood": config.likelihood.name,
            "latent": model.trained.latent,
            "row": model.wire.schema,
            "given": model.given,
            "can": {name: f"/v1/models/{quote(model.name)}/{name}" for name in can},
            "cannot": cannot,
        }

    async def _lost(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say what there is instead of an address that is not there."""
        parts = scope["path"].strip("/").split("/")
        try:
            if parts[:2] == ["v1", "models"] and len(parts) == 4:
                cannot = self.cannot[known("model", parts[2], self.models)]
                operation = known("operation", parts[-1], [each.name for each in OPERATIONS])
                why = cannot.get(operation)
                raise HTTPException(422 if why else 404, why or "there is nothing here")
        except BadInput as error:
            raise HTTPException(404, str(error)) from error
        raise HTTPException(404, "there is nothing here; / says what there is")

    def app(self, hosts: Collection[str] = LOOPBACK, token: str | None = None) -> Asgi:
        """What is served.

        Args:
            hosts: names under which the server may be asked for.
            token: that requests must bear; None for anybody.
        """
        routes = [endpoint.route() for endpoint in self.endpoints]
        inner: Asgi = Router(routes=routes, default=self._lost, redirect_slashes=False)
        if token is not None:
            inner = Bearing(inner, token)
        return Counted(Guard(inner, hosts, self.limits.bytes), self.metrics)

    def close(self) -> None:
        """Answer what is in hand, and end."""
        self.is_stopping = True
        self.worker.close(self.limits.seconds)


def _cannot(model: Served) -> dict[str, str]:
    """What a model cannot be asked, and why not."""
    found = {operation.name: operation.why_not(model) for operation in OPERATIONS}
    return {name: why for name, why in found.items() if why}


class Bearing:
    """Asks for a token, but where the server is asked whether it lives.

    Args:
        inner: what answers.
        token: that is wanted.
    """

    def __init__(self, inner: Asgi, token: str) -> None:
        self.inner, self._wanted = inner, _digest(token.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"] not in OPEN:
            headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
            found = [value for name, value in headers if name == b"authorization"]
            kind, _, token = (found[0] if len(found) == 1 else b"").partition(b" ")
            right = hmac.compare_digest(_digest(token.strip()), self._wanted)
            if not (right and kind.lower() == b"bearer"):
                said = "this token is not right" if found else "a token is wanted"
                why = f"{said}: authorization: Bearer TOKEN"
                raise HTTPException(401, why, {"www-authenticate": "Bearer"})
        await self.inner(scope, receive, send)


def _digest(token: bytes) -> bytes:
    """Of a length that does not depend on the token, so that comparing tells nothing of it."""
    return hashlib.sha256(token).digest()


class Counted:
    """Counts requests, and takes their time.

    Args:
        inner: what answers.
        metrics: where they are counted.
    """

    def __init__(self, inner: Asgi, metrics: Metrics) -> None:
        self.inner, self.metrics = inner, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        status, begun = GONE, time.perf_counter()

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.inner(scope, receive, noted)
        finally:
            took, route = time.perf_counter() - begun, scope.get(ROUTE, "other")
            method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
            self.metrics.answered(route, method, status, took)
