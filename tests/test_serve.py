"""The API: what it answers agrees with what the model says elsewhere, whoever asks beside."""

import asyncio
import io
import json
import re
import threading
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pytest
import torch
from asgi import Client
from PIL import Image
from serving import KINDS, api, in_json, in_memory, models

import vaekit
from vaekit.interfaces.server.api.app import Api
from vaekit.interfaces.server.api.limits import Limits
from vaekit.interfaces.server.api.metrics import Histogram
from vaekit.runs import tables
from vaekit.runs.apart import in_double
from vaekit.runs.archive import Archive
from vaekit.runs.shown import pictures
from vaekit.system.checks import BadInput

TABLES = ("table", "diary")
JSON, NPY, PNG = "application/json", "application/x-npy", "image/png"


@pytest.fixture(scope="module")
def client():
    return Client(api().app())


def ask(client, kind, what, body=None, accept=None, sent=JSON):
    body = json.dumps(body, default=str).encode() if isinstance(body, dict) else body or b""
    headers = {"content-type": sent, "accept": accept}
    return client.post(f"/v1/models/{kind}/{what}", body, headers=headers)


def array(reply):
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == NPY
    return np.load(io.BytesIO(reply.body), allow_pickle=False)


def npy(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def png(values):
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def codes_of(kind):
    rows, given = in_memory(kind)
    found = models()[kind].encode(rows, given=given)
    columns = isinstance(found, pa.Table)
    return np.stack([*map(np.asarray, found.columns)], 1) if columns else found


@contextmanager
def held(own):
    """The worker is busy inside the block, so that what is asked meanwhile waits."""
    gate, begun = threading.Event(), threading.Event()

    def wait():
        begun.set()
        gate.wait(30)
        raise BadInput("this was only to wait")

    own.worker.submit(wait)
    assert begun.wait(30)
    try:
        yield gate
    finally:
        gate.set()


async def waiting(own, jobs):
    """Come back once so many jobs wait."""
    for _ in range(10_000):
        if own.worker.depth >= jobs:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("they never came")


def asked_together(own, requests):
    """The replies to requests that wait for the worker at the same time."""
    client = Client(own.app())

    async def all_of_them():
        with held(own) as gate:
            tasks = [
                asyncio.create_task(client.asked("POST", path, body)) for path, body in requests
            ]
            await waiting(own, len(tasks))
            gate.set()
            return await asyncio.gather(*tasks)

    return asyncio.run(all_of_them())


class TestAnswers:
    @pytest.mark.parametrize("kind", [k for k in KINDS if k != "drawn"])
    def test_rows_get_their_codes(self, client, kind):
        found = ask(client, kind, "encode?std=true", in_json(kind))
        assert found.status == 200, found.body
        assert np.array(found.json["codes"]) == pytest.approx(codes_of(kind), abs=1e-4)
        rows, given = in_memory(kind)
        both = np.concatenate([*models()[kind].codes(rows, given=given, spread=True)])
        assert np.array(found.json["std"]) == pytest.approx(both[:, 2:], abs=1e-4)

    @pytest.mark.parametrize("kind", [k for k in KINDS if k not in (*TABLES, "drawn")])
    def test_codes_become_rows_and_rows_are_rebuilt(self, client, kind):
        model, (rows, given) = models()[kind], in_memory(kind)
        told = {"given": given} if given else {}
        found = ask(client, kind, "decode", {"codes": codes_of(kind).tolist(), **told}, NPY)
        expected = np.asarray(model.decode(codes_of(kind), given=given))
        assert array(found) == pytest.approx(expected, abs=1.01 if expected.dtype == int else 1e-3)
        assert array(found).dtype == expected.dtype
        rebuilt = ask(client, kind, "reconstruct", in_json(kind)).json["rows"]
        wanted = model.reconstruct(rows, given=given)
        if kind == "named":
            assert [*rebuilt[0]] == ["a", "b", "c", "d"]
            rebuilt = [[*row.values()] for row in rebuilt]
            wanted = np.stack([*map(np.asarray, wanted.columns)], 1)
        assert np.array(rebuilt) == pytest.approx(wanted, abs=1e-3)

    @pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("autoencoder", "drawn")])
    def test_rows_get_their_scores(self, client, kind):
        model, (rows, given) = models()[kind], in_memory(kind)
        found = ask(client, kind, "score?samples=20&seed=3&elbo=true", in_json(kind)).json
        log_px = model.log_likelihood(rows, samples=20, seed=3, given=given)
        bound = model.elbo(rows, samples=20, seed=3, given=given)
        assert found["log_likelihood"] == pytest.approx(log_px, rel=1e-9, abs=1e-9)
        assert found["elbo"] == pytest.approx(bound, rel=1e-9, abs=1e-9)
        assert len(found["error"]) == 12

    @pytest.mark.parametrize("kind", [k for k in KINDS if k not in (*TABLES, "given")])
    def test_new_rows_are_those_that_the_model_draws(self, client, kind):
        found = ask(client, kind, "sample?rows=5&seed=7", b"", NPY)
        assert np.array_equal(array(found), models()[kind].sample(5, seed=7))

    def test_a_conditional_model_is_told_in_body_or_address(self, client):
        model, given = models()["given"], {"label": "3"}
        expected = model.sample(4, seed=1, given=given)
        body = ask(client, "given", "sample?rows=4&seed=1", {"given": given}, NPY)
        address = ask(client, "given", 'sample?rows=4&seed=1&given={"label":"3"}', b"", NPY)
        assert np.array_equal(array(body), expected)
        assert np.array_equal(array(address), expected)
        twice = ask(client, "given", 'sample?given={"label":"3"}', {"given": given})
        assert twice.status == 422
        assert "twice" not in twice.json["error"]
        assert "say it once" in twice.json["error"]

    def test_dynamic_rows_do_not_depend_on_their_place(self, client):
        found = ask(client, "drawn", "encode", in_json("drawn")).json["codes"]
        one = ask(client, "drawn", "encode", in_json("drawn", slice(5, 6))).json["codes"]
        assert found[5] == pytest.approx(one[0], abs=1e-5)
        assert np.array(found) == pytest.approx(
            models()["drawn"].encode_alike(in_memory("drawn")[0]), abs=1e-4
        )

    def test_arrays_come_back_in_their_type_and_layout(self, client):
        rows = in_memory("colour")[0]
        for sent in (rows, np.moveaxis(rows, 3, 1), np.asfortranarray(rows)):
            found = array(ask(client, "colour", "reconstruct", npy(sent), NPY, NPY))
            assert found.dtype == np.uint8
            assert np.array_equal(found, models()["colour"].reconstruct(sent))

    def test_a_picture_goes_in_and_out(self, client):
        rows = in_memory("colour")[0]
        code = ask(client, "colour", "encode", png(rows[0]), sent=PNG).json["codes"]
        assert code[0] == pytest.approx(codes_of("colour")[0], abs=1e-4)
        back = ask(client, "colour", "reconstruct", png(rows[0]), PNG, PNG)
        shown = pictures(models()["colour"], models()["colour"].reconstruct(rows[:1]))
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(back.body))), shown[0])
        sheet = ask(client, "colour", "sample?rows=9", b"", PNG)
        assert Image.open(io.BytesIO(sheet.body)).size[0] > 24

    def test_names_stand_in_any_order(self, client):
        row = in_json("named")["rows"][0]
        turned = dict(reversed(row.items()))
        both = [ask(client, "named", "encode", {"rows": [r]}).json for r in (row, turned)]
        assert both[0] == both[1]
        lists = ask(client, "named", "reconstruct", {"rows": [[*row.values()]]}).json["rows"]
        assert isinstance(lists[0], list)

    def test_files_are_compressed_and_come_back(self, client, tmp_path):
        for kind in ("counts", "grey", "bits"):
            packed = ask(client, kind, "compress", in_json(kind))
            assert packed.status == 200, packed.body
            path = tmp_path / f"{kind}.vk"
            path.write_bytes(packed.body)
            rows = in_memory(kind)[0]
            assert np.array_equal(Archive(path, models()[kind]).read(), rows)
            again = ask(client, kind, "decompress", packed.body, NPY, "application/octet-stream")
            assert np.array_equal(array(again), rows)
        other = ask(
            client, "bits", "decompress", path.read_bytes()[:60], None, "application/octet-stream"
        )
        assert other.status == 422
        assert other.json["error"].startswith("the body ")
        assert str(tmp_path.parent) not in other.json["error"]


