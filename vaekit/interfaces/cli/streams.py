"""What is printed, where not every sign can be: streams in ASCII or in a code page of Windows."""

from __future__ import annotations

import codecs
import io
import json
import sys

SIGNS = {"−": "-", "–": "-", "±": "+-", "×": "x", "→": "->", "‖": "||", "…": "..."}
SUBSTITUTES = "vaekit.substitutes"


def substituted(error: UnicodeError) -> tuple[str, int]:
    """Signs that a stream has not, by those that it has: - for −, else as JSON escapes them, so
    that what is JSON stays so."""
    assert isinstance(error, UnicodeEncodeError)
    odd = error.object[error.start : error.end]
    return "".join(SIGNS.get(sign) or json.dumps(sign)[1:-1] for sign in odd), error.end


def print_anything() -> None:
    """Let the streams of this process write signs that their encoding has not."""
    codecs.register_error(SUBSTITUTES, substituted)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed
            stream.reconfigure(errors=SUBSTITUTES)
