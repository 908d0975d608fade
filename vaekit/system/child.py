"""A process that calls one function and answers (:mod:`vaekit.system.children`)."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import warnings
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any

from vaekit.system.checks import BadInput
from vaekit.system.memory import keep_freed_memory
from vaekit.system.signals import ended_by_signals

STDIN, STDOUT = 0, 1  # of a process


def order() -> dict[str, Any]:
    """What the parent wants: a line of JSON."""
    text = b""
    while not text.endswith(b"\n"):
        more = os.read(STDIN, 2**16)
        if not more:
            raise SystemExit("this is a part of vaekit that is not run by hand")
        text += more
    return json.loads(text)


def end_with_parent() -> None:
    """End as after SIGTERM, when the parent closes its end of the line, or ends."""
    while os.read(STDIN, 1):
        pass
    main = threading.main_thread().ident or 0  # which alone is waked by signals to it
    signal.pthread_kill(main, signal.SIGTERM)


def answer(told: dict[str, Any]) -> tuple[str, Any]:
    """What the function gives, or why it gives nothing."""
    module, _, name = told["call"].partition(":")
    try:
        with ended_by_signals(), redirect_stdout(sys.stderr):
            return "found", getattr(import_module(module), name)(**told["with"])
    except BadInput as error:
        return "bad input", str(error)
    except ArithmeticError as error:
        return "arithmetic", str(error)
    except KeyboardInterrupt as error:
        return "stopped", str(error)
    except (OSError, MemoryError) as error:
        return "bad input", str(error)


def main() -> None:
    """Do what is asked, and answer."""
    keep_freed_memory(os.environ)
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    told = order()
    threading.Thread(target=end_with_parent, daemon=True).start()
    text = json.dumps(answer(told)).encode()
    while text:
        text = text[os.write(STDOUT, text) :]


if __name__ == "__main__":
    main()