@pytest.mark.parametrize("recipe", ["gaps_vae", "not_miwae"])
def test_gaps_in_numbers_are_filled(recipe):
    """As vaekit impute fills them: null in JSON, NaN in arrays."""
    rows = np.random.default_rng(0).normal(size=(40, 3))
    rows[::5, 1] = np.nan
    table = pa.table({name: pa.array(rows[:, n]) for n, name in enumerate("abc")})
    model = vaekit.fit(table, recipe, latent=2, width=8, epochs=1, quiet=True)
    some = rows[[0, 1]].copy()
    likely = vaekit.impute(model, some, seed=3)
    (drawn,) = vaekit.impute(model, some, draws=1, seed=3)
    client = Client(Api({"m": model}).app())
    sent = {"rows": [{"a": some[0, 0], "c": some[0, 2]}, dict(zip("abc", some[1], strict=True))]}
    found = ask(client, "m", "impute?seed=3&expected=true", sent).json["rows"]
    assert [[row[name] for name in "abc"] for row in found] == pytest.approx(likely)
    listed = {"rows": [[some[0, 0], None, some[0, 2]], some[1].tolist()]}
    assert ask(client, "m", "impute?seed=3", listed).json["rows"] == pytest.approx(drawn)
    held = ask(client, "m", "impute?seed=3", npy(some), NPY, NPY)
    assert array(held) == pytest.approx(drawn)
    assert len(ask(client, "m", "encode", listed).json["codes"]) == 2


