"""Tables of mixed columns compressed: every cell comes back, near the bound, on any machine."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from coding import elbo_bits, made, rows_for
from pyarrow import feather, parquet

import vaekit
from vaekit.codec import blocks
from vaekit.codec.bits_back import fixed_point_rows
from vaekit.codec.fixed_point import ONE
from vaekit.codec.graphs import fixed_point_copy
from vaekit.codec.layers import exact
from vaekit.conditionals import Mixture, Refitted, StandardNormal
from vaekit.conditionals.refitted import Scaled
from vaekit.interfaces.cli import run
from vaekit.models import VAE
from vaekit.rows import Rows
from vaekit.runs.archive import Archive
from vaekit.runs.compression import compress
from vaekit.runs.table_blocks import TableCoder
from vaekit.runs.table_compression import _prepared, compress_table, whole_of
from vaekit.system.checks import BadInput
from vaekit.system.seeding import seeded

ROWS = 400
HOW = {"width": 16, "latent": 2, "epochs": 12, "batch": 64, "lr": 1e-2, "quiet": True}
ODD = {
    "wage": ["1e3", "+1000.5", "  1200.00 ", "1e300", "NA", "-1.00", "1000.123456789"],
    "age": ["7", "007", "31.0", "", "1000000", " 40", "nan"],
    "city": ["Rome", "BERLIN", "", "Lyon ", "null", 'a "b", c', "two\nlines"],
    "ok": ["true", "True", "FALSE", "maybe", "", "TRUE ", "false"],
    "since": ["2020-01-01", "", "2020-12-31", "1900-01-01", "2020-02-29", "?", "2031-05-05"],
    "id": ["", "x", "u1", "u1", "é", "", "u9"],
    "note": ["", "", "a\nb", "\\n", "\\0", ",", '"'],
}


def people(rows=ROWS, seed=0):
    """Texts, as a file has them."""
    random = np.random.default_rng(seed)
    age = random.integers(20, 70, rows)
    wage = 1000 + 50.5 * age + random.normal(0, 100, rows)
    gone = random.random(rows) < np.where(age > 45, 0.3, 0.0)
    city = random.choice(["Berlin", "Paris", "Lyon"], rows, p=[0.5, 0.3, 0.2])
    day = np.datetime64("2020-01-01") + random.integers(0, 365, rows)
    return pd.DataFrame(
        {
            "id": [f"u{i * 7919 % 10007}" for i in range(rows)],
            "wage": np.where(gone, "?", [f"{w:.2f}" for w in wage]),
            "city": city, "age": age.astype(str), "ok": np.where(age > 30, "TRUE", "FALSE"),
            "since": day.astype(str), "note": [f"note {i}: {c}, she said" for i, c in enumerate(city)],
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("tables")
    people().to_csv(place / "people.csv", index=False)
    vaekit.fit(str(place / "people.csv"), out=place / "run", **HOW)
    return place


@pytest.fixture(scope="module")
def model(place):
    return vaekit.load(place / "run")


def there_and_back(place, path, model, **how):
    """A file compressed and written again."""
    compress(model, str(path), place / "t.vk", **how)
    back = place / f"back{path.suffix}"
    assert (
        run(["decompress", str(place / "t.vk"), str(place / "run"), "-o", str(back), "--force"])
        == 0
    )
    return back


def test_a_file_comes_back_byte_by_byte(place, model):
    path = place / "people.csv"
    assert there_and_back(place, path, model).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("written", [{"sep": ";"}, {"lineterminator": "\r\n"}, {"quoting": 1}])
def test_so_does_one_that_is_written_otherwise(written, place, model):
    path = place / "other.csv"
    people(60, 1).to_csv(path, index=False, **written)
    assert there_and_back(place, path, model).read_bytes() == path.read_bytes()


@pytest.mark.filterwarnings("error")
def test_cells_that_the_model_has_never_seen_come_back(place, model):
    """Categories, marks of gaps, numbers beyond all levels or written otherwise, another column and
    another order."""
    frame = people(200, 2)
    for name, cells in ODD.items():
        frame.loc[frame.index[5 : 5 + len(cells)], name] = cells
    frame = frame[[*frame.columns[::-1]]].assign(more=[str(i // 3) for i in range(200)])
    path = place / "odd.csv"
    frame.to_csv(path, index=False)
    back = there_and_back(place, path, model)
    again = pd.read_csv(back, dtype=str, keep_default_na=False)
    assert again.equals(pd.read_csv(path, dtype=str, keep_default_na=False))
    assert back.read_bytes() == path.read_bytes()


def typed(rows=120):
    """Columns of Parquet's own types, some of which the model knows as text."""
    text = people(rows, 3)
    wage = pd.to_numeric(text["wage"], errors="coerce").to_numpy().copy()
    wage[3] = -0.0
    return pa.table(
        {
            "since": pa.array(text["since"]).cast(pa.date32()),
            "city": pa.array(text["city"]).dictionary_encode(),
            "wage": pa.array(wage, mask=np.arange(rows) % 9 == 0),
            "age": pa.array(text["age"]).cast(pa.int8()), "ok": pa.array(text["ok"] == "TRUE"),
            "note": pa.array([None, *text["note"][1:]]), "id": pa.array(np.arange(rows) * 3),
            "when": pa.array(np.arange(rows) * 10**9, pa.timestamp("ns", tz="UTC")),
            "price": pa.array(np.arange(rows)).cast(pa.decimal128(22, 2)),
            "list": pa.array([[i, i + 1] for i in range(rows)]),
            "small": pa.array(wage.astype(np.float32)),
        }
    ).replace_schema_metadata({"from": "here"})  # fmt: skip


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_types_come_back(ending, place, model):
    path = place / f"typed.{ending}"
    write = {"parquet": parquet.write_table, "feather": feather.write_feather}[ending]
    write(typed(), str(path))
    read = {"parquet": parquet.read_table, "feather": feather.read_table}[ending]
    again = read(there_and_back(place, path, model))
    wanted = read(path)
    assert again.schema.equals(wanted.schema, check_metadata=True)
    floats = ("wage", "small")
    for name in floats:
        assert again[name].to_numpy().tobytes() == wanted[name].to_numpy().tobytes()
    assert again.drop_columns(floats).equals(wanted.drop_columns(floats))


