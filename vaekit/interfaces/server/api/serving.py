"""Starting and stopping the API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vaekit.interfaces.server.api.limits import LIMITS, Limits
from vaekit.interfaces.server.running import (
    HOST,
    Running,
    address,
    begun,
    is_local,
    listening,
    names_of,
    server_of,
)
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.files import content

NAME = re.compile(r"[\w][\w .-]{0,99}")
LONGEST_TOKEN, LEAVE = 4096, 2
MADE = "python -c 'import secrets; print(secrets.token_urlsafe())' makes one"


@dataclass
class Serving(Running):
    """An API that is running.

    Args:
        api: what answers.
    """

    api: Any = field(default=None, repr=False)

    def stop(self) -> None:
        """End it: what it has taken is answered."""
        super().stop()
        self.api.close()


def serve(
    models: Mapping[str, Trained] | Callable[[], Mapping[str, Trained]],
    *,
    host: str = HOST,
    port: int = 0,
    token: str | None = None,
    anybody: bool = False,
    names: Sequence[str] = (),
    limits: Limits = LIMITS,
    blocking: bool = False,
    ready: Callable[[Serving], None] | None = None,
) -> Serving:
    """Serve models over HTTP.

    Args:
        models: by the names that they have in addresses; or what loads them, once it is known that
            they can be served.
        host: name or address at which they are served; others than this machine's own can be
            reached by others.
        port: of it; 0 for the first free one from 8765 on.
        token: that requests must bear; None for none.
        anybody: whether it may be served beyond this machine without a token.
        names: more names under which the server may be asked for.
        limits: of what is taken.
        blocking: whether to serve until somebody stops it; else a thread of its own serves.
        ready: called once the server can be asked.

    Raises:
        BadInput: where the extra ``serve`` is not installed, the port is taken, a token is missing,
            or there are no models.
    """
    if token is not None:
        check_token(token)
    taken = listening(host, port)
    try:
        require(
            token is not None or anybody or is_local(taken),
            f"who reaches {host or 'this machine'} could use the models: set VAEKIT_TOKEN or "
            f"--token-file ({MADE}), or say --no-token",
        )
        from vaekit.interfaces.server.api.app import Api

        found = models() if callable(models) else models
        require(bool(found), "name a model to serve")
        for name in found:
            check_name(name)
        api = Api(found, limits)
        app = api.app((*names_of(host), *names), token)
        server = server_of(app, round(limits.seconds) + LEAVE, api.stopping)
        serving = Serving(address(taken, host), server, api=api)
        try:
            return begun(serving, taken, blocking=blocking, ready=ready)
        finally:
            if blocking:
                api.close()
    except BaseException:
        taken.close()
        raise


def check_name(name: str) -> None:
    """Raise ``BadInput`` for what cannot stand in an address as the name of a model."""
    require(
        NAME.fullmatch(name) is not None,
        f"{name!r} cannot be a model's name in an address: give it another, as NAME=RUN",
    )


def check_token(token: str) -> None:
    """Raise ``BadInput`` for what cannot be sent as a token."""
    fine = token.isascii() and token.isprintable() and " " not in token
    require(bool(token), f"the token is empty: {MADE}")
    require(
        fine and len(token) <= LONGEST_TOKEN,
        f"a token is a word of letters, digits and signs, without spaces: {MADE}",
    )


def token_of(said: str | None, file: Path | None, environment: Mapping[str, str]) -> str | None:
    """The token that is asked for: as it is said, in a file, or else in the environment as
    VAEKIT_TOKEN.

    Args:
        said: the token.
        file: that holds it.
        environment: of the process.

    Raises:
        BadInput: for two tokens, or a file that holds none.
    """
    require(said is None or file is None, "give --token or --token-file, not both")
    if said is None and file is None:
        said = environment.get("VAEKIT_TOKEN") or None
    if file is not None:
        try:
            said = content(file, LONGEST_TOKEN).decode().strip()
        except UnicodeDecodeError:
            raise BadInput(f"{file} holds no token, which is a word") from None
    if said is not None:
        check_token(said)
    return said