class TestTables:
    def test_gaps_are_filled(self, client):
        rows = [{"age": 30, "pay": None, "rich": "poor", "town": "A"}, {"age": 50}]
        found = ask(client, "table", "impute?seed=4", {"rows": rows}).json["rows"]
        assert found[0]["age"] == 30
        assert all(value is not None for row in found for value in row.values())
        frame = pa.table({
            "age": [30.0, 50.0], "pay": pa.array([None, None], pa.float64()),
            "rich": ["poor", None], "town": ["A", None],
        })  # fmt: skip
        assert found == tables.impute(models()["table"], frame, seed=4)[0].to_pylist()
        likely = ask(client, "table", "impute?expected=true&seed=4", {"rows": rows}).json["rows"]
        assert likely == tables.expected(models()["table"], frame, seed=4).to_pylist()

    def test_new_rows_fulfil_what_is_asked(self, client):
        found = ask(client, "table", "sample?rows=6&where=age > 40", {"given": {"town": "A"}})
        assert all(r["age"] > 40 and r["town"] == "A" for r in found.json["rows"])
        model = models()["table"]
        plain = ask(client, "table", "sample?rows=6&seed=2").json["rows"]
        assert plain == tables.synthesize(model, 6, seed=2).table.to_pylist()

    def test_truths_are_given_as_they_are(self, client):
        found = ask(client, "diary", "sample?rows=6", {"given": {"well": True}})
        assert [row["well"] for row in found.json["rows"]] == [True] * 6

    def test_what_is_made_can_be_asked_again(self, client):
        made = ask(client, "diary", "sample?rows=20").json["rows"]
        for what in ("encode", "score?samples=3", "impute"):
            found = ask(client, "diary", what, {"rows": made})
            assert found.status == 200, found.body
            assert "notes" not in found.json
        assert found.json["rows"] == made

    @pytest.mark.parametrize("name", ["day", "when", "well", "count", "price", "word"])
    def test_any_column_may_be_missing(self, client, name):
        row = {**in_json("diary", slice(0, 1))["rows"][0], name: None}
        row = {column: str(v) for column, v in row.items() if v is not None}
        found = ask(client, "diary", "impute", {"rows": [row]})
        assert found.json["rows"][0][name] is not None
        assert ask(client, "diary", "encode", {"rows": [{name: None}, {}]}).status == 200

    def test_a_truth_is_no_number(self, client):
        for what in ("score", "encode", "impute"):
            found = ask(client, "table", what, {"rows": [{"age": 30}, {"age": True}]})
            assert found.status == 422
            assert "row 1: age = True is no number" in found.body.decode()

    def test_what_was_never_seen_is_said(self, client):
        found = ask(client, "table", "score", {"rows": [{"age": 30, "town": "Z"}]}).json
        assert len(found["notes"]) == 1
        assert "town" in found["notes"][0]


