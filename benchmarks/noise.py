"""Does noise on the encoder's input in training make rows that were not trained on likelier? The
ELBO of training, validation and test rows, with the default plan, three seeds.

python benchmarks/noise.py --tables /path/to/tables    # .npz files with X, as ADBench has them
python benchmarks/noise.py --mnist 2000 5000 10000 20000 --seeds 1    # of so many rows; log p(x) of 1,000 test rows
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent / "published"))

from common import DENSE, spread, write

import vaekit
from vaekit.evaluation.scores import elbo_terms

SEEDS, NOISES, ROWS = 3, (0.0, 0.2), 1_000
CUT = {**DENSE, "binarize": "threshold"}


def measure(data, noise: float, seed: int, **how) -> dict[str, float]:
    model = vaekit.fit(data, noise=noise, seed=seed, **how)
    found = {}
    for split in ("train", "validation", "test"):
        terms = elbo_terms(model.model, model.rows(model.source.some(split, ROWS, 0)))
        found[split] = (terms[0] - terms[1]).mean().item()
    return found


def of_mnist(counts: list[int], seeds: int) -> None:
    """Test log p(x) of so many first rows of MNIST, cut at 1/2, in as many updates as by default."""
    source = vaekit.open_source("mnist")
    rows, test = source.part("train").values.numpy(), source.part("test").some("all", ROWS, 0)
    table = {}
    for count in counts:
        for noise in NOISES:
            each = [
                vaekit.fit(rows[:count], noise=noise, seed=seed, quiet=True, **CUT)
                .evaluate(test, samples=100)
                .log_likelihood
                for seed in range(seeds)
            ]
            table[f"{count} rows, noise {noise}"] = spread(each)
            print(count, noise, spread(each), flush=True)
    write("noise_mnist", {"seeds": seeds, "network": CUT, "log p(x), nats": table})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--mnist", nargs="+", type=int, metavar="ROWS")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.mnist:
        of_mnist(given.mnist, given.seeds)
        return
    kinds = {"digits": ("digits", {"latent": 2})}
    for name in ("6_cardio", "18_Ionosphere") if given.tables else ():
        kinds[name] = (np.load(given.tables / f"{name}.npz")["X"].astype(float), {"latent": 4})
    table = {}
    for kind, (data, how) in kinds.items():
        if given.only not in kind:
            continue
        for noise in NOISES:
            each = [measure(data, noise, s, epochs=given.epochs, **how) for s in range(given.seeds)]
            told = {split: spread([one[split] for one in each]) for split in each[0]}
            table[f"{kind}, noise {noise}"] = told
            print(kind, noise, told, flush=True)
    how = {"seeds": given.seeds, "epochs": given.epochs or "default", "ELBO, nats": table}
    write(f"noise{'_' if given.only else ''}{given.only}", how)


if __name__ == "__main__":
    main()
