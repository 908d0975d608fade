"""The picture of the README: a plane of two latents, decoded, beside where test images lie in it.

VAEKIT_DATA=... python benchmarks/plane.py
"""

from pathlib import Path

import matplotlib
import numpy as np

import vaekit
from vaekit.data import open_source
from vaekit.pages.panels import manifold
from vaekit.pages.plots import PALETTE
from vaekit.pictures import as_bytes, grid

TARGET = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "plane.png"


def main() -> None:
    matplotlib.use("agg")
    from matplotlib import pyplot

    source = open_source("mnist")
    model = vaekit.fit(
        "mnist", "keras_mnist", epochs=10, ema=0.999, decay="cosine", lr=2e-3, seed=1
    )
    codes = model.encode(source.rows("test"))
    labels = np.asarray(source.labels)[source.splits["test"]]
    tiles = as_bytes(manifold(model, (0, 1), side=20))
    made, (left, right) = pyplot.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
    left.imshow(grid(tiles, columns=20, gap=0), cmap="gray_r")
    left.axis("off")
    for name in range(10):
        at = codes[labels == name]
        right.scatter(*at.T, s=2, color=PALETTE[name], label=str(name), linewidths=0)
    right.legend(markerscale=6, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    right.set(xlabel="z0", ylabel="z1", aspect="equal", xlim=(-4, 4), ylim=(-4, 4))
    right.spines[["top", "right"]].set_visible(False)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    made.savefig(TARGET, dpi=80)
    print(TARGET)


if __name__ == "__main__":
    main()
