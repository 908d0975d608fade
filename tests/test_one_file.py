"""The explorer in one file: opened from the disk with the network cut, it answers as the server does."""

import base64
import copy
import io
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from browser import Watched, chromium
from people import people
from PIL import Image
from serving import diary

import vaekit
from vaekit.data.readers.roles import LABEL
from vaekit.evaluation.likelihood import log_likelihood_and_error
from vaekit.interfaces.server import looks, one_file
from vaekit.interfaces.server.bundle import PAGE, page
from vaekit.interfaces.server.faces import text_of
from vaekit.interfaces.server.one_file import packed
from vaekit.interfaces.server.subject import subject_of
from vaekit.models.drawing import Generator
from vaekit.runs.apart import per_row
from vaekit.runs.exports.networks import CellsDecoding
from vaekit.runs.exports.steps import program_of, rounded


def halved(model):
    """The model as the page has it."""
    return replace(model, model=rounded(copy.deepcopy(model.model)))


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def written(trained, tmp_path_factory):
    """A page, and what a server would answer."""
    path = tmp_path_factory.mktemp("pages") / "digits.html"
    assert trained[1].export(path, scores=True) == []
    return path, subject_of(halved(trained[1]))


@pytest.fixture(scope="module")
def opened(browser, written):
    with Watched.faultless(browser, written[0].as_uri(), offline=True) as watched:
        yield watched


def asked(opened, what):
    """What the page is answered, numbers as lists."""
    return opened.page.evaluate(
        f"async () => {{ const found = await $wire.{what}; "
        "const list = (v) => (ArrayBuffer.isView(v) ? [...v] : v); "
        "return found.data ? { ...found, data: list(found.data), headers: null } : list(found); }"
    )


def test_rows_lie_where_they_lie_for_the_server(opened, written):
    points = np.array(asked(opened, "points('0,1')")["data"]).reshape(-1, 5)
    right = written[1].planes.points("0,1")
    assert points[:, :2] == pytest.approx(right[:, :2], abs=1e-5)
    assert points[:, 2:] == pytest.approx(right[:, 2:], rel=3e-3, abs=1e-6)
    assert asked(opened, "colour('label')") == written[1].rows.labels.tolist()


def test_mass_lies_where_it_lies_for_the_server(opened, written):
    found, right = asked(opened, "masses('0,1')"), written[1].planes.masses("0,1")
    got = np.array(found["data"]).reshape(2, 96, 96)
    assert np.abs(got[0] - right.prior).mean() < 0.003
    assert np.abs(got[1] - right.data).mean() < 0.003


def test_codes_are_decoded_as_torch_decodes_them(opened, written):
    codes = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    found = asked(opened, f"decode(new Float32Array({codes.ravel().tolist()}), {{}})")
    got, right = np.array(found["data"]).reshape(found["shape"]), written[1].decode(codes)
    assert got.shape == right.shape
    assert (got != right).mean() < 0.01  # a level that lies at a half may be rounded either way
    assert right.std() > 30


def test_a_row_is_told_of_as_by_the_server(opened, written):
    found, right = asked(opened, "row(7)"), looks.look_at(written[1], 7)
    for name in ("row", "name", "known", "given", "own"):
        assert found[name] == right[name], name
    assert found["code"] == pytest.approx(right["code"], abs=1e-6)
    assert [n["row"] for n in found["nearest"]] == [n["row"] for n in right["nearest"]]
    assert found["log_px"] == pytest.approx(right["log_px"], abs=10)
    assert found["samples"] == 16


