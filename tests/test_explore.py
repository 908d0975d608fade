"""The explorer's server: what it answers agrees with what the model says elsewhere."""

import csv
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
import torch
from asgi import Client
from people import people
from PIL import Image

import vaekit
from vaekit.distributions.covariances import covariance
from vaekit.evaluation.passes import at_mean, latent_distributions
from vaekit.interfaces.server.colours import Colouring, Colours, first_of
from vaekit.interfaces.server.explorer import Explorer, app_of
from vaekit.interfaces.server.planes import SIDE, masses, plane_of
from vaekit.interfaces.server.running import names_of
from vaekit.interfaces.server.subject import subject_of
from vaekit.runs.shown import pictures
from vaekit.system.checks import BadInput

HOW = {"epochs": 1, "width": 8}


@pytest.fixture(scope="module")
def model(trained):
    return trained[1]


@pytest.fixture(scope="module")
def subject(model):
    return subject_of(model)


@pytest.fixture(scope="module")
def client(subject):
    return Client(app_of(Explorer(subject)))


def waited(client, key):
    """A slow colouring, once it is there."""
    until = time.monotonic() + 60
    while (reply := client.get(f"/api/colour?by={key}")).status == 202:
        assert 0 <= reply.json["done"] <= 1
        assert time.monotonic() < until
        time.sleep(0.02)
    return reply


def codes(*rows):
    return np.array(rows, "<f4")


def ids(*rows):
    return np.array(rows, "<u4")


