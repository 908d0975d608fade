"""Makes the golden files anew: only when the format or the arithmetic changes on purpose.

python tests/golden/make.py [NAME ...]
"""

import hashlib
import json
import sys
import tempfile
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


def table() -> str:
    """A table in text: numbers, dates, categories and gaps that depend on each other, names of
    rows, and cells that the training rows have not."""
    random = np.random.default_rng(0)
    lines = ["name;age;wage;city;since;ok"]
    for i in range(300):
        age = int(random.integers(20, 70))
        wage = f"{1000 + 50.5 * age + random.normal(0, 100):.2f}"
        wage = "?" if random.random() < 0.1 else wage
        city = random.choice(["Berlin", "Paris", "Lyon"], p=[0.5, 0.3, 0.2])
        since = np.datetime64("2020-01-01") + int(random.integers(0, 365))
        lines.append(f"n{i * 7919 % 10007};{age};{wage};{city};{since};{str(age > 30).upper()}")
    odd = ("x;007;1e3;Rome;2031-05-05;maybe", ";;-5.00;;?;true", '"a;b";1000;;Lyon ;;')
    return "\n".join([*lines, *odd]) + "\n"


def make_table() -> None:
    """The file of a table, trained on all of its rows but the odd ones."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "table.csv")
        path.write_text(table().rsplit("\n", 4)[0] + "\n")
        model = vaekit.fit(str(path), width=8, latent=2, epochs=40, batch=64, lr=1e-2)
        path.write_text(table())
        print("table", compress(model, str(path), HERE / "table.vk", embed=True).text)
    found = {"table.vk": hashlib.sha256(table().encode()).hexdigest()}
    (HERE / "tables.json").write_text(json.dumps(found, indent=2) + "\n")


def main(names: list[str]) -> None:
    if not names or "table" in names:
        make_table()
    if names == ["table"]:
        return
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
