"""A ladder of latents on static binary MNIST: vaekit's `ladder_vae` as it is by default.

Published -log p(x): 81.7 (ladder VAE of five dense layers, 2,000 epochs, Sønderby et al. 2016), 78.7 (NVAE) and 79.1
(IAF) with far larger networks and budgets.

    VAEKIT_DATA=... python benchmarks/published/ladder.py [--epochs 25]
"""

import argparse
import time

from common import open_source, parsed, write

import vaekit
from vaekit.evaluation import log_likelihood

ROWS, SAMPLES = 2_000, 200


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--epochs", type=int, default=25)
    options.add_argument("--seed", type=int, default=0)
    given = parsed(options)
    began = time.process_time()
    model = vaekit.fit(
        open_source("binarized_mnist"), "ladder_vae", epochs=given.epochs, seed=given.seed
    )
    seconds = time.process_time() - began
    test = model.source.part("test").some("all", ROWS, 0)
    found = log_likelihood(model.model, model.rows(test, "all"), samples=SAMPLES)
    write("ladder", {
        "setting": f"static MNIST 50,000 / 10,000 / 10,000, ladder_vae as by default (residual, top latent and planes at each "
        f"size), {given.epochs} epochs, seed {given.seed}, {model.config.plan.precision}; {ROWS:,} test rows",
        "published -log p(x)": {"Sønderby et al. 2016": 81.7},
        f"ours -log p(x), IS-{SAMPLES}": round(-found.mean, 3),
        "spread over rows": round(found.mean_error, 3),
        "processor seconds to train": round(seconds),
    })  # fmt: skip


if __name__ == "__main__":
    main()
