"""Does training in bfloat16 end where training in float32 ends?

By default the dense VAE of PyTorch's example (784-400-20), 10 epochs, the same seeds in both
precisions; the test ELBO is computed in float32 either way. Seeds differ far more than precisions
do, so the differences are taken seed by seed.

    VAEKIT_DATA=... python benchmarks/speed/precision.py [--seeds 3] [--recipe dense_vae] [--latent 20]
        [--epochs 10] [--binarize none]
"""

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "published"))

from common import joined, open_source, parsed, prepare, run, spread, write

from vaekit.evaluation.scores import elbo_terms

BINARIZED = {"none": "grey", "threshold": "black or white", "dynamic": "drawn anew"}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--recipe", default="dense_vae")
    options.add_argument("--latent", type=int, default=20)
    options.add_argument("--epochs", type=int, default=10)
    options.add_argument("--binarize", default="none")
    given = parsed(options)
    source = joined(open_source("mnist"), ("train", "validation"), ("test",))
    found: dict[str, list[float]] = {"fp32": [], "bf16": []}
    for seed in range(given.seeds):
        for precision, values in found.items():
            how = {
                "latent": given.latent,
                "epochs": given.epochs,
                "precision": precision,
                "binarize": given.binarize,
            }
            job = prepare(source, given.recipe, seed=seed, **how)
            (*_, (session, _, seconds)) = run(job)
            terms = elbo_terms(session.averaged, job.rows("test"))
            values.append((terms[0] - terms[1]).mean().item())
            print(seed, precision, round(values[-1], 3), f"{seconds:.0f} s", flush=True)
    differences = [b - f for b, f in zip(found["bf16"], found["fp32"], strict=True)]
    write(f"precision_{given.recipe}", {
        "setting": f"{given.recipe}, {given.latent} latents, on MNIST 60,000 / 10,000 ({BINARIZED[given.binarize]}), "
        f"{given.epochs} epochs, {given.seeds} seeds",
        "test ELBO, fp32": spread(found["fp32"]),
        "test ELBO, bf16": spread(found["bf16"]),
        "bf16 - fp32, by seed": [round(d, 3) for d in differences],
        "bf16 - fp32, mean": round(statistics.mean(differences), 3),
    })  # fmt: skip


if __name__ == "__main__":
    main()
