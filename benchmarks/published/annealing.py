"""Annealed importance sampling beside the importance-weighted bound, on one trained model.

Published (Wu et al. 2017, an IWAE on binary MNIST, 10,000 test images): bound with 10,000 samples
-86.90, with 100,000 -86.46; AIS with 1,000 distributions -85.68, with 10,000 -85.62; AIS started at
the encoder -85.75 (100), -85.62 (1,000). So the bound was 0.8 to 1.2 nats pessimistic.

Here: the model that burda.py left in its folder (the same arguments name it).

    VAEKIT_DATA=... python benchmarks/published/annealing.py --samples 5 --epochs 100 [--rows 200]
"""

from burda import job_of, options
from common import parsed, write

from vaekit.evaluation import anneal, log_likelihood, sandwich
from vaekit.training import TrainingState, load_checkpoint


def main() -> None:
    described = options()
    described.set_defaults(samples=5, epochs=100)
    described.add_argument("--rows", type=int, default=200)
    given = parsed(described)
    name, job = job_of(given)
    session = TrainingState(job.built.model, job.built.objective, job.plan, job.steps)
    load_checkpoint(given.folder / name / "checkpoint.safetensors", session)
    model, x = session.averaged, job.rows("test")[: given.rows]
    table = {}
    for samples in (100, 1_000, 10_000, 100_000):
        table[f"bound, {samples:,} samples"] = round(
            log_likelihood(model, x, samples=samples).mean, 3
        )
        print(table, flush=True)
    for start, steps in (("posterior", 100), ("posterior", 1000), ("prior", 1000)):
        found = anneal(model, x, steps=steps, chains=16, start=start)
        table[f"AIS from the {start}, {steps:,} temperatures"] = round(found.mean, 3)
        print(table, flush=True)
    both = sandwich(model, given.rows, steps=1000, chains=16)
    write(f"annealing_{name}", {
        "setting": f"{name}, first {given.rows} test images, 16 chains, HMC with 10 leapfrog steps",
        "published": {"bound 10,000": -86.90, "bound 100,000": -86.46, "AIS 1,000": -85.68, "AIS 10,000": -85.62},
        "ours, mean log p(x)": table,
        "acceptance": round(found.acceptance, 3),
        "rows drawn from the model": {
            "lower bound": round(both.lower.mean, 3),
            "upper bound": round(both.upper_value.mean().item(), 3),
            "gap": round(both.gap, 3),
        },
    })  # fmt: skip


if __name__ == "__main__":
    main()
