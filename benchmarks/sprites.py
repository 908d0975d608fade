"""How far the codes of disentangling variants keep the factors of sprites apart, beside a plain VAE's.

    python benchmarks/sprites.py [--only vae beta_tcvae] [--seeds 1] [--updates 15000] [--width 400]

All 737,280 sprites, the network `smooth` (4096-400-400-10 by ReLU, 10-400-400-400-4096 by tanh), batches of 512, Adam at
1e-3 along a cosine to 0, bfloat16, no warm-up of the KL, one thread. Scores are `vaekit disentangle`'s, of the means of
q(z|x) of 10,000 sprites; the gaps whose mean is the MIG stand beside them by factor, as print leaves the shape out.
Chen et al. (2018), with layers of 1,200, batches of 2,048 and 18,000 updates on dSprites (other pictures of the same
factors): MIG .45 of beta-TCVAE, .10 of the VAE; FactorVAE .43 after 300,000 updates of 64. Results go to
benchmarks/results/sprites.json run by run.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "published"))
import numpy as np
import torch
from common import begun, each_run

import vaekit
from vaekit.data.published import sprites
from vaekit.data.published.catalogue import sprites_set
from vaekit.evaluation.disentanglement import mutual_information
from vaekit.runs.judge import judge_codes

RESULTS = Path(__file__).resolve().parent / "results" / "sprites.json"
BATCH, SCORED, BINS, HELD_OUT = 512, 10_000, 20, 2_000
ENTRIES: dict[str, tuple[str, dict[str, Any]]] = {
    "vae": ("vae", {}),
    "beta_vae": ("beta_vae", {"beta": 4.0}),
    "beta_tcvae": ("beta_tcvae", {"beta": 6.0, "sampling": "weighted"}),
    "beta_tcvae, stratified": ("beta_tcvae", {"beta": 6.0}),
    "factor_vae": ("factor_vae", {"gamma": 35.0}),
    "dip_vae": ("dip_vae", {}),
}


def main() -> None:
    """Train and score."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=ENTRIES, default=[*ENTRIES])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--updates", type=int, default=15_000)
    parser.add_argument("--width", type=int, default=400)
    parser.add_argument("--rows", type=int, default=sprites.COUNT, help="sprites, drawn at random")
    said = parser.parse_args()
    settings = {"updates": said.updates, "width": said.width, "rows": said.rows}
    found = begun(RESULTS, settings, parser.error)
    each_run(RESULTS, found, said.only, said.seeds, lambda name, seed: one(name, seed, said))


def one(name: str, seed: int, said: argparse.Namespace) -> dict[str, float]:
    """Train one, and what its codes score."""
    recipe, how = ENTRIES[name]
    source = sprites_set(said.rows)
    train, *held_out = torch.arange(len(source)).split(
        [said.rows - 2 * HELD_OUT, HELD_OUT, HELD_OUT]
    )
    splits = dict(zip(("train", "validation", "test"), (train, *held_out), strict=True))
    source = replace(source, splits=splits)
    began = time.process_time()
    model = vaekit.fit(
        source, recipe, binarize="none", network="smooth", width=said.width, latent=10, lr=1e-3,
        decay="cosine", kl_warmup=0.0, batch=BATCH, precision="bf16",
        epochs=round(said.updates * BATCH / len(train)), seed=seed, quiet=True, **how,
    )  # fmt: skip
    seconds = time.process_time() - began
    few = source.some("all", SCORED, 0)
    told = model.evaluate(source.some("all", 1000, 0), samples=20, seed=seed).to_dict()
    kept = {k: told[k] for k in ("elbo", "kl", "total_correlation", "active_units")}
    told = {
        **judge_codes(model, seed=seed).to_dict(),
        **kept,
        **gaps(model.encode(few), few.factors),
    }
    return {**{k: float(v) for k, v in told.items()}, "cpu_seconds": round(seconds)}


def gaps(codes: Any, factors: Any) -> dict[str, float]:
    """How much more, in shares of its entropy, the best number of a code tells of each factor than the second."""
    told = mutual_information(np.asarray(codes), factors.numpy(), BINS) / np.log(sprites.SIZES)
    first, second = np.sort(told, 0)[::-1][:2]
    each = {
        f"gap of {name}": gap for name, gap in zip(sprites.FACTORS, first - second, strict=True)
    }
    return {**each, "mig without shape": float(np.mean([*each.values()][1:]))}


main()