def test_rows_are_found_told_apart_and_written_as_by_the_server(opened, written):
    subject = written[1]
    found = asked(opened, "find('7')")
    assert found == subject.found("7").tolist()
    ids = np.arange(0, 400, 3)
    told, right = asked(opened, f"differs({ids.tolist()})"), looks.differs(subject, ids)
    labels = [c for c in told["classes"] if c["name"] == LABEL]
    assert labels == [c for c in right["classes"] if c["name"] == LABEL]
    apart = {n["name"]: n["apart"] for n in told["numbers"]}
    for number in right["numbers"]:
        if number["name"].startswith("z"):
            assert apart[number["name"]] == pytest.approx(number["apart"], abs=1e-3)
    text = opened.page.evaluate(f"async () => (await $wire.csv({ids[:3].tolist()})).text()")
    rows, true = (
        [line.split(",") for line in t.splitlines()]
        for t in (text, subject.as_csv(ids[:3]).decode())
    )
    assert [r[:2] for r in rows] == [[c.strip('"') for c in r[:2]] for r in true]
    assert [float(v) for v in rows[1][2:]] == pytest.approx(
        [float(v) for v in true[1][2:]], rel=1e-5
    )


@pytest.mark.parametrize("way", ["straight", "sphere", "prior"])
def test_ways_are_those_of_the_server(opened, written, way):
    ends = np.array([[1.5, 0.2], [-0.3, 1.0]], np.float32)
    found = asked(opened, f"path(new Float32Array({ends.ravel().tolist()}), 9, '{way}')")
    right = written[1].path(ends[0], ends[1], 9, way)
    assert np.array(found["data"]).reshape(9, 2) == pytest.approx(right, abs=1e-5)


def test_a_picture_is_encoded_as_torch_encodes_it(opened, written):
    values = np.zeros((80, 80), np.uint8)
    values[10:70, 30:50] = 255
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    found = asked(
        opened,
        f"encode(new Blob([new Uint8Array({[*file.getvalue()]})], {{ type: 'image/png' }}), {{}})",
    )
    right = looks.look_at_new(written[1], file.getvalue(), {})
    assert found["own"] == right["own"]
    assert found["code"] == pytest.approx(right["code"], abs=1e-4)
    assert found["spread"] == pytest.approx(right["spread"], rel=1e-3)


def test_hands_do_what_they_do_with_a_server(opened):
    page = opened.page
    assert page.locator("#legend li").all_inner_texts() == [*"0123456789"]
    assert "one file" in page.locator("#note").inner_text()
    page.mouse.move(*opened.spot(0.7, 0.6))
    first = opened.pixels("#here-face canvas")
    page.mouse.move(*opened.spot(0.3, 0.4))
    opened.until(lambda: opened.pixels("#here-face canvas") != first)
    opened.until("() => explorer.map.lattice.tiles.size > 20")
    page.evaluate("() => explorer.app.pick(3)")
    opened.tells("#row-title", "Row 3")
    assert page.locator("#row-body figcaption").all_inner_texts() == [
        "as it is",
        "rebuilt from its code",
    ]
    page.evaluate("() => explorer.app.path.setEnd(0, 3)")
    page.evaluate("() => explorer.app.path.setEnd(1, 9)")
    opened.tells("#path-note", "3 → 9")
    with page.expect_download() as kept:
        page.evaluate("() => document.getElementById('save-svg').click()")
    assert kept.value.suggested_filename == "map.svg"


def test_the_page_may_ask_nothing_of_anybody(browser, written):
    watched = Watched(browser, written[0].as_uri()).open()
    refused = watched.page.evaluate(
        """() => new Promise((done) => {
          addEventListener("securitypolicyviolation", (e) => done(e.effectiveDirective));
          fetch("http://localhost:9/").catch(() => 0);
        })"""
    )
    watched.context.close()
    assert refused == "connect-src"