def test_frames_come_back_with_index_and_categories(place, model):
    frame = typed().drop_columns(["list"]).to_pandas()
    frame["city"] = frame["city"].astype("category")
    frame.index = pd.Index(range(7, 7 + len(frame)), name="row")
    compress(model, frame, place / "f.vk", embed=True)
    pd.testing.assert_frame_equal(Archive(place / "f.vk").read().to_pandas(), frame)
    again = pl.from_pandas(frame)
    compress(model, again, place / "f.vk")
    assert pl.from_arrow(Archive(place / "f.vk", model).read()).equals(again)


def test_categories_that_no_training_row_has_come_back(place):
    """In rows that are trained on or not, and in a type with more of them."""
    kind = pd.CategoricalDtype(["never", "a", "new", "b"])
    own = pd.DataFrame({"s": pd.Series([*"ab"] * 40, dtype=kind), "n": np.arange(80) % 7})
    fresh = vaekit.TableSynthesizer(epochs=1, random_state=0, options={"width": 8}).fit(own)
    own.loc[[3, 5], "s"] = "new"
    for ordered in (False, True):
        own["s"] = own["s"].cat.set_categories(kind.categories, ordered=ordered)
        compress(fresh.model_, own, place / "n.vk", embed=True)
        pd.testing.assert_frame_equal(Archive(place / "n.vk").read().to_pandas(), own)


def bound(model, data):
    """-ELBO and -log density inside levels, of all rows together, in bits."""
    source = model.open(str(data))
    x, graph = model.rows(source)[:].data, model.model.eval()
    with torch.no_grad(), seeded(0, "bound"):
        parts = []
        for _ in range(8):
            q = graph.posterior(x)
            z = q.sample()
            log_p = graph.likelihood(z).in_order(x) + graph.prior().log_prob(z)
            parts.append((q.log_prob(z) - log_p).double().sum().item())
    return (np.mean(parts) - source.inside.numpy().sum()) / np.log(2)


def test_bits_are_near_the_bound(place, model, tmp_path):
    """Of the payload, for columns the model knows; the rest is what the first rows cost."""
    path = tmp_path / "more.csv"
    people(1500, 4).drop(columns=["id", "note"]).to_csv(path, index=False)
    form, dialect, rows = _prepared(whole_of(path, model), model)
    kind, payload = TableCoder.of(model, form, dialect).encode(rows)
    assert kind == blocks.CELLS
    assert 8 * len(payload) == pytest.approx(bound(model, path), rel=0.05)


@pytest.mark.long
def test_blocks_can_be_read_alone_and_coded_side_by_side(place, model):
    path = place / "people.csv"
    compress(model, str(path), place / "one.vk", block_rows=150)
    compress(model, str(path), place / "two.vk", block_rows=150, jobs=2)
    assert (place / "one.vk").read_bytes() == (place / "two.vk").read_bytes()
    archive = Archive(place / "one.vk", model)
    wanted = pa.Table.from_pandas(people(), preserve_index=False)
    assert archive.read(140, 310).cast(wanted.schema).equals(wanted.slice(140, 170))