class TestDigits:
    def test_the_page_is_told_what_it_needs(self, client, subject):
        about = client.get("/api/about").json
        assert about["rows"] == 1797
        assert about["latent"] == 2
        assert about["planes"] == ["0,1"]
        assert about["face"] == {
            "kind": "pictures",
            "shape": [8, 8, 1],
            "dark": True,
            "drawable": True,
        }
        assert about["colour"] == "label"
        assert sorted(about["order"], key=lambda i: -about["kl"][i]) == about["order"]
        low, high = np.array(about["ranges"])
        assert (low <= subject.codes.min(0)).all()
        assert (high >= subject.codes.max(0)).all()

    def test_points_are_codes_and_their_covariances(self, client, model, subject):
        reply = client.get("/api/points?plane=0,1")
        plane = json.loads(reply.headers["x-plane"])
        z = model.encode(subject.rows)
        spread = np.concatenate([*model.codes(subject.rows, spread=True)])[:, 2:]
        assert reply.numbers[:, :2] == pytest.approx(z - plane["origin"], abs=1e-5)
        assert reply.numbers[:, [2, 4]] == pytest.approx(spread**2, rel=1e-4)
        assert (reply.numbers[:, 3] == 0).all()
        assert np.array(plane["directions"]).tolist() == [[1, 0], [0, 1]]

    def test_a_code_is_decoded_as_the_model_decodes_it(self, client, model):
        z = codes([0.5, -1], [2, 0], [0, 0])
        expected = pictures(model, model.decode(z))
        reply = client.post("/api/decode", z)
        assert np.array_equal(reply.numbers[..., 0], expected)
        assert np.array_equal(client.post("/api/decode", z[:1]).numbers[0, ..., 0], expected[0])

    def test_a_row_is_scored_as_the_model_scores_it(self, client, model, subject):
        found = client.get("/api/row?row=5").json
        row = subject.rows.take(torch.tensor([5]))
        assert found["code"] == pytest.approx(model.encode(row)[0].tolist(), abs=1e-5)
        assert found["log_px"] == pytest.approx(model.log_likelihood(row, samples=64)[0])
        assert found["elbo"] == pytest.approx(model.elbo(row, samples=64)[0])
        assert found["elbo"] < found["log_px"]
        assert found["known"]["label"] == str(int(row.labels[0]))
        away = np.linalg.norm(subject.codes - subject.codes[5], axis=1)
        away[5] = np.inf
        nearest = [n["row"] for n in found["nearest"]]
        assert nearest == np.argsort(away)[: len(nearest)].tolist()
        assert found["nearest"][0]["distance"] == pytest.approx(away.min(), rel=1e-5)

    def test_a_picture_of_a_row_gets_the_code_of_the_row(self, client, subject):
        file = io.BytesIO()
        shown = client.post("/api/rows", ids(7)).numbers[0, ..., 0]
        Image.fromarray(shown).save(file, "PNG")
        found = client.post("/api/encode", file.getvalue(), headers={"content-type": "image/png"})
        assert found.json["code"] == pytest.approx(subject.codes[7].tolist(), abs=1e-4)
        assert found.json["nearest"][0]["row"] == 7

    def test_a_picture_of_another_size_and_in_colour_is_fitted(self, client, subject):
        file = io.BytesIO()
        shown = client.post("/api/rows", ids(7)).numbers[0, ..., 0]
        large = Image.fromarray(shown).resize((80, 80), Image.Resampling.NEAREST).convert("RGB")
        large.save(file, "PNG")
        found = client.post("/api/encode", file.getvalue()).json
        assert found["code"] == pytest.approx(subject.codes[7].tolist(), abs=1e-3)

    def test_paths_lead_from_one_code_to_the_other(self, client):
        ends = codes([3, 0], [0, 1])
        for way in ("straight", "sphere", "prior"):
            path = client.post(f"/api/path?steps=5&way={way}", ends).numbers
            assert path[[0, -1]] == pytest.approx(ends, abs=1e-5)
        straight = client.post("/api/path?steps=5&way=straight", ends).numbers
        assert straight[2] == pytest.approx([1.5, 0.5])
        sphere = client.post("/api/path?steps=5&way=sphere", ends).numbers
        assert np.linalg.norm(sphere, axis=1) == pytest.approx([3, 2.5, 2, 1.5, 1], abs=1e-5)
        angles = np.degrees(np.arctan2(sphere[:, 1], sphere[:, 0]))
        assert angles == pytest.approx([0, 22.5, 45, 67.5, 90], abs=1e-3)

    def test_rows_that_are_chosen_are_told_apart(self, client, subject):
        labels = subject.rows.labels.numpy()
        threes = np.flatnonzero(labels == 3)
        found = client.post("/api/differs", ids(*threes, *np.flatnonzero(labels == 1)[:3])).json
        (label,) = [c for c in found["classes"] if c["name"] == "label"]
        assert label["rows"][0] == {"name": "3", "here": len(threes), "all": len(threes)}
        assert label["rows"][1]["here"] == 3
        z1 = next(n for n in found["numbers"] if n["name"] == "z1")
        inside = np.isin(np.arange(1797), [*threes, *np.flatnonzero(labels == 1)[:3]])
        own = subject.codes[:, 1]
        gap = own[inside].mean() - own[~inside].mean()
        assert z1["apart"] == pytest.approx(gap / own.std(), rel=1e-4)
        assert found["means"]["shape"] == [2, 8, 8, 1]

    def test_rows_as_a_table(self, client, subject):
        reply = client.post("/api/rows.csv", ids(3, 9))
        lines = [*csv.DictReader(io.StringIO(reply.body.decode()))]
        assert [line["row"] for line in lines] == ["3", "9"]
        assert [line["label"] for line in lines] == subject.rows.labels[[3, 9]].numpy().astype(
            str
        ).tolist()
        assert float(lines[1]["z0"]) == pytest.approx(subject.codes[9, 0], rel=1e-5)
        assert "attachment" in reply.headers["content-disposition"]

    def test_rows_are_found_by_name_and_label(self, client, subject):
        found = np.frombuffer(client.get("/api/find?text=7").body, "<u4")
        labels = subject.rows.labels.numpy()
        expected = [i for i in range(1797) if "7" in str(i) or labels[i] == 7]
        assert found.tolist() == expected

    def test_slow_scores_come_in_time(self, client, model, subject):
        elbo = waited(client, "elbo").numbers
        assert elbo == pytest.approx(model.elbo(subject.rows, samples=1), rel=1e-4)
        bits = waited(client, "bits").numbers
        assert bits == pytest.approx(-elbo / np.log(2), rel=1e-4)
        some = subject.rows.take(torch.arange(20))
        x, back = some.values.numpy()[:, 0] / 1.0, model.reconstruct(some) / 1.0
        expected = ((back - x) ** 2).mean((1, 2)) / model.representation.scale**2
        assert waited(client, "error").numbers[:20] == pytest.approx(expected, rel=1e-4)

    def test_what_is_selected_is_kept(self, subject):
        explorer = Explorer(subject)
        client = Client(app_of(explorer))
        assert client.post("/api/selection", ids(9, 4, 4)).json == {"rows": 2}
        assert explorer.selection.tolist() == [4, 9]
        client.post("/api/selection")
        assert explorer.selection.tolist() == []


rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8)
COLOUR = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
REAL = rng.normal(size=(40, 5)).astype(np.float32)
COUNTS = rng.poisson(3, (40, 6))
SERIES = rng.normal(size=(40, 12, 2)).astype(np.float32)
BANDS = rng.normal(size=(40, 2, 8, 8)).astype(np.float32)

KINDS = {
    "grey pictures": (GREY, {"latent": 2}),
    "pictures in colour": (COLOUR, {"latent": 3}),
    "pictures of fractions": (GREY / 255, {"latent": 2}),
    "pictures of other channels": (BANDS, {"latent": 2, "channels": "first"}),
    "one latent": (REAL, {"latent": 1}),
    "fifty latents": (REAL, {"latent": 50}),
    "counts": (COUNTS, {"latent": 2}),
    "series": (SERIES, {"latent": 2}),
    "a table with gaps": (people(60), {"latent": 3, "recipe": "table_vae"}),
    "an autoencoder": (GREY, {"latent": 3, "recipe": "autoencoder"}),
    "a ladder": (GREY, {"recipe": "ladder_vae"}),
    "given labels": ("digits", {"latent": 2, "given": ["label"]}),
    "a flow prior": (REAL, {"latent": 3, "prior": "flow"}),
    "a full posterior": (REAL, {"latent": 3, "posterior": "full"}),
}


def sent_by(about):
    """A row as a person would send it."""
    if about["kind"] == "pictures":
        file = io.BytesIO()
        Image.fromarray(COLOUR[0]).save(file, "PNG")
        return file.getvalue()
    if about["kind"] == "numbers":
        return {"values": [1.0] * len(about["columns"])}
    return {"cells": {"age": "30", "town": "A", "pay": None}}


@pytest.mark.parametrize("kind", KINDS)
def test_models_of_every_kind_are_explored(kind):
    data, how = KINDS[kind]
    model = vaekit.fit(data, **{**HOW, **how})
    subject = subject_of(model, None if isinstance(data, str) else data, limit=40)
    client, latent = Client(app_of(Explorer(subject))), model.latent
    about = client.get("/api/about").json
    assert about["rows"] == len(subject.codes) == 40
    asked = [client.get(f"/api/points?plane={name}") for name in about["planes"]]
    asked += [client.get(f"/api/masses?plane={name}") for name in about["planes"]]
    z = rng.normal(size=(3, latent)).astype("<f4")
    asked += [client.post("/api/decode", z), client.get("/api/row?row=3"), client.get("/api/prior")]
    for path in ("differs", "rows.csv", "rows", "codes", "selection"):
        asked.append(client.post(f"/api/{path}", ids(1, 2, 5)))
    asked += [client.post(f"/api/path?way={way}", z[:2]) for way in ("straight", "sphere", "prior")]
    given = "?given=" + json.dumps({c["name"]: c["classes"][0] for c in about["given"]})
    if about["face"].get("drawable", True):
        asked.append(client.post(f"/api/encode{given}", sent_by(about["face"])))
        assert len(asked[-1].json["code"]) == latent
    assert [r.status for r in asked] == [200] * len(asked), [
        r.body for r in asked if r.status != 200
    ]
    assert [c["key"] for c in about["colours"] if waited(client, c["key"]).status != 200] == []
    assert np.isfinite(asked[0].numbers).all()
    assert ("log_px" in client.get("/api/row?row=0").json) == model.has_density


