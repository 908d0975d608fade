"""The command that serves models over HTTP."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from vaekit.interfaces.cli.common import ON_DEVICE, OnDevice
from vaekit.interfaces.cli.shared import holds_model, loaded
from vaekit.interfaces.server.api.limits import LIMITS, Limits
from vaekit.interfaces.server.api.serving import Serving, token_of
from vaekit.interfaces.server.api.serving import serve as start
from vaekit.interfaces.server.running import HOST, PORT
from vaekit.runs.trained import Trained
from vaekit.system.checks import require
from vaekit.system.progress import say
from vaekit.system.ranges import Range

SWITCH = 5e-4  # seconds


@contextmanager
def sharing() -> Iterator[None]:
    """Inside the block a thread keeps another waiting for half a millisecond at most: by Python's
    usual five, reading and turning away requests would stop the models' thread at each step."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def named(text: str) -> tuple[str, str]:
    """Name and folder of a model: NAME=RUN, or RUN, whose last part is its name."""
    name, sign, folder = text.partition("=")
    if sign and not Path(text).exists():
        return name, folder
    return Path(text).resolve().name, text


def holds_named(_: Any, text: str) -> None:
    """Raise ``BadInput`` unless the folder that is named holds a model: before torch is loaded."""
    holds_model(None, named(text)[1])


def folders_of(models: Sequence[str]) -> dict[str, str]:
    """The folders of models by their names.

    Raises:
        BadInput: for a name that is there twice.
    """
    found = dict[str, str]()
    for name, folder in map(named, models):
        require(
            name not in found,
            f"{found.get(name)} and {folder} are both called {name}: give one another name, as "
            f"{name}2={folder}",
        )
        found[name] = folder
    return found


def serve(
    *models: Annotated[
        str,
        Parameter(
            help="Run or model folders, each called as its folder, or NAME=RUN.",
            validator=holds_named,
        ),
    ],
    host: Annotated[
        str,
        Parameter(help="Where to serve; any other than this machine's own wants a token."),
    ] = HOST,
    port: Annotated[
        int, Parameter(help=f"0: the first free one from {PORT} on.", validator=Range(0, 65535))
    ] = 0,
    token: Annotated[
        str | None,
        Parameter(help="That requests must bear; others see it in the list of processes."),
    ] = None,
    token_file: Annotated[
        Path | None, Parameter(help="A file that holds it; else it is VAEKIT_TOKEN.")
    ] = None,
    no_token: Annotated[
        bool, Parameter(negative="", help="Let anybody who reaches the server use it.")
    ] = False,
    name: Annotated[
        list[str] | None,
        Parameter(negative="", help="Another name that the server is asked for by; repeatable."),
    ] = None,
    most_rows: Annotated[
        int, Parameter(help="Most rows of a request.", validator=Range(1))
    ] = LIMITS.rows,
    most_bytes: Annotated[
        int, Parameter(help="Most bytes of a request.", validator=Range(1))
    ] = LIMITS.bytes,
    most_waiting: Annotated[
        int,
        Parameter(
            help="Most requests in hand; others are told to come again (503).", validator=Range(1)
        ),
    ] = LIMITS.waiting,
    most_each: Annotated[
        int | None,
        Parameter(
            help="Most of these from one address; more are told to come again (429).",
            validator=Range(1),
        ),
    ] = None,
    timeout: Annotated[
        float,
        Parameter(help="Seconds that a request may take.", validator=Range(0, open="low")),
    ] = LIMITS.seconds,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Serve models over HTTP until it is stopped: encode, decode, sample, reconstruct, score,
    impute, compress; the page at its address says how each is asked."""
    require(bool(models), "name a model to serve")
    folders = folders_of(models)
    work.begin()
    warnings.simplefilter("ignore")  # of single requests, which nobody sees
    wanted = token_of(token, token_file, os.environ)
    require(wanted is None or not no_token, "there is a token, so that --no-token says too much")
    limits = Limits(most_rows, most_bytes, most_waiting, timeout, most_each or most_waiting)

    def load() -> Mapping[str, Trained]:
        return {each: loaded(folder, work) for each, folder in folders.items()}

    def ready(found: Serving) -> None:
        served = [*found.api.models]
        shown = f"{', '.join(served)} at {found.url}   (Ctrl+C stops it)"
        about = {"url": found.url, "models": served, "token": wanted is not None}
        work.show(about, lambda: print(shown))
        sys.stdout.flush()
        if no_token:
            say("note: who reaches this server can use the models")

    how: dict[str, Any] = {"host": host, "port": port, "token": wanted, "anybody": no_token}
    with suppress(KeyboardInterrupt), sharing():
        start(load, **how, names=name or (), limits=limits, blocking=True, ready=ready)