def test_a_model_of_numbers_that_is_given_something(browser, tmp_path):
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, 120)
    x = random.normal(size=(120, 3)) + 4 * kind[:, None] + [0, 50, -7]
    table = pa.table({**{n: x[:, i] for i, n in enumerate("abc")}, "kind": kind})
    model = vaekit.fit(
        table,
        given=["kind"],
        recipe="conditional_vae",
        likelihood="gaussian",
        latent=3,
        width=16,
        epochs=30,
        quiet=True,
    )
    path = tmp_path / "numbers.html"
    assert model.export(path, rows=False) == ["the rows themselves"]
    watched = Watched(browser, path.as_uri(), offline=True).open()
    codes = random.normal(size=(5, 3)).astype(np.float32)
    for given in ("0", "1"):
        found = asked(
            watched, f"decode(new Float32Array({codes.ravel().tolist()}), {{ kind: '{given}' }})"
        )
        right = halved(model).decode(codes, given={"kind": given})
        assert np.array(found["data"]).reshape(5, 3) == pytest.approx(right, rel=1e-4, abs=1e-3)
    sent = asked(watched, "encode({ values: [1, 51, -6] }, { kind: '1' })")
    assert sent["code"] == pytest.approx(
        halved(model).encode(np.array([[1.0, 51, -6]]), given={"kind": "1"})[0], abs=1e-3
    )
    assert asked(watched, "points('pca')")["shape"] == [120, 5]
    assert asked(watched, "points('0,2')")["shape"] == [120, 5]
    assert "the rows themselves" in watched.page.locator("#note").inner_text()
    watched.context.close()
    assert watched.faults == []


def test_half_precision_is_read_as_it_is_written(opened):
    values = np.array([0, -0.0, 1, -2.5, 6e-8, 6.1e-5, 65504, np.inf], np.float16)
    text = base64.b64encode(
        zlib.compress(packed({"a": values, "b": np.array([5, 3, -7])}))
    ).decode()
    found = opened.page.evaluate(
        f"async () => {{ const h = await $held.unpacked('{text}'); return [[...h.a].map(String), [...h.b]]; }}"
    )
    assert [float(v.replace("Infinity", "inf")) for v in found[0]] == values.astype(float).tolist()
    assert found[1] == [5, 3, -7]


