"""How far the ELBO lies below log p(x) by posterior, at one and the same decoder.

    python benchmarks/posteriors.py [--seeds 3] [--epochs 10]

Where a posterior is trained with a decoder, the decoder learns to suit it, so that the distance of the bound says little of
the posterior. Here a plain vae is trained on MNIST, cut at 1/2 (784-200-200-16 and back, batches of 128, Adam at 2e-3, weights averaged);
its decoder and p(z) are held as they are, and each kind of q(z|x) is trained anew to the same decoder, for as many epochs. log p(x) of
1,000 test rows is then one number, for which each posterior's 1,000 importance samples give a bound from below: the highest is taken. Goes on
where it stopped; writes benchmarks/results/posteriors.json.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent / "published"))
from common import DENSE, begun, each_run, run

from vaekit.data import open_source
from vaekit.evaluation.likelihood import log_likelihood
from vaekit.evaluation.scores import elbo_terms
from vaekit.runs.job import Job, prepare

OUT = Path(__file__).parent / "results" / "posteriors.json"
ROWS, SAMPLES, DRAWS, RATE = 1000, 1000, 20, 2e-3
POSTERIORS = (
    "diagonal",
    "full",
    "low_rank",
    "householder",
    "planar",
    "radial",
    "sylvester",
    "iaf",
    "mixture",
    "even_mixture",
)
BY = {"even_mixture": ("misvae", {})}  # recipe and options; else vae, told the posterior


def main() -> None:
    """Train each, and look."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=POSTERIORS, default=[*POSTERIORS])
    said = parser.parse_args()
    settings = {"epochs": said.epochs, "rows": ROWS, "samples": SAMPLES, "draws": DRAWS}
    found = begun(OUT, settings, parser.error)
    each_run(
        OUT, found, said.only, said.seeds, lambda name, seed: measured(name, seed, said.epochs)
    )


def made(posterior: str, seed: int, epochs: int) -> Job:
    """A training of the network that all have."""
    recipe, own = BY.get(posterior, ("vae", {"posterior": posterior}))
    options: dict[str, Any] = {**DENSE, **own, "epochs": epochs, "seed": seed}
    return prepare(open_source("mnist"), recipe, binarize="threshold", lr=RATE, **options)


@cache
def decoder(seed: int, epochs: int) -> tuple[dict[str, torch.Tensor], ...]:
    """The weights of p(x|z) and p(z) of a plain vae."""
    job = made("diagonal", seed, epochs)
    model = trained(job)
    return model.likelihood.state_dict(), model.prior.state_dict()


def trained(job: Job) -> Any:
    """The model with its averaged weights."""
    for session, _, _ in run(job):
        model = session.averaged
    return model.eval()


def measured(posterior: str, seed: int, epochs: int) -> dict[str, float]:
    """The bound and the importance-sampled bound of a posterior that is trained to the decoder."""
    likelihood, prior = decoder(seed, epochs)
    began, job = time.process_time(), made(posterior, seed + 1000, epochs)
    model: Any = job.built.model
    for part, weights in ((model.likelihood, likelihood), (model.prior, prior)):
        part.load_state_dict(weights)
        part.requires_grad_(requires_grad=False)
    model = trained(job)
    seconds, x = time.process_time() - began, job.rows("test")[:ROWS]
    assert all(torch.equal(v, likelihood[k]) for k, v in model.likelihood.state_dict().items())
    rebuilt, kl = elbo_terms(model, x, seed, DRAWS).mean(1).tolist()
    near = log_likelihood(model, x, samples=SAMPLES, seed=seed).mean
    return {"elbo": rebuilt - kl, "log_likelihood": near, "cpu_seconds": seconds}


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
