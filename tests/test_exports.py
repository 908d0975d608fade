"""Models as other programs take them: programs of torch's, ONNX, the files of a hub."""

import json
import math
import sys
import types
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from people import people

import vaekit
from vaekit.evaluation.passes import latent_distributions
from vaekit.interfaces.cli import run
from vaekit.runs.exports.model_card import model_card
from vaekit.runs.exports.networks import Decoding, Density, Encoding
from vaekit.runs.exports.onnx import log_gamma, save_onnx
from vaekit.runs.exports.parameters import parameters
from vaekit.runs.exports.programs import Unexportable, exportables, write_programs

HERE = str(Path(vaekit.__file__).parent).encode()  # where code lies on this machine


def table():
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, 80)
    x = random.normal(size=(80, 2)) + 4 * kind[:, None] + [0, 50]
    return pa.table({"a": x[:, 0], "b": x[:, 1], "kind": kind})


@pytest.fixture(scope="module")
def given():
    """A conditional model of real numbers."""
    how = {"recipe": "conditional_vae", "likelihood": "gaussian", "latent": 2, "width": 8}
    return vaekit.fit(table(), given=["kind"], epochs=4, quiet=True, **how)


def stored(model, rows):
    return model.open("digits").values[:rows] if model.representation.dtype == "uint8" else None


def test_what_is_exported_says_what_the_model_says(trained):
    model = trained[1]
    x = stored(model, 30)
    with torch.no_grad():
        mean, log_variance = Encoding(model)(x)
        found = latent_distributions(model.model, model.rows(x.numpy()), lambda q: q.mean)["z"]
        rebuilt, first, second = Decoding(model)(mean)
        elbo, log_px, kl = Density(model)(x)
    images = model.usual(x.numpy()[:, 0])
    assert mean.numpy() == pytest.approx(model.encode(images), abs=1e-5)
    assert torch.allclose(log_variance, found.posterior.variance.log(), atol=1e-5)
    assert rebuilt.round()[:, 0].numpy() == pytest.approx(model.decode(mean.numpy()).astype(float))
    assert Decoding(model).outputs == ["mean", "concentration1", "concentration0"]
    likelihood = model.model.likelihood(mean)
    assert torch.allclose(first, likelihood.base_dist.concentration1)
    assert torch.allclose(second, likelihood.base_dist.concentration0)
    assert torch.allclose(log_px, likelihood.log_prob(x.float()), rtol=1e-5)
    assert torch.allclose(
        kl, torch.distributions.kl_divergence(found.posterior, found.prior), rtol=1e-4
    )
    assert torch.allclose(elbo, log_px - kl)


def test_what_is_given_is_a_class_or_nothing(given):
    code, kind = torch.randn(4, 2), torch.tensor([0, 1, 1, 0])
    with torch.no_grad():
        found = Decoding(given)(code, kind)[0].numpy()
        zeros = Decoding(given)(code, torch.full((4,), -1))[0]
        seen = given.model.likelihood(code, torch.zeros(4, 2)).mean
    right = given.decode(code.numpy(), given={"kind": ["0", "1", "1", "0"]})
    assert found == pytest.approx(right, rel=1e-5)
    assert torch.allclose(zeros, seen)


def test_parameters_are_of_x(given):
    likelihood = given.model.likelihood(torch.zeros(1, 2), torch.zeros(1, 2))
    found = parameters(likelihood)
    assert set(found) == {"loc", "scale"}
    assert torch.equal(found["loc"], likelihood.mean)
    assert torch.equal(found["scale"], likelihood.base_dist.stddev)


