"""Files from strangers: whatever is in them, they are read or refused in a line, within bounds of
memory, and nothing of them is silently wrong."""

import json
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

pytest.importorskip("resource")

from strange import Parts, little_memory
from strange_readers import READERS, Samples

import vaekit
from vaekit.codec import plain
from vaekit.interfaces.cli import run
from vaekit.runs import folder as store
from vaekit.runs.archive import Archive, fingerprint
from vaekit.runs.fit import resume
from vaekit.system.checks import BadInput, printable
from vaekit.system.records import Part, from_text
from vaekit.training import read_metrics

GOLDEN = Path(__file__).parent / "golden" / "folders"
LITTLE = 2**28
HUGE = [10**9, 10**7, 2**62]


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return Samples(tmp_path_factory.mktemp("strange"))


@pytest.fixture
def plain_model(samples):
    return samples.copy("plain")


def refused(act, match=""):
    """The one line with which something is refused, in little memory."""
    with little_memory(LITTLE), pytest.raises(BadInput, match=match) as error:
        act()
    assert "\n" not in str(error.value)
    return str(error.value)


# ---- anything at all


@pytest.mark.parametrize(
    "name", ["config", "weights", "vk", "checkpoint", "metrics", "scores", "tar"]
)
def test_strange_files_are_read_or_refused(name, samples):
    @settings(
        max_examples=20, deadline=None, derandomize=True, database=None,
        suppress_health_check=[*HealthCheck],
    )  # fmt: skip
    @given(st.data())
    def check(data):
        def pick(choices):
            return data.draw(st.sampled_from(choices))

        said = ""
        try:
            with little_memory(LITTLE):
                READERS[name].read(READERS[name].change(pick, samples), samples)
        except BadInput as error:
            said = str(error)
        assert "\n" not in said

    check()


# ---- JSON


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"[" * 100_000, "too deep"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "too deep"),
        (b'{"a": 1, "a": 2}', "'a' twice"),
        (b"[NaN]", "NaN is no number"),
        (b"[-Infinity]", "Infinity is no number"),
        (b"[1e999]", "too large a number"),
        (b"[%s]" % (b"9" * 5000), "too large a number"),
        (b"[18446744073709551616]", "too large a number"),
        (b'["\\ud800"]', "half of a character"),
        (b"\xff", "decode"),
        (b"[1", "delimiter"),
        (b"[" + b"[]," * 2**22 + b"[]]", "more than 8,388,608 values"),
        (b"[]" * 600, "larger than 1,000 bytes"),
    ],
    ids=range(13),
)
def test_texts_that_are_not_read(text, says):
    largest = 1000 if "bytes" in says else 2**28
    refused(lambda: from_text(text, "it", largest), says)


def test_texts_that_are_read():
    assert from_text(b'{"a": [1, -2.5, "\\ud83d\\ude00", null]}', "it") == {
        "a": [1, -2.5, "😀", None]
    }
    assert from_text(b"[NaN, 1]", "it", constants=True) == [None, 1]
    assert from_text(b"[9223372036854775807]", "it") == [2**63 - 1]


def test_what_a_part_asks_for():
    part = Part({"n": True, "x": [1, 2.5], "t": "a", "w": [1, 0], "f": 1}, "it")
    assert part.numbers("x") == (1.0, 2.5)
    assert part.wholes("w") == (1, 0)
    for ask in (
        lambda: part.whole("n"), lambda: part.number("n"), lambda: part.sizes("w"), lambda: part.wholes("x"),
        lambda: part.flag("f"), lambda: part.whole("f", 2), lambda: part.whole("f", 0, 0), lambda: part.texts("t"),
        lambda: part.part("t"), lambda: part.items("t"), lambda: part.number("none"),
    ):  # fmt: skip
        refused(ask, "it is damaged")


# ---- models


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.parametrize("name", ["width", "depth", "latent", "rank", "prior_components"])
def test_models_larger_than_their_file_are_not_built(name, value, plain_model):
    path = plain_model / store.CONFIG
    config = json.loads(path.read_text())
    posterior = "low_rank" if name == "rank" else "diagonal"
    prior = "mixture" if name == "prior_components" else "standard"
    config["arguments"] |= {name: value, "posterior": posterior, "prior": prior}
    path.write_text(json.dumps(config))
    line = refused(lambda: vaekit.load(plain_model))
    assert str(path) in line or "another recipe or size" in line
    refused(lambda: resume(plain_model))


