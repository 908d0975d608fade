"""Bodies, options and headers of every kind at every endpoint: never a fault of the server's."""

import io
import json
import random

import numpy as np
import pytest
from asgi import Client
from PIL import Image
from serving import api

TRIES, ENOUGH = 16, 2
NUMBERS = (0, 1, -1, 0.5, 255, 256, -1e30, 1e30, 3e38, 1e300, 2**31, 2**62, 16, 1e-300)
WORDS = (
    "",
    "a",
    "A",
    "poor",
    "3",
    "nan",
    "inf",
    "\u202e",
    "é" * 50,
    "x" * 3000,
    "=1+1",
    "\x00",
    "1e5",
)
ODD = (
    None,
    True,
    False,
    [],
    {},
    [[]],
    [{}],
    "text",
    0,
    -1,
    1e300,
    {"rows": []},
    [[[[[]]]]],
    [None],
)
BYTES = (
    b"", b"{", b"[]", b"null", b"{}", b"[" * 60, b'{"rows": ' + b"[" * 30, b"\xff\xfe{}", b"{} {}",
    b'{"rows": [[1, 2, 3, 1e999]]}', b'{"rows": [[' + b"9" * 400 + b"]]}", b'{"a": 1, "a": 2}',
    b'{"rows": ["\\ud800"]}', b"\x00" * 50, b"NaN", b'{"rows": [[Infinity]]}', b"\x93NUMPY\x01\x00",
    b"\x89PNG\r\n\x1a\n", b"\xef\xbb\xbf{}", b'{"rows": {"length": 3}}', b'"' + b"a" * 5000 + b'"',
)  # fmt: skip
KINDS = (
    "application/json",
    "application/x-npy",
    "image/png",
    "application/octet-stream",
    "",
    "a/b",
    "é",
)
DTYPES = ("f8", "f4", "f2", "u1", "i8", "b1", "M8[s]", "U3", "c8", ">f8", "i4")
OPTIONS = (
    "",
    "x",
    "-1",
    "1",
    "2",
    "99999999999999999999",
    "true",
    "null",
    "{}",
    '{"label": "3"}',
    "[",
    "%00",
    "age > 3",
    "'",
    "or",
)


def value_of(schema, chance):
    """A value that a schema describes, or nearly."""
    if chance.random() < 0.04:
        return chance.choice(ODD)
    if "anyOf" in schema:
        return value_of(chance.choice(schema["anyOf"]), chance)
    if "enum" in schema:
        return chance.choice(schema["enum"])
    kind = schema.get("type", "object")
    kind = chance.choice(kind) if isinstance(kind, list) else kind
    return MAKERS[kind](schema, chance)


def an_object(schema, chance):
    needed = schema.get("required", [])
    made = {
        name: value_of(inside, chance)
        for name, inside in schema.get("properties", {}).items()
        if chance.random() < (0.97 if name in needed else 0.7)
    }
    return made | ({chance.choice(WORDS): 1} if chance.random() < 0.05 else {})


def a_list(schema, chance):
    low, high = schema.get("minItems", 0), schema.get("maxItems", 3)
    size = chance.randint(low, max(low, high)) if chance.random() < 0.97 else chance.randint(0, 5)
    return [value_of(schema.get("items", {"type": "number"}), chance) for _ in range(size)]


def a_number(schema, chance):
    usual = chance.randint(0, 3)
    return usual if chance.random() < 0.85 else chance.choice(NUMBERS)


MAKERS = {
    "object": an_object,
    "array": a_list,
    "number": a_number,
    "integer": a_number,
    "string": lambda schema, chance: chance.choice(WORDS),
    "boolean": lambda schema, chance: chance.random() < 0.5,
    "null": lambda schema, chance: None,
}


def an_array(chance):
    """A .npy file of some shape and type, now and then damaged."""
    shape = chance.choice(
        [(2, 4), (1, 6), (3, 8, 8), (1, 8, 8, 3), (2, 12, 2), (4,), (), (0, 4), (2, 2)]
    )
    values = np.random.default_rng(chance.randint(0, 99)).integers(0, 2, shape)
    values = values.astype(chance.choice(DTYPES))
    if values.dtype.kind == "f" and chance.random() < 0.3:
        values[...] = np.array(chance.choice([np.nan, np.inf, 1e4, -1]), values.dtype)
    file = io.BytesIO()
    np.save(file, values)
    return damaged(file.getvalue(), chance)


