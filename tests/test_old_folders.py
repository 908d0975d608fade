"""Model folders that version 0.1.0 wrote load and give the numbers that they gave then."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import vaekit
from vaekit.interfaces.cli import run

FOLDERS = Path(__file__).parent / "golden" / "folders"
EXPECTED = json.loads((FOLDERS / "expected.json").read_text())


@pytest.fixture(scope="module")
def rows():
    return vaekit.open_source("digits").values[:5].numpy()


@pytest.mark.parametrize("name", EXPECTED)
def test_they_load_and_give_the_same_numbers(name, rows):
    model, expected = vaekit.load(FOLDERS / name), EXPECTED[name]
    rebuilt = model.reconstruct(rows).reshape(5, -1).astype(float).sum(1)
    assert np.allclose(rebuilt, expected["rebuilt"], atol=2)
    if "dynamic" not in name:  # a picture made binary by chance is now drawn by another key
        assert np.allclose(model.encode(rows), expected["codes"], atol=1e-4)
        assert model.has_density == ("log_likelihood" in expected)
    if model.has_density:
        found = model.log_likelihood(rows, samples=10)
        assert np.allclose(found, expected["log_likelihood"], rtol=1e-4)


@pytest.mark.parametrize("name", EXPECTED)
def test_they_are_written_again_as_they_were(name, tmp_path):
    vaekit.load(FOLDERS / name).save(tmp_path / "again")
    for file in ("config.json", "model.safetensors"):
        old, new = FOLDERS / name / file, tmp_path / "again" / file
        if file.endswith(".json"):
            assert json.loads(old.read_text()) == json.loads(new.read_text())
        else:
            assert old.read_bytes() == new.read_bytes()


def test_a_folder_of_a_newer_format_gets_one_line(tmp_path, capsys):
    shutil.copytree(FOLDERS / "vae", tmp_path / "new")
    config = json.loads((tmp_path / "new" / "config.json").read_text())
    (tmp_path / "new" / "config.json").write_text(json.dumps({**config, "format": 99}))
    assert run(["inspect", str(tmp_path / "new")]) == 2
    assert "newer format" in capsys.readouterr().err
