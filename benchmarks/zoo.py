"""Each named variant beside the plain model: the same network, data and budget, and what the variant is for.

    python benchmarks/zoo.py [--only vae wae_gan] [--seeds 3] [--epochs 10] [--pythae .venv-pythae/bin/python]
    python benchmarks/zoo.py --page

MNIST, cut at 1/2 (but for two entries on grey pictures), 784-200-200-16 and back, batches of 128, Adam at 2e-3 (of ours weights are averaged, as by default). Measured on test rows: ELBO and log p(x) of 1,000 (100
importance samples), squared error, latent units in use, total correlation of the codes (at most: 1,000 rows show no more than
7 nats of information), their discrepancy from the prior, and the Frechet
distance of 2,000 samples from 2,000 test rows in the last hidden layer of a classifier trained on the labels ("classifier"
of `vaekit quality`). Results go to benchmarks/results/zoo.json run by run, so that what is stopped goes on; --page writes
docs/zoo.md from them. With --pythae the same network is trained by pythae where it has the variant, with the same options
as far as they exist there and in its own environment; its weights are put into our model, which must then have pythae's codes,
posteriors and rebuilt rows, and are measured by the same code.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent / "published"))
from common import DENSE, begun, each_run
from zoo_entries import ENTRIES, KNOWN, LOSSES, PEERS, Entry, Peer
from zoo_put import check, put

import vaekit
from vaekit.data import open_source
from vaekit.distributions import no_way
from vaekit.models.trace import trace
from vaekit.objectives.discrepancies import mmd
from vaekit.recipes import RECIPES, options
from vaekit.runs.judge import judge_samples
from vaekit.system.seeding import seeded

ROOT = Path(__file__).resolve().parent
RESULTS, PAGE = ROOT / "results" / "zoo.json", ROOT.parent / "docs" / "zoo.md"
ROWS, SAMPLES, MADE, KEPT = 1000, 100, 2000, 5000
RATE = 2e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=ENTRIES, default=[*ENTRIES])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--pythae", metavar="PYTHON", help="of an environment that has it")
    parser.add_argument("--page", action="store_true", help="write docs/zoo.md and end")
    said = parser.parse_args()
    if said.page:
        PAGE.write_text(page(json.loads(RESULTS.read_text())))
        return
    settings = {"epochs": said.epochs, "rows": ROWS, "samples": SAMPLES, "made": MADE}
    found = begun(RESULTS, settings, parser.error)

    def own(name: str, seed: int) -> dict[str, float]:
        return measured(ENTRIES[name], seed, said.epochs)

    def peer(name: str, seed: int) -> dict[str, float]:
        return measured_peer(PEERS[name], ENTRIES[name], seed, said)

    if said.pythae:
        names = [name for name in said.only if name in PEERS]
        each_run(RESULTS, found, names, said.seeds, peer, "pythae")
    else:
        each_run(RESULTS, found, said.only, said.seeds, own)
    if found["entries"]:
        PAGE.write_text(page(found))


def measured(entry: Entry, seed: int, epochs: int) -> dict[str, float]:
    """Train one and measure it."""
    recipe = RECIPES[entry.recipe]
    asked = {
        n: v
        for n, v in {**DENSE, **entry.how}.items()
        if n in (*options(recipe), "given", "binarize")
    }
    own = {"given": asked.pop("given")} if "given" in asked else {}
    binarize = asked.pop("binarize", "threshold")
    began, at = time.perf_counter(), time.process_time()
    model = vaekit.fit(
        open_source("mnist", **own), entry.recipe, binarize=binarize, epochs=epochs, seed=seed,
        quiet=True, lr=RATE, **asked,
    )  # fmt: skip
    trained = time.process_time() - at
    told = told_of(model, entry.prior, seed, pictures=binarize != "none")
    return {**told, "cpu_seconds": trained, "seconds": time.perf_counter() - began}


def measured_peer(
    peer: Peer, entry: Entry, seed: int, said: argparse.Namespace
) -> dict[str, float]:
    """Train one of pythae's, and measure its weights in our model."""
    source = open_source("mnist")
    few = source.some("all", 1000, 0)
    known = options(RECIPES[peer.recipe])
    how = {**DENSE, "link": "exp", **entry.how, **peer.ours}
    model = vaekit.fit(
        few, peer.recipe, binarize="threshold", epochs=1, quiet=True, noise=0.0,
        **{n: v for n, v in how.items() if n in known},
    )  # fmt: skip
    train = source.part("train").values.numpy()
    with tempfile.TemporaryDirectory() as folder:
        rows, weights = Path(folder) / "rows.npy", Path(folder) / "weights.npz"
        np.save(rows, (train.reshape(len(train), -1) > 127).astype(np.uint8))
        worker = [said.pythae, ROOT / "zoo_pythae.py", rows, peer.model, json.dumps(peer.options)]
        command = [*map(str, worker), str(seed), str(said.epochs), str(RATE), str(weights)]
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        seconds = time.perf_counter() - began
        found = dict(np.load(weights))
        peer.change(model.model)
        put(model.model, found)
        check(model.model, found)
    told = told_of(replace(model, source=source), peer.prior, seed)
    return {**told, "seconds": seconds}


