"""Altosaar's mean-field VAE on static binary MNIST: ELBO and log p(x) after 30,000 updates.

Published (github.com/jaanli/variational-autoencoder): z 128, two hidden layers of 256 (ReLU),
Adam 1e-3, batch 128, softplus scale. PyTorch: ELBO -106.64, log p(x) -100.31; JAX: -104.87, -96.72
(importance sampled with 1,000).

    VAEKIT_DATA=... python benchmarks/published/altosaar.py [--seeds 3]
"""

import argparse

from common import open_source, parsed, prepare, run, spread, write

from vaekit.evaluation import log_likelihood
from vaekit.evaluation.scores import elbo_terms

STEPS = 30_000


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--seeds", type=int, default=3)
    given = parsed(options)
    bounds, values, seconds = [], [], []
    for seed in range(given.seeds):
        job = prepare(
            open_source("binarized_mnist"), network="dense", width=256, depth=2, latent=128, seed=seed,
            epochs=-(-STEPS // 391), decay="constant", warmup=0.0, clip=0.0, ema=0.0,
        )  # fmt: skip
        took = 0.0
        for session, _, took in run(job):
            if session.step >= STEPS:
                break
        terms = elbo_terms(session.model, job.rows("test"))
        bounds.append((terms[0] - terms[1]).mean().item())
        values.append(log_likelihood(session.model, job.rows("test"), samples=1000).mean)
        seconds.append(round(took))
        print(seed, session.step, bounds[-1], values[-1], took, flush=True)
    write("altosaar", {
        "setting": "static MNIST 50,000 / 10,000, z 128, 256-256 ReLU, Adam 1e-3, batch 128, about 30,000 updates",
        "published ELBO": {"PyTorch": -106.64, "JAX": -104.87},
        "published log p(x)": {"PyTorch": -100.31, "JAX": -96.72},
        "ours ELBO": spread(bounds),
        "ours log p(x), IS-1000": spread(values),
        "seeds": given.seeds,
        "training seconds": seconds,
    })  # fmt: skip


if __name__ == "__main__":
    main()
