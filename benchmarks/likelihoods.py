"""Which likelihood suits whole levels: bits per number on test rows, same network, same training.

VAEKIT_DATA=... python benchmarks/likelihoods.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "published"))

from common import write

import vaekit

NAMES = ("discretized_logistic", "logistic_mixture", "beta_binomial")
SETTINGS = {
    "mnist": {"latent": 32, "network": "dense", "epochs": 10},
    "freyfaces": {"latent": 16, "network": "dense", "epochs": 150},
}


def main() -> None:
    table = {}
    for data, settings in SETTINGS.items():
        for name in NAMES:
            model = vaekit.fit(data, likelihood=name, **settings)
            scores = model.evaluate(samples=100)
            table[f"{data}, {name}"] = {
                "bits per number": round(scores.bits_per_dimension, 4),
                "log p(x), nats": round(scores.log_likelihood, 2),
                "standard error": round(scores.density.log_likelihood_error, 2),
            }
            print(data, name, table[f"{data}, {name}"], flush=True)
    write("likelihoods", {"settings": SETTINGS, "samples": 100, "seed": 0, "table": table})


if __name__ == "__main__":
    main()
