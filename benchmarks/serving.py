"""What vaekit serve bears: rows a second and delays at 1, 8 and 64 connections, and twice as much as it can do.

    python benchmarks/serving.py [RUN] [--seconds 5] [--overload 20] [--samples 100]

RUN is by default a small model of the digits. Writes benchmarks/results/serving.md and serving.json. Server and client
share this machine and its processor: on a machine of its own the server does more. At twice the capacity requests are sent
by the clock, whether or not earlier ones are answered; each must come back as 200 or as 503, and the memory must not grow:
--overload 600 watches that for ten minutes; with --overload-alone all else that was measured before stays as it is.
"""

import argparse
import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "published"))
from common import machine

import vaekit

RESULTS = Path(__file__).resolve().parent / "results"
CONNECTIONS, WARM, MANY, MOST_OPEN, WAITING = (1, 8, 64), 1.0, 64, 1024, 128
SCORE, LOST, DELAYS = "score, 1 row as JSON", "lost", "of those answered"


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as place:
        run = options.run or made(Path(place))
        with served(run) as (url, process):
            model = vaekit.load(run)
            result = asyncio.run(measured(url, process.pid, model, options))
    RESULTS.joinpath("serving.json").write_text(json.dumps(result, indent=1) + "\n")
    RESULTS.joinpath("serving.md").write_text(as_text(result))
    print(as_text(result))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", nargs="?")
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--overload", type=float, default=20, help="seconds at twice the capacity")
    parser.add_argument("--overload-alone", action="store_true", help="measure nothing else")
    parser.add_argument("--samples", type=int, default=100, help="of each score")
    return parser.parse_args()


def made(place: Path) -> str:
    """A model of the digits."""
    vaekit.fit("digits", latent=8, epochs=20, seed=0, out=place / "digits", quiet=True)
    return str(place / "digits")


