"""Starting and stopping servers, and the explorer's among them."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import Any, TypeVar

import torch

from vaekit.data.readers.loading import import_extra
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array

HOST, PORT, NEXT, PATIENCE, BACKLOG = "127.0.0.1", 8765, 20, 20.0, 128
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANYWHERE = ("0.0.0.0", "::", "")


@dataclass
class Running:
    """A server that is running.

    Args:
        url: of its first page.
        server: of uvicorn.
        thread: that it runs in, if it has one of its own.
    """

    url: str
    server: Any = field(repr=False)
    thread: threading.Thread | None = field(default=None, repr=False)

    def stop(self) -> None:
        """End it: what it has begun to answer is answered."""
        self.server.should_exit = True
        if self.thread is not None:
            self.thread.join(PATIENCE + (self.server.config.timeout_graceful_shutdown or 0))

    def _repr_html_(self) -> str:
        return f'<a href="{self.url}" target="_blank" rel="noopener">{self.url}</a>'


R = TypeVar("R", bound=Running)


@dataclass
class Explored(Running):
    """An explorer that is running.

    Args:
        explorer: what answers.
    """

    explorer: Any = field(default=None, repr=False)

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
    taken = listening(host, port)
    try:
        from vaekit.interfaces.server.explorer import Explorer, app_of
        from vaekit.interfaces.server.subject import subject_of

        how: dict[str, Any] = {"split": split, "limit": limit, "seed": seed, "given": given}
        models = [trained, *([] if beside is None else [beside])]
        own = trained.source if data is None else data
        explorers = [Explorer(subject_of(each, own, **how)) for each in models]
        explorer = explorers[0]
        server = server_of(app_of(*explorers, hosts=names_of(host)))
        found = Explored(address(taken, host), server, explorer=explorer)
        return begun(found, taken, blocking=blocking, ready=ready)
    except BaseException:
        taken.close()
        raise


def server_of(app: Any, patience: int = 2, stopping: Callable[[], object] | None = None) -> Any:
    """What serves an application, of uvicorn.

    Args:
        app: that answers.
        patience: seconds that what is being answered has when the server is stopped.
        stopping: called when the server is stopped, before what is under way is waited for.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            if stopping is not None:
                stopping()
            await super().shutdown(sockets)

    settings = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", server_header=False,
        timeout_graceful_shutdown=patience,
    )  # fmt: skip
    return Server(settings)


def begun(
    found: R, taken: socket.socket, *, blocking: bool, ready: Callable[[R], None] | None = None
) -> R:
    """The same server, once it answers; or, where it is to block, once it has ended.

    Args:
        found: the server.
        taken: the socket that it listens at.
        blocking: whether to serve here until somebody stops it; else a thread of its own serves.
        ready: called once the server can be asked.
    """
    if not blocking:
        _in_thread(found, taken)
    if ready:
        ready(found)
    if blocking:
        found.server.run(sockets=[taken])
    return found


def _in_thread(found: Running, taken: socket.socket) -> None:
    run = partial(found.server.run, [taken])
    found.thread = threading.Thread(target=run, name="server", daemon=True)
    found.thread.start()
    until = time.monotonic() + PATIENCE
    while not found.server.started and found.thread.is_alive() and time.monotonic() < until:
        time.sleep(0.01)


def listening(host: str, port: int) -> socket.socket:
    """A socket at a port, or at the first free one.

    Raises:
        BadInput: where the extra ``serve`` is not installed, for a host that is not here, or a port
            that is taken.
    """
    import_extra("starlette", "serve")
    import_extra("uvicorn", "serve")
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
            made.listen(BACKLOG)
        except (OSError, UnicodeError, OverflowError, TypeError) as error:
            made.close()
            problem = error
            if not isinstance(error, OSError) or isinstance(error, socket.gaierror):
                break  # the host: no other port is better
            continue
        return made
    shown = f"[{host}]" if ":" in host else host
    raise BadInput(f"cannot serve at {shown}:{port or PORT}: {_why(problem)}")


def _why(problem: Exception | None) -> str:
    """Why an address cannot be had, in words."""
    if isinstance(problem, socket.gaierror):
        return "there is no host of this name: take localhost, or an address of this machine"
    words = {
        errno.EADDRINUSE: "another program listens there: take another port",
        errno.EADDRNOTAVAIL: "this machine has no such address",
        errno.EACCES: "the system does not allow this port: take one from 1024 on",
    }
    if isinstance(problem, OSError) and problem.errno is not None:
        return words.get(problem.errno, problem.strerror or "the system refuses it")
    return "this is no name of a host"


def is_local(taken: socket.socket) -> bool:
    """Whether a socket can be reached from this machine alone."""
    return ip_address(taken.getsockname()[0].partition("%")[0]).is_loopback


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
