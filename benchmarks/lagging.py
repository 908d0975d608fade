"""What a code tells where the decoder could do without it, by how far what generates lags behind what
infers, beside the KL's warm-up.

    python benchmarks/lagging.py [--seeds 3] [--epochs 40]

2,000 sequences of 20 symbols out of 10: each row is of one of 8 Markov chains, drawn evenly, so that
its code has log 8 = 2.08 nats to tell. sequence_vae can guess the chain from the symbols before, and
so leave the code unused. Goes on where it stopped; writes benchmarks/results/lagging.json: of test rows the KL, the information
between code and row, active units, the ELBO and log p(x), nats a row, for each seed.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

import vaekit

OUT = Path(__file__).parent / "results" / "lagging.json"
ROWS, TIMES, SYMBOLS, CHAINS, SHARP = 2_000, 20, 10, 8, 2.0
WAYS = {
    "plain": {},
    "lag 10": {"lag": 10},
    "kl_warmup 0.2": {"kl_warmup": 0.2},
}


def chains(seed: int = 0) -> np.ndarray:
    """Sequences, (rows, times)."""
    rng = np.random.default_rng(seed)
    ways = np.exp(SHARP * rng.normal(size=(CHAINS, SYMBOLS, SYMBOLS)))
    below = (ways / ways.sum(-1, keepdims=True)).cumsum(-1)
    chain, x = rng.integers(0, CHAINS, ROWS), np.zeros((ROWS, TIMES), dtype=np.int64)
    x[:, 0] = rng.integers(0, SYMBOLS, ROWS)
    for t in range(1, TIMES):
        x[:, t] = (rng.random((ROWS, 1)) > below[chain, x[:, t - 1]]).sum(1).clip(max=SYMBOLS - 1)
    return x


def main() -> None:
    """Train each way, and look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40)
    asked = parser.parse_args()
    settings = {"epochs": asked.epochs, "rows": ROWS}
    before = json.loads(OUT.read_text()) if OUT.exists() else {}
    same = {name: before.get(name) for name in settings} == settings
    x, found = chains(), before if same else {**settings, "results": {}}
    for name, how in WAYS.items():
        for seed in range(len(found["results"].get(name, [])), asked.seeds):
            began = time.process_time()
            options = {"kl_warmup": 0.0, "latent": 8, "likelihood": "categorical", **how}
            model = vaekit.fit(
                x, "sequence_vae", epochs=asked.epochs, seed=seed, quiet=True, **options
            )
            scores = model.evaluate(split="test", samples=200)
            told = {
                "kl": scores.density.kl,
                "mutual_information": scores.aggregate.mutual_information,
                "active_units": scores.active_units,
                "elbo": scores.density.elbo,
                "log_likelihood": scores.density.log_likelihood,
                "cpu_seconds": time.process_time() - began,
            }
            found["results"].setdefault(name, []).append({k: round(v, 3) for k, v in told.items()})
            print(name, seed, found["results"][name][-1], flush=True)
            OUT.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