@pytest.fixture(scope="module")
def table():
    model = vaekit.fit(people(300), latent=2, recipe="table_vae", width=32, epochs=40)
    subject = subject_of(model, people(80, seed=1))
    return model, subject, Client(app_of(Explorer(subject)))


@pytest.mark.parametrize("rows", [1, 2])
def test_a_row_or_two_are_explored(model, rows):
    client = Client(app_of(Explorer(subject_of(model, limit=rows))))
    for path in ("about", "points?plane=0,1", "masses?plane=0,1", "row?row=0", "prior"):
        assert client.get(f"/api/{path}").status == 200, path
    for path in ("differs", "rows.csv", "rows", "selection"):
        assert client.post(f"/api/{path}", ids(0)).status == 200, path
    assert len(client.get("/api/row?row=0").json["nearest"]) == rows - 1


class TestTables:
    def test_cells_come_as_they_were_read(self, table):
        own = people(80, seed=1)
        _, _, client = table
        cells = client.post("/api/rows", ids(*range(80))).json["cells"]
        assert [row[2] for row in cells] == own["rich"].to_pylist()
        assert [row[3] for row in cells] == own["town"].to_pylist()
        assert all(
            (a[1] is None) == (b is None)
            for a, b in zip(cells, own["pay"].to_pylist(), strict=True)
        )

    def test_an_edited_cell_moves_the_code_and_the_score(self, table):
        model, _, client = table
        row = {"age": "30", "pay": "90", "rich": "poor", "town": "A"}
        usual = client.post("/api/encode", {"cells": row}).json
        odd = client.post("/api/encode", {"cells": {**row, "rich": "rich"}}).json
        assert odd["log_px"] < usual["log_px"] - 1
        cell = next(c for c in odd["cells"] if c["column"] == "rich")
        assert cell["likeliest"] == "poor"
        assert cell["log_p"] < -1
        assert odd["code"] != usual["code"]
        frame = pa.table({"age": [30.0], "pay": [90.0], "rich": ["poor"], "town": ["A"]})
        assert usual["code"] == pytest.approx(
            model.encode(frame)["z0"].to_pylist() + model.encode(frame)["z1"].to_pylist(), abs=1e-4
        )

    def test_colours_of_columns(self, table):
        _, _, client = table
        about = client.get("/api/about").json
        rich = next(c for c in about["colours"] if c["name"] == "rich")
        values = client.get(f"/api/colour?by={rich['key']}").numbers
        assert [rich["classes"][int(v)] for v in values] == people(80, seed=1)["rich"].to_pylist()
        pay = next(c for c in about["colours"] if c["name"] == "pay")
        found = client.get(f"/api/colour?by={pay['key']}").numbers
        expected = [np.nan if v is None else v for v in people(80, seed=1)["pay"].to_pylist()]
        assert found == pytest.approx(np.array(expected), rel=1e-5, nan_ok=True)
        assert about["colour"] == next(c for c in about["colours"] if c["name"] == "town")["key"]

    def test_formulas_stay_text(self, table):
        model, _, _ = table
        own = people(40).set_column(3, "town", pa.array(["=1+1"] * 40))
        text = subject_of(model, own).as_csv([0]).decode()
        assert "'=1+1" in text