def test_programs_of_torch_run_without_the_model(given, tmp_path):
    folder = tmp_path / "programs"
    assert given.export(folder, to="torch") == []
    assert {p.name for p in folder.iterdir()} == {
        "encoder.pt2",
        "decoder.pt2",
        "density.pt2",
        "about.json",
    }
    about = json.loads((folder / "about.json").read_text())
    assert about["rows of x"] == "float32, as stored, (rows, 2)"
    assert about["columns"] == ["a", "b"]
    assert about["given"][0]["classes"] == ["0", "1"]
    for rows in (1, 5, 2**18):  # so many that another product of matrices may be faster
        x, kind = torch.randn(rows, 2), torch.ones(rows, dtype=torch.int64)
        found = torch.export.load(folder / "encoder.pt2").module()(x, kind)
        with torch.no_grad():
            right = Encoding(given)(x, kind)
        for one, other in zip(found, right, strict=True):
            assert torch.allclose(one, other, atol=1e-6)
    with zipfile.ZipFile(folder / "encoder.pt2") as archive:
        assert not [n for n in archive.namelist() if HERE in archive.read(n)]
        told = next(n for n in archive.namelist() if n.endswith("about.json"))
        assert json.loads(archive.read(told))["outputs"]["mean"].startswith("mean of q(z|x)")


def test_onnx_says_what_torch_says(given, trained, tmp_path, monkeypatch):
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name, reason="no onnx: pip install 'vaekit[onnx]'")
    runtime = pytest.importorskip(
        "onnxruntime", reason="no onnxruntime: pip install 'vaekit[onnx]'"
    )
    assert given.export(tmp_path / "given", to="onnx") == []
    kind = torch.tensor([1, 0, 1, 1, 0])
    x, code = torch.randn(5, 2), torch.randn(5, 2)
    for name, module, first in (
        ("encoder", Encoding, x),
        ("decoder", Decoding, code),
        ("density", Density, x),
    ):
        session = runtime.InferenceSession(tmp_path / "given" / f"{name}.onnx")
        part = module(given)
        assert [o.name for o in session.get_outputs()] == list(part.outputs)
        names = [i.name for i in session.get_inputs()]
        assert names == ["code" if name == "decoder" else "x", "kind"]
        assert HERE not in (tmp_path / "given" / f"{name}.onnx").read_bytes()
        told = json.loads(session.get_modelmeta().custom_metadata_map["vaekit"])
        assert set(told["outputs"]) == set(part.outputs)
        for rows in (1, 5):
            found = session.run(None, {names[0]: first[:rows].numpy(), "kind": kind[:rows].numpy()})
            with torch.no_grad():
                right = part(first[:rows], kind[:rows])
            for one, other in zip(found, right, strict=True):
                assert one == pytest.approx(other.numpy(), rel=1e-4, abs=1e-5), name
    gamma, path = exportables(trained[1])[-1], tmp_path / "density.onnx"
    save_onnx(gamma, path, "{}")
    x = stored(trained[1], 4)
    session = runtime.InferenceSession(path)
    with torch.no_grad():
        right = gamma.module(x)
    for one, other in zip(session.run(None, {"x": x.numpy()}), right, strict=True):
        assert one == pytest.approx(other.numpy(), rel=1e-4)
    monkeypatch.setattr("vaekit.runs.exports.onnx.AS", {})  # as of an operation that it cannot say
    with pytest.raises(Unexportable, match="ONNX has no lgamma"):
        save_onnx(gamma, path, "{}")


def test_codes_from_a_list_are_chosen_in_onnx_as_in_torch(tmp_path):
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name, reason="no onnx: pip install 'vaekit[onnx]'")
    runtime = pytest.importorskip(
        "onnxruntime", reason="no onnxruntime: pip install 'vaekit[onnx]'"
    )
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    model = vaekit.fit(x, "vq_vae", entries=8, places=2, epochs=1, width=4, quiet=True)
    model.export(tmp_path / "listed", to="onnx")
    session = runtime.InferenceSession(tmp_path / "listed" / "encoder.onnx")
    (found, *_) = session.run(None, {session.get_inputs()[0].name: x[:5]})
    assert found == pytest.approx(model.encode(x[:5]), abs=1e-5)


