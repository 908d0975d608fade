"""What seeding a step costs: vaekit's way beside torch.manual_seed.

python benchmarks/seeding.py
"""

import sys
import timeit
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent / "published"))

from common import write

from vaekit.system.seeding import seeded


def ours() -> None:
    with seeded(0, "noise", 5):
        pass


def main() -> None:
    times = {}
    for name, call in (("seeded", ours), ("torch.manual_seed", lambda: torch.manual_seed(5))):
        runs = timeit.repeat(call, number=2000, repeat=7)
        times[name] = round(1e6 * sorted(runs)[3] / 2000, 1)
    write("seeding", {"microseconds a call, median of 7": times})


if __name__ == "__main__":
    main()
