"""What another p(z), fitted after training, does for samples and for log p(x): MNIST, a dense VAE.

VAEKIT_DATA=FOLDER python benchmarks/refit_prior.py --threads 1 [--latents 2] [--seeds 0]

What was run before by the same settings, of other sizes or seeds, is kept.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "published"))

from common import RESULTS, parsed, write

import vaekit
from vaekit.data.on_disk import in_memory
from vaekit.data.readers.arrays import to_array
from vaekit.evaluation.samples import quality
from vaekit.runs.judge import TRAINED_ON, feature_space
from vaekit.runs.refit import refit

EPOCHS = 3
PASSES = {  # of 100 updates
    "mixture": 5, "vamp": 3, "flow": 3, "maf": 3, "realnvp": 3, "lars": 3, "flow_matching": 10,
    "second_stage": 10, "manifold": 0,
}  # fmt: skip
COMPONENTS = {"mixture": 50, "vamp": 100, "manifold": 300}
SAMPLES, ROWS, PARTICLES = 5_000, 1_000, 500
KEPT = RESULTS / "refit_prior.json"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--latents", type=int, nargs="+", default=[2, 16])
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parsed(options)
    source = vaekit.open_source("mnist")
    real = to_array(in_memory(source.some("test", SAMPLES).values))
    learned_on = source.some("train", TRAINED_ON)
    spaces = {name: feature_space(name, learned_on) for name in ("pca", "classifier")}
    seen = {name: (space, space(real)) for name, space in spaces.items()}
    for latent in given.latents:
        for seed in given.seeds:
            keep(f"{latent} latents, seed {seed}", one(latent, seed, source, seen))


def keep(name: str, run: dict) -> None:
    """Add a run to those of the same settings."""
    before = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    runs = before["runs"] if before.get("setting") == setting() else {}
    write("refit_prior", {"setting": setting(), "runs": dict(sorted((runs | {name: run}).items()))})


def one(latent: int, seed: int, source: object, seen: dict) -> dict:
    """The figures of one model before and after each refit."""
    began = time.monotonic()
    model = vaekit.fit(source, "dense_vae", latent=latent, epochs=EPOCHS, seed=seed)
    print(latent, seed, "trained", round(time.monotonic() - began, 1), flush=True)
    found = {"as trained": figures(model, seen)}
    for prior, epochs in PASSES.items():
        began = time.process_time()
        made = refit(model, prior, components=COMPONENTS.get(prior, 0), epochs=epochs, seed=seed)
        seconds = time.process_time() - began
        gain = {
            "gain of the ELBO, nats": made.gains["test"].nats,
            "processor seconds to fit": seconds,
        }
        found[prior] = figures(made.trained, seen) | gain
        print(latent, seed, prior, round(seconds, 1), flush=True)
    return found


def figures(model: vaekit.Trained, seen: dict) -> dict[str, float]:
    """Distances of means of p(x|z) from test rows, and log p(x)."""
    made = model.sample(SAMPLES, seed=0, mean=True)
    found = {}
    for name, (space, real) in seen.items():
        q = quality(real, space(made), name)
        found |= {f"{name}, {f}": getattr(q, f) for f in ("frechet", "density", "coverage")}
    scores = model.evaluate(model.source.some("test", ROWS), split="all", samples=PARTICLES)
    return found | {
        "ELBO, nats": scores.elbo,
        "log p(x), nats": scores.log_likelihood,
        "its error over rows": scores.density.log_likelihood_error,
    }


def setting() -> str:
    """What was done, in words."""
    fitted = "; ".join(
        f"{name}{f' of {COMPONENTS[name]}' if name in COMPONENTS else ''} in "
        f"{f'{100 * epochs:,}' if epochs else 'no'} updates"
        for name, epochs in PASSES.items()
    )
    return (
        f"grey MNIST, 50,000 / 10,000 / 10,000 rows, Bernoulli cross-entropy, dense_vae, {EPOCHS} epochs; "
        f"codes of 50,000 training rows in batches of 500: {fitted}; {SAMPLES:,} means of p(x|z) beside as "
        f"many test rows; log p(x) of {ROWS:,} test rows by {PARTICLES} importance samples"
    )


if __name__ == "__main__":
    main()