def test_a_density_that_cannot_be_written_is_told(given, tmp_path):
    def save(part, path, told):
        if part.name == "density":
            raise Unexportable("nobody can say it")
        path.write_text(told)

    lacks = write_programs(given, tmp_path / "less", ".txt", save)
    assert lacks == ["density.txt (nobody can say it)"]
    written = {p.name for p in (tmp_path / "less").iterdir()}
    assert written == {"encoder.txt", "decoder.txt", "about.json"}
    assert "density" not in json.loads((tmp_path / "less" / "about.json").read_text())["outputs"]


def test_the_gamma_function_by_what_onnx_has():
    x = torch.logspace(-30, 30, 601, dtype=torch.float64)
    assert torch.allclose(log_gamma(x), x.lgamma(), rtol=1e-11, atol=1e-11)
    assert log_gamma(torch.tensor([0.5, 5.0])).tolist() == pytest.approx(
        [math.log(math.pi) / 2, math.log(24)]
    )
    assert log_gamma(x.float()).dtype == torch.float32


def test_what_comes_out_has_names_of_its_own():
    counts = np.random.default_rng(0).poisson(3, (20, 3))
    model = vaekit.fit(counts, likelihood="negative_binomial", epochs=1, width=4, quiet=True)
    assert Decoding(model).outputs == ["mean", "mean_of_x", "total_count"]


def test_a_table_of_mixed_columns_is_refused(tmp_path, capsys):
    model = vaekit.fit(people(60), recipe="table_vae", epochs=1, quiet=True)
    with pytest.raises(vaekit.BadInput, match="is no function of tensors alone"):
        model.export(tmp_path / "x", to="torch")
    assert [*tmp_path.iterdir()] == []