class TestPlanes:
    def test_principal_components_are_found(self):
        codes = rng.normal(size=(4000, 5)) * [1, 5, 0.1, 3, 0.2] + 2
        plane = plane_of("pca", codes, 5)
        assert np.abs(plane.directions[0][1]) > 0.99
        assert np.abs(plane.directions[1][3]) > 0.99
        assert plane.shares[0] == pytest.approx(25 / 35.05, abs=0.03)
        assert plane.origin == pytest.approx(codes.mean(0))
        back = plane.origin + plane.points(codes) @ plane.directions
        assert np.abs(back - codes)[:, [1, 3]].max() < 0.2

    @pytest.mark.parametrize("posterior", ["diagonal", "full"])
    def test_spreads_are_those_of_the_posterior(self, posterior):
        how = {"posterior": posterior, "epochs": 2, "latent": 4, "width": 16, "quiet": True}
        found = subject_of(vaekit.fit("digits", "vae", **how), limit=30)
        plane, model = found.planes.plane("pca"), found.trained
        [q] = latent_distributions(model.model, model.rows(found.rows), at_mean).values()
        axes = torch.from_numpy(plane.directions)
        own = covariance(q.posterior)
        assert (own.tril(-1).abs().max() > 0) == (posterior == "full")
        right = axes @ own @ axes.T
        right = torch.stack([right[:, 0, 0], right[:, 0, 1], right[:, 1, 1]], 1).detach().numpy()
        assert found.planes.points("pca")[:, 2:] == pytest.approx(right, rel=1e-4, abs=1e-6)

    def test_the_first_latent_alone_spans_the_plane(self):
        codes = rng.normal(size=(500, 6)) * [1, 1, 1, 9, 9, 9]
        assert not plane_of("pca", codes, 3).directions[:, 3:].any()

    def test_covariances_turn_with_the_plane(self):
        codes = rng.normal(size=(50, 3))
        turned = plane_of("pca", codes @ np.array([[1, 2, 0], [-2, 1, 0], [0, 0, 0.1]]), 3)
        spread = np.array([[0.5, 2.0, 1.0]])
        full = turned.directions @ np.diag(spread[0] ** 2) @ turned.directions.T
        assert turned.spreads(spread)[0] == pytest.approx(
            [full[0, 0], full[0, 1], full[1, 1]], rel=1e-5
        )

    def test_mass_lies_where_a_normal_has_it(self):
        """Of a normal in two dimensions the share 1 - exp(-r^2 / 2) lies within r."""
        draws = rng.normal(size=(50_000, 2))
        found = masses(plane_of("0,1", draws, 2), draws, draws)
        x0, x1, y0, y1 = found.box
        for r in (0.5, 1, 1.5, 2, 3):
            i, j = int((r - x0) / (x1 - x0) * SIDE), int((0 - y0) / (y1 - y0) * SIDE)
            assert found.prior[i, j] == pytest.approx(1 - np.exp(-(r**2) / 2), abs=0.07)
        assert found.data == pytest.approx(found.prior)

    @pytest.mark.parametrize(
        "name", ["", "pca2", "0", "0,0", "0,9", "-1,0", "0,1,2", "x,y", "0," + "1" * 99]
    )
    def test_other_planes_are_refused(self, client, name):
        reply = client.get(f"/api/points?plane={name}")
        assert reply.status == 400
        assert len(reply.json["error"]) < 200


def test_two_models_stand_side_by_side(model, subject):
    other = vaekit.fit("digits", latent=3, **HOW)
    both = [Explorer(subject), Explorer(subject_of(other, model.source))]
    client = Client(app_of(*both))
    assert b"<iframe" in client.get("/").body
    assert [client.get(f"/{place}/api/about").json["latent"] for place in "ab"] == [2, 3]
    assert [client.get(f"/{place}/main.js").status for place in "ab"] == [200, 200]
    assert client.get("/api/about").status == 404
    expected = other.encode(subject.rows)[4]
    assert client.get("/b/api/row?row=4").json["code"] == pytest.approx(expected.tolist(), abs=1e-5)


