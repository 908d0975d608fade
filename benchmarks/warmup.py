"""The KL's warm-up: test log p(x) of recipes and data for each length of it.

    python benchmarks/warmup.py [--only digits] [--warmups 0.3] [--seeds 2] [--data DIR]

The weight of the KL rises from 0 to 1 over this share of the training. Cases and figures are those of rates.py.
Results go to benchmarks/results/warmup.json run by run, so that what is stopped goes on.
"""

from __future__ import annotations

from rates import RESULTS, compare

WARMUPS = ("0", "0.1", "0.3", "0.5")

if __name__ == "__main__":
    compare(
        __doc__,
        RESULTS / "warmup.json",
        "warmups",
        WARMUPS,
        lambda share: {"kl_warmup": float(share)},
    )