def told_of(model: Any, prior: str | None, seed: int, *, pictures: bool = True) -> dict[str, float]:
    """The figures of a trained model."""
    if prior is not None:
        model = model.refit_prior(prior, seed=seed)
    test = model.source.part("test")
    told = model.evaluate(test.some("all", ROWS, 0), samples=SAMPLES, seed=seed).to_dict()
    figures = {k: v for k, v in told.items() if k in KNOWN and v is not None}
    figures["units"] = told["latent_units"]
    if "elbo" in figures:
        figures["gap"] = figures["log_likelihood"] - figures["elbo"]
    codes = np.concatenate([*model.codes(test.some("all", KEPT, 0))])
    figures["covariance"] = off_diagonal(codes)
    with torch.no_grad(), seeded(seed, "zoo"):
        t = trace(model.model, model.rows(test.some("all", KEPT, 0), "all")[:])
    if all(no_way(latent.prior) is None for latent in t.latents.values()):
        figures["discrepancy"] = 1e3 * float(mmd()(t))
    if told.get("labels_wrong") is not None:
        figures["accuracy"] = 1 - told["labels_wrong"]
    if pictures:  # of grey pictures the noise of p(x|z) is all that there is to tell
        figures["frechet"] = judge_samples(model, "classifier", rows=MADE, seed=seed).frechet
    return {k: float(v) for k, v in figures.items()}


def off_diagonal(codes: np.ndarray) -> float:
    """The mean size of covariances between dimensions."""
    covariance = np.atleast_2d(np.cov(codes, rowvar=False))
    count = len(covariance)
    apart = np.abs(covariance - np.diag(np.diag(covariance))).sum()
    return float(apart / max(count * (count - 1), 1))


# ---- the page

COLUMNS: dict[str, str] = {
    "elbo": "ELBO",
    "log_likelihood": "log p(x)",
    "active_units": "units in use",
    "mean_squared_error": "squared error",
    "frechet": "Frechet distance",
}
DIGITS = {"elbo": 1, "log_likelihood": 1, "active_units": 0, "mean_squared_error": 4, "frechet": 1}


def page(found: dict[str, Any]) -> str:
    """The table as Markdown."""
    settings, entries = found["settings"], found["entries"]
    counts = sorted({len(runs) for runs in entries.values()})
    over = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    several = f"{over} seeds: mean ± standard deviation where there are several"
    many = several if counts[-1] > 1 else "one seed"
    lines = [
        "# The variants beside each other",
        "",
        f"Written by `benchmarks/zoo.py` ({found['machine']}). MNIST cut at 1/2 (grey where that is said), dense networks 784-200-200-16 and",
        f"back, {settings['epochs']} epochs in batches of 128 at a learning rate of {RATE:g}, {many}. ELBO and log p(x)",
        f"in nats per row, of {settings['rows']:,} test rows with {settings['samples']} importance samples each; squared error per pixel; Frechet distance of",
        f"{settings['made']:,} samples from as many test rows in the last hidden layer of a classifier (see [evaluation](evaluation.md)): training rows have about 4.",
        "The budget is small, so that each variant can be run on a laptop: figures say how variants differ, not how good each can get.",
        "",
        f"| variant | {' | '.join(COLUMNS.values())} | what it is for | with it | without |",
        f"|{'---|' * (len(COLUMNS) + 4)}",
    ]
    lines += [line(name, entries) for name in ENTRIES if name in entries]
    lines += [
        "",
        *peers(found),
        *faults(ROOT / "results" / "zoo_pythae_faults.json"),
        "",
        "“Without” is the plain `vae`, or the model named behind the figure. log p(x) - ELBO is of each posterior at a decoder of its own,",
        "which learns to suit it; [at one decoder](results.md#posteriors-at-one-decoder) they can be compared.",
        "",
    ]
    return "\n".join(lines)