@contextmanager
def served(run: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """The command, in a process of its own; the address of its model."""
    command = [sys.executable, "-m", "vaekit", "serve", f"model={run}", "--quiet"]
    command += ["--most-waiting", str(WAITING)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            yield line.split(" at ")[1].split()[0] + "v1/models/model/", process
        finally:
            process.send_signal(signal.SIGINT)


class Connection:
    """One connection that is kept open, and opened again where the server closes it."""

    def __init__(self, url: str) -> None:
        self.place, self.streams = urlsplit(url), None

    async def ask(self, request: bytes) -> int:
        """The status of a reply that came whole. A server closes what nobody used for some seconds: where
        it does so as something is sent, that is sent again, as every client of HTTP does it."""
        if self.streams is not None and not self.streams[0].at_eof():
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                return await self._ask(request)
            self.close()
        self.streams = await asyncio.open_connection(self.place.hostname, self.place.port)
        return await self._ask(request)

    async def _ask(self, request: bytes) -> int:
        reader, writer = self.streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        body = await reader.read(length) if length else b""
        while len(body) < length:
            more = await reader.read(length - len(body))
            if not more:
                raise EOFError("a reply broke off")
            body += more
        if b"connection: close" in head:
            self.close()
        return int(head.split()[1])

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


def request_of(url: str, what: str, body: bytes, kind: str) -> bytes:
    place = urlsplit(url)
    head = f"POST {place.path}{what} HTTP/1.1\r\nhost: {place.netloc}\r\ncontent-type: {kind}\r\naccept: {kind}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def works(url: str, model: vaekit.Trained, samples: int) -> dict[str, tuple[bytes, int]]:
    """What is asked, and how many rows that is."""
    rows = np.asarray(model.sample(MANY, seed=0))
    file = io.BytesIO()
    np.save(file, rows)
    one = json.dumps({"rows": rows[:1].tolist()}).encode()
    as_json, as_array = "application/json", "application/x-npy"
    return {
        "encode, 1 row as JSON": (request_of(url, "encode", one, as_json), 1),
        f"encode, {MANY} rows as an array": (
            request_of(url, "encode", file.getvalue(), as_array),
            MANY,
        ),
        SCORE: (request_of(url, f"score?samples={samples}", one, as_json), 1),
    }


async def measured(url: str, pid: int, model: vaekit.Trained, options: argparse.Namespace) -> dict:
    each, load = works(url, model, options.samples), os.getloadavg()[0]
    alone = {"load before": round(load, 1), "busy": load > 0.5 * (os.cpu_count() or 1)}
    if options.overload_alone:
        found = json.loads(RESULTS.joinpath("serving.json").read_text())
        line = await closed_loop(url, each[SCORE][0], CONNECTIONS[-1], options.seconds)
        capacity = line["requests a second"]
    else:
        found = {"machine": machine(), **alone, "samples of a score": options.samples}
        found["measured"] = [m async for m in closed_loops(url, each, options.seconds)]
        capacity = found["measured"][-1]["requests a second"]
    overload = await open_loop(url, each[SCORE][0], 2 * capacity, options.overload, pid)
    return {
        **found,
        ("for longer" if options.overload_alone else "twice the capacity"): {**alone, **overload},
    }


async def closed_loops(
    url: str, each: dict[str, tuple[bytes, int]], seconds: float
) -> AsyncIterator[dict]:
    """Each of what is asked, the score last."""
    for name, (request, rows) in each.items():
        for connections in CONNECTIONS:
            line = await closed_loop(url, request, connections, seconds)
            line["rows a second"] = round(line["requests a second"] * rows)
            yield {"what": name, "connections": connections, **line}


async def closed_loop(url: str, request: bytes, connections: int, seconds: float) -> dict:
    """Each connection asks again as soon as it is answered."""
    took: list[float] = []
    begin = time.perf_counter() + WARM

    async def keep_asking() -> None:
        own = Connection(url)
        while (now := time.perf_counter()) < begin + seconds:
            status = await own.ask(request)
            if status != 200:
                raise RuntimeError(f"status {status}")
            if now >= begin:
                took.append(time.perf_counter() - now)
        own.close()

    await asyncio.gather(*(keep_asking() for _ in range(connections)))
    return {"requests a second": round(len(took) / seconds, 1), **delays(took)}


def delays(took: list[float]) -> dict:
    p50, p99 = np.quantile(took, [0.5, 0.99]) * 1000
    return {"p50, ms": round(float(p50), 2), "p99, ms": round(float(p99), 2)}


async def open_loop(url: str, request: bytes, rate: float, seconds: float, pid: int) -> dict:
    """Requests by the clock: how many are answered, turned away or lost, and the server's memory."""
    free: list[Connection] = []
    statuses, took, tasks, memory = Counter(), [], set(), [resident(pid)]
    unsent = 0

    async def ask() -> None:
        own, begun = free.pop() if free else Connection(url), time.perf_counter()
        try:
            status = await own.ask(request)
        except (OSError, EOFError):
            statuses[LOST] += 1
            own.close()
            return
        statuses[status] += 1
        if status == 200:
            took.append(time.perf_counter() - begun)
        free.append(own)

    begin, sent, looked = time.perf_counter(), 0, 0.0
    while (now := time.perf_counter() - begin) < seconds:
        if now > looked + 1:
            memory.append(resident(pid))
            looked = now
        while sent < rate * now:
            sent += 1
            if len(tasks) >= MOST_OPEN:
                unsent += 1
                continue
            task = asyncio.create_task(ask())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.sleep(0.002)
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.gather(*tasks), 60)
    statuses[LOST] += len(tasks)
    for own in free:
        own.close()
    third = max(len(memory) // 3, 1)
    return {
        "requests a second, sent": round((sent - unsent) / seconds, 1),
        "requests a second, answered": round(statuses[200] / seconds, 1),
        "seconds": seconds,
        "answered (200)": statuses[200],
        "turned away (503)": statuses[503],
        "lost": statuses[LOST],
        "other": sum(n for status, n in statuses.items() if status not in (200, 503, LOST)),
        "not sent, as the client had its hands full": unsent,
        DELAYS: delays(took) if took else {},
        "memory, MiB": {
            "before": memory[0],
            "first third, most": max(memory[:third]),
            "last third, most": max(memory[-third:]),
        },
    }


def resident(pid: int) -> float:
    """MiB of a process that lie in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def as_text(found: dict) -> str:
    """For people."""
    lines = [
        "# What `vaekit serve` bears",
        "",
        f"`python benchmarks/serving.py` on {found['machine']}; load before it began {found['load before']}"
        + (
            ": other work was going on, so that these numbers are low and uneven."
            if found["busy"]
            else "."
        ),
        "Client and server share the machine. A score takes "
        f"{found['samples of a score']} importance samples.",
        "",
        "| asked | connections | requests/s | rows/s | p50, ms | p99, ms |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {m['what']} | {m['connections']} | {m['requests a second']:,} | {m['rows a second']:,} | "
        f"{m['p50, ms']} | {m['p99, ms']} |"
        for m in found["measured"]
    ]
    lines += [
        "",
        "Twice as many scores as it can do, sent by the clock:",
        *as_table(found["twice the capacity"]),
    ]
    if more := found.get("for longer"):
        busy = (
            ", other work going on, so that it could do less than was taken for its capacity,"
            if more["busy"]
            else ""
        )
        what = (
            f"The same for longer (load before {more['load before']}{busy} and delays say nothing):"
        )
        lines += [
            "",
            what,
            *as_table({n: v for n, v in more.items() if n not in ("load before", "busy", DELAYS)}),
        ]
    return "\n".join(lines) + "\n"


def as_table(over: dict) -> list[str]:
    rows = {**over, **{f"memory, MiB, {n}": v for n, v in over["memory, MiB"].items()}}
    rows |= {f"of those answered, {n}": v for n, v in over.get(DELAYS, {}).items()}
    shown = [f"| {n} | {v:,} |" for n, v in rows.items() if not isinstance(v, dict | bool)]
    return ["", "| | |", "|---|--:|", *shown]


if __name__ == "__main__":
    main()