def test_another_process_gets_the_rows_of_its_block_alone(place, model):
    _, _, rows = _prepared(whole_of(place / "people.csv", model), model)
    assert len(pickle.dumps(rows.part(40, 10))) < len(pickle.dumps(rows)) / 10


def test_a_split_is_compressed_as_the_model_splits_its_data(place, model, tmp_path):
    path, out = place / "people.csv", tmp_path / "t.vk"
    found = compress_table(model, str(path), out, split="test")
    rows = model.open(str(path)).indices("test").tolist()
    own = people().take(rows)
    assert Archive(out, model).read().to_pylist() == own.to_dict("records")
    assert found.raw == len(own.to_csv(index=False))
    with pytest.raises(BadInput, match="unknown split 'tets'"):
        compress_table(model, str(path), out, split="tets")


def test_a_damaged_block_is_refused_and_the_others_saved(place, model, tmp_path, capsys):
    path = tmp_path / "d.vk"
    compress(model, str(place / "people.csv"), path, block_rows=150)
    raw, offsets = path.read_bytes(), Archive(path, model).reader.offsets()
    for at in (30, offsets[1] + 8, offsets[1] + 60, offsets[2] - 3, len(raw) - 20):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :])
        with pytest.raises(BadInput) as error:
            Archive(path, model).read()
        assert "\n" not in str(error.value)
    at = offsets[1] + 60
    path.write_bytes(raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :])
    args = [str(path), str(place / "run"), "--salvage", "-o", str(tmp_path / "saved.csv")]
    assert run(["decompress", *args]) == 0
    assert "saved 250 of 400 rows" in capsys.readouterr().err
    whole, _ = Archive(path, model).salvage()
    assert whole["age"].to_pylist() == [*people()["age"][:150], *people()["age"][300:]]


def test_payloads_that_nobody_wrote_are_refused(place, model):
    """With the right checksums, but other bytes."""
    form, dialect, rows = _prepared(whole_of(place / "people.csv", model), model)
    coder = TableCoder.of(model, form, dialect)
    kind, payload = coder.encode(rows)
    random, refused = np.random.default_rng(0), 0
    for at in random.integers(0, len(payload), 8).tolist():
        wrong = payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]
        try:
            found = coder.decode(kind, wrong, ROWS)
        except (BadInput, *vaekit.runs.archive.DAMAGE):
            refused += 1
        else:
            assert coder.check_of(found) != coder.check_of(form.table(rows.columns))
    assert refused
    for other in (9, blocks.MODEL):
        with pytest.raises(BadInput, match="no kind"):
            coder.decode(other, payload, ROWS)


def test_another_model_or_schema_does_not_decode(place, model, tmp_path):
    path = place / "o.vk"
    compress(model, str(place / "people.csv"), path)
    with pytest.raises(BadInput, match="does not hold its model"):
        Archive(path).read()
    coding = model.config.coding
    other = replace(coding, schema=replace(coding.schema, order=coding.schema.order[::-1]))
    opening = replace(model.config.opening, coding=other)
    config = replace(model.config, data=replace(model.config.data, opening=opening))
    with pytest.raises(BadInput, match="a model of other columns"):
        Archive(path, replace(model, config=config)).read()


