"""Writes docs/results.md and docs/speed.md from benchmarks/results/*.json: every figure there was printed by a script.

python benchmarks/pages.py
"""

import json
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import speed_page
from speed_page import of, table

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
HEAD = """# What was measured

Written by `benchmarks/pages.py` from `benchmarks/results/*.json`; the script that printed each figure is
named beside it. Machine: {machine}. The quality runs shared the machine with other work, so their times are
upper limits. Where nothing else is said, what was measured before 2026-11-28 was trained with the learning rate falling to zero along a
cosine and noise of 0.2 on pictures, as was the default then; all but the posteriors at one decoder without a warm-up of the KL. Speeds stand in [speed.md](speed.md).
"""


def text(page: str) -> str:
    """A page."""
    head, sections = PAGES[page]
    found = {p.stem: json.loads(p.read_text()) for p in sorted((HERE / "results").glob("*.json"))}
    parts = [section(found) for section in sections]
    machines = sorted({r["machine"] for r in found.values() if "machine" in r})
    return head.format(machine="; ".join(machines)) + "".join(filter(None, parts))


def main() -> None:
    for page in PAGES:
        (DOCS / page).write_text(text(page))
        print(DOCS / page)


def published(found: dict) -> str:
    rows = [row for name, r in found.items() for row in published_row(name, r)]
    head = ["result", "published", "ours", "difference", "setting", "seconds"]
    return (
        f"\n## Published results\n\nNats; lower is better except for log p(x) and ELBO.\n\n{table(head, rows)}"
        + (
            "\nThe schedules of the Burda rows are far shorter than the paper's 3,280 epochs; the stated ones "
            "were run. The goal was to be within 0.3 nat or better; the difference column says where that was "
            "reached.\n"
        )
    )


def published_row(name: str, r: dict) -> list[list[object]]:
    if name == "keras_mnist":
        theirs = r["published training loss"]["loss"]
        rows = [
            [f"keras_mnist.py, training loss, {run}", theirs, v["training"]["loss"],
             f"{v['training']['loss'] - theirs:+.2f}", r["setting"], v["seconds"]]
            for run, v in r["runs"].items() if run.startswith("all")
        ]  # fmt: skip
        return rows + [
            [f"keras_mnist.py, test loss, {run}", "-", v["test"]["loss"], "-", r["setting"], v["seconds"]]
            for run, v in r["runs"].items() if "test" in v
        ]  # fmt: skip
    if name == "dense_vae":
        theirs = r["published test loss"][-1]
        return [["dense_vae.py, test loss", theirs, r["ours"], "", r["setting"], max(r["seconds"])]]
    if name == "altosaar":
        theirs = r["published log p(x)"]
        return [
            ["altosaar.py, log p(x)", texts(theirs), r["ours log p(x), IS-1000"], "", r["setting"], max(r["training seconds"])],
            ["altosaar.py, ELBO", texts(r["published ELBO"]), r["ours ELBO"], "", "the same", ""],
        ]  # fmt: skip
    if name.startswith("burda"):
        theirs, ours = r["published -log p(x)"], r["ours -log p(x), IS-5000"]
        units = f"{r['active units']} (published {r['published active units']})"
        return [
            ["burda.py, -log p(x)", theirs, f"{ours} ± {r['spread over rows']}", f"{ours - theirs:+.2f}",
             r["setting"], r["training seconds"]],
            ["burda.py, active units", "", units, "", "the same", ""],
        ]  # fmt: skip
    if name == "static_vae":
        theirs, ours = r["published -log p(x), IS-200"], r["ours -log p(x), IS-200"]
        row = [
            "static_vae.py, -log p(x)",
            texts(theirs),
            ours,
            f"{ours - min(theirs.values()):+.2f}",
        ]
        return [[*row, r["setting"], r["training seconds"]]]
    return []