@pytest.mark.parametrize("prior", ["mixture", "vamp", "flow"])
def test_priors_larger_than_their_file_are_not_built(prior, plain_model):
    path = plain_model / store.CONFIG
    config = json.loads(path.read_text())
    config["prior"] = {"name": prior, "arguments": {} if prior == "flow" else {"components": 10**9}}
    config["arguments"]["latent"] = 10**6 if prior == "flow" else 2
    path.write_text(json.dumps(config))
    refused(lambda: vaekit.load(plain_model))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("arguments", "levels"), 10**9),
        (("arguments", "shape"), [1, 10**6, 10**6]),
        (("representation", "shape"), [1, 10**6, 10**6]),
        (("representation", "shape"), [1, 8, 9]),
        (("arguments", "latent"), "2"),
        (("arguments", "latent"), None),
        (("arguments", "latent"), 2.5),
        (("arguments", "likelihood"), None),
        (("arguments", "scale"), "1e999"),
        (("arguments", "posterior"), {}),
        (("arguments", "given"), {"label": 3}),
        (("data",), None),
        (("data", "columns"), ["a", "b"]),
        (("data", "size"), [10**9, 10**9]),
        (("likelihood",), None),
        (("weights",), "abc"),
        (("weights",), []),
    ],
    ids=str,
)
def test_configurations_that_make_no_sense(place, value, plain_model):
    path = plain_model / store.CONFIG
    config = json.loads(path.read_text())
    inside = config
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    path.write_text(json.dumps(config))
    refused(lambda: vaekit.load(plain_model))


def change(path, **changed):
    """A file of tensors, with some of them another."""
    tensors = load_file(path)
    save_file({**tensors, **changed}, path, {"format": "pt"})
    return tensors


def first_weight(path):
    return next(
        (n, t) for n, t in load_file(path).items() if t.dtype == torch.float32 and t.numel() > 5
    )


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("wrong", ["nan", "inf", "double", "half"])
def test_weights_that_cannot_be_are_refused(wrong, sealed, plain_model):
    path = plain_model / store.WEIGHTS
    if not sealed:
        unseal(plain_model)
    name, tensor = first_weight(path)
    flat = tensor.flatten()
    if wrong in ("nan", "inf"):
        flat[3] = float(wrong)
        change(path, **{name: flat.view_as(tensor)})
    else:
        change(path, **{name: getattr(tensor, wrong)()})
    line = refused(lambda: vaekit.load(plain_model), name)
    assert str(path) in line


def unseal(place):
    config = json.loads((place / store.CONFIG).read_text())
    assert len(config.pop("weights")) == 1
    (place / store.CONFIG).write_text(json.dumps(config, indent=2) + "\n")