class TestTogether:
    """Requests that are computed together get what each would have got alone."""

    @pytest.mark.parametrize(
        ("kind", "what"),
        [
            (kind, what)
            for kind in KINDS
            for what in ("encode", "reconstruct", "score?samples=10")
            if not (kind == "autoencoder" and "score" in what)
        ],
    )
    def test_neighbours_change_nothing(self, client, kind, what):
        path = f"/v1/models/{kind}/{what}"
        bodies = [in_json(kind, slice(n, n + size)) for n, size in ((0, 1), (1, 7), (8, 2), (0, 1))]
        alone = [client.post(path, body).json for body in bodies]
        before = _batches(api(), what)
        together = [r.json for r in asked_together(api(), [(path, body) for body in bodies])]
        assert _batches(api(), what) == before + 1
        for one, other in zip(together, alone, strict=True):
            assert one.keys() == other.keys()
            for name in one:
                assert _numbers(one[name]) == pytest.approx(
                    _numbers(other[name]), rel=1e-5, abs=1e-4
                )
        for name, first in together[0].items():  # places in a batch may round their last bit apart
            assert _numbers(first) == pytest.approx(_numbers(together[3][name]), rel=1e-12)

    def test_scores_hardly_even_round_differently(self, client):
        path, bodies = "/v1/models/grey/score", [in_json("grey", slice(n, n + 1)) for n in range(9)]
        alone = [client.post(path, body).json["log_likelihood"] for body in bodies]
        together = asked_together(api(), [(path, body) for body in bodies])
        found = np.array([reply.json["log_likelihood"] for reply in together])
        assert found == pytest.approx(np.array(alone), rel=1e-11)

    def test_scores_take_the_model_as_it_is(self):
        served = api().models["real"]
        assert {p.dtype for p in served.exact.parameters()} == {torch.float64}
        assert {p.dtype for p in models()["real"].model.parameters()} == {torch.float32}
        assert in_double(served.exact) is served.exact

    def test_a_bad_neighbour_gets_its_own_line(self):
        path = "/v1/models/real/encode"
        good, bad = in_json("real", slice(0, 2)), {"rows": [[1, 2]]}
        replies = asked_together(api(), [(path, good), (path, bad), (path, good)])
        assert [r.status for r in replies] == [200, 422, 200]
        assert replies[0].body == replies[2].body

    def test_what_fails_together_is_tried_one_by_one(self, monkeypatch):
        own = Api({"real": models()["real"]})
        decoded = type(models()["real"]).decoded

        def once(self, z, given):
            if bool((z == 7).any()):
                raise ArithmeticError("a seven")
            return decoded(self, z, given)

        monkeypatch.setattr(type(models()["real"]), "decoded", once)
        path = "/v1/models/real/decode"
        bodies = [{"codes": [[n, n]]} for n in (1, 7, 2)]
        replies = asked_together(own, [(path, body) for body in bodies])
        assert [r.status for r in replies] == [200, 422, 200]
        assert replies[1].json == {"error": "a seven"}
        own.close()

    def test_other_options_are_computed_apart(self):
        body, before = in_json("real", slice(0, 1)), _batches(api(), "score")
        paths = [f"/v1/models/real/score?seed={seed}" for seed in (1, 2, 1)]
        replies = asked_together(api(), [(path, body) for path in paths])
        assert _batches(api(), "score") == before + 2
        assert replies[0].body == replies[2].body != replies[1].body


