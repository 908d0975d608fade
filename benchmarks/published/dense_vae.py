"""The VAE of PyTorch's examples, 784-400-20, on grey MNIST: test loss after 10 epochs.

Published logs: 105.56 and 105.59 after 10 epochs of Adam 1e-3, batch 128, trained on 60,000 and
tested on 10,000 images. The loss is cross-entropy + KL, a sum over pixels, a mean over images.

    VAEKIT_DATA=... python benchmarks/published/dense_vae.py [--seeds 10]
"""

import argparse

from common import joined, open_source, prepare, run, spread, tested, write

PUBLISHED = [127.30, 115.79, 112.22, 109.64, 108.54, 107.70, 107.07, 106.66, 106.04, 105.56]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--seeds", type=int, default=10)
    seeds = options.parse_args().seeds
    source = joined(open_source("mnist"), ("train", "validation"), ("test",))
    curves, seconds = [], []
    for seed in range(seeds):
        job = prepare(source, "dense_vae", seed=seed)
        curve = [(round(tested(job, s)["loss"], 3), t) for s, _, t in run(job)]
        curves.append([loss for loss, _ in curve])
        seconds.append(round(curve[-1][1], 1))
        print(seed, curves[-1], f"{seconds[-1]} s", flush=True)
    last = [curve[-1] for curve in curves]
    write("dense_vae", {
        "setting": "784-400-20, Adam 1e-3, batch 128, 10 epochs, grey MNIST 60,000 / 10,000, fp32",
        "published test loss": PUBLISHED,
        "ours": f"{spread(last)} over {seeds} seeds (least {min(last)}, most {max(last)})",
        "curves": curves,
        "seconds": seconds,
    })  # fmt: skip


if __name__ == "__main__":
    main()
