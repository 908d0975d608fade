"""Makes the golden files anew: only when the format or the arithmetic changes on purpose.

python tests/golden/make.py [NAME ...]
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

import vaekit
from vaekit.data import open_source
from vaekit.runs.compression import compress

HERE = Path(__file__).parent
MODELS = {
    "binary": {"likelihood": "bernoulli", "recipe": "conv_vae", "width": 4},
    "levels": {"likelihood": "logistic_mixture", "network": "residual", "width": 8},
    "beta": {"likelihood": "beta_binomial", "network": "dense", "width": 8, "link": "exp"},
    "categories": {"likelihood": "categorical", "network": "dense", "width": 16},
    "counts": {"likelihood": "negative_binomial", "network": "dense", "width": 8},
    "large_counts": {"likelihood": "negative_binomial", "network": "dense", "width": 8},
    "given": {
        "recipe": "conditional_vae", "given": "label", "drop": 0.2,
        "likelihood": "beta_binomial", "network": "dense", "width": 8,
    },
}  # fmt: skip
COUNTS = ("counts", "large_counts")  # the first is older than buckets of large counts
DIGITS = ("beta", "categories", "given")


def rows(name: str) -> np.ndarray:
    """Rows that look like something: a bump that moves about."""
    random = np.random.default_rng(0)
    if name in COUNTS:
        return random.poisson(random.gamma(1, 20, (500, 1)) * [1, 2, 3, 1, 0.1, 30])
    if name in DIGITS:
        return open_source("digits").values.numpy()[:500]
    y, x = np.mgrid[:12, :12]
    at = random.uniform(2, 9, (500, 2, 1, 1))
    bump = np.exp(-((y - at[:, 0]) ** 2 + (x - at[:, 1]) ** 2) / 8)[:, None]
    if name == "binary":
        return (bump > 0.4).astype("uint8")
    return np.clip(bump * 255 + random.normal(0, 1.5, bump.shape), 0, 255).astype("uint8")


def main(names: list[str]) -> None:
    listed = HERE / "rows.json"
    found = json.loads(listed.read_text()) if names else {}
    for name, options in MODELS.items():
        if names and name not in names:
            continue
        values = rows(name)
        data = "digits" if name in DIGITS else values
        model = vaekit.fit(data, latent=3, epochs=200, **options)
        path = HERE / f"{name}.vk"
        labels = model.source.given_of("all") if name == "given" else {}
        given = {key: column.numpy()[:500] for key, column in labels.items()}
        summary = compress(model, values, path, given=given, embed=True, block_rows=350)
        found[path.name] = hashlib.sha256(values.tobytes()).hexdigest()
        print(name, summary.bits_per_dimension, summary.plain)
    listed.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
