"""Why the training defaults are what they are: test log p(x) on digits for other choices. What the learning
rate is, and how it falls: rates.py.

python benchmarks/defaults.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "published"))

from common import spread, write

import vaekit

SEEDS = 3
CHOICES = {
    "defaults": {},
    "no averaging": {"ema": 0.0},
    "2.5 times the updates": {"epochs": 835},
    "half the updates": {"epochs": 167},
    "KL warm-up over a fifth": {"kl_warmup": 0.2},
}


def main() -> None:
    table = {}
    for name, choice in CHOICES.items():
        values = []
        for seed in range(SEEDS):
            model = vaekit.fit("digits", latent=8, seed=seed, **choice)
            values.append(model.evaluate(samples=100).log_likelihood)
        table[name] = spread(values)
        print(name, table[name], flush=True)
    write(
        "defaults",
        {"data": "digits, test rows", "latent": 8, "seeds": SEEDS, "log p(x), nats": table},
    )


if __name__ == "__main__":
    main()
