"""The Keras tutorial's VAE on MNIST: its published training loss, and an honest test figure.

Published (keras.io/examples/generative/vae): all 70,000 grey images, Adam 1e-3, batch 128,
30 epochs; the running mean of the training loss over the last epoch is 146.95 = 140.15 + 6.80.

    VAEKIT_DATA=... python benchmarks/published/keras_mnist.py [--seeds 3] [--threads 1]

What is finished is kept under runs/keras_mnist; started again, the script goes on from there.
"""

import argparse
import json
from pathlib import Path

from common import joined, open_source, parsed, prepare, run, spread, tested, write

PUBLISHED = {"loss": 146.9508, "reconstruction": 140.1473, "kl": 6.7960}
EVERY = ("train", "validation", "test")
SPLITS = {"all 70,000": (EVERY, ()), "60,000 / 10,000": (EVERY[:2], EVERY[2:])}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--epochs", type=int, default=30)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--folder", type=Path, default=Path("runs/keras_mnist"))
    given = parsed(options)
    wanted = [("all 70,000", seed) for seed in range(given.seeds)] + [("60,000 / 10,000", 0)]
    runs = {f"{name}, seed {seed}": trained(name, seed, given) for name, seed in wanted}
    losses = [r["training"]["loss"] for n, r in runs.items() if n.startswith("all")]
    write("keras_mnist", {
        "setting": f"Adam 1e-3, batch 128, {given.epochs} epochs, grey MNIST, fp32",
        "published training loss": PUBLISHED,
        "ours, each seed": losses,
        "ours, mean over seeds": spread(losses),
        "difference, each seed": [round(loss - PUBLISHED["loss"], 2) for loss in losses],
        "runs": runs,
    })  # fmt: skip


def trained(name: str, seed: int, given: argparse.Namespace) -> dict:
    """Train one model, or read what an earlier call kept of it."""
    kept = given.folder / f"{name[:2]}_seed{seed}_{given.epochs}"
    if (kept / "result.json").exists():
        return json.loads((kept / "result.json").read_text())
    train, test = SPLITS[name]
    job = prepare(
        joined(open_source("mnist"), train, test), "keras_mnist", epochs=given.epochs, seed=seed
    )
    curve = []
    for session, means, seconds in run(job, kept):
        curve.append({k: round(v, 3) for k, v in means.items()})
        print(name, seed, len(curve), curve[-1], f"{seconds:.0f} s", flush=True)
    found = {"training": curve[-1], "seconds": round(seconds), "curve": curve}
    if test:
        found["test"] = {k: round(v, 3) for k, v in tested(job, session).items()}
    (kept / "result.json").write_text(json.dumps(found))
    return found


if __name__ == "__main__":
    main()