def texts(values: dict) -> str:
    return ", ".join(f"{v} ({k})" for k, v in values.items())


def annealing(found: dict) -> str:
    page = ""
    for name, r in found.items():
        if name.startswith("annealing"):
            rows = [[k, v] for k, v in r["ours, mean log p(x)"].items()]
            drawn = r["rows drawn from the model"]
            page += f"\n## Annealing beside the bound\n\n{r['setting']}.\n\n" + table(
                ["estimate", "mean log p(x), nats"], rows
            )
            page += (
                f"\nPublished (Wu et al. 2017, another model): {texts(r['published'])}. On rows drawn from the "
                f"model: lower bound {drawn['lower bound']}, upper bound {drawn['upper bound']}, gap "
                f"{drawn['gap']}. HMC acceptance {r['acceptance']}.\n"
            )  # fmt: skip
    return page


def compression(r: dict) -> str:
    names = [n for n in r if isinstance(r[n], dict)]
    fields = [
        "vaekit, bits/dim", "-ELBO, bits/dim", "blocks that a plain coder made shorter", "over -ELBO, %",
        "with the model's 32-bit weights, bits/dim", "epochs trained", "compress, images/s",
        "decompress, images/s",
    ]  # fmt: skip
    rows = [[f, *(r[n][f] for n in names)] for f in fields]
    others = list(dict.fromkeys(k for n in names for k in r[n]["others, bits/dim"]))
    rows += [[o, *(r[n]["others, bits/dim"].get(o, "-") for n in names)] for o in others]
    known = list(dict.fromkeys(k for n in names for k in r[n]["published, bits/dim"]))
    rows += [
        [f"{o} (published)", *(r[n]["published, bits/dim"].get(o, "-") for n in names)]
        for o in known
    ]
    titles = {"binary": "binary MNIST", "grey": "grey MNIST", "fashion": "Fashion-MNIST"}
    head = ["", *(n.replace(n.split(",")[0], titles[n.split(",")[0]]) for n in names)]
    tail = (
        "\nA column is a dense model or a ladder of latents, of 16 channels unless it says more; that of 32 for grey MNIST was stopped "
        "long before its 22 epochs. Ladders were timed once, beside other work. Where a plain coder made a block shorter, the file holds "
        "that, and the -ELBO says what the model alone would have needed. "
        "Rates, images a second and headers are those of the whole file.\n"
    )
    return (
        f"\n## Compression\n\n`compression/rates.py`: {r['setting']}.\n\n{table(head, rows)}{tail}"
    )


def kodak(r: dict) -> str:
    fast, back = r["MB/s in and out"]
    return (
        f"\n## Photographs\n\n`compression/kodak.py`: {r['setting']}.\n\n"
        + table(["", "bits/dim"], [[k, v] for k, v in r["bits/dim"].items()])
        + f"\nvaekit codes {fast} MB/s and decodes {back} MB/s. A model of separate tiles, "
        "learnt from few photographs, is no match for the best coders made for them; it is here to say where it "
        "stands.\n"
    )


def small(found: dict) -> str:
    page = ""
    if r := found.get("likelihoods"):
        rows = [
            [k, v["bits per number"], f"{v['log p(x), nats']} ± {v['standard error']}"]
            for k, v in r["table"].items()
        ]
        page += "\n## Likelihoods for whole levels\n\n`likelihoods.py`, test rows, 100 samples.\n\n"
        page += table(["", "bits per number", "log p(x), nats"], rows)
    if r := found.get("defaults"):
        rows = [[k, v] for k, v in r["log p(x), nats"].items()]
        page += f"\n## Training defaults\n\n`defaults.py`: {r['data']}, latent {r['latent']}, {r['seeds']} seeds.\n\n"
        page += table(["", "log p(x), nats"], rows)
    return page


