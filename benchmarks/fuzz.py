"""Looks for files that a reader does not refuse in a line: good ones are changed at random.

python benchmarks/fuzz.py [SECONDS] [--seed SEED] [--only PART] [--keep FOLDER]

Every case is read in this process, whose memory is bounded. What ends otherwise than well or by
``BadInput``, or takes longer than 30 seconds, is told with its place, and its file kept.
"""

import argparse
import collections
import io
import random
import signal
import sys
import tempfile
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import torch
from strange import little_memory
from strange_readers import READERS, Samples

from vaekit.system.checks import BadInput

SLOW = 30


class TooSlow(BaseException):
    pass


def alarm(*_):
    raise TooSlow


def place_of(error):
    """The last place in vaekit that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/vaekit/" in frame.filename] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}"


def searched(name, reader, samples, seconds, seed, keep):
    """Reads strange files for some seconds; returns what was found, by place."""
    found, cases, refused = {}, 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        cases += 1
        rng = random.Random(f"{seed}/{name}/{cases}")
        signal.alarm(SLOW)
        began = time.monotonic()
        try:
            with little_memory(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                data = reader.change(rng.choice, samples)
                reader.read(data, samples)
        except BadInput as error:
            refused += 1
            if "\n" in str(error):
                print(f"{name}: several lines: {str(error)[:200]!r}; case {cases}", flush=True)
                found.setdefault(f"{name}: several lines", data)
        except (Exception, TooSlow) as error:
            signal.alarm(0)
            took = time.monotonic() - began
            key = f"{name}: {type(error).__name__} at {place_of(error)}"
            if key not in found:
                print(f"{key}: {str(error)[:120]!r}; case {cases}, {took:.1f} s", flush=True)
                if keep:
                    keep.mkdir(exist_ok=True, parents=True)
                    (keep / f"{name}-{cases}").write_bytes(data)
            found.setdefault(key, data)
        finally:
            signal.alarm(0)
    print(f"{name:12} {cases:7,} files, {refused:7,} refused, {len(found):3} faults", flush=True)
    return found


def main():
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("seconds", type=float, nargs="?", default=60)
    asked.add_argument("--seed", default="0")
    asked.add_argument("--only", choices=[*READERS], action="append")
    asked.add_argument("--keep", type=Path)
    chosen = asked.parse_args()
    torch.set_num_threads(1)
    signal.signal(signal.SIGALRM, alarm)
    names = chosen.only or [*READERS]
    faults = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        samples = Samples(Path(folder))
        for name in names:
            share = chosen.seconds / len(names)
            faults[name] = len(
                searched(name, READERS[name], samples, share, chosen.seed, chosen.keep)
            )
    sys.exit(bool(faults.total()))


if __name__ == "__main__":
    main()
