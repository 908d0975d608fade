"""Starting and stopping the explorer's server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from vaekit.data.readers.loading import import_extra
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array

HOST, PORT, NEXT, PATIENCE = "127.0.0.1", 8765, 20, 20.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANYWHERE = ("0.0.0.0", "::", "")


@dataclass
class Explored:
    """An explorer that is running.

    Args:
        url: of its page.
        explorer: what answers.
        server: of uvicorn.
        thread: that it runs in, if it has one of its own.
    """

    url: str
    explorer: Any = field(repr=False)
    server: Any = field(repr=False)
    thread: threading.Thread | None = field(default=None, repr=False)

    @property
    def selected(self) -> Array:
        """Numbers of the rows that are selected on the page, among those that are explored."""
        return self.explorer.selection.copy()

    @property
    def rows(self) -> Any:
        """The selected rows as a source; none of them is a mistake.

        Raises:
            BadInput: if nothing is selected.
        """
        require(len(self.selected) > 0, "nothing is selected on the page: draw around some points")
        return self.explorer.subject.rows.take(torch.from_numpy(self.selected))

    def stop(self) -> None:
        """End it."""
        self.server.should_exit = True
        if self.thread is not None:
            self.thread.join(PATIENCE)

    def _repr_html_(self) -> str:
        return f'<a href="{self.url}" target="_blank" rel="noopener">{self.url}</a>'


def explore(
    trained: Trained,
    data: Any = None,
    *,
    split: str | None = None,
    limit: int = 0,
    seed: int = 0,
    given: Mapping[str, Any] | None = None,
    beside: Trained | None = None,
    host: str = HOST,
    port: int = 0,
    blocking: bool = False,
    ready: Callable[[Explored], None] | None = None,
) -> Explored:
    """Open a page on which rows, codes and decoder of a model are seen together.

    Args:
        trained: the model.
        data: anything that can be opened; by default the data it was trained on.
        split: which rows of it; all by default.
        limit: most rows, chosen at random; 0 for all.
        seed: of that choice.
        given: what a conditional model is given, if the data does not carry it.
        beside: another model, shown on the same rows beside it: what is picked or selected in one
            is in the other.
        host: name or address at which the page is served; others than this machine's own can be
            reached by others.
        port: of it; 0 for the first free one from 8765 on.
        blocking: whether to serve until somebody stops it; else a thread of its own serves.
        ready: called once the page can be opened.

    Raises:
        BadInput: where the extra ``serve`` is not installed, the port is taken, or there are no
            rows.
    """
    import_extra("starlette", "serve")
    uvicorn = import_extra("uvicorn", "serve")
    taken = listening(host, port)
    try:
        from vaekit.interfaces.server.explorer import Explorer, app_of
        from vaekit.interfaces.server.subject import subject_of

        how: dict[str, Any] = {"split": split, "limit": limit, "seed": seed, "given": given}
        models = [trained, *([] if beside is None else [beside])]
        own = trained.source if data is None else data
        explorers = [Explorer(subject_of(each, own, **how)) for each in models]
        explorer = explorers[0]
        settings = uvicorn.Config(
            app_of(*explorers, hosts=names_of(host)), log_level="warning", access_log=False,
            lifespan="off", server_header=False, timeout_graceful_shutdown=2,
        )  # fmt: skip
        server = uvicorn.Server(settings)
        found = Explored(address(taken, host), explorer, server)
        if blocking:
            if ready:
                ready(found)
            server.run(sockets=[taken])
        else:
            _in_thread(found, taken)
            if ready:
                ready(found)
        return found
    except BaseException:
        taken.close()
        raise


def _in_thread(found: Explored, taken: socket.socket) -> None:
    run = found.server.run
    found.thread = threading.Thread(target=run, args=([taken],), name="explorer", daemon=True)
    found.thread.start()
    until = time.monotonic() + PATIENCE
    while not found.server.started and found.thread.is_alive() and time.monotonic() < until:
        time.sleep(0.01)


def listening(host: str, port: int) -> socket.socket:
    """A socket at a port, or at the first free one.

    Raises:
        BadInput: for a host that is not here, or a port that is taken.
    """
    require(0 <= port < 65536, f"a port is a number from 0 to 65535, not {port}")
    each = [port] if port else [*range(PORT, PORT + NEXT), 0]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    problem: Exception | None = None
    for number in each:
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else answers wait 40 ms
        try:
            made.bind((host, number))
            made.listen(128)
        except (OSError, UnicodeError, OverflowError) as error:
            made.close()
            problem = error
            continue
        return made
    raise BadInput(f"cannot serve at {host}:{port or PORT}: {problem}")


def names_of(host: str) -> tuple[str, ...]:
    """The names under which a server at a host may be asked for."""
    if host in ANYWHERE:
        return (*LOOPBACK, socket.gethostname(), "*")
    return LOOPBACK if host in LOOPBACK else (host,)


def address(taken: socket.socket, host: str) -> str:
    """Of the page."""
    port = taken.getsockname()[1]
    shown = "localhost" if host in ANYWHERE else host
    return f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/"