def test_without_the_extra_a_line_says_so(given, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(vaekit.BadInput, match=r"this needs onnx: pip install 'vaekit\[onnx\]'"):
        given.export(tmp_path / "x", to="onnx")
    assert [*tmp_path.iterdir()] == []


# ---- a hub


def front(card):
    """The YAML on top of a card, each line of which is JSON."""
    lines = card.split("---\n")[1].splitlines()
    return {name: json.loads(value) for name, value in (line.split(": ", 1) for line in lines)}


def test_a_folder_for_the_hub_is_a_model_with_a_card(trained, tmp_path):
    own, folder = tmp_path / "own", tmp_path / "hub"
    trained[1].save(own)
    found = trained[1].evaluate(split="test", samples=5).to_dict()
    (own / "scores.json").write_text(json.dumps(found))
    assert vaekit.load(own).export(folder, to="hub") == []
    again = vaekit.load(folder)
    code = np.array([[0.5, -1.0]], np.float32)
    assert np.array_equal(again.decode(code), trained[1].decode(code))
    card, scores = (
        (folder / "README.md").read_text(),
        json.loads((folder / "scores.json").read_text()),
    )
    told = front(card)
    assert told["library_name"] == "vaekit"
    assert told["tags"] == ["variational-autoencoder", "vae", "generative-model"]
    measured = {m["type"]: m["value"] for m in told["model-index"][0]["results"][0]["metrics"]}
    assert measured["elbo"] == scores["elbo"]
    assert f"| ELBO | {scores['elbo']:,.4g} ± {scores['elbo_error']:.3g} | nats per row |" in card
    assert "1,439 for train" in card
    assert "Nothing here promises privacy." in card
    assert "Kingma, D. P." in card


def test_a_card_says_nothing_of_where_data_lay(given, tmp_path):
    data = replace(
        given.config.data, name="/home/me/secret/people.csv", open="/home/me/secret/people.csv"
    )
    mine = replace(given, config=replace(given.config, data=data))
    assert mine.export(tmp_path / "hub", to="hub") == [
        "scores.json: the model was not evaluated in its folder"
    ]
    for name in ("README.md", "config.json"):
        assert "secret" not in (tmp_path / "hub" / name).read_text()
    card = (tmp_path / "hub" / "README.md").read_text()
    assert "people.csv: " in card
    assert "It was not evaluated." in card
    assert "given={'kind': '0'}" in card
    assert "labels, " not in card


def test_what_a_training_warns_of_stands_in_the_card(trained):
    chosen = replace(trained[1].config.likelihood, warnings=("This is a cross-entropy.",))
    model = replace(trained[1], config=replace(trained[1].config, likelihood=chosen), folder=None)
    assert "- This is a cross-entropy." in model_card(model, None)


class Hub(types.ModuleType):
    """A hub of models that lies in a folder."""

    def __init__(self, place):
        super().__init__("huggingface_hub")
        self.place, self.made, self.fetched = place, [], []

    def HfApi(self):
        return self

    def create_repo(self, *, repo_id, private, exist_ok):
        self.made.append((repo_id, private, exist_ok))
        return f"https://hub/{repo_id}"

    def upload_folder(self, *, repo_id, folder_path, commit_message):
        target = self.place / repo_id
        target.mkdir(parents=True)
        for path in Path(folder_path).iterdir():
            (target / path.name).write_bytes(path.read_bytes())

    def snapshot_download(self, *, repo_id, revision, allow_patterns):
        self.fetched.append((repo_id, revision))
        if not (self.place / repo_id).exists():
            raise OSError(f"404 Client Error.\n\nThere is no {repo_id}.\nMake sure of it.")
        return str(self.place / repo_id)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    made = Hub(tmp_path / "hub")
    monkeypatch.setitem(sys.modules, "huggingface_hub", made)
    return made


def test_a_model_is_pushed_and_loaded(hub, trained, capsys):
    assert run(["push", str(trained[0]), "me/digits", "--private", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "url": "https://hub/me/digits",
        "load": "hf://me/digits",
    }
    assert hub.made == [("me/digits", True, True)]
    model = vaekit.load("hf://me/digits@v1")
    code = np.array([[0.5, -1.0]], np.float32)
    assert np.array_equal(model.decode(code), trained[1].decode(code))
    assert run(["inspect", "hf://me/digits", "--json"]) == 0
    assert set(hub.fetched) == {("me/digits", "v1"), ("me/digits", None)}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["inspect", "hf://me/nothing"], "cannot fetch me/nothing: 404 Client Error. There is no me/nothing.\n"),
        (["inspect", "hf://me"], "a model on the hub is owner/name, not 'me'"),
        (["push", "RUN", "digits"], "a model on the hub is owner/name, not 'digits'"),
        (["export", "RUN", "--to", "hub", "--limit", "3"], "--limit means nothing for an export to hub"),
        (["export", "RUN", "digits", "--to", "torch"], "data means nothing for an export to torch"),
    ],
)  # fmt: skip
def test_mistakes_get_a_line(hub, trained, capsys, arguments, said, tmp_path):
    told = [str(trained[0]) if a == "RUN" else a for a in arguments]
    assert run(told) == 2
    assert said in capsys.readouterr().err


def test_the_command_writes_a_page(trained, tmp_path, capsys):
    path = tmp_path / "page.html"
    assert run(["export", str(trained[0]), "-o", str(path), "--limit", "50", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"file": str(path), "kind": "html", "lacks": [], "bytes": path.stat().st_size}
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert run(["export", str(trained[0]), "-o", str(path)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_report_leads_to_the_explorer_beside_it(trained, tmp_path, capsys):
    path, beside = tmp_path / "a b.html", tmp_path / "a b-explorer.html"
    assert run(["report", str(trained[0]), "-o", str(path), "--explorer"]) == 0
    assert 'href="a%20b-explorer.html"' in path.read_text(encoding="utf-8")
    assert "<canvas" in beside.read_text(encoding="utf-8")
    assert run(["report", str(trained[0]), "-o", str(path)]) == 2  # it is there
    assert "is there already" in capsys.readouterr().err
    alone = tmp_path / "alone.html"
    assert run(["report", str(trained[0]), "-o", str(alone)]) == 0
    assert "-explorer.html" not in alone.read_text(encoding="utf-8")
