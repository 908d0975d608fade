"""VAE, IWAE and DReG with the one-layer network of Burda et al. 2016 on dynamic MNIST.

Published test -log p(x), importance sampled with 5,000: VAE (K = 1) 86.76, IWAE K = 5 85.54,
K = 50 84.78; DReG K = 5 84.90, K = 50 84.32 (a TensorFlow reproduction, whose plain runs gave 86.35,
85.18, 84.59). Active units of the paper: 19, 22, 25.

The paper trains 3,280 epochs of batch 20 with a stepwise falling rate. Here the schedule is
shorter: batch 100, Adam (epsilon 1e-4) with --lr falling to zero by a cosine over --epochs.
Trained on 60,000 images, made binary anew in each epoch; tested on 10,000 made binary once.

    VAEKIT_DATA=... python benchmarks/published/burda.py --samples 1 --epochs 300
    VAEKIT_DATA=... python benchmarks/published/burda.py --samples 50 --epochs 25 --lr 4e-3 --gradient dreg
"""

import argparse
from pathlib import Path

from common import joined, open_source, parsed, prepare, run, write

from vaekit.evaluation import latent_health, log_likelihood
from vaekit.runs.job import Job

PUBLISHED = {
    ("plain", 1): 86.76, ("plain", 5): 85.54, ("plain", 50): 84.78, ("dreg", 5): 84.90,
    ("dreg", 50): 84.32,
}  # fmt: skip
UNITS = {1: 19, 5: 22, 50: 25}


def options() -> argparse.ArgumentParser:
    """What names a run."""
    found = argparse.ArgumentParser()
    found.add_argument("--samples", type=int, default=1)
    found.add_argument("--gradient", default="plain")
    found.add_argument("--epochs", type=int, default=300)
    found.add_argument("--lr", type=float, default=1e-3)
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--folder", type=Path, default=Path("runs/burda"))
    return found


def job_of(given: argparse.Namespace) -> tuple[str, Job]:
    """A run's name, and what it trains."""
    name = f"burda_{given.gradient}_{given.samples}_seed{given.seed}_{given.epochs}"
    name += "" if given.lr == 1e-3 else f"_lr{given.lr:g}"
    source = joined(open_source("mnist"), ("train", "validation"), ("test",))
    job = prepare(
        source, "burda", binarize="dynamic", samples=given.samples, gradient=given.gradient,
        epochs=given.epochs, lr=given.lr, seed=given.seed,
    )  # fmt: skip
    return name, job


def main() -> None:
    given = parsed(options())
    name, job = job_of(given)
    session, seconds = None, 0.0
    for session, means, seconds in run(job, given.folder / name):
        print(
            name,
            session.step // job.batches.per_epoch,
            round(means["loss"], 2),
            f"{seconds:.0f} s",
            flush=True,
        )
    if session is None:
        raise SystemExit("nothing was left to train; remove the folder to start again")
    model, x = session.averaged, job.rows("test")
    found = log_likelihood(model, x, samples=5000, seed=given.seed)
    health = latent_health(model, x)
    write(name, {
        "setting": f"Burda 1 layer, dynamic MNIST 60,000 / 10,000, K = {given.samples}, {given.gradient} "
        f"gradients, batch 100, {given.epochs} epochs, cosine from {given.lr:g}, {job.plan.precision}, seed {given.seed}",
        "published -log p(x)": PUBLISHED.get((given.gradient, given.samples)),
        "ours -log p(x), IS-5000": round(-found.mean, 3),
        "spread over rows": round(found.mean_error, 3),
        "sampling error": found.sampling_error and round(found.sampling_error, 4),
        "active units": int(health.active.sum()),
        "published active units": UNITS.get(given.samples),
        "training seconds": round(seconds),
    })  # fmt: skip


if __name__ == "__main__":
    main()