def _batches(own, what):
    text = own.metrics.text({})
    name = f'vaekit_batch_requests_count{{operation="{what.partition("?")[0]}"}} '
    return next((int(line[len(name) :]) for line in text.splitlines() if line.startswith(name)), 0)


def _numbers(found):
    """All numbers of nested lists and objects; words by their hashes."""
    if isinstance(found, dict):
        found = [*found.values()]
    if isinstance(found, list):
        return [number for each in found for number in _numbers(each)]
    return [found if isinstance(found, int | float) else sum(map(ord, str(found)))]


class TestRefusals:
    @pytest.mark.parametrize(
        ("kind", "what", "body", "status", "told"),
        [
            ("real", "encode", b"", 400, "the body is empty"),
            ("real", "encode", b"{", 400, "cannot read the body"),
            ("real", "encode", b"[1]", 400, "must be a JSON object"),
            ("real", "encode", b'{"rows": [[NaN, 1, 2, 3]]}', 400, "NaN is no number"),
            ("real", "encode", {"rows": 3}, 422, 'send {"rows": [...]}'),
            ("real", "encode", {"rows": []}, 422, "there are no rows"),
            ("real", "encode", {"row": [1]}, 422, "unknown entry 'row'"),
            ("real", "encode", {"rows": [[1, 2]]}, 422, "the model takes rows of 4"),
            ("real", "encode", {"rows": [[1, 2], [3]]}, 422, "must all have the shape 4"),
            ("real", "encode", {"rows": [["a"] * 4]}, 422, "lists of numbers"),
            ("real", "encode?std=yes", {"rows": [[1] * 4]}, 422, "std must be true or false"),
            ("real", "encode?sdt=true", {"rows": [[1] * 4]}, 422, "did you mean"),
            ("real", "encode?std=true&std=true", {"rows": [[1] * 4]}, 422, "said twice"),
            ("real", "encode", {"rows": [[1] * 4], "given": {"a": 1}}, 422, "takes nothing given"),
            ("real", "score?samples=0", {"rows": [[1] * 4]}, 422, "samples must be"),
            ("real", "decode", {"codes": [[1, 2, 3]]}, 422, "codes must have shape (rows, 2)"),
            ("real", "impute", {"rows": [[1] * 4]}, 422, "recipe vae knows no gaps: train gaps_vae"),
            ("real", "compress", {"rows": [[1] * 4]}, 422, "no code can store without loss"),
            ("autoencoder", "score", {"rows": [[1] * 4]}, 422, "an autoencoder has no log p(x)"),
            ("table", "compress", {"rows": [{"age": 1}]}, 422, "compressed from its file"),
            ("table", "encode", {"rows": [{"ages": 1}]}, 422, "did you mean 'age'"),
            ("table", "encode", {"rows": [[1]]}, 422, "row 0 is no object"),
            ("table", "encode", {"rows": [{"age": "old"}]}, 422, "'old'"),
            ("named", "encode", {"rows": [{"a": 1}]}, 422, "row 0 has no b, c, d"),
            ("named", "encode", {"rows": [{"e": 1}]}, 422, "unknown column 'e'"),
            ("bits", "score", {"rows": [[2] * 6]}, 422, "bernoulli"),
            ("given", "sample", b"", 422, "has to be told label"),
            ("given", "sample", {"given": {"label": "x"}}, 422, "unknown label 'x'"),
            ("counts", "decompress", b"", 415, "content-type must be"),
            ("nobody", "encode", b"", 404, "unknown model 'nobody'"),
            ("real", "encode/", b"", 404, "there is nothing here"),
            ("real", "endcode", b"", 404, "did you mean"),
        ],
    )  # fmt: skip
    def test_a_mistake_gets_a_line(self, client, kind, what, body, status, told):
        reply = ask(client, kind, what, body)
        assert reply.status == status, reply.body
        assert [*reply.json] == ["error"]
        assert told in reply.json["error"]
        assert "\n" not in reply.json["error"]

    def test_other_kinds_of_bodies(self, client):
        assert ask(client, "real", "encode", b"1,2", sent="text/csv").status == 415
        assert ask(client, "real", "encode", b"x", sent=PNG).status == 415
        assert ask(client, "real", "encode", in_json("real"), accept="text/csv").status == 406
        other = client.get("/v1/models/real/encode")
        assert (other.status, other.headers["allow"]) == (405, "POST")
        assert other.json["error"] == "only POST can be asked here"
        assert client.get("/nowhere").status == 404
        any_of_them = ask(client, "real", "encode", in_json("real"), "text/html, */*;q=0.5")
        assert any_of_them.headers["content-type"] == JSON

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            (b"\x93NUMPY", "no array of NumPy's"),
            (npy(np.zeros((2, 4)))[:-8], "is 64 bytes, not 56"),
            (npy(np.zeros((2, 4), "datetime64[s]")), "only numbers can be used"),
            (npy(np.full((1, 4), np.nan)), "nan"),
            (npy(np.zeros((0, 4))), "there are no rows"),
            (npy(np.zeros((3, 5))), "takes rows of 4"),
        ],
    )
    def test_arrays_that_are_none(self, client, body, told):
        reply = ask(client, "real", "encode", body, sent=NPY)
        assert reply.status == 422, reply.body
        assert told.lower() in reply.json["error"].lower()

    def test_an_array_of_any_size_is_no_larger_than_it_is(self, client):
        head = npy(np.zeros((1, 4))).replace(b"(1, 4)", b"(9000000000000, 4)"[:6])
        big = (
            b"\x93NUMPY\x01\x00v\x00"
            + str({"descr": "<f8", "fortran_order": False, "shape": (10**15, 4)})
            .encode()
            .ljust(117)
            + b"\n"
        )
        for body in (head, big):
            assert ask(client, "real", "encode", body, sent=NPY).status == 422

    def test_pictures_of_another_size(self, client):
        reply = ask(client, "colour", "encode", png(np.zeros((9, 8, 3), np.uint8)), sent=PNG)
        assert reply.status == 422
        assert "pictures of 8 x 8" in reply.json["error"]
        assert ask(client, "colour", "encode", b"no picture", sent=PNG).status == 422


