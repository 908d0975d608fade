"""How far the codes of disentangling variants keep the factors of sprites apart, beside a plain VAE's.

    python benchmarks/sprites.py [--only vae beta_tcvae] [--seeds 3] [--epochs 16] [--rows 0]

Convolutional networks whose four halvings have 16, 32, 32 and 32 channels, ten numbers, batches of 64, Adam at
2e-3 with averaged weights, no KL warm-up. Scores are `vaekit disentangle`'s, of the means of q(z|x) of 10,000 sprites. In
print (dSprites, other pictures of the same factors): MIG .45 of beta-TCVAE, .43 of FactorVAE, .10 of the
VAE. Results go to benchmarks/results/sprites.json run by run.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "published"))
from common import begun, each_run

import vaekit
from vaekit.data import open_source
from vaekit.runs.judge import judge_codes

RESULTS = Path(__file__).resolve().parent / "results" / "sprites.json"
FALLING = {"beta": 6.0, "alpha": 6.0, "beta_start": 40.0, "fall": 0.8}
FROM_60 = {"beta_start": 60.0, "fall": 0.9}
ENTRIES: dict[str, tuple[str, dict[str, Any]]] = {
    "vae": ("vae", {}),
    "beta_tcvae": ("beta_tcvae", {"beta": 20.0, "alpha": 20.0}),
    "beta_tcvae, falling": ("beta_tcvae", FALLING),
    "beta_tcvae, falling to 2": ("beta_tcvae", {**FALLING, "beta": 2.0, "alpha": 2.0, "fall": 0.9}),
    "beta_tcvae, from 60 to 2": ("beta_tcvae", {"beta": 2.0, "alpha": 2.0, **FROM_60}),
    "beta_tcvae, from 60 to 1.5": ("beta_tcvae", {"beta": 1.5, "alpha": 1.5, **FROM_60}),
    "beta_tcvae, alpha 1": ("beta_tcvae", {"beta": 20.0}),
    "factor_vae": ("factor_vae", {"gamma": 35.0}),
    "factor_vae, from 60 to 2": ("factor_vae", {"gamma": 10.0, "beta": 2.0, **FROM_60}),
}


def main() -> None:
    """Train and score."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=ENTRIES, default=[*ENTRIES])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--rows", type=int, default=0, help="as many sprites alone; 0: all")
    said = parser.parse_args()
    settings = {"epochs": said.epochs, "rows": said.rows}
    found = begun(RESULTS, settings, parser.error)
    each_run(RESULTS, found, said.only, said.seeds, lambda name, seed: one(name, seed, said))


def one(name: str, seed: int, said: argparse.Namespace) -> dict[str, float]:
    """Train one, and what its codes score."""
    recipe, how = ENTRIES[name]
    source = open_source("sprites")
    if said.rows:
        source = source.some("all", said.rows, 0)
    began = time.process_time()
    model = vaekit.fit(
        source, recipe, binarize="none", network="conv", width=16, depth=4, latent=10, batch=64,
        lr=2e-3, kl_warmup=0.0, epochs=said.epochs, seed=seed, quiet=True, **how,
    )  # fmt: skip
    seconds = time.process_time() - began
    told = model.evaluate(source.some("all", 1000, 0), samples=20, seed=seed).to_dict()
    kept = {k: told[k] for k in ("elbo", "kl", "total_correlation", "active_units")}
    scores = judge_codes(model, seed=seed).to_dict()
    return {**{k: float(v) for k, v in {**scores, **kept}.items()}, "cpu_seconds": round(seconds)}


main()