def peers(found: dict[str, Any]) -> list[str]:
    """pythae's beside ours."""
    theirs = found.get("pythae", {})
    if not theirs:
        return []
    lines = [
        "## Beside pythae",
        "",
        "The same network, data and epochs, trained by pythae 0.1.2 with Adam at the same rate and its own trainers, options as named in",
        "`benchmarks/zoo.py`; its weights put into our model and measured by the same code. ours / pythae:",
        "",
        f"| variant | {' | '.join(COLUMNS.values())} | what it is for | ours | pythae |",
        f"|{'---|' * (len(COLUMNS) + 4)}",
    ]
    for name, runs in theirs.items():
        entry, ours = ENTRIES[name], found["entries"].get(name, {})
        both = [[spread(each, key, DIGITS[key]) for each in (ours, runs)] for key in COLUMNS]
        cells = [" / ".join(pair) for pair in both]
        digits = digits_of(entry.figure)
        figure = [spread(each, entry.figure, digits) for each in (ours, runs)]
        lines.append(f"| `{name}` | {' | '.join([*cells, KNOWN[entry.figure], *figure])} |")
    lines += [
        "",
        "`hvae` and `rhvae` move draws in training alone: they are measured by the posteriors of their encoders. Steps of `VAE_LinNF` and `VAE_IAF` are",
        "the same for all rows, as pythae has them (ours hear what the encoder says of each). Where planar steps fold, q(z|x) is the density of all that",
        "comes to a place, with the true determinant.",
        *losses(found["entries"], theirs),
    ]
    return lines