def refit_prior(r: dict) -> str:
    """Means over seeds, and their standard deviations."""
    page = f"\n## Another prior after training\n\n`refit_prior.py`: {r['setting']}. {r['machine']}, shared with other work.\n"
    sizes = sorted(
        {name.split(",")[0] for name in r["runs"]}, key=lambda size: int(size.split()[0])
    )
    for size in sizes:
        runs = [run for name, run in r["runs"].items() if name.split(",")[0] == size]
        fields = list(dict.fromkeys(f for row in runs[0].values() for f in row))
        rows = [
            [
                f,
                *(
                    over_seeds([run[prior][f] for run in runs if f in run[prior]])
                    for prior in runs[0]
                ),
            ]
            for f in fields
        ]
        page += f"\n### {size}, {len(runs)} seeds\n\n" + table(["", *runs[0]], rows)
    return page + (
        "\nMeans ± standard deviations over seeds. Distances are comparable along a line only. log p(x) is the "
        "importance-sampled bound under the cross-entropy of grey values, its error that of the mean over "
        "the test rows.\n"
    )


def singlecell(r: dict) -> str:
    """Cells: held-out log p(x), and clusters beside types."""
    page = f"\n## Cells\n\n`singlecell.py`: {r['setting']}. {r['machine']}, shared with other work.\n\n"
    fields = [
        "ari", "log p(x), nats", "its error over cells", "ELBO, nats", "units in use", "processor seconds",
    ]  # fmt: skip
    rows = [
        [name, len(seeds), *(over_seeds([s[f] for s in seeds.values() if f in s]) for f in fields)]
        for name, seeds in r["runs"].items()
    ]
    heads = ["adjusted Rand index", "log p(x), nats per cell", *fields[2:]]
    return (
        page
        + table(["", "seeds", *heads], rows)
        + (
            "\nMeans over seeds, ± standard deviations where there are several. scvi-tools' SCVI (1.4.2), in an environment of its own, is as it "
            "is by default (400 epochs at 0.001) but for 10 latents. log p(x) of it and of count_vae is of cells whose total "
            "is known, that of vae and of a latent total of all of a cell: only alike ones can be compared.\n"
        )
    )


def posteriors(r: dict) -> str:
    """ELBOs of posteriors at one decoder."""
    settings = r["settings"]
    runs = r["entries"]
    near = {
        seed: max(e[seed]["log_likelihood"] for e in runs.values() if seed in e)
        for seed in runs["diagonal"]
    }
    rows = [
        [
            name, len(seeds), over_seeds([s["elbo"] for s in seeds.values()]),
            over_seeds([near[k] - s["elbo"] for k, s in seeds.items()]),
            over_seeds([s["elbo"] - runs["diagonal"][k]["elbo"] for k, s in seeds.items()]),
            over_seeds([s["cpu_seconds"] for s in seeds.values()]),
        ]
        for name, seeds in runs.items()
    ]  # fmt: skip
    heads = ["", "seeds", "ELBO, nats", "below log p(x)", "more than diagonal", "processor seconds"]
    return (
        "\n## Posteriors at one decoder\n\n`posteriors.py`: MNIST cut at 1/2, 784-200-200-16 and back; the decoder of a plain vae, trained for "
        f"{settings['epochs']} epochs, is held as it is, and each q(z|x) is trained to it for as many, even_mixture by `misvae` with a draw of each of its four components, all others with one. ELBO of {settings['rows']:,} test rows; log p(x) is "
        f"the highest bound of the posteriors by {settings['samples']:,} importance samples. {r['machine']}, shared with other work.\n\n"
    ) + table(heads, rows)


