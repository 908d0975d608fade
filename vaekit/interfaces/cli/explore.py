"""The command that opens the explorer."""

from __future__ import annotations

import os
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from vaekit.interfaces.cli.common import ON_DEVICE, OnDevice
from vaekit.interfaces.cli.shared import (
    Data,
    Given,
    Model,
    Seed,
    given_options,
    loaded,
    open_model,
    opened,
)
from vaekit.interfaces.server.running import HOST, LOOPBACK, PORT, Explored
from vaekit.interfaces.server.running import explore as serve
from vaekit.system.checks import BadInput
from vaekit.system.progress import say
from vaekit.system.ranges import Range


def explore(
    model: Model,
    data: Data = None,
    /,
    *,
    split: Annotated[str, Parameter(help="train, validation, test or all.")] = "all",
    limit: Annotated[
        int, Parameter(help="Most rows, chosen at random; 0 for all.", validator=Range(0))
    ] = 0,
    beside: Annotated[
        str | None,
        Parameter(help="Another run or model folder, shown beside it on the same rows."),
    ] = None,
    host: Annotated[
        str, Parameter(help="Where to serve; any other than this machine's own lets others in.")
    ] = HOST,
    port: Annotated[
        int, Parameter(help=f"0: the first free one from {PORT} on.", validator=Range(0, 65535))
    ] = 0,
    browser: Annotated[
        bool | None, Parameter(help="Open it in a browser; by default where there is a screen.")
    ] = None,
    given: Given = None,
    seed: Seed = 0,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Open a page on which a model's rows, codes and decoder are seen together, until it is stopped
    with Ctrl+C."""
    work.begin()
    trained = open_model(model, data, work)
    source = trained.source if data is None else opened(trained, data)
    if source is None:
        raise BadInput("give the data to explore")
    told = given_options(given, source.names, len(source))

    def ready(found: Explored) -> None:
        rows = len(found.explorer.subject.rows)
        about: dict[str, Any] = {"url": found.url, "rows": rows, "model": str(Path(model))}
        work.show(about, lambda: print(f"{rows:,} rows at {found.url}   (Ctrl+C stops it)"))
        sys.stdout.flush()
        if host not in LOOPBACK:
            say("note: who reaches this machine can see the rows and use the model")
        if has_screen() if browser is None else browser:
            webbrowser.open(found.url)

    other = None if beside is None else loaded(beside, work)
    how: dict[str, Any] = {"split": split, "limit": limit, "seed": seed, "given": told}
    with suppress(KeyboardInterrupt):
        serve(
            trained, source, **how, beside=other, host=host, port=port, blocking=True, ready=ready
        )


def has_screen() -> bool:
    """Whether a browser could be seen."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