def losses(own: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """What variants minimise whose codes pay for more than the ELBO: a code that tells less pays less for it."""
    names = [name for name in LOSSES if name in own and name in theirs]
    if not names:
        return []
    lines = [
        "",
        "Where codes pay for more than the ELBO, one that tells less pays less, whatever it costs elsewhere: how good a training was says what it minimises,",
        "of test rows and by the figures above, less being better. Total correlations are those of mixtures of 1,000 rows, at most what is said.",
        "",
        "| variant | what it minimises | ours | pythae |",
        "|---|---|---|---|",
    ]
    for name in names:
        formula, of = LOSSES[name]
        both = ({s: {"loss": of(run)} for s, run in runs[name].items()} for runs in (own, theirs))
        cells = " | ".join(spread(runs, "loss", 1) for runs in both)
        lines.append(f"| `{name}` | {formula} | {cells} |")
    return lines


def faults(path: Path) -> list[str]:
    """What pythae's objectives compute, as `zoo_pythae_faults.py` found; nothing without its results."""
    if not path.exists():
        return []
    r = json.loads(path.read_text())
    iwae, miwae, capacity, folds = (r[name] for name in ("iwae", "miwae", "capacity", "folds"))
    own, first, whole = r["own weights"]
    unmoved, share, size = r["unmoved"]
    return [
        "",
        "### What differs there",
        "",
        f"Measured by `benchmarks/zoo_pythae_faults.py` on small networks, pythae {r['pythae']}'s own functions beside the formula on the same draws:",
        "",
        f"- `IWAE` (and `CIWAE`, `MIWAE`): the loss that is logged, and by which the best epoch is kept, is a weighted mean of the log weights, not the bound: {iwae[0]:.2f} nats where -log mean w is {iwae[1]:.2f}. It is below the loss that it stands for; gradients are right.",
        f"- `MIWAE`, `PIWAE`: the two numbers of samples are exchanged: one group of 64 draws gives {miwae[0]:.2f} nats, which is the plain ELBO ({miwae[2]:.2f}); the bound of 64 draws is {miwae[1]:.2f}. With 4 groups of 4, as above, it cannot be seen.",
        f"- `BetaTCVAE` with `use_mss`: the stratified weights of a draw lie beside its own row: its own has {own:.3f} (1 / 1,000 is meant), the batch's first {first:.3f}, and a row's weights sum to up to {whole:.2f}.",
        f"- `FactorVAE`: the critic's loss is not kept from the encoder, and is added to its gradients: {100 * r['critic']:.1f} % of them in this example, against what they are to do.",
        f"- `RAE_L2` and whatever else the coupled trainer trains: the encoder's gradient is added up twice ({r['doubled']:.2f} times); in `PIWAE`, by its code, it is the sum of both bounds' gradients.",
        f"- `VAEGAN`: the discriminator's loss is added to the decoder's gradients, with weight {r['adversary'][0]:.1f} where {r['adversary'][1]:.1f} is meant: the decoder helps the discriminator to tell draws from rows.",
        f"- `DisentangledBetaVAE`: every row's KL is held to the capacity, not their mean: rows whose mean KL is at it pay {capacity[0]:.2f} nats times beta ({capacity[1]:.0f} is meant).",
        f"- `INFOVAE_MMD`, `WAE_MMD`: a last batch of one row has the loss {r['one row']}, and training ends.",
        f"- `VAE_LinNF` with planar steps: nothing keeps w · u above -1, below which a step folds space ({100 * folds[4]:.0f} % of new steps of 16 numbers), and a draw is given the density of its own way alone, not of all that come to its place. The ELBO is then no bound, and `get_nll` counts places several times: log p(x) of {folds[0]:.2f} nats where draws from the prior give {folds[1]:.2f} (one step, w · u = -2; {folds[2]:.2f} and {folds[3]:.2f} at 0.5, where nothing folds).",
        f"- `RHVAE`: the density of the momentum that was drawn is not taken off, and in training momenta are drawn with the covariance of its network's M, not of the metric G: draws that no leap moves have a loss of {unmoved:.1f} nats beside the plain one (0 is meant), which is {share:.2f} times as large as the rest in the encoder's gradient; rho G^-1 rho is {size:.1f} a number (1 is meant).",
        "- Read in its code, not measured: `RHVAE` takes beta_0 for its own root, and the metric of the old place for the second half of a leap's move, by which volumes are not kept; `HVAE` draws with a standard deviation of softplus(r) and takes r / 2 for its logarithm, moves codes by the momentum from before the half step, and drops the tempering; `MSSSIM_VAE` weighs a similarity of at most 1 a picture against a KL in nats, which leaves nothing of the codes.",
        "",
        "Where its codes have less total correlation, lie nearer to the prior or give a shorter Frechet distance than ours, its ELBO is lower too, or its squared error, where there is none, larger: codes that tell less are easier to keep apart, and to draw.",
        "Beside objectives, trainings differ by default: pythae's rate is constant and its last or best weights are kept; ours has a warm-up of the KL and averages weights. Figures are of both together. `AE`, `WAE_MMD`, `RAE_L2`, `RAE_GP` and `VQVAE` are trained there by the squared error, which is all that they know.",
    ]


def digits_of(figure: str) -> int:
    """Of a figure that a variant is for."""
    return DIGITS.get(figure, 3 if figure in ("covariance", "accuracy") else 2)


def line(name: str, entries: dict[str, Any]) -> str:
    """One variant."""
    entry, runs = ENTRIES[name], entries[name]
    cells = [spread(runs, key, DIGITS[key]) for key in COLUMNS]
    if name == entry.beside:
        return f"| `{name}` | {' | '.join(cells)} | | | |"
    digits = digits_of(entry.figure)
    wanted = {"less": "less", "more": "more"}.get(
        str(entry.better), f"at {entry.better:g}" if isinstance(entry.better, float) else ""
    )
    other = entries.get(entry.beside, {})
    beside = spread(other, entry.figure, digits) + (
        "" if entry.beside in ("", "vae") else f" (`{entry.beside}`)"
    )
    what = f"{KNOWN[entry.figure]}: {wanted}"
    own = spread(runs, entry.figure, digits)
    return f"| `{name}` | {' | '.join(cells)} | {what} | {own} | {beside} |"


def spread(runs: dict[str, Any], key: str, digits: int) -> str:
    """Mean and standard deviation of a figure over seeds."""
    values = [run[key] for run in runs.values() if run.get(key) is not None]
    if not values:
        return "–"
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