class TestLimits:
    def small(self, **limits):
        return Api({"real": models()["real"]}, Limits(**limits))

    def test_too_much_at_once(self):
        own = self.small(rows=3, bytes=2000)
        client = Client(own.app())
        assert client.post("/v1/models/real/encode", in_json("real", slice(0, 3))).status == 200
        many = client.post("/v1/models/real/encode", in_json("real", slice(0, 4)))
        assert (many.status, many.json["error"]) == (413, "at most 3 rows at once, not 4")
        codes = client.post("/v1/models/real/decode", {"codes": [[0, 0]] * 4})
        assert codes.status == 413
        assert client.post("/v1/models/real/sample?rows=4").status == 422
        large = ask(client, "real", "encode", b" " * 2001)
        assert large.status == 413
        own.close()

    def test_whom_the_server_cannot_serve_it_sends_away(self):
        own = self.small(waiting=2)
        client = Client(own.app())
        path, body = "/v1/models/real/encode", in_json("real", slice(0, 1))

        async def three():
            with held(own) as gate:
                first = [asyncio.create_task(client.asked("POST", path, body)) for _ in range(2)]
                await waiting(own, 2)
                third = await client.asked("POST", path, body)
                ready = await client.asked("GET", "/readyz")
                alive = await client.asked("GET", "/healthz")
                metrics = await client.asked("GET", "/metrics")
                gate.set()
                return third, ready, alive, metrics, await asyncio.gather(*first)

        third, ready, alive, metrics, first = asyncio.run(three())
        assert third.status == ready.status == 503
        assert int(third.headers["retry-after"]) >= 1
        assert "come again in" in third.json["error"]
        assert alive.status == 200
        assert b"vaekit_queue_depth 2\n" in metrics.body
        assert [r.status for r in first] == [200, 200]
        assert client.get("/readyz").status == 200
        own.close()

    def test_one_address_cannot_take_all(self):
        own = self.small(each=1)
        client = Client(own.app())
        path, body = "/v1/models/real/encode", in_json("real", slice(0, 1))

        async def two():
            with held(own) as gate:
                first = asyncio.create_task(client.asked("POST", path, body))
                await waiting(own, 1)
                again = await client.asked("POST", path, body)
                other = asyncio.create_task(client.asked("POST", path, body, address="10.0.0.7"))
                await waiting(own, 2)
                gate.set()
                return again, await first, await other

        again, first, other = asyncio.run(two())
        assert (again.status, first.status, other.status) == (429, 200, 200)
        assert int(again.headers["retry-after"]) >= 1
        assert "a request of yours is in hand" in again.json["error"]
        assert not own.of_each
        own.close()

    def test_large_bodies_count_by_their_size(self):
        own = self.small(bytes=1000)
        own.bytes_in_hand = 8 * 1000 - 10
        body = in_json("real", slice(0, 1))
        assert Client(own.app()).post("/v1/models/real/encode", body).status == 503
        own.close()

    def test_what_takes_too_long_is_told_and_dropped(self):
        own = self.small(seconds=0.05)
        with held(own):
            late = Client(own.app()).post("/v1/models/real/encode", in_json("real", slice(0, 1)))
            assert late.status == 503
            assert "not begun within 0.05 s" in late.json["error"]
            assert "retry-after" in late.headers
            assert own.in_hand == own.bytes_in_hand == 0
        own.close()
        assert "vaekit_rows_total{" not in own.metrics.text({})

    def test_what_is_begun_and_takes_too_long(self, monkeypatch):
        own, gate = self.small(seconds=0.05), threading.Event()
        kind = type(models()["real"])
        decoded = kind.decoded

        def slow(self, z, given):
            gate.wait(20)
            return decoded(self, z, given)

        monkeypatch.setattr(kind, "decoded", slow)
        reply = Client(own.app()).post("/v1/models/real/decode", {"codes": [[0, 0]]})
        gate.set()
        assert reply.status == 504
        assert "longer than 0.05 s" in reply.json["error"]
        own.close()

    def test_a_server_that_stops_takes_nothing_new(self):
        own = self.small()
        client = Client(own.app())
        own.close()
        assert client.post("/v1/models/real/sample").status == 503
        assert client.get("/readyz").status == 503