def sprites(r: dict) -> str:
    """How far codes keep the factors of sprites apart."""
    figures = {
        "mig": "MIG", "mig_of_draws": "MIG of draws", "dci_disentanglement": "DCI", "sap": "SAP",
        "modularity": "modularity", "factor_vae": "FactorVAE score", "kl": "KL, nats",
        "total_correlation": "total correlation, nats", "cpu_seconds": "processor seconds",
    }  # fmt: skip
    rows = [
        [name, len(seeds), *(over_seeds([s[key] for s in seeds.values()]) for key in figures)]
        for name, seeds in r["entries"].items()
    ]
    return (
        f"\n## Factors of sprites\n\n`sprites.py`: 29,492 sprites to train on, {r['settings']['epochs']} epochs in batches of 64, convolutional networks whose four halvings "
        "have 16, 32, 32 and 32 channels, ten numbers, Adam at 0.002, no warm-up of the KL. `beta_tcvae, falling` is with `--beta 6 --alpha 6 --beta-start 40 --fall 0.8`, falling to 2 with 2, 2, 40 and 0.9, from 60 to 2 (to 1.5) with 2, 2 (1.5, 1.5), 60 and 0.9; "
        "`factor_vae` is with `--gamma 35`, from 60 to 2 with `--gamma 10 --beta 2 --beta-start 60 --fall 0.9`. "
        "Scores of 10,000 sprites. In print, for dSprites, other pictures of the same factors, all 737,280 of which were seen: beta-TCVAE MIG 0.45, "
        f"FactorVAE 0.43, VAE 0.10. {r['machine']}, shared with other work.\n\n"
    ) + table(["", "seeds", *figures.values()], rows)


def gaps(found: dict) -> str:
    """In how many settings of each table vaekit fills gaps best, or second best."""
    figures, rows = {"energy": 1, "rmse": 1, "accuracy": -1}, []
    tables = [
        json.loads(p.read_text()) for p in sorted((HERE / "results" / "imputation").glob("*.json"))
    ]
    for r in tables:
        places = {f: places_of(r["found"].values(), f, sign) for f, sign in figures.items()}
        rows.append([r["table"], r["rows"], *(each_place(p) for p in places.values())])
    most = max(r["seeds"] for r in tables)
    heads = [
        "table",
        "rows",
        "energy distance",
        "error of numbers (RMSE)",
        "categories that are right",
    ]
    return (
        "\n## Gaps filled\n\n`imputation.py`: cells missing by chance, because of others, or because of themselves, 10, 30 and 50 % of them, "
        f"filled by vaekit beside chained forests, chained regressions, nearest neighbours and means; {most} seed. Settings in which vaekit is first + "
        "second, of how many.\n\n"
    ) + table(heads, rows)


def places_of(settings: Iterable[dict], figure: str, sign: int) -> list[int]:
    """In each setting, how many of all methods are as good as vaekit by a figure: 1, it is the best."""
    found = []
    for by_method in settings:
        values = {
            m: [sign * run[figure] for run in runs if run[figure] is not None]
            for m, runs in by_method.items()
        }
        means = {m: statistics.mean(v) for m, v in values.items() if v}
        if "vaekit" in means:
            found.append(sum(v <= means["vaekit"] for v in means.values()))
    return found


def each_place(places: list[int]) -> str:
    return f"{places.count(1)} + {places.count(2)} of {len(places)}" if places else "-"


def over_seeds(values: list[float]) -> str:
    """Mean, and standard deviation over seeds where there are several."""
    if not values:
        return "-"
    mean = statistics.mean(values)
    digits = 3 if abs(mean) < 10 else 2 if abs(mean) < 1000 else 0
    spread = f" ± {statistics.stdev(values):,.{digits}f}" if len(values) > 1 else ""
    return f"{mean:,.{digits}f}{spread}"


SECTIONS = (
    published, annealing, of("compression", compression), of("kodak", kodak), small,
    of("refit_prior", refit_prior), of("posteriors", posteriors), of("sprites", sprites), of("singlecell", singlecell),
    gaps,
)  # fmt: skip
PAGES = {"results.md": (HEAD, SECTIONS), "speed.md": (speed_page.HEAD, speed_page.SECTIONS)}

if __name__ == "__main__":
    main()
