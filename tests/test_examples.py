"""The example notebooks run as the programs that they are."""

import os
import runpy
import sys
from pathlib import Path

import pytest

import vaekit

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.mark.slow
@pytest.mark.parametrize("own", [False, True])
def test_the_notebook_that_explores_a_run(own, monkeypatch, tmp_path):
    pytest.importorskip("marimo", reason="the example is a marimo notebook")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "MPLBACKEND", "agg")
    place = EXAMPLES / "explore_a_run.py"
    if own:
        vaekit.fit("digits", latent=2, width=8, epochs=1, quiet=True, out="mine")
    asked = "--run=mine" if own else "--epochs=1"
    monkeypatch.setattr(sys, "argv", [str(place), asked])
    found = runpy.run_path(str(place))
    outputs, names = found["app"].run()
    assert names["model"].latent == 2
    assert names["scores"].rows == 179
    assert names["codes"].shape == (179, 2)
    assert names["decoded"].shape == (8, 8)
    assert any("nats" in getattr(output, "text", "") for output in outputs)
