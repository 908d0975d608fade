"""One thread, no network, quiet: what all tests share."""

import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch

torch.set_num_threads(1)
HERE = Path(__file__).resolve().parent
BESIDE = HERE.parent.parent / "shared" / "data"


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also tests that take minutes")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--long"):
        skip = pytest.mark.skip(reason="takes minutes: make test-long")
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def _same_noise():
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture
def real_data(monkeypatch):
    """A folder of published data sets, or a skip."""
    folder = Path(os.environ.get("VAEKIT_DATA", BESIDE))
    if not folder.is_dir():
        pytest.skip("no real data: set VAEKIT_DATA to a folder that holds it")
    monkeypatch.setenv("VAEKIT_DATA", str(folder))
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A small VAE trained on digits, in its folder (path, model)."""
    import vaekit

    folder = tmp_path_factory.mktemp("runs") / "digits"
    return folder, vaekit.fit("digits", latent=2, width=64, epochs=8, out=folder)
