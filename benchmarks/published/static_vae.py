"""The plain VAE on static binary MNIST that pythae reproduces: 784-400-40-400-784.

Published -log p(x), importance sampled with 200: 89.9 (Rezende & Mohamed 2015), pythae 89.78.
Settings of pythae's script: Adam 1e-4, batch 100, 500 epochs, rate times 10^-0.2 at epochs 200 and
350; the weights with the best validation loss are kept. Training ends early once --patience epochs
in a row have brought none better.

    VAEKIT_DATA=... python benchmarks/published/static_vae.py [--epochs 500] [--patience 60]
"""

import argparse
import json
from pathlib import Path

from common import ROWS, open_source, parsed, prepare, run, write
from safetensors.torch import load_file, save_file

from vaekit.evaluation import latent_health, log_likelihood
from vaekit.training.validation import validate

MILESTONES = (200, 350)
FOLDER = Path("runs/static_vae")
WEIGHTS, BEST = FOLDER / "best.safetensors", FOLDER / "best.json"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--epochs", type=int, default=500)
    options.add_argument("--patience", type=int, default=60)
    options.add_argument("--seed", type=int, default=0)
    given = parsed(options)
    job = prepare(
        open_source("binarized_mnist"), network="dense", width=400, depth=1, latent=40, link="exp",
        batch=100, epochs=given.epochs, lr=1e-4, decay="constant", warmup=0.0, clip=0.0, ema=0.0,
        seed=given.seed,
    )  # fmt: skip
    best = trained(job, given.patience)
    model, x = job.built.model, job.rows("test")
    model.load_state_dict(load_file(WEIGHTS))
    few, many = (log_likelihood(model, x, samples=k) for k in (200, 5000))
    write("static_vae", {
        "setting": f"static MNIST 50,000 / 10,000 / 10,000, 784-400-40, Adam 1e-4, batch 100, at most {given.epochs} "
        f"epochs, rate x 10^-0.2 at 200 and 350, best validation epoch ({best['epoch']}; it would have "
        f"ended after {given.patience} without a better one), {job.plan.precision}, seed {given.seed}",
        "published -log p(x), IS-200": {"Rezende & Mohamed 2015": 89.9, "pythae": 89.78},
        "ours -log p(x), IS-200": round(-few.mean, 3),
        "ours -log p(x), IS-5000": round(-many.mean, 3),
        "spread over rows": round(many.mean_error, 3),
        "active units": int(latent_health(model, x).active.sum()),
        "training seconds": best["seconds"],
    })  # fmt: skip


def trained(job, patience: int) -> dict:
    """Train, keeping the best weights on disk; when they came and how good they are."""

    def rate(step: int) -> float:
        epoch = step // job.batches.per_epoch
        return 1e-4 * 10 ** (-0.2 * sum(epoch >= m for m in MILESTONES))

    best = json.loads(BEST.read_text()) if BEST.exists() else {"loss": float("inf"), "epoch": 0}
    held_out = job.rows("validation").split(ROWS)
    for session, means, seconds in run(job, FOLDER, rate=rate):
        loss = validate(session.model, session.objective, held_out, 0, 0)["loss"]
        session.model.train()
        epoch = session.step // job.batches.per_epoch
        if loss < best["loss"]:
            FOLDER.mkdir(parents=True, exist_ok=True)
            save_file(session.model.state_dict(), WEIGHTS)
            best = {"loss": loss, "epoch": epoch, "seconds": round(seconds)}
            BEST.write_text(json.dumps(best))
        if epoch % 10 == 0:
            print(epoch, round(means["loss"], 2), round(loss, 2), f"{seconds:.0f} s", flush=True)
        if epoch - best["epoch"] >= patience:
            break
    return best


if __name__ == "__main__":
    main()