class TestColours:
    def test_the_first_colour_says_most(self):
        label, split = Colouring("label", "label", classes=("a", "b")), Colouring("split", "split")
        spread, slow = (
            Colouring("spread", "spread"),
            Colouring("elbo", "ELBO", slow=lambda: iter(())),
        )
        few = Colouring("column:1", "c", classes=("a", "b"), group="columns")
        number = Colouring("column:0", "n", group="columns")
        assert first_of([label, split, spread, few, number]) == "label"
        assert first_of([split, slow, spread, number, few]) == few.key
        assert first_of([split, slow, spread, number]) == number.key
        assert first_of([split, slow, spread]) == "spread"
        assert first_of([split, slow]) == "split"
        assert first_of([slow]) == ""

    def test_a_score_that_fails_says_why_and_may_be_asked_again(self):
        def fail():
            raise BadInput("no score")
            yield

        with ThreadPoolExecutor(1) as beside:
            found = Colours([Colouring("bad", "bad", slow=fail)], 3, beside)
            found.values("bad")
            beside.submit(lambda: None).result()
            assert found.values("bad").failed == "no score"


class TestGuards:
    def test_only_its_own_names_are_answered(self, client):
        for host in ("127.0.0.1:1", "localhost", "[::1]:80", "LOCALHOST:9"):
            assert client.get("/api/about", headers={"host": host}).status == 200
        for host in (
            "evil.example",
            "evil.example:8765",
            "",
            "127.0.0.1.evil.example",
            "[",
            "0.0.0.0",
        ):
            assert client.get("/api/about", headers={"host": host}).status == 421

    def test_where_anybody_may_come_addresses_are_names(self, subject):
        client = Client(app_of(Explorer(subject), hosts=names_of("0.0.0.0")))
        for host in ("192.0.2.7:8765", "[2001:db8::1]:80", "localhost"):
            assert client.get("/api/find?text=x", headers={"host": host}).status == 200
        for host in ("evil.example", "*", "192.0.2.7.evil.example"):
            assert client.get("/api/find?text=x", headers={"host": host}).status == 421

    def test_only_its_own_page_may_make_it_compute(self, client):
        z = codes([0, 0])
        fine = ({}, {"origin": "http://127.0.0.1:8765"}, {"sec-fetch-site": "same-origin"})
        assert [client.post("/api/decode", z, headers=h).status for h in fine] == [200] * 3
        wrong = (
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"origin": "http://127.0.0.1:1"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        )
        assert [client.post("/api/decode", z, headers=h).status for h in wrong] == [403] * 5

    def test_nothing_is_loaded_from_elsewhere(self, client):
        reply = client.get("/")
        assert reply.headers["content-type"].startswith("text/html")
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"

    def test_large_bodies_are_refused_before_they_are_read(self, subject):
        client = Client(app_of(Explorer(subject)))
        client.app.most = 100
        assert client.post("/api/decode", bytes(200)).status == 413
        unsaid = {"content-length": "0"}
        assert client.post("/api/decode", bytes(200), headers=unsaid, pieces=4).status == 413

    def test_what_goes_wrong_inside_says_nothing_of_it(self, subject, capfd):
        explorer = Explorer(subject)

        def fail(*_):
            raise RuntimeError("/secret/path")

        explorer.subject = type("Broken", (), {"about": fail})()
        reply = Client(app_of(explorer)).get("/api/about")
        assert reply.status == 500
        assert "secret" not in reply.body.decode()
        assert "/secret/path" in capfd.readouterr().err


