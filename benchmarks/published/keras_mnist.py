"""The Keras tutorial's VAE on MNIST: its published training loss, and an honest test figure.

Published (keras.io/examples/generative/vae): all 70,000 grey images, Adam 1e-3, batch 128,
30 epochs; the running mean of the training loss over the last epoch is 146.95 = 140.15 + 6.80.

    VAEKIT_DATA=... python benchmarks/published/keras_mnist.py [--epochs 30]
"""

import argparse

from common import joined, open_source, prepare, run, tested, write

PUBLISHED = {"loss": 146.9508, "reconstruction": 140.1473, "kl": 6.7960}
EVERY = ("train", "validation", "test")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--epochs", type=int, default=30)
    epochs = options.parse_args().epochs
    source = open_source("mnist")
    found = {}
    for name, train, test in (("all 70,000", EVERY, ()), ("60,000 / 10,000", EVERY[:2], EVERY[2:])):
        job = prepare(joined(source, train, test), "keras_mnist", epochs=epochs)
        curve = []
        for session, means, seconds in run(job):
            curve.append({k: round(v, 3) for k, v in means.items()})
            print(name, len(curve), curve[-1], f"{seconds:.0f} s", flush=True)
        found[name] = {"training": curve[-1], "seconds": round(seconds), "curve": curve}
        if test:
            found[name]["test"] = {k: round(v, 3) for k, v in tested(job, session).items()}
    ours = found["all 70,000"]["training"]["loss"]
    write("keras_mnist", {
        "setting": f"Adam 1e-3, batch 128, {epochs} epochs, grey MNIST, seed 0, fp32",
        "published training loss": PUBLISHED,
        "difference": round(ours - PUBLISHED["loss"], 2),
        **found,
    })  # fmt: skip


if __name__ == "__main__":
    main()
