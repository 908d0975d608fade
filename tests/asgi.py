"""Asks an application in this process, without a socket."""

import asyncio
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np


@dataclass
class Reply:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def numbers(self):
        shape = [int(n) for n in self.headers["x-shape"].split(",")]
        return np.frombuffer(self.body, self.headers["x-type"]).reshape(shape)


class Client:
    """Sends what a browser on the page would."""

    def __init__(self, app, host="127.0.0.1:8765"):
        self.app, self.host = app, host

    def get(self, path, **how):
        return self.ask("GET", path, **how)

    def post(self, path, body=b"", **how):
        return self.ask("POST", path, body=body, **how)

    def ask(self, method, path, body=b"", headers=None, pieces=1):
        return asyncio.run(self.asked(method, path, body, headers, pieces))

    async def asked(self, method, path, body=b"", headers=None, pieces=1, address="127.0.0.1"):
        if isinstance(body, dict):
            body, headers = (
                json.dumps(body, default=str).encode(),
                {"content-type": "application/json"},
            )
        body = body.tobytes() if isinstance(body, np.ndarray) else body
        own = {"host": self.host, "content-length": str(len(body)), **(headers or {})}
        url = urlsplit(path)
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": url.path, "raw_path": url.path.encode(), "root_path": "",
            "query_string": url.query.encode(), "client": (address, 1), "server": None,
            "headers": [(k.encode(), v.encode()) for k, v in own.items() if v is not None],
        }  # fmt: skip
        return await self._run(scope, body, pieces)

    async def _run(self, scope, body, pieces):
        sent, size = [], -(-len(body) // pieces)
        parts = [body[i * size : (i + 1) * size] for i in range(pieces)]

        async def receive():
            if not parts:
                return {"type": "http.disconnect"}
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        start = sent[0]
        headers = {k.decode(): v.decode() for k, v in start["headers"]}
        return Reply(start["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]))
