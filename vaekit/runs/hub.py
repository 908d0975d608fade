"""Models on a hub of models: fetched where a folder is named, and put there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from vaekit.data.readers.loading import import_extra
from vaekit.system.checks import BadInput, require

SCHEME = re.compile(r"hf:/+(?P<name>[^@]*)(@(?P<revision>.+))?$")  # a Path has one slash
NAME = re.compile(r"[\w.-]+/[\w.-]+$")
FILES = ("config.json", "model.safetensors", "scores.json")


def local(path: str | os.PathLike[str]) -> Path:
    """A path as it is; what is named hf://owner/name, or hf://owner/name@revision, is fetched, if
    need be, into the hub's own cache.

    Raises:
        BadInput: without the extra ``hub``, for another name, and where it cannot be fetched.
    """
    found = SCHEME.match(os.fspath(path))
    if found is None:
        return Path(path)
    name, revision = checked(found["name"]), found["revision"]
    hub = import_extra("huggingface_hub", "hub")
    how = {"repo_id": name, "revision": revision, "allow_patterns": [*FILES]}
    return Path(_asked(f"fetch {name}", hub.snapshot_download, **how))


def push(folder: Path, name: str, *, private: bool = False, message: str = "A model") -> str:
    """Put a folder on the hub, as who is logged in there.

    Args:
        folder: all of whose files go there.
        name: owner/name; made if it is not there.
        private: whether a new one is for its owner alone.
        message: of the change.

    Returns:
        Its address.

    Raises:
        BadInput: without the extra ``hub``, for another name, and where the hub refuses.
    """
    checked(name)
    hub = import_extra("huggingface_hub", "hub")
    api, what = hub.HfApi(), f"push to {name}"
    made = _asked(what, api.create_repo, repo_id=name, private=private, exist_ok=True)
    how = {"repo_id": name, "folder_path": str(folder), "commit_message": message}
    _asked(what, api.upload_folder, **how)
    return str(made)


def checked(name: str) -> str:
    """The name of a model on the hub.

    Raises:
        BadInput: for what can be none.
    """
    require(NAME.match(name) is not None, f"a model on the hub is owner/name, not {name[:80]!r}")
    return name


def _asked(what: str, ask: Any, **how: Any) -> Any:
    """What the hub answers."""
    try:
        return ask(**how)
    except Exception as error:  # of many kinds; the extra alone knows them
        parts = [part.splitlines()[0] for part in re.split(r"\n\s*\n", str(error).strip()) if part]
        raise BadInput(f"cannot {what}: {' '.join(parts[:2]) or type(error).__name__}") from error
