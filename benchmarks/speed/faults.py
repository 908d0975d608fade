"""Memory that commands take from the system again and again: processor time, page faults and peak
memory, with freed memory kept (as vaekit's command line has it) and as glibc has it by default.

The two are measured in turn, and medians are shown. Other programs on the same machine change the
processor time a little and the number of faults not at all.

python benchmarks/speed/faults.py --rounds 3
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "published"))

from common import RESULTS, machine, write

WAYS = {
    "glibc's default": {"MALLOC_TOP_PAD_": "131072"},  # its own value: vaekit then leaves all alone
    "kept": {},
}
COMMANDS = {
    "evaluate, 1,000 samples, 20 rows": "evaluate {run} --samples 1000 --limit 20 --json",
    "report": "report {run} -o {out}/{n}.html",
    "train, 2 epochs, scores": "train {data} --recipe keras_mnist --epochs 2 --no-report -o {out}/{n}",
}


def pictures(rows: int = 2_000) -> np.ndarray:
    """Bright discs on black, 28 x 28."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:28, :28]
    middle, size = rng.uniform(8, 20, (2, rows, 1, 1)), rng.uniform(2, 7, (rows, 1, 1))
    far = np.hypot(y - middle[0], x - middle[1])
    return (255 / (1 + np.exp(2 * (far - size)))).astype(np.uint8)


def run(arguments: list[str], environment: dict[str, str]) -> dict[str, float]:
    """What a command takes: seconds of processor, faults, MiB at its peak."""
    rest = {n: v for n, v in os.environ.items() if not n.startswith(("MALLOC_", "GLIBC_"))}
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "vaekit", *arguments],
        rest | environment,
        file_actions=[(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_WRONLY, 0) for n in (1, 2)],
    )
    _, status, used = os.wait4(child, 0)
    assert status == 0, arguments
    return {
        "user s": used.ru_utime, "system s": used.ru_stime,
        "million faults": used.ru_minflt / 1e6, "peak MiB": used.ru_maxrss / 1024,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    found = {command: {way: [] for way in WAYS} for command in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        data, model = f"{folder}/discs.npy", f"{folder}/run"
        np.save(data, pictures())
        run(f"train {data} --recipe keras_mnist --epochs 1 --no-report -o {model}".split(), {})
        for n in range(rounds):
            for command, text in COMMANDS.items():
                for number, (way, environment) in enumerate(WAYS.items()):
                    names = {"run": model, "data": data, "out": folder, "n": f"{n}-{number}"}
                    found[command][way].append(run(text.format(**names).split(), environment))
                    print(command, way, found[command][way][-1], flush=True)
    table = {
        command: {
            way: {what: round(statistics.median(one[what] for one in each), 2) for what in each[0]}
            for way, each in ways.items()
        }
        for command, ways in found.items()
    }
    write("speed_faults", {"rounds": rounds, "medians": table})
    (RESULTS / "speed_faults.md").write_text(as_markdown(table, rounds), encoding="utf-8")


def as_markdown(table: dict, rounds: int) -> str:
    lines = [
        f"Medians of {rounds} runs of each, in turn, one thread; {machine()}.", "",
        "| command | freed memory | user, s | system, s | faults, millions | peak, MiB |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for command, ways in table.items():
        for way, one in ways.items():
            lines.append(f"| {command} | {way} | " + " | ".join(map(str, one.values())) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