class TestWhoMayAsk:
    def test_a_token_is_wanted(self):
        client = Client(api().app(token="open sesame".replace(" ", "-")))
        path, body = "/v1/models/real/sample", b""
        for headers in (None, {"authorization": "Bearer open"}, {"authorization": "open-sesame"}):
            reply = client.post(path, body, headers=headers)
            assert reply.status == 401
            assert reply.headers["www-authenticate"] == "Bearer"
            assert "authorization: Bearer TOKEN" in reply.json["error"]
        right = {"authorization": "bearer open-sesame"}
        assert client.post(path, body, headers=right).status == 200
        for open_, status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 401), ("/", 401)):
            assert client.get(open_).status == status

    def test_only_by_its_own_names_and_for_no_other_page(self):
        app, path = api().app(hosts=("localhost", "api.example.org")), "/v1/models/real/sample"
        assert Client(app, "localhost:1").post(path).status == 200
        assert Client(app, "api.example.org").post(path).status == 200
        assert Client(app, "elsewhere.example").post(path).status == 421
        client = Client(app, "localhost:1")
        assert client.post(path, headers={"origin": "https://elsewhere.example"}).status == 403
        assert client.post(path, headers={"origin": "http://localhost:1"}).status == 200


class TestDocuments:
    def test_the_document_describes_what_is_sent(self, client):
        checked = pytest.importorskip("jsonschema").Draft202012Validator
        document = client.get("/openapi.json").json
        assert document["openapi"] == "3.1.0"
        for path, methods in document["paths"].items():
            for operation in methods.values():
                content = operation.get("requestBody", {}).get("content", {})
                if "example" not in content.get(JSON, {}):
                    continue
                example, schema = content[JSON]["example"], content[JSON]["schema"]
                checked.check_schema(schema)
                checked(schema).validate(example)
                reply = client.post(path, example)
                assert reply.status == 200, (path, reply.body)
                given = operation["responses"]["200"]["content"]
                kind = reply.headers["content-type"]
                assert kind in given
                if kind == JSON:
                    checked(given[JSON]["schema"]).validate(reply.json)

    def test_what_the_document_points_to_is_in_it(self, client):
        document = client.get("/openapi.json").json
        names = [
            o["operationId"] for methods in document["paths"].values() for o in methods.values()
        ]
        assert len(names) == len(set(names)) == len(api().endpoints)
        for target in set(
            re.findall(r'"\$ref":"#/([^"]+)"', client.get("/openapi.json").body.decode())
        ):
            found = document
            for part in target.split("/"):
                found = found[part]

    def test_what_a_model_cannot_do_is_not_in_it(self, client):
        paths = client.get("/openapi.json").json["paths"]
        assert "/v1/models/autoencoder/score" not in paths
        assert "/v1/models/table/impute" in paths
        told = client.get("/v1/models/autoencoder").json
        assert told["cannot"]["score"] == "an autoencoder has no log p(x)"
        assert set(told["can"].values()) == {
            path for path in paths if path.startswith("/v1/models/autoencoder/")
        }
        listed = client.get("/v1/models").json["models"]
        assert [m["name"] for m in listed] == [*KINDS]

    def test_the_page_needs_nothing_from_elsewhere(self, client):
        page = client.get("/").body.decode()
        assert "<script" not in page
        links = set(re.findall(r'(?:src|href)="([^"#]+)"', page))
        assert links == {"/reference.css", "/openapi.json", "data:,"}
        assert "http" not in client.get("/reference.css").body.decode()
        for endpoint in api().endpoints:
            assert f"<code>{endpoint.path}</code>" in page
        assert page.count("curl http://127.0.0.1:8765/") == len(api().endpoints)

    def test_metrics_can_be_read(self, client):
        client.post("/v1/models/real/sample?rows=3")
        text = client.get("/metrics").body.decode()
        assert text.endswith("\n")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        assert all(float(line.rpartition(" ")[2]) >= 0 for line in lines)
        name = 'vaekit_requests_total{route="/v1/models/real/sample",method="POST",status="200"}'
        assert any(line.startswith(name) for line in lines)

    def test_a_histogram_counts_what_lies_below(self):
        found = Histogram("h", "a thing", (1.0, 2.0))
        for value in (0.5, 1.0, 1.5, 9.0):
            found.add(value, of='a"b')
        assert [*found.lines()][2:] == [
            'h_bucket{of="a\\"b",le="1"} 2',
            'h_bucket{of="a\\"b",le="2"} 3',
            'h_bucket{of="a\\"b",le="+Inf"} 4',
            'h_sum{of="a\\"b"} 12',
            'h_count{of="a\\"b"} 4',
        ]