BAD = {
    "no codes": ("/api/decode", b""),
    "half a code": ("/api/decode", bytes(6)),
    "not finite": ("/api/decode", codes([np.nan, 0])),
    "infinite": ("/api/decode", codes([np.inf, 0])),
    "too many": ("/api/decode", np.zeros((5000, 2), "<f4")),
    "given is no JSON": ("/api/decode?given={", codes([0, 0])),
    "given is a list": ("/api/decode?given=[1]", codes([0, 0])),
    "given is unknown": ('/api/decode?given={"nose":"1"}', codes([0, 0])),
    "given is nested": ('/api/decode?given={"label":{}}', codes([0, 0])),
    "rows that are not there": ("/api/rows", ids(1797)),
    "rows in pieces": ("/api/rows", bytes(5)),
    "no rows": ("/api/rows", b""),
    "too many rows": ("/api/rows", ids(*range(600))),
    "codes of other rows": ("/api/codes", ids(2**31)),
    "a path of one": ("/api/path", codes([0, 0])),
    "a path of no steps": ("/api/path?steps=1", codes([0, 0], [1, 1])),
    "a path of many steps": ("/api/path?steps=99999", codes([0, 0], [1, 1])),
    "another way": ("/api/path?way=up", codes([0, 0], [1, 1])),
    "no picture": ("/api/encode", b"hello"),
    "an empty picture": ("/api/encode", b""),
    "half a picture": ("/api/encode", b"\x89PNG\r\n\x1a\n" + bytes(20)),
    "JSON for a picture": ("/api/encode", {"values": [1]}),
    "nothing differs": ("/api/differs", b""),
    "no such rows differ": ("/api/differs", ids(5000)),
    "no rows for a table": ("/api/rows.csv", b""),
    "selected elsewhere": ("/api/selection", ids(99999)),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_questions_get_a_line(client, what):
    path, body = BAD[what]
    reply = client.post(path, body)
    assert reply.status == 400
    assert "\n" not in reply.json["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/row?row=-1",
        "/api/row?row=1797",
        "/api/row?row=x",
        "/api/row?row=²",
        "/api/colour?by=",
        "/api/colour?by=nose",
        "/api/masses?plane=7,8",
    ],
)
def test_bad_addresses_get_a_line(client, path):
    reply = client.get(path)
    assert reply.status == 400
    assert reply.json["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/../setup.py", 404),
        ("GET", "/api/decode", 405),
        ("DELETE", "/api/about", 405),
        ("POST", "/api/about", 405),
        ("GET", "/explorer.py", 404),
    ],
)
def test_other_addresses_are_refused(client, method, path, status):
    reply = client.ask(method, path)
    assert reply.status == status
    assert reply.json["error"]


NUMBERS = {
    "no object": b"[1]",
    "no JSON": b"{",
    "not a number": b'{"values": [1, 2, NaN, 4, 5]}',
    "beyond numbers": b'{"values": [1, 2, 1e999, 4, 5]}',
    "a text": b'{"values": [1, 2, "3", 4, 5]}',
    "a truth": b'{"values": [1, 2, true, 4, 5]}',
    "too few": b'{"values": [1, 2]}',
    "something else": b'{"cells": {}}',
    "deep": b"[" * 100_000,
}


@pytest.fixture(scope="module")
def of_numbers():
    return Client(app_of(Explorer(subject_of(vaekit.fit(REAL, latent=2, **HOW), REAL))))


@pytest.mark.parametrize("what", NUMBERS)
def test_rows_of_numbers_are_checked(of_numbers, what):
    how = {"headers": {"content-type": "application/json"}}
    assert of_numbers.post("/api/encode", NUMBERS[what], **how).status == 400
    assert of_numbers.post("/api/encode", b'{"values": [1, 2, 3, 4, 5]}', **how).status == 200


def test_cells_are_checked():
    model = vaekit.fit(people(60), recipe="table_vae", latent=2, **HOW)
    client = Client(app_of(Explorer(subject_of(model, people(60)))))
    for cells in (
        {"nose": "1"},
        {"age": "old"},
        {"town": "Z"},
        {"age": [1]},
        {"age": {}},
        [1],
        "age",
        None,
    ):
        assert client.post("/api/encode", {"cells": cells}).status == 400, cells
    assert client.post("/api/encode", {"cells": {}}).status == 200
