"""Published files: from the folder VAEKIT_DATA, or downloaded once; sha256 checked either way."""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from vaekit.data.readers.loading import import_extra
from vaekit.system.checks import BadInput


@dataclass(frozen=True)
class Remote:
    """A published file: name, address and sha256.

    With no ``url`` it cannot be downloaded.
    """

    name: str
    sha256: str
    url: str = ""


def fetch(folder: str, remote: Remote) -> bytes:
    """The bytes of a published file.

    Looks for ``name`` (or ``name.gz``) in ``$VAEKIT_DATA/folder``, then in the cache, then
    downloads.

    Raises:
        BadInput: if it is nowhere, or its bytes are not the published ones.
    """
    for base in (os.environ.get("VAEKIT_DATA"), cache()):
        path = Path(base, folder, remote.name) if base else None
        if path and (path.is_file() or path.with_name(path.name + ".gz").is_file()):
            return _checked(path, remote)
    return _download(folder, remote)


def cache() -> Path:
    """Where downloads are kept: ``$XDG_CACHE_HOME/vaekit`` or ``~/.cache/vaekit``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "vaekit")


def _checked(path: Path, remote: Remote) -> bytes:
    try:
        packed = path.with_name(path.name + ".gz")
        content = path.read_bytes() if path.is_file() else gzip.decompress(packed.read_bytes())
    except (OSError, EOFError) as error:
        raise BadInput(f"cannot read {path}: {error}") from error
    if hashlib.sha256(content).hexdigest() != remote.sha256:
        raise BadInput(
            f"{path} is not the published file (its sha256 differs); remove it and retry"
        )
    return content


def _download(folder: str, remote: Remote) -> bytes:
    place = f"put {remote.name} into $VAEKIT_DATA/{folder}/"
    if not remote.url:
        raise BadInput(f"{remote.name} has no safe address to download from; {place}")
    pooch = import_extra("pooch", "data")
    pooch.get_logger().setLevel("WARNING")
    path = {"fname": remote.name, "path": cache() / folder}
    try:
        pooch.retrieve(
            remote.url, f"sha256:{remote.sha256}", **path, progressbar=sys.stderr.isatty()
        )
    except (OSError, ValueError) as error:
        reason = type(error).__name__
        raise BadInput(f"could not download {remote.url} ({reason}); or {place}") from error
    return (cache() / folder / remote.name).read_bytes()
