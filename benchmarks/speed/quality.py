"""How soon the founding model is as good as the Keras tutorial's 30 epochs make it.

Same network (69,076 + 65,089 parameters), same 70,000 images, same loss. vaekit trains by the
defaults of keras_mnist_fast, for a third of the epochs; Keras as its tutorial does (Adam 1e-3, batch
128), if --keras names the interpreter of an environment with it, else its curve is kept from the last
run. The loss of an epoch is the mean over its updates, as Keras prints it; the tutorial prints 146.95
after 30 epochs. The loss of the averaged weights over all 70,000 images is given beside it.

    VAEKIT_DATA=... python benchmarks/speed/quality.py [--seeds 3] [--keras PYTHON]
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "published"))

from common import RESULTS, ROWS, joined, open_source, parsed, prepare, run, write
from matplotlib.figure import Figure
from training import Worker, keras_threads

from vaekit.recipes import PLANS
from vaekit.training.validation import validate

PUBLISHED = 146.95
PICTURE = Path(__file__).resolve().parent.parent.parent / "docs" / "pictures" / "quality.png"
RECIPE, KEPT = "keras_mnist_fast", RESULTS / "quality.json"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--keras", default="")
    options.add_argument("--keras-epochs", type=int, default=30)
    given = parsed(options)
    source = joined(open_source("mnist"), ("train", "validation", "test"), ("test",))
    curves, averaged = {}, []
    for seed in range(given.seeds):
        losses, last = ours(source, seed)
        curves[f"vaekit, seed {seed}"] = losses
        averaged.append(last)
    if given.keras:
        curves["Keras 3"] = keras(given, source.values[:, 0].numpy())
    elif KEPT.exists():
        curves["Keras 3"] = json.loads(KEPT.read_text())["training loss by epoch"]["Keras 3"]
    draw(curves)
    plan = PLANS[RECIPE]
    write("quality", {
        "setting": f"keras_mnist network, 70,000 images; ours: recipe {RECIPE}, {plan['epochs']} epochs, batch "
        f"{plan['batch']}, AdamW {plan['lr']:g}, cosine, averaged weights; Keras: batch 128",
        "published loss after 30 epochs": PUBLISHED,
        "ours, averaged weights over all images at the end": [round(v, 2) for v in averaged],
        "training loss by epoch": {k: [round(v, 2) for v in c] for k, c in curves.items()},
    })  # fmt: skip


def ours(source, seed: int) -> tuple[list[float], float]:
    """The mean training loss of each epoch; the averaged weights' loss at the end."""
    job = prepare(source, RECIPE, seed=seed)
    losses = []
    for session, means, seconds in run(job):
        losses.append(means["loss"])
        print("vaekit", seed, len(losses), round(losses[-1], 2), f"{seconds:.0f} s", flush=True)
    pieces = job.rows("train").split(ROWS)
    return losses, validate(session.averaged, session.objective, pieces, 0, 0)["loss"]


def keras(given, rows: np.ndarray) -> list[float]:
    """The loss that Keras prints for each epoch."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "rows.npy"
        np.save(data, rows)
        settings = {
            "network": "conv",
            "data": str(data),
            "threads": given.threads or 2,
            "batch": 128,
        }
        extra = {"KERAS_BACKEND": "tensorflow", **keras_threads(given.threads or 2)}
        worker = Worker("Keras 3", given.keras, "with_keras.py", settings, **extra)
        losses = []
        for epoch in range(given.keras_epochs):
            losses.append(worker.ask("training", len(rows))["value"])
            print("Keras", epoch + 1, round(losses[-1], 2), flush=True)
        worker.close()
    return losses


def draw(curves: dict[str, list[float]]) -> None:
    """Loss against epochs."""
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axis = figure.subplots()
    for name, losses in curves.items():
        axis.plot(range(1, len(losses) + 1), losses, marker=".", label=name)
    axis.axhline(PUBLISHED, color="grey", linestyle="--", label="the tutorial after 30 epochs")
    axis.set(xlabel="epochs", ylabel="training loss, nats", ylim=(PUBLISHED - 5, PUBLISHED + 30))
    axis.legend()
    figure.savefig(PICTURE, dpi=120)


if __name__ == "__main__":
    main()
