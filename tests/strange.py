"""Files as strangers may make them: good ones with something changed, and what must come of them.

A change is chosen by ``pick``, a function that takes one of a sequence: of hypothesis in tests, of a
random generator in a longer search.
"""

import copy
import json
import resource
import struct
import warnings
import zlib
from contextlib import contextmanager

NASTY = [
    None, True, False, 0, -1, 1, 2, 255, 1000, 10**6, 10**7, 10**9, 2**31, 2**32, 2**53, 2**62, 2**63, 10**30,
    0.5, -0.0, 1e-320, 1e308, "", "a", "0", "\0", "\x1b[2J", "../../x", "/", "é" * 50, "a" * 10_000,
    [], [0], [1], [-1], [1, 1], [2**62], [2**31, 2**31], [10**9, 10**9, 10**9], [None], ["a"], [[]], [1] * 5000,
    {}, {"a": 1}, {"": None}, "vae", "poisson", "flow", "mixture", "vamp", "point", "full", "conv", "residual",
    "<f8", "O", "<U9999999", "i4,i4", "nan", "inf", "1e999", "label",
]  # fmt: skip
NUMBERS = [0, 1, 2, 127, 128, 255, 2**16 - 1, 2**31, 2**32 - 1, 2**48, 2**63 - 1, 2**63, 2**64 - 1]
TEXTS = [
    b"", b"{", b"null", b"[]", b"[" * 100_000, b'{"a":' * 100_000, b"NaN", b'{"a": NaN}', b'{"a": 1, "a": 2}',
    b'"\\ud800"', b"\xff\xfe", b"1e999", b"9" * 5000, b"[" + b"[]," * 100_000 + b"[]]", b"\0" * 100,
]  # fmt: skip
GONE = object()


def places(tree, path=()):
    """Where in a tree of JSON there are values."""
    yield path
    inside = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, value in inside:
        yield from places(value, (*path, key))


def at(tree, path):
    for key in path:
        tree = tree[key]
    return tree


def put(tree, path, value):
    """The tree with another value in one place, or without it."""
    if not path:
        return None if value is GONE else value
    tree = copy.deepcopy(tree)
    inside = at(tree, path[:-1])
    if value is GONE:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return tree


def strange_json(pick, tree):
    """JSON with up to three values changed, gone, or exchanged with others."""
    for _ in range(pick([1, 1, 1, 2, 3])):
        where = [*places(tree)]
        path, how = pick(where), pick(["nasty", "nasty", "nasty", "gone", "other", "near"])
        value = at(tree, path)
        if how == "near" and isinstance(value, int | float) and not isinstance(value, bool):
            new = pick([value + 1, value - 1, -value, value * 1000, float(value), str(value)])
        elif how == "other":
            new = at(tree, pick(where))
        else:
            new = GONE if how == "gone" else pick(NASTY)
        tree = put(tree, path, new)
    return json.dumps(tree).encode() if pick([True] * 9 + [False]) else pick(TEXTS)


def strange_bytes(pick, data, near=None):
    """Bytes with some flipped, cut, doubled, or numbers among them changed.

    Args:
        pick: what chooses.
        data: good bytes.
        near: only among the first so many.
    """
    data = bytearray(data)
    for _ in range(pick([1, 1, 2, 4])):
        room = min(near or len(data), len(data))
        if not room:
            break
        place, how = pick(range(room)), pick(["flip", "byte", "cut", "double", "u32", "u64"])
        if how == "flip":
            data[place] ^= 1 << pick(range(8))
        elif how == "byte":
            data[place] = pick([0, 1, 127, 128, 255])
        elif how == "cut":
            data = (
                data[:place]
                if pick([True, False])
                else data[:place] + data[place + pick(range(1, 64)) :]
            )
        elif how == "double":
            data = data[:place] + data[max(place - pick(range(1, 200)), 0) :]
        else:
            size = 4 if how == "u32" else 8
            number = pick(NUMBERS) % 2 ** (8 * size)
            data[place : place + size] = number.to_bytes(size, "little")
    return bytes(data)


# ---- .vk files, with sums that are right again