HEADERS = {
    "no columns": {"columns": []},
    "a column too few": {"columns": ["id"]},
    "an ending": {"ending": ".exe"},
    "no text": {"text": 3},
    "a separator": {"text": {"separator": "ab"}},
    "another coding": {"coding": "0"},
    "texts of nothing": {"texts": {"wage": {"places": "x"}}},
    "a dialect": {"dialect": {"colour": "red"}},
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_make_no_sense_are_refused_in_a_line(name, place, model):
    path = place / "h.vk"
    compress(model, str(place / "people.csv"), path)
    archive = Archive(path, model)
    archive.header["cells"] |= HEADERS[name]
    with pytest.raises(BadInput) as error:
        archive.read()
    assert "\n" not in str(error.value)


def test_schemas_of_columns_that_are_damaged_are_refused(place, model):
    feather.write_feather(typed(), str(place / "s.feather"))
    path = place / "s.vk"
    compress(model, str(place / "s.feather"), path)
    for wrong in ("", "5:", "3:abcd", "999999999999:eJwDAAAAAAE=", "x", 4):
        archive = Archive(path, model)
        archive.header["cells"]["schema"] = wrong
        with pytest.raises(BadInput):
            archive.read()


MISTAKES = {
    "a column that is missing": ("age,city\n1,Paris\n", "no column 'wage'"),
    "no rows": ("wage,city,age,ok,since\n", "no rows"),
    "a cell that is no number": (
        "wage,city,age,ok,since\n1,Paris,old,TRUE,2020-01-01\n", "'old'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_bad_input_is_told_in_a_line(name, place, tmp_path, capsys):
    text, says = MISTAKES[name]
    path, out = tmp_path / "bad.csv", tmp_path / "bad.vk"
    path.write_text(text)
    assert run(["compress", str(place / "run"), str(path), "-o", str(out)]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_other_things_than_tables_are_refused(place, model, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 5)))
    for data in (tmp_path / "x.npy", tmp_path / "nothing.csv"):
        with pytest.raises(BadInput):
            compress(model, str(data), tmp_path / "x.vk")
    with pytest.raises(BadInput, match="a file of a table or a data frame"):
        compress(model, np.zeros((3, 5)), tmp_path / "x.vk")
    with pytest.raises(BadInput, match="leave out given"):
        compress(model, people(), tmp_path / "x.vk", given={"age": 3})


def test_the_command_says_what_others_need(place, tmp_path, capsys):
    out = tmp_path / "c.vk"
    assert (
        run(["compress", str(place / "run"), str(place / "people.csv"), "-o", str(out), "--json"])
        == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert found["size"] == out.stat().st_size
    assert {"gzip -9", "xz -9", "Parquet, zstd"} <= {*found["beside"]}
    assert run(["decompress", str(out), str(place / "run"), "-o", str(tmp_path / "c.txt")]) == 2
    assert ".csv or .parquet or .feather" in capsys.readouterr().err
    args = ["--range", "10:12", "-o", str(tmp_path / "c.parquet")]
    assert run(["decompress", str(out), str(place / "run"), *args]) == 0
    assert parquet.read_table(tmp_path / "c.parquet")["id"].to_pylist() == [*people()["id"][10:12]]


def test_rows_that_are_nothing_like_the_model_are_kept_without_it(place, model, tmp_path):
    """All alike, which the model does not expect."""
    frame = people(1).loc[[0] * 3000].drop(columns=["id", "note"])
    frame["wage"], frame["since"] = "99999999.99", "1910-01-01"
    compress(model, frame, tmp_path / "a.vk")
    archive = Archive(tmp_path / "a.vk", model)
    assert archive.reader.block(archive.reader.offsets()[0]).kind == blocks.VERBATIM
    assert archive.read().to_pandas().equals(frame)


def test_fixed_point_networks_are_near_the_trained_ones_and_know_no_neighbours(model):
    """Also where they are given cells one column after another."""
    graph = model.model.eval()
    copy = fixed_point_copy(graph)
    levels = levels_of(model, 40)
    x = torch.from_numpy(np.where(levels < 0, np.nan, levels)).float()
    fixed = exact(graph.posterior.net)(fixed_point_rows(levels).data)
    with torch.no_grad():
        wanted = graph.posterior.net(x)
    assert torch.allclose(fixed / ONE, wanted.double(), atol=0.02)
    single = torch.cat(
        [exact(graph.posterior.net)(fixed_point_rows(levels[[i]]).data) for i in range(40)]
    )
    assert torch.equal(single, fixed)
    whole = blocks.compress(copy, levels)
    assert (blocks.decompress(copy, whole, 40, (levels.shape[1],)) == levels).all()


def levels_of(model, rows):
    coding = model.config.coding
    levels = coding.coded(whole_of(people(rows, 5), model).read)[0]
    assert (levels < 0).any()
    return levels.astype(np.int64)


def mixtures():
    with seeded(0, "mixtures"):
        one = Mixture(3, 5)
        for parameter in one.parameters():
            parameter.data += 0.7 * torch.randn_like(parameter)
        scaled = Scaled(one)
        scaled.shift.copy_(torch.tensor([0.5, -0.5, 0.1]))
        scaled.scale.copy_(torch.tensor([0.8, 1.5, 1.0]))
    return {"mixture": one, "refitted": Refitted(scaled, StandardNormal(3))}


@pytest.mark.parametrize("name", ["mixture", "refitted"])
@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_a_mixture_as_prior_compresses_at_the_rate_of_the_elbo(name, posterior):
    plain = made("bernoulli", (40,), latent=3, posterior=posterior)
    model = VAE(mixtures()[name], plain.posterior, plain.likelihood).eval()
    x, copy = rows_for("bernoulli", 300, (40,)), fixed_point_copy(model)
    found = blocks.compress(copy, x)
    assert (blocks.decompress(copy, found, 300, (40,)) == x).all()
    wanted = elbo_bits(model, Rows(torch.from_numpy(x).float(), {}))
    assert 8 * len(found) == pytest.approx(wanted, rel=0.03, abs=500)
