"""The sections of docs/speed.md; pages.py writes it."""

from __future__ import annotations

from collections.abc import Callable

HEAD = """# Speed and scale

Written by `benchmarks/pages.py` from `benchmarks/results/*.json`; the script that printed each figure is
named beside it. Machine: {machine}. Speeds were measured with nothing else running; quality, memory and
growth beside other work.
"""


def table(head: list[str], rows: list[list[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def of(name: str, write: Callable[[dict], str]) -> Callable[[dict], str]:
    """A section on the result of one script; nothing where that has not been run."""
    return lambda found: write(found[name]) if name in found else ""


def training(r: dict) -> str:
    names = {"conv": "the founding MNIST model (69,076 + 65,089 parameters)", "dense": "784-400-20"}
    page = f"\n## Beside peers\n\n`speed/training.py`: {r['setting']}. Ceilings: "
    page += ", ".join(f"{k} {v}" for k, v in r["ceilings"].items()) + ".\n"
    fp32, bf16 = (r["ceilings"][f"matrix product {kind}, GFLOP/s"] for kind in ("fp32", "bf16"))
    ratio = bf16 / fp32
    for network, title in names.items():
        page += f"\n### {title}\n\n"
        head = ["", "training, rows a second", "of the ceiling", "encoding", "sampling", "peak MB",
                "ready after s"]  # fmt: skip
        jobs = ("training", "encoding", "sampling")
        rows = [
            [name, cell(r[network]["training"][name]), share(r[network]["training"][name]),
             *(cell(r[network][job][name]) for job in jobs[1:]), r[network]["peak MB"][name],
             r[network]["seconds to the first results"][name]]
            for name in r[network]["training"]
        ]  # fmt: skip
        page += table(head, rows)
    return (
        page
        + in_float32(r, names)
        + (
            "\nIn brackets: how many times faster vaekit is. Of the ceiling: the network's products a second "
            "as a share of the machine's best matrix product, in bfloat16 for vaekit and in float32 for the "
            "others. The goals on processors were three times Keras and four times pythae where the "
            "processor multiplies bfloat16 matrices in tiles (AMX), and at least the fastest peer in float32 "
            f"where not. This machine has no AMX; its bfloat16 product is {ratio:.1f} times its float32 one.\n"
        )
    )


def in_float32(r: dict, names: dict) -> str:
    """vaekit without bfloat16 beside the fastest peer, training."""
    page = "\nIn float32 alone, training, rows a second:"
    for network in names:
        rates = {k: v["rows a second"] for k, v in r[network]["training"].items()}
        own = rates.get("vaekit, fp32", rates["vaekit"])
        best, rate = max(
            ((k, v) for k, v in rates.items() if not k.startswith("vaekit")), key=lambda p: p[1]
        )
        page += f" {network} {own:,} against {rate:,} ({best});"
    return page.removesuffix(";") + ".\n"


def share(entry: dict) -> str:
    """Of the machine's best product, in percent."""
    return next((f"{v:g} %" for k, v in entry.items() if k.startswith("share of the product")), "")


def cell(entry: dict) -> str:
    """Rows a second, and how many times faster vaekit is."""
    return f"{entry['rows a second']:,} ({entry['vaekit is faster by']})"


def elbo(r: dict) -> str:
    rows = []
    for name, found in r["peers"].items():
        met = [found["seconds and epochs to"].get(str(goal)) for goal in r["goals, nats"]]
        rows.append([name, *(f"{m[0]} ({m[1]})" if m else "not reached" for m in met)])
    head = ["", *(f"{goal:g} nats" for goal in r["goals, nats"])]
    return (
        f"\n## Seconds to a test ELBO\n\n`speed/elbo.py`: {r['setting']}. Seconds of training (and epochs) until "
        f"the test loss, minus the ELBO, was at most\n\n{table(head, rows)}"
    )


def likelihood(r: dict) -> str:
    rows = [
        [k, v["vaekit, ms a row"], v["pythae, ms a row"], v["ratio"], " to ".join(map(str, v["ratios from to"]))]
        for k, v in r.items() if k.startswith("pythae batch")
    ]  # fmt: skip
    head = ["", "vaekit, ms a row", "pythae, ms a row", "ratio, median", "from to"]
    return (
        f"\n## log p(x) beside pythae's `get_nll`\n\n`speed/nll.py`: {r['setting']}; the same weights and rows.\n\n"
        f"{table(head, rows)}\nBoth decode as many codes; pythae also encodes each row once a sample. In fp32 the "
        "decoder's matrix product alone sets a limit that ours is near, so ten times is out of reach here.\n"
    )


def layers(r: dict) -> str:
    rows = [[name, *values.values()] for name, values in r["layers"].items()]
    head = ["", *next(iter(r["layers"].values()))]
    return (
        f"\n## Layers\n\n`speed/layers.py`: {r['setting']}, forward and back; images are channels-last, 128 of "
        f"them. [Why](decisions/0011-speed.md).\n\n{table(head, rows)}"
    )


def compiled(r: dict) -> str:
    rows = [[name, *values.values()] for name, values in r["networks"].items()]
    head = ["", *next(iter(r["networks"].values()))]
    return (
        f"\n## torch.compile\n\n`speed/compiled.py`: {r['setting']}.\n\n{table(head, rows)}\n"
        "It is not used: see [the decision](decisions/0011-speed.md).\n"
    )


def precision(found: dict) -> str:
    rows = [
        [r["setting"], r["test ELBO, fp32"], r["test ELBO, bf16"], r["bf16 - fp32, mean"],
         ", ".join(map(str, r["bf16 - fp32, by seed"]))]
        for name, r in found.items() if name.startswith("precision_")
    ]  # fmt: skip
    head = ["", "ELBO, fp32", "ELBO, bf16", "difference", "by seed"]
    text = "\n## bfloat16\n\n`speed/precision.py`; nats, the ELBO itself computed in float32.\n\n"
    tail = "\nWhere the differences by seed spread far beyond 0.1 nat, the training was too short to tell.\n"
    return text + table(head, rows) + tail if rows else ""


def quality(r: dict) -> str:
    marks = (1, 2, 5, 10, 20, 30)
    rows = [
        [name, *(losses[m - 1] if m <= len(losses) else "-" for m in marks)]
        for name, losses in r["training loss by epoch"].items()
    ]
    averaged = ", ".join(map(str, r["ours, averaged weights over all images at the end"]))
    ours = [
        losses[-1]
        for name, losses in r["training loss by epoch"].items()
        if name.startswith("vaekit")
    ]
    mean = sum(ours) / len(ours)
    return (
        f"\n## Time to quality\n\n`speed/quality.py`: {r['setting']}. Training loss after so many epochs:\n\n"
        f"{table(['', *map(str, marks)], rows)}\nThe tutorial prints {r['published loss after 30 epochs']} "
        f"after 30 epochs; ours end at {mean:.2f} on average, and their averaged weights at {averaged} over all "
        "images.\n\n"
        "![Loss against epochs](pictures/quality.png)\n"
    )


def memory(r: dict) -> str:
    head = ["data", *next(iter(r["peak"].values()))]
    rows = [[name, *values.values()] for name, values in r["peak"].items()]
    return (
        f"\n## Memory as data grows\n\n`speed/memory.py`: {r['setting']}. The process's own memory, MB "
        f"(pages of the file that the system caches are not counted).\n\n{table(head, rows)}"
    )


def growth(r: dict) -> str:
    rows = [
        [name, " ".join(map(str, v["sizes"])), " ".join(map(str, v["milliseconds"])), v["exponent"], v["why"]]
        for name, v in r["cost"].items()
    ]  # fmt: skip
    head = ["cost against", "sizes", "milliseconds", "exponent", "where above 1"]
    return f"\n## Growth\n\n`speed/growth.py`: {r['setting']}.\n\n{table(head, rows)}"


def seeding(r: dict) -> str:
    rows = [[k, v] for k, v in r["microseconds a call, median of 7"].items()]
    return f"\n## Seeding a step\n\n`seeding.py`.\n\n{table(['', 'microseconds'], rows)}"


def scale(r: dict) -> str:
    rows = [[k, v] for k, v in r["figures"].items()]
    return (
        f"\n## The arithmetic of a billion images\n\n`speed/scale.py`: {r['setting']}. Computed, not "
        f"measured; [scale.md](scale.md) says what follows from it.\n\n{table(['', ''], rows)}"
    )


def explorer(r: dict) -> str:
    where = (
        "in the browser" if r["seconds until the browser decodes by itself"] else "by the server"
    )
    return (
        f"\n## The explorer's page\n\n`explore.py`: Chromium without a graphics card, a decoder of pictures of 8 x 8 that runs "
        f"{where}. {shown(r)}"
    )


def explorer_of_many(r: dict) -> str:
    return f"\nAnd {shown(r)}"


def shown(r: dict) -> str:
    """How fast the page is with some number of rows."""
    moves, anew = r["move to pixels, ms"], r["all points drawn anew, ms"]
    rows: list[list[object]] = [
        ["from a move of the pointer to decoded pixels, ms", moves["median"], moves["p95"]]
    ]
    for name, found in r.items():
        if name.startswith("panning"):
            frames = found["frames a second"]
            rows += [
                [f"{name}: a frame, ms ({frames} a second)", *found["frame, ms"].values()],
                [
                    f"{name}: of it the page's own work, ms",
                    *found["of it the page's own work, ms"].values(),
                ],
            ]
    rows += [["all points drawn anew, once the map rests, ms", anew, ""]]
    return (
        f"{r['setting']}, on {r['machine']}, beside other work (load {r['load']}): "
        f"{moves['decoded']} of {moves['of moves']} moves were decoded.\n\n"
        + table(["", "median", "95 %"], rows)
    )


SECTIONS = (
    of("speed_training", training),
    of("speed_elbo", elbo),
    of("speed_nll", likelihood),
    of("speed_layers", layers),
    of("speed_compiled", compiled),
    precision,
    of("quality", quality),
    of("memory", memory),
    of("growth", growth),
    of("scale", scale),
    of("seeding", seeding),
    of("explorer", explorer),
    of("explorer_1000000", explorer_of_many),
)