class Parts:
    """A .vk file taken apart: header, what lies between, blocks."""

    def __init__(self, data):
        (length,) = struct.unpack_from("<I", data, 12)
        self.start, self.header = data[:12], json.loads(data[16 : 16 + length])
        at, self.end = 20 + length, struct.unpack("<Q", data[-16:-8])[0]
        embedded = self.header["embedded"] or [0, 0]
        self.config = data[at : at + embedded[0]]
        self.weights = data[at + embedded[0] : at + sum(embedded)]
        at += sum(embedded) + (4 if sum(embedded) else 0)
        self.given = []
        for size in self.header.get("conditions", {}).get("sizes", []):
            self.given.append(data[at : at + size])
            at += size + 4
        self.blocks = []
        while at < self.end:
            _, number, rows, kind, size, _, check = struct.unpack_from("<4sIIBxxxQII", data, at)
            self.blocks.append([number, rows, kind, data[at + 36 : at + 36 + size], check, None])
            at += 36 + size

    def whole(self, header=None, offsets=None):
        """The file again, its sums right; ``header`` in other bytes, other ``offsets`` of blocks."""
        text = json.dumps(self.header).encode() if header is None else header
        data = self.start + struct.pack("<I", len(text)) + text
        seed = zlib.crc32(data)
        data += struct.pack("<I", seed)
        for piece in ([self.config + self.weights] if self.config else []) + self.given:
            data += piece + struct.pack("<I", zlib.crc32(piece))
        found = []
        for number, rows, kind, payload, check, length in self.blocks:
            found.append(len(data))
            length = len(payload) if length is None else length
            head = struct.pack(
                "<4sIIBxxxQII", b"BLOK", number, rows, kind, length, zlib.crc32(payload), check
            )
            data += head + struct.pack("<I", zlib.crc32(head, seed)) + payload
        found = found if offsets is None else offsets
        index = b"INDX" + struct.pack(f"<I{len(found)}Q", len(found), *found)
        tail = struct.pack("<Q8s", len(data), b"VAEKIT\x89\n")
        return data + index + struct.pack("<I", zlib.crc32(index)) + tail


def strange_vk(pick, data):
    """A .vk file that is wrong in one part, with sums that are right."""
    parts = Parts(data)
    how = pick(
        [
            "header",
            "header",
            "header",
            "config",
            "weights",
            "given",
            "head",
            "payload",
            "payload",
            "offsets",
            "bytes",
        ]
    )
    if how == "header":
        return parts.whole(header=strange_json(pick, parts.header))
    if how == "config" and parts.config:
        parts.config = strange_json(pick, json.loads(parts.config))
    elif how == "weights" and parts.weights:
        parts.weights = strange_bytes(pick, parts.weights, 4000)
    elif how == "given" and parts.given:
        parts.given[0] = pick(
            [strange_bytes(pick, parts.given[0]), zlib.compress(bytes(10**6)), b""]
        )
    elif how == "head":
        pick(parts.blocks)[pick([0, 1, 2, 4, 5])] = pick([n % 2**32 for n in NUMBERS])
        parts.blocks = [[a, b, c % 256, *rest] for a, b, c, *rest in parts.blocks]
    elif how == "payload":
        block = pick(parts.blocks)
        block[3] = strange_bytes(pick, block[3], pick([16, 40, None]))
    elif how == "offsets":
        return parts.whole(offsets=[pick(NUMBERS) for _ in parts.blocks])
    else:
        return strange_bytes(pick, data)
    if parts.config:
        parts.header["embedded"] = [len(parts.config), len(parts.weights)]
    if parts.given:
        parts.header["conditions"]["sizes"] = [*map(len, parts.given)]
    return parts.whole()


# ---- .safetensors files


def strange_tensors(pick, data):
    """A file of tensors with a strange header, or strange bytes."""
    (length,) = struct.unpack_from("<Q", data)
    how = pick(["header", "header", "number", "numbers", "bytes"])
    if how == "header":
        text = strange_json(pick, json.loads(data[8 : 8 + length]))
        return struct.pack("<Q", len(text)) + text + data[8 + length :]
    if how == "number":
        return struct.pack("<Q", pick([*NUMBERS, length + 1, len(data)])) + data[8:]
    if how == "numbers":
        place = 8 + length + 4 * pick(range((len(data) - 8 - length) // 4))
        return (
            data[:place]
            + struct.pack("<f", pick([float("nan"), float("inf"), 1e30, 0.0]))
            + data[place + 4 :]
        )
    return strange_bytes(pick, data, pick([200, None]))


# ---- limits


@contextmanager
def little_memory(more=2**30):
    """Inside the block the process may take so many bytes of addresses more than it has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + more, before[1]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
