"""What the API measures of itself, and how Prometheus reads it."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Labels = tuple[tuple[str, str], ...]
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
COUNTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0)
MEDIA = "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Counter:
    """What only grows, by labels.

    Args:
        name: of it.
        about: what it counts.
        values: by labels.
    """

    name: str
    about: str
    values: dict[Labels, float] = field(default_factory=dict)

    def add(self, amount: float = 1.0, **labels: str) -> None:
        """Count some more."""
        key = tuple(labels.items())
        self.values[key] = self.values.get(key, 0.0) + amount

    def lines(self) -> Iterator[str]:
        """As Prometheus reads it."""
        yield from _head(self.name, self.about, "counter")
        for labels, value in sorted(self.values.items()):
            yield f"{self.name}{_braced(labels)} {value:g}"


@dataclass
class Histogram:
    """How often values lie below each of some bounds, by labels.

    Args:
        name: of it.
        about: what is measured, in which unit.
        bounds: rising; what lies above the last is counted too.
        found: by labels, how many lie in each interval, and the sum of all.
    """

    name: str
    about: str
    bounds: tuple[float, ...]
    found: dict[Labels, list[float]] = field(default_factory=dict)

    def add(self, value: float, **labels: str) -> None:
        """Count a value."""
        key = tuple(labels.items())
        empty = [0.0] * (len(self.bounds) + 2)
        row = self.found.setdefault(key, empty)
        row[bisect_left(self.bounds, value)] += 1
        row[-1] += value

    def lines(self) -> Iterator[str]:
        """As Prometheus reads it."""
        yield from _head(self.name, self.about, "histogram")
        for labels, (*counts, total) in sorted(self.found.items()):
            below = 0.0
            for bound, count in zip(
                (*map("{:g}".format, self.bounds), "+Inf"), counts, strict=True
            ):
                below += count
                yield f"{self.name}_bucket{_braced((*labels, ('le', bound)))} {below:g}"
            yield f"{self.name}_sum{_braced(labels)} {total:.9g}"
            yield f"{self.name}_count{_braced(labels)} {below:g}"


class Metrics:
    """All that is measured, by whichever thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = Counter(
            "vaekit_requests_total", "Requests that were answered, by route, method and status."
        )
        self._seconds = Histogram(
            "vaekit_request_seconds", "Seconds from a request to the end of its reply.", SECONDS
        )
        self._rows = Counter("vaekit_rows_total", "Rows that were computed, by model and what.")
        self._together = Histogram(
            "vaekit_batch_requests", "Requests that were computed together.", COUNTS
        )
        self._batch = Histogram("vaekit_batch_rows", "Rows that were computed together.", COUNTS)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        with self._lock:
            self._requests.add(route=route, method=method, status=str(status))
            self._seconds.add(seconds, route=route)

    def computed(self, model: str, what: str, requests: int, rows: int) -> None:
        """Count a batch."""
        with self._lock:
            self._rows.add(rows, model=model, operation=what)
            self._together.add(requests, operation=what)
            self._batch.add(rows, operation=what)

    def text(self, now: Mapping[str, tuple[str, float]]) -> str:
        """All of it as Prometheus reads it.

        Args:
            now: what is so at this moment: what it is, and its value, by name.
        """
        with self._lock:
            each = (self._requests, self._seconds, self._rows, self._together, self._batch)
            lines = [line for one in each for line in one.lines()]
        for name, (about, value) in now.items():
            lines += [*_head(name, about, "gauge"), f"{name} {value:g}"]
        return "\n".join(lines) + "\n"


def _head(name: str, about: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {about}", f"# TYPE {name} {kind}"


def _braced(labels: Labels) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