def a_picture(chance):
    mode = chance.choice(["L", "RGB", "RGBA", "1", "I;16", "P"])
    file = io.BytesIO()
    Image.new(mode, chance.choice([(8, 8), (8, 8), (1, 1), (30, 8)])).save(file, "PNG")
    return damaged(file.getvalue(), chance)


def damaged(body, chance):
    """Now and then with a few other bytes, or cut off."""
    how = chance.random()
    if how < 0.15 and body:
        place = chance.randrange(len(body))
        return body[:place] + bytes([chance.randrange(256)]) + body[place + 1 :]
    return body[: chance.randrange(len(body) + 1)] if how < 0.25 else body


def a_request(path, operation, chance):
    """Path, body and headers."""
    content = operation["requestBody"]["content"]
    kind = chance.choice([*content, *content, chance.choice(KINDS)])
    body = chance.choice(BYTES)
    if chance.random() < 0.8:
        body = {
            "application/json": lambda: json.dumps(
                value_of(content.get("application/json", {"schema": {}})["schema"], chance)
            ).encode(),
            "application/x-npy": lambda: an_array(chance),
            "image/png": lambda: a_picture(chance),
            "application/octet-stream": lambda: damaged(FILES.get(path, b"vk"), chance),
        }.get(kind, lambda: body)()
    said = []
    for parameter in operation["parameters"]:
        schema = parameter.get("schema", {})
        if chance.random() < 0.4:
            usual = chance.choice(
                ["true", "false"] if schema.get("type") == "boolean" else ["1", "2"]
            )
            said.append(
                (parameter["name"], usual if chance.random() < 0.7 else chance.choice(OPTIONS))
            )
    said += [(chance.choice(WORDS), "1")] if chance.random() < 0.03 else []
    if any(p["name"] == "samples" for p in operation["parameters"]) and "samples" not in dict(said):
        said.append(("samples", "2"))
    accept = chance.choice([None, "*/*", *operation["responses"]["200"]["content"], "a/b", "é;q=x"])
    query = "&".join(f"{n}={v}" for n, v in said).replace("#", "%23")
    return f"{path}?{query}", body, {"content-type": kind or None, "accept": accept}


FILES = {}


@pytest.fixture(scope="module")
def client():
    return Client(api().app())


def operations():
    """Every operation that takes a body."""
    paths = api()._document["paths"]
    return [(p, o) for p, methods in paths.items() for o in methods.values() if "requestBody" in o]


def test_whatever_comes_gets_an_answer(client, capfd):
    chance, statuses = random.Random(0), {}
    for path, operation in operations():
        if path.endswith("/compress"):
            example = operation["requestBody"]["content"]["application/json"]["example"]
            FILES[path.replace("/compress", "/decompress")] = client.post(path, example).body
    for path, operation in operations():
        for _ in range(TRIES):
            asked, body, headers = a_request(path, operation, chance)
            headers = {k: v for k, v in headers.items() if v != "é"}
            reply = client.post(asked, body, headers=headers)
            told = (asked, body[:300], headers, reply.body[:300])
            assert reply.status < 500, told
            assert str(reply.status) in operation["responses"], told
            statuses.setdefault(path, []).append(reply.status)
            if reply.status != 200:
                assert [*reply.json] == ["error"], told
                assert 0 < len(reply.json["error"]) < 4200, told
                assert reply.json["error"].isprintable(), told
    fine = {path: found.count(200) for path, found in statuses.items()}
    assert sum(fine.values()) > ENOUGH * len(fine)  # the generator makes what is right, too
    assert sum(map(len, statuses.values())) - sum(fine.values()) > ENOUGH * len(fine)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("body", BYTES, ids=range(len(BYTES)))
def test_bodies_that_were_made_by_hand(client, body):
    for path, operation in operations():
        for kind in operation["requestBody"]["content"]:
            reply = client.post(path, body, headers={"content-type": kind})
            assert reply.status in (200, 400, 422), (path, kind, reply.body)


def test_other_methods_and_addresses(client):
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "ODD"):
        for path in (
            "/",
            "/v1/models/real/encode",
            "/v1",
            "//",
            "/v1/models/%00/x",
            "/../x",
            "/v1/models/real/",
        ):
            assert client.ask(method, path).status < 500
    for name in ("/?x=1", "/healthz?a", "/v1/models?rows=3"):
        assert client.get(name).status == 422
