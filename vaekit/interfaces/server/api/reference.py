"""The reference page: all endpoints on one plain page that needs nothing from elsewhere."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vaekit.interfaces.server.api.endpoints import Endpoint
from vaekit.interfaces.server.api.media import JSON
from vaekit.interfaces.server.api.openapi import ERRORS
from vaekit.interfaces.server.api.options import Option
from vaekit.interfaces.server.api.served import Served

STYLE = Path(__file__).with_name("reference.css")
LONGEST_EXAMPLE, LONGEST_SCHEMA = 400, 4000
DOCUMENT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>vaekit serve</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/reference.css"></head><body>
<header><h1>vaekit serve</h1><p>{intro}</p><nav aria-label="Models">{links}</nav></header>
<main>{groups}</main>
<footer><h2 id="errors">Errors</h2><p>Every error is JSON, <code>{{"error": "one line"}}</code>.</p>
<dl>{errors}</dl></footer>
</body></html>
"""
BODY = (
    "<details><summary>Body</summary>"
    '<pre tabindex="0" role="region" aria-label="Body of {name}">{schema}</pre></details>'
)
INTRO = (
    'What these models can be asked over HTTP; the same for programs: <a href="/openapi.json">'
    "OpenAPI 3.1</a>. Replies are JSON unless <code>accept</code> asks for another kind. Where the "
    "server wants a token, send it too: <code>-H 'authorization: Bearer TOKEN'</code>."
)


def page(endpoints: Sequence[Endpoint], models: Sequence[Served], base: str) -> bytes:
    """The page.

    Args:
        endpoints: that it tells of.
        models: that they are of.
        base: address under which the server was asked for.
    """
    notes = {model.name: _of_model(model) for model in models}
    groups = dict.fromkeys(endpoint.tag for endpoint in reversed(endpoints))
    ordered = [*notes, *(tag for tag in groups if tag not in notes)]
    parts = [_group(tag, endpoints, notes.get(tag, ""), base) for tag in ordered]
    links = [f'<a href="#{quote(tag)}">{escape(tag)}</a>' for tag in (*ordered, "errors")]
    errors = [f"<dt>{code}</dt><dd>{escape(about)}</dd>" for code, about in ERRORS.items()]
    return DOCUMENT.format(
        intro=INTRO, links=" ".join(links), groups="".join(parts), errors="".join(errors)
    ).encode()


def _of_model(model: Served) -> str:
    config = model.trained.config
    what = f"{config.recipe} on {config.data.name}, likelihood {config.likelihood.name}"
    latent = model.trained.latent
    return f"<p>{escape(what)}, {latent} latent number{'s' * (latent != 1)}.</p>"


def _group(tag: str, endpoints: Sequence[Endpoint], note: str, base: str) -> str:
    own = "".join(_endpoint(each, base) for each in endpoints if each.tag == tag)
    return f'<section id="{quote(tag)}"><h2>{escape(tag)}</h2>{note}{own}</section>'


def _endpoint(endpoint: Endpoint, base: str) -> str:
    mark = f'<span class="method {endpoint.method.lower()}">{endpoint.method}</span>'
    path = escape(quote(endpoint.path))
    options = "".join(map(_option, endpoint.options))
    table = f"<table><caption>Options</caption><tbody>{options}</tbody></table>" if options else ""
    kinds = [f"<p>Sends {_kinds(endpoint.gives)}.</p>"]
    if endpoint.takes:
        kinds.insert(0, f"<p>Takes {_kinds(endpoint.takes)}.</p>")
    body = endpoint.takes.get(JSON)
    shape = BODY.format(name=escape(endpoint.name), schema=_json(body)) if body else ""
    return (
        f'<article id="{quote(endpoint.name)}"><h3>{mark} <code>{path}</code></h3>'
        f"<p>{escape(endpoint.about)}</p>{table}{''.join(kinds)}"
        f'<pre class="curl" tabindex="0">{escape(curl(endpoint, base))}</pre>{shape}</article>'
    )


def _option(option: Option) -> str:
    schema = option.parameter().get("schema", {"type": "object"})
    ends = [f"{schema[end]:,}" for end in ("minimum", "maximum") if end in schema]
    kind = {"integer": "whole number", "boolean": "true or false", "object": "JSON"}.get(
        schema["type"], "text"
    )
    kind = f"{kind}, {' to '.join(ends)}" if ends else kind
    usual = "" if option.default is None else f"{json.dumps(option.default)} by default"
    cells = (option.about, kind, usual)
    return f"<tr><th scope=row><code>{escape(option.name)}</code></th>" + "".join(
        f"<td>{escape(cell)}</td>" for cell in cells
    )


def _kinds(kinds: Mapping[str, Any]) -> str:
    return " or ".join(f"<code>{escape(kind)}</code>" for kind in kinds)


def _json(found: Any) -> str:
    text = json.dumps(found, indent=1, ensure_ascii=False)
    cut = text if len(text) <= LONGEST_SCHEMA else text[:LONGEST_SCHEMA] + "\n... (see OpenAPI)"
    return escape(cut)


def curl(endpoint: Endpoint, base: str) -> str:
    """A line that asks an endpoint.

    Args:
        endpoint: that is asked.
        base: address of the server.
    """
    line = ["curl", base.rstrip("/") + quote(endpoint.path)]
    if endpoint.example is not None:
        body = json.dumps(endpoint.example)
        body = body if len(body) <= LONGEST_EXAMPLE else "@rows.json"
        line += ["-H", f"content-type: {JSON}", "--data", body]
    elif endpoint.takes and endpoint.needs_body:
        kind = next(iter(endpoint.takes))
        line += ["-H", f"content-type: {kind}", "--data-binary", "@rows.vk"]
    elif endpoint.method == "POST":
        line += ["-X", "POST"]
    if JSON not in endpoint.gives and endpoint.tag != "server":
        line += ["-o", "rows.vk"]
    return shlex.join(line)
