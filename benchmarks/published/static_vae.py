"""The plain VAE on static binary MNIST that pythae reproduces: 784-400-40-400-784.

Published -log p(x), importance sampled with 200: 89.9 (Rezende & Mohamed 2015), pythae 89.78.
Settings of pythae's script: Adam 1e-4, batch 100, 500 epochs, rate times 10^-0.2 at epochs 200 and
350; the weights with the best validation loss are kept.

    VAEKIT_DATA=... python benchmarks/published/static_vae.py [--epochs 500]
"""

import argparse
import copy
from pathlib import Path

from common import ROWS, open_source, parsed, prepare, run, write

from vaekit.evaluation import latent_health, log_likelihood
from vaekit.training.validation import validate

MILESTONES = (200, 350)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--epochs", type=int, default=500)
    options.add_argument("--seed", type=int, default=0)
    given = parsed(options)
    job = prepare(
        open_source("binarized_mnist"), network="dense", width=400, depth=1, latent=40, link="exp",
        batch=100, epochs=given.epochs, lr=1e-4, decay="constant", warmup=0.0, clip=0.0, ema=0.0,
        seed=given.seed,
    )  # fmt: skip

    def rate(step: int) -> float:
        epoch = step // job.batches.per_epoch
        return 1e-4 * 10 ** (-0.2 * sum(epoch >= m for m in MILESTONES))

    best, weights, at, seconds = float("inf"), None, 0, 0.0
    held_out = job.rows("validation").split(ROWS)
    for session, means, seconds in run(job, Path("runs/static_vae"), rate=rate):
        loss = validate(session.model, session.objective, held_out, 0, 0)["loss"]
        session.model.train()
        epoch = session.step // job.batches.per_epoch
        if loss < best:
            best, weights, at = loss, copy.deepcopy(session.model.state_dict()), epoch
        if epoch % 10 == 0:
            print(epoch, round(means["loss"], 2), round(loss, 2), f"{seconds:.0f} s", flush=True)
    if weights is None:
        raise SystemExit("nothing was left to train; remove runs/static_vae to start again")
    session.model.load_state_dict(weights)
    x = job.rows("test")
    few, many = (log_likelihood(session.model, x, samples=k) for k in (200, 5000))
    write("static_vae", {
        "setting": f"static MNIST 50,000 / 10,000 / 10,000, 784-400-40, Adam 1e-4, batch 100, {given.epochs} "
        f"epochs, rate x 10^-0.2 at 200 and 350, best validation epoch ({at}), seed {given.seed}",
        "published -log p(x), IS-200": {"Rezende & Mohamed 2015": 89.9, "pythae": 89.78},
        "ours -log p(x), IS-200": round(-few.mean, 3),
        "ours -log p(x), IS-5000": round(-many.mean, 3),
        "spread over rows": round(many.mean_error, 3),
        "active units": int(latent_health(session.model, x).active.sum()),
        "training seconds": round(seconds),
    })  # fmt: skip


if __name__ == "__main__":
    main()
