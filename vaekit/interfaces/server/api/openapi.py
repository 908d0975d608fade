"""The OpenAPI document, written from the endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from vaekit.interfaces.server.api.endpoints import Endpoint
from vaekit.interfaces.server.api.media import JSON
from vaekit.system.version import __version__

ERRORS = {
    "400": "The body, or an option, is not written as it should be.",
    "401": "A token is wanted, or it is not right.",
    "403": "Another page on the web asks.",
    "406": "No kind of reply that is accepted can be given.",
    "408": "The body did not come in time.",
    "413": "The body is too large, or holds too many rows.",
    "415": "The body is of another kind.",
    "421": "The server is not asked for by this name.",
    "422": "Rows, columns, options or values are not those that the model takes.",
    "429": "Too many requests of one address are in hand: come again as Retry-After says.",
    "503": "The server has its hands full: come again after the seconds in Retry-After.",
    "504": "It takes longer than a request may.",
}
OF_ALL = ("401", "421", "406", "422")
OF_BODIES = ("400", "403", "408", "413", "415", "429", "503", "504")
ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}},
    "required": ["error"],
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """All endpoints as OpenAPI 3.1 describes them."""
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(quote(endpoint.path), {})[endpoint.method.lower()] = _of(endpoint)
    failed = {code: _failure(about) for code, about in ERRORS.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "vaekit",
            "version": __version__,
            "description": "What trained variational autoencoders can be asked.",
        },
        "tags": [{"name": tag} for tag in dict.fromkeys(e.tag for e in endpoints)],
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR},
            "responses": failed,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _failure(about: str) -> dict[str, Any]:
    return {"description": about, "content": _content({JSON: _ref("schemas", "Error")})}


def _of(endpoint: Endpoint) -> dict[str, Any]:
    codes = (*OF_ALL, *(OF_BODIES if endpoint.takes else ()))
    codes = (*codes, "503") if endpoint.name == "readiness" else codes
    found: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.about.split(": ")[0].rstrip("."),
        "description": endpoint.about,
        "tags": [endpoint.tag],
        "parameters": [option.parameter() for option in endpoint.options],
        "responses": {
            "200": {"description": "What was asked for.", "content": _content(endpoint.gives)},
            **{code: _ref("responses", code) for code in sorted(set(codes))},
        },
    }
    if endpoint.is_open:
        found["security"] = []
    if endpoint.takes:
        content = _content(endpoint.takes)
        if endpoint.example is not None:
            content[JSON]["example"] = endpoint.example
        found["requestBody"] = {"required": endpoint.needs_body, "content": content}
    return found


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _content(kinds: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: {"schema": schema} for kind, schema in kinds.items()}