def test_what_is_there_stays_and_options_mean_something(trained, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("mine")
    for wrong, said in (
        ({"path": path}, "is there already"),
        ({"path": tmp_path / "page.txt"}, "unknown kind of output file"),
        ({"path": tmp_path / "x", "to": "pdf"}, "unknown kind of export"),
        (
            {"path": tmp_path / "x", "to": "hub", "limit": 3},
            "limit means nothing for an export to hub",
        ),
    ):
        with pytest.raises(vaekit.BadInput, match=said):
            trained[1].export(**wrong)
    assert path.read_text() == "mine"


def test_modules_become_one_script_that_names_no_place():
    text = page(b"x", "a < b & c")
    assert "<title>a &lt; b &amp; c</title>" in text
    assert not re.search(r"^\s*(import|export) ", text, re.M)
    assert not re.search(r'(src|href)="(?!#|data:)', text.split('id="held"')[0])
    assert {p.stem for p in PAGE.glob("*.js")} <= {*re.findall(r"const \$(\w+) = \(\(\)", text)}


@pytest.mark.parametrize("which", ["encoder", "decoder"])
def test_what_the_page_cannot_compute_is_left_out_or_refused(which, trained, tmp_path, monkeypatch):
    recorded = one_file.program_of

    def refusing(network, example):
        if len(example[0].shape) == (4 if which == "encoder" else 2):
            raise one_file.Unknown("there is no step for sort")
        return recorded(network, example)

    monkeypatch.setattr(one_file, "program_of", refusing)
    path = tmp_path / "page.html"
    if which == "decoder":
        with pytest.raises(vaekit.BadInput, match="there is no step for sort; use vaekit explore"):
            trained[1].export(path)
        assert [*tmp_path.iterdir()] == []
    else:
        assert trained[1].export(path, limit=30) == ["an encoder for rows of one's own"]
        held = re.search('id="held">([^<]*)<', path.read_text())[1]
        told = zlib.decompress(base64.b64decode(held))
        about = json.loads(told[4 : 4 + int.from_bytes(told[:4], "little")])["about"]
        assert about["face"]["drawable"] is False
        assert about["rows"] == 30
        assert (
            "It lacks an encoder for rows of one's own: vaekit explore has that." in about["note"]
        )


def test_rows_that_are_too_many_to_look_at_stay_out(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(one_file, "MOST_READ", 64 * 29)
    assert trained[1].export(tmp_path / "page.html", limit=30) == ["the rows themselves"]
    assert trained[1].export(tmp_path / "less.html", limit=29) == []


@pytest.fixture(scope="module")
def table_page(browser, tmp_path_factory):
    """The page of a table, opened with the network cut, and what a server would answer."""
    model = vaekit.fit(people(200), "table_vae", latent=2, width=16, epochs=2, quiet=True)
    path = tmp_path_factory.mktemp("tables") / "people.html"
    assert model.export(path) == []
    with Watched.faultless(browser, path.as_uri(), offline=True) as watched:
        yield watched, subject_of(halved(model))


def test_a_table_is_shown_as_by_the_server(table_page):
    opened, subject = table_page
    rows = asked(opened, "stored([3, 5, 8])")
    assert rows["cells"] == subject.face.stored(subject.chosen([3, 5, 8]))
    told = asked(opened, "row(3)")
    assert told["own"] == {"cells": rows["cells"][:1]}
    assert told["code"] == pytest.approx(subject.codes[3], abs=1e-4)
    text = opened.page.evaluate("async () => (await $wire.csv([3])).text()").splitlines()
    assert text[0] == "row,z0,z1,age,pay,rich,town"


EDITS = [
    {"row": 3, "cells": {"rich": "rich"}},
    {"row": 8, "cells": {"town": None, "pay": "190.5"}},
    {"cells": {"age": "30", "town": "A"}},
    {"cells": {}},
]


@pytest.mark.parametrize("sent", EDITS, ids=str)
def test_a_row_that_is_edited_is_looked_at_as_by_the_server(table_page, sent):
    """Its code, each cell given all others, and log p(x) by the same draws: to 1e-4."""
    opened, subject = table_page
    found = opened.page.evaluate("(sent) => $wire.encode(sent, {})", sent)
    right = looks.look_at_new(subject, sent, None)
    for name in ("code", "spread"):
        assert found[name] == pytest.approx(right[name], abs=1e-4), name
    away = [[n["distance"] for n in each["nearest"]] for each in (found, right)]
    assert away[0] == pytest.approx(away[1], abs=1e-4)
    for cell, other in zip(found["cells"], right["cells"], strict=True):
        assert (cell["column"], cell["likeliest"]) == (other["column"], other["likeliest"])
        assert cell["p"] == pytest.approx(other["p"], abs=1e-4)
        assert (cell["log_p"] is None) == (other["log_p"] is None)
        assert cell["log_p"] == pytest.approx(other["log_p"], abs=1e-4)
    row = subject.face.taken(sent)
    score = per_row(subject.trained, log_likelihood_and_error, row, None, found["samples"], 0)[0]
    assert found["log_px"] == pytest.approx(score[0], abs=1e-4)
    assert found["elbo"] < found["log_px"]
    assert 0 < found["error"] < 2


def test_a_cell_is_edited_by_hand(table_page):
    opened, _ = table_page
    page = opened.page
    page.evaluate("() => explorer.app.pick(5)")
    opened.tells("#row-title", "Row 5")
    page.evaluate("() => { document.getElementById('own-card').open = true; }")
    opened.until("() => document.querySelector('#own-body .told').textContent")
    before = page.evaluate("() => [...explorer.app.base]")
    facts = page.locator("#own-result .facts").inner_text()
    rich = page.get_by_role("combobox", name="rich")
    rich.fill("poor" if rich.input_value() == "rich" else "rich")
    opened.until(lambda: page.locator("#own-result .facts").inner_text() != facts)
    assert page.evaluate("() => [...explorer.app.base]") != before
    assert "nats" in page.locator("#own-result .facts").inner_text()
    rich.fill("neither")
    opened.tells("#busy", "rich has no value 'neither': it is one of poor, rich")


def test_texts_are_the_levels_that_python_reads(browser, tmp_path):
    """Of numbers, moments and categories however they are written."""
    table = diary(80)
    random = np.random.default_rng(1)
    pays, days = random.normal(0, 4e4, 80), table["when"].to_pylist()
    table = table.append_column("pay", pa.array(pays))
    table = table.append_column("price in $", pa.array([f"${v:,.2f}" for v in abs(pays)]))
    table = table.append_column("born", pa.array([f"{d:%d/%m/%Y %H:%M}" for d in days]))
    table = table.append_column("span", pa.array([d - days[0] for d in days]))
    table = table.append_column("at", pa.array([d.time() for d in days]))
    model = vaekit.fit(table, "table_vae", latent=2, width=8, epochs=1, quiet=True)
    model.export(tmp_path / "diary.html")
    subject = subject_of(model)
    texts, own = subject.face.stored(subject.rows), subject.rows.values.numpy()
    watched = Watched(browser, (tmp_path / "diary.html").as_uri(), offline=True).open()
    got = watched.page.evaluate(
        "async (rows) => { const { columns } = (await $answers.alone).edited; "
        "return rows.map((row) => row.map((text, i) => $edited.levelOf(columns[i], text))); }",
        texts,
    )
    names = subject.face.columns
    for place, name in enumerate(names):
        same = np.array(got)[:, place] == own[:, place]
        assert same.mean() > (0.9 if name == "pay" else 0.999), name  # shown in three digits
    sent = {"cells": dict(zip(names, texts[0], strict=True)) | {"span": None}}
    assert subject.face.taken(sent).values.shape == own[:1].shape
    assert (subject.face.taken({"row": 0, "cells": {}}).values.numpy() == own[:1]).all()
    watched.context.close()
    assert watched.faults == []


def test_cells_are_decoded_as_torch_decodes_them(table_page):
    """The likeliest levels of a code, column after column; of numbers the mean inside the level."""
    opened, subject = table_page
    codes = np.random.default_rng(1).normal(size=(40, 2)).astype(np.float32)
    levels = opened.page.evaluate(
        "async (codes) => { const page = await $answers.alone, found = []; for (const code of codes) "
        "found.push([...page.decoder.program.run(code)[0]]); return found; }",
        codes.tolist(),
    )
    trained = subject.trained
    coding = trained.config.coding
    with torch.inference_mode():
        likelihood = trained.model(Generator(40, {"z": torch.from_numpy(codes)}))
    right = coding.with_gaps(likelihood.mean.int().numpy())
    assert (np.array(levels) == right).mean() > 0.99  # two levels may be as likely as each other
    shown = asked(opened, f"decode(new Float32Array({codes.ravel().tolist()}), {{}})")["cells"]
    pay = coding.schema.columns[1].coding
    for row, level in zip(shown, np.array(levels)[:, 3].astype(int), strict=True):
        mean = None if level < 0 else text_of(pay.expected(np.eye(pay.count))[level].as_py())
        assert row[1] == mean


def test_logits_of_cells_are_those_of_torch(table_page):
    """What the browser's runtime makes of the cells' network, to 1e-4."""
    opened, subject = table_page
    decoding = CellsDecoding(subject.trained)

    class Logits(torch.nn.Module):
        def forward(self, code):
            cells, seen = decoding.emitted(code, ()), torch.full((1, 6), torch.nan)
            return cells.predictor.column(cells.features, seen, 2, torch.ones(1))

    program = program_of(Logits(), [torch.zeros(1, 2)])
    steps = {
        **vars(program),
        "constants": [c.astype(float).tolist() for c in program.constants],
    }
    code = [[0.3, -1.2]]
    got = opened.page.evaluate(
        "({steps, code}) => [...new $runtime.Program(steps).run(code)[0]]",
        {"steps": json.loads(json.dumps(steps)), "code": code[0]},
    )
    with torch.no_grad():
        right = Logits()(torch.tensor(code))[0]
    assert got == pytest.approx(right.tolist(), abs=1e-4)


def test_a_code_of_a_table_is_shown_under_the_pointer(table_page):
    opened, _ = table_page
    opened.page.mouse.move(*opened.spot(0.6, 0.5))
    opened.until("() => document.querySelectorAll('#here-face .cells td').length === 4")
    opened.until("() => document.querySelector('#here-face .cells td').textContent !== ''")