def test_every_flipped_bit_of_the_weights_is_found(plain_model):
    path = plain_model / store.WEIGHTS
    whole = path.read_bytes()
    for at in range(0, len(whole), len(whole) // 60):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        refused(lambda: vaekit.load(plain_model), str(path))


def test_weights_of_another_model_of_the_same_size_are_refused(samples, plain_model, tmp_path):
    other = vaekit.fit(
        str(samples.data), epochs=1, batch=16, likelihood="beta_binomial", width=6, latent=2, seed=7
    )
    other.save(tmp_path / "other")
    (plain_model / store.WEIGHTS).write_bytes((tmp_path / "other" / store.WEIGHTS).read_bytes())
    refused(lambda: vaekit.load(plain_model), "not what was written beside config.json")
    unseal(plain_model)  # as the line says
    assert fingerprint(vaekit.load(plain_model))


@pytest.mark.parametrize("name", [p.name for p in sorted(GOLDEN.iterdir()) if p.is_dir()])
def test_older_folders_are_written_back_byte_for_byte(name, tmp_path):
    vaekit.load(GOLDEN / name).save(tmp_path)
    for file in (store.CONFIG, store.WEIGHTS):
        assert (tmp_path / file).read_bytes() == (GOLDEN / name / file).read_bytes(), file


class Killed(Exception):
    pass


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("sealed", [True, False])
def test_a_kill_while_weights_are_saved_leaves_a_good_model(
    after, sealed, plain_model, monkeypatch
):
    if not sealed:
        unseal(plain_model)
    before = vaekit.load(plain_model)
    new = {
        n: t + 1 if t.dtype == torch.float32 else t for n, t in before.model.state_dict().items()
    }
    written = []

    def dying(write):
        def maybe(*arguments):
            if len(written) == after:
                raise Killed
            written.append(write(*arguments))

        return maybe

    with monkeypatch.context() as patch:
        for name in ("write_weights", "write_config"):
            patch.setattr(store, name, dying(getattr(store, name)))
        try:
            store.save_weights(plain_model, new)
        except Killed:
            assert after < 3
    found = vaekit.load(plain_model).model.state_dict()
    assert any(
        all(torch.equal(found[n], w[n]) for n in found) for w in (before.model.state_dict(), new)
    )
    store.save_weights(plain_model, new)
    config = json.loads((plain_model / store.CONFIG).read_text())
    assert len(config["weights"]) == 1
    assert all(
        torch.equal(t, new[n]) for n, t in vaekit.load(plain_model).model.state_dict().items()
    )


# ---- data


def npy(shape, dtype="|u1", held=bytes(800)):
    head = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + held


ARRAYS = {
    "without number": npy("(1000000000000, 8)"), "without end": npy("(1000000000000, 0)"),
    "too many": npy("(4294967296, 4294967296)"), "no number": npy("(18446744073709551616, 1)"),
    "negative": npy("(-1, 8)"), "of nothing": npy("(1000000000, 8)", "<U0"), "no shape": npy("'ab'"),
    "many axes": npy("(" + "1, " * 70 + ")"), "no head": npy("(100, 8)")[:40], "no Python": npy("(((((("),
    "no type": npy("(100, 8)", "|V0"), "fractions": npy("(1.5, 2)"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_cannot_be(name, tmp_path):
    path, zipped = tmp_path / "a.npy", tmp_path / "a.npz"
    path.write_bytes(ARRAYS[name])
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", ARRAYS[name])
    for place in (path, zipped):
        refused(lambda place=place: vaekit.open_source(str(place)), str(place))


def entry(name, size, kind):
    """The head of an entry of a .tar file, with its sum."""
    head = bytearray(512)
    for at, field in (
        (0, name),
        (100, b"0000644"),
        (124, size),
        (148, b" " * 8),
        (156, kind),
        (257, b"ustar"),
    ):
        head[at : at + len(field)] = field
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


@pytest.mark.parametrize("kind", [b"0", b"L", b"x", b"g", b"S"])
@pytest.mark.parametrize(
    "size",
    [
        b"\xff" + (2**88 - 512).to_bytes(11, "big"),
        b"\x80" + (2**62).to_bytes(11, "big"),
        b"77777777777",
    ],
)
@pytest.mark.parametrize("name", [b"a.png", b"a.cls"])
def test_archives_of_impossible_sizes(name, size, kind, tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(
        entry(name, size, kind) + bytes(1024) + entry(b"b.png", b"00000000010", b"0") + bytes(2048)
    )
    refused(lambda: vaekit.open_source(str(path)), str(path))


def test_labels_that_are_none_are_refused(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(entry(b"a.cls", b"00000100000", b"0") + bytes(2**15 + 1024))
    refused(lambda: vaekit.open_source(str(path)), "too long to be a label")


# ---- compressed files


@pytest.fixture
def parts(samples):
    return Parts(samples.archives[0])


def archive(samples, parts, **how):
    path = samples.spare / "strange.vk"
    path.write_bytes(parts.whole(**how))
    return Archive(path)


def both_ways(samples, parts, match="", **how):
    """The lines with which reading and salvaging are refused."""
    refused(lambda: archive(samples, parts, **how).read(), match)
    return refused(lambda: archive(samples, parts, **how).salvage())


def test_a_file_taken_apart_and_put_together_is_the_same(samples, parts):
    for data in samples.archives:
        path = samples.spare / "same.vk"
        path.write_bytes(Parts(data).whole())
        assert len(Archive(path).read())


@pytest.mark.parametrize("kind", [plain.DEFLATED, plain.LZMA, plain.BZIP])
def test_blocks_that_expand_without_end(kind, samples, parts):
    zeros = bytes(2**25)
    packed = plain.PLAIN[kind][0](zeros)
    with little_memory(2**24), pytest.raises(BadInput):
        plain.PLAIN[kind][1](packed, 1000)
    for size in (len(zeros) - 1, len(zeros) + 1, 2**60):
        with pytest.raises(BadInput):
            plain.PLAIN[kind][1](packed, size)
    assert plain.PLAIN[kind][1](packed, len(zeros)) == zeros
    for block in parts.blocks:
        block[2:4] = [kind, packed]
    both_ways(samples, parts, "makes no sense")


def test_plain_coders_take_no_more_and_no_less_than_all():
    raw = bytes(range(200))
    for pack, unpack in plain.PLAIN.values():
        packed = pack(raw)
        assert unpack(packed, 200) == raw
        for wrong, size in (
            (packed, 199),
            (packed, 201),
            (packed + b"more", 200),
            (packed[:-1], 200),
        ):
            with pytest.raises(Exception) as error:  # noqa: PT011
                unpack(wrong, size)
            assert not isinstance(error.value, MemoryError)
        assert unpack(pack(b""), 0) == b""


@pytest.mark.parametrize("times", [2**20, 2**31, 2**60])
@pytest.mark.parametrize("size", [1, 2, 256, 2**20])
def test_batches_without_number(times, size, samples, parts):
    def short(number):
        return bytes([*(number >> 7 * i & 127 | 128 for i in range(9)), 0])[:8] + bytes(
            [number >> 56 & 127]
        )

    groups = 50
    payload = (
        struct.pack("<HxxII", 4, groups, 0)
        + (short(2 * size + 1) + short(times)) * groups
        + bytes(999)
    )
    rows = min(times * size * groups, 2**32 - 1)
    parts.blocks = [[0, rows, 4, payload, 0, None]]
    parts.header |= {"blocks": [rows], "rows": rows}
    both_ways(samples, parts)


def test_numbers_without_end_in_a_block(samples, parts):
    parts.blocks[0][3] = struct.pack("<HxxII", 4, 2**32 - 1, 2**32 - 1) + b"\xff" * 2**20
    both_ways(samples, parts, "too large")


@pytest.mark.parametrize("value", [2**31, 2**63 - 1, 2**63, 2**64 - 1])
def test_places_and_lengths_outside_the_file(value, samples, parts):
    refused(lambda: archive(samples, parts, offsets=[value] * 2).read(), "damaged or cut off")
    assert len(archive(samples, parts, offsets=[value] * 2).salvage()[0]) == 40
    for block in parts.blocks:
        block[5] = value
    both_ways(samples, parts, "damaged or cut off")


def test_rows_beyond_all_memory_are_refused_before_anything_is_read(samples, parts):
    parts.header |= {"rows": 2 * (2**32 - 1), "blocks": [2**32 - 1] * 2}
    refused(lambda: archive(samples, parts).read(), "take fewer rows")


@pytest.mark.parametrize(
    "changed",
    [
        {"rows": 10**18}, {"blocks": [10**18]}, {"blocks": []}, {"blocks": [20, 20, 0]}, {"blocks": [-1, 41]},
        {"shape": [2**40, 2**40]}, {"shape": []}, {"shape": [1, 8, 0]}, {"given": [7, 9]}, {"given": "8"},
        {"dtype": "O"}, {"dtype": "i4,i4"}, {"dtype": "(99999999,)f8"}, {"dtype": "<U99"}, {"dtype": ["f4"]},
        {"embedded": [2**62, 2**62]}, {"embedded": [1]}, {"embedded": "ab"}, {"embedded": [-5, 5]},
        {"model": 3}, {"model": "0" * 64}, {"tables": ""}, {"tables": None}, {"conditions": {}}, {"conditions": 5},
        {"conditions": {"names": ["a"], "stored": False, "checks": [2**40, 0]}},
    ],
    ids=str,
)  # fmt: skip
def test_headers_that_make_no_sense(changed, samples, parts):
    parts.header |= changed
    refused(lambda: archive(samples, parts).read())


def test_rows_of_another_layout_than_could_be(samples, parts):
    parts.header["given"] = [64]
    refused(lambda: archive(samples, parts).read(), "makes no sense")


def test_what_is_given_that_expands_without_end(samples):
    parts = Parts(samples.archives[1])
    bomb = zlib.compress(bytes(2**26))
    parts.given, parts.header["conditions"]["sizes"] = [bomb] * 2, [len(bomb)] * 2
    refused(lambda: archive(samples, parts).read_given(), "what is given is damaged")
    for shape, dtype in (([2**40], "<i8"), ([], "<U999999"), ([2**31, 2**31], "|u1")):
        parts.header["conditions"]["types"] = [[dtype, shape]]
        refused(lambda: archive(samples, parts).read_given(), "what is given is damaged")


def test_false_blocks_inside_each_other_are_not_sought_for_ever(samples, parts):
    seed = zlib.crc32(
        parts.start + struct.pack("<I", len(text := json.dumps(parts.header).encode())) + text
    )
    inside = b""
    for length in range(3000):
        head = struct.pack("<4sIIBxxxQII", b"BLOK", 0, 25, 4, 36 * length, 1, 0)
        inside = head + struct.pack("<I", zlib.crc32(head, seed)) + inside
    parts.blocks = [[0, 25, 0, inside, 0, None], [1, 15, 0, b"", 0, None]]
    data = parts.whole()
    path = samples.spare / "false.vk"
    path.write_bytes(data.replace(struct.pack("<I", zlib.crc32(inside)), b"none", 1))
    refused(lambda: Archive(path).salvage(), "full of false blocks")


ODD = [
    None, 5, {}, [], [["a.png", 9, 12]] * 3, [["a.png", 9, 12]], [["../a.png", 9, 12], ["b.png", 9, 13], ["c.png", 9, 14]],
    [["a\0.png", 9, 12], ["b.png", 9, 13], ["c.png", 9, 14]], [["a.png", 0, 0]] * 3, [["a.png", 2**62, 1], 3, None],
    [["a.png", "9", 12], ["b.png", 9, 13], ["c.png", 9, 14]], [["/a.png", 9, 12], ["b.png", 9, 13], ["c.png", 9, 14]],
    [["", 9, 12], ["b.png", 9, 13], ["c.png", 9, 14]], [["a.png", 900, 12], ["b.png", 9, 13], ["c.png", 9, 14]],
]  # fmt: skip


@pytest.mark.parametrize("entries", ODD, ids=range(len(ODD)))
def test_odd_pictures(entries, samples, tmp_path, capsys):
    parts, path = Parts(samples.archives[4]), tmp_path / "p.vk"
    parts.header["pictures"] = entries
    path.write_bytes(parts.whole())
    before = sorted(tmp_path.rglob("*"))
    code = run(["decompress", str(path), "-o", str(tmp_path / "out")])
    if not entries:  # the file says of no pictures
        return
    assert code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not {p for p in tmp_path.rglob("*.png") if p not in before}
    assert not (tmp_path.parent / "a.png").exists()


# ---- runs


def test_a_torn_last_line_is_left_out_and_training_goes_on(samples, plain_model):
    path = plain_model / "metrics.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert len(read_metrics(path)) == whole.count(b"\n") - 1
    path.write_bytes(whole + b'{"step": 3, "spl')
    resume(plain_model)
    assert path.read_bytes() == whole
    path.write_bytes(whole + bytes(100))
    assert read_metrics(path) == read_metrics(samples.models["plain"] / "metrics.jsonl")


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"[]",
        b'{"step": "3"}',
        b'{"step": 3, "loss": []}',
        b"\xff",
        b"",
        b'{"epoch": 1}',
    ],
)
def test_garbage_among_the_metrics_gets_one_line(line, plain_model):
    path = plain_model / "metrics.jsonl"
    path.write_bytes(line + b"\n" + path.read_bytes())
    assert str(path) in refused(lambda: resume(plain_model), "line 1 of")


def test_a_checkpoint_of_another_run_is_refused(samples, plain_model, tmp_path):
    for how in ({"seed": 7}, {"recipe": "beta_vae", "beta": 2.0}):
        other = {
            "width": 6,
            "latent": 2,
            "epochs": 1,
            "batch": 16,
            "likelihood": "beta_binomial",
            **how,
        }
        place = tmp_path / how.get("recipe", "seed")
        vaekit.fit(str(samples.data), out=place, **other)
        name = "checkpoint.safetensors"
        (plain_model / name).write_bytes((place / name).read_bytes())
        refused(lambda: resume(plain_model), "another run's")
    (plain_model / name).write_bytes((samples.models["conv"] / name).read_bytes())
    refused(lambda: resume(plain_model), "another model's or size's")


def test_an_older_checkpoint_does_not_say_of_which_run_it_is(plain_model):
    path = plain_model / "checkpoint.safetensors"
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    said = json.loads(header["__metadata__"]["vaekit"])
    assert len(said["notes"].pop("run")) == 64
    header["__metadata__"]["vaekit"] = json.dumps(said)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    assert resume(plain_model)


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", '{"diagnosis": 5}', '{"kl": "a"}', '{"kl_per_dimension": [null]}']
)
def test_scores_that_are_none(text, plain_model, capsys):
    (plain_model / "scores.json").write_text(text)
    capsys.readouterr()
    assert run(["inspect", str(plain_model)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"vaekit report {plain_model}" in error


HARM = {
    "config.json": lambda data: data.replace(b'"width": 6', b'"width": 1000000000'),
    "model.safetensors": lambda data: data[:-40] + bytes(30) + data[-10:],
    "checkpoint.safetensors": lambda data: data[: len(data) // 2],
}
COMMANDS = {
    "inspect": HARM.keys() - {"checkpoint.safetensors"},
    "report": HARM.keys() - {"checkpoint.safetensors"},
    "evaluate": HARM.keys() - {"checkpoint.safetensors"},
    "sample": HARM.keys() - {"checkpoint.safetensors"},
    "refit-prior --undo": HARM.keys() - {"checkpoint.safetensors"},
    "train --resume": {"config.json", "checkpoint.safetensors"},
}


@pytest.mark.parametrize(
    ("command", "file"), sorted((c, f) for c, fs in COMMANDS.items() for f in fs)
)
def test_commands_on_altered_folders_say_so_in_a_line(command, file, plain_model, capsys):
    path = plain_model / file
    path.write_bytes(HARM[file](path.read_bytes()))
    capsys.readouterr()
    verb, *option = command.split()
    assert (
        run(
            [verb, *option, str(plain_model)]
            if verb == "train"
            else [verb, str(plain_model), *option]
        )
        == 2
    )
    out, error = capsys.readouterr()
    assert error.count("\n") == 1
    assert not out


def test_names_from_elsewhere_do_not_move_the_cursor(plain_model, capsys):
    path = plain_model / store.CONFIG
    config = json.loads(path.read_text())
    config["data"]["name"] = "\x1b[2Jrows\r"
    path.write_text(json.dumps(config))
    assert run(["inspect", str(plain_model)]) == 0
    config["recipe"] = "\x1b[2Jvae"
    path.write_text(json.dumps(config))
    assert run(["inspect", str(plain_model)]) == 2
    out, error = capsys.readouterr()
    assert "\x1b" not in out + error
    assert "\\x1b" in out
    assert "\\x1b" in error
    assert printable("naïve 😀") == "naïve 😀"


def test_archives_of_older_models_keep_their_fingerprint(samples):
    model = vaekit.load(samples.models["plain"])
    config, weights = model.packed()
    assert fingerprint(vaekit.Trained.unpacked(config, weights)) == fingerprint(model)
    found = json.loads(config)
    found.pop("weights")
    assert fingerprint(vaekit.Trained.unpacked(json.dumps(found).encode(), weights)) == fingerprint(
        model
    )


def test_rows_of_good_files_are_what_they_were(samples):
    path = samples.spare / "good.vk"
    path.write_bytes(samples.archives[0])
    assert np.array_equal(Archive(path).read(), samples.rows)
