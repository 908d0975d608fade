"""Does noise on the encoder's input in training make rows that were not trained on likelier? The
ELBO of training, validation and test rows, with the default plan, three seeds.

python benchmarks/noise.py --tables /path/to/tables    # .npz files with X, as ADBench has them
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent / "published"))

from common import spread, write

import vaekit
from vaekit.evaluation.scores import elbo_terms

SEEDS, NOISES, ROWS = 3, (0.0, 0.2), 1_000


def measure(data, noise: float, seed: int, **how) -> dict[str, float]:
    model = vaekit.fit(data, noise=noise, seed=seed, **how)
    found = {}
    for split in ("train", "validation", "test"):
        terms = elbo_terms(model.model, model.rows(model.source.some(split, ROWS, 0)))
        found[split] = (terms[0] - terms[1]).mean().item()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--epochs", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    kinds = {"digits": ("digits", {"latent": 2})}
    for name in ("6_cardio", "18_Ionosphere") if given.tables else ():
        kinds[name] = (np.load(given.tables / f"{name}.npz")["X"].astype(float), {"latent": 4})
    table = {}
    for kind, (data, how) in kinds.items():
        if given.only not in kind:
            continue
        for noise in NOISES:
            each = [measure(data, noise, s, epochs=given.epochs, **how) for s in range(SEEDS)]
            told = {split: spread([one[split] for one in each]) for split in each[0]}
            table[f"{kind}, noise {noise}"] = told
            print(kind, noise, told, flush=True)
    how = {"seeds": SEEDS, "epochs": given.epochs or "default", "ELBO, nats": table}
    write(f"noise{'_' if given.only else ''}{given.only}", how)


if __name__ == "__main__":
    main()
