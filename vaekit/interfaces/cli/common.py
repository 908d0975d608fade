"""The options that every command takes, and what they do: one name and one meaning everywhere."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from vaekit.system.progress import hush
from vaekit.system.ranges import Range

MOST_THREADS = 1024  # torch ends the process where the system refuses one
Label = Annotated[str | None, Parameter(help="Column or array that holds labels.")]
Force = Annotated[bool, Parameter(negative="", help="Write over what is there already.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Shown:
    """How a command shows what it found.

    Args:
        json: whether for machines: JSON on the output stream, and nothing else there.
        quiet: whether nothing is said on the error stream but mistakes.
    """

    json: Annotated[bool, Parameter(negative="", help="Print JSON.")] = False
    quiet: Annotated[
        bool, Parameter(negative="", help="Show no progress and no notes, mistakes alone.")
    ] = False

    def begin(self) -> None:
        """Let the options have their effect, from now on."""
        if self.quiet:
            hush()
            warnings.simplefilter("ignore")

    def show(self, found: Mapping[str, Any], people: Callable[[], None] | None = None) -> None:
        """Print what was found: as JSON, or for people, by default as lines.

        Args:
            found: by name.
            people: prints it for people.
        """
        if self.json:
            print(json.dumps(found, indent=2, ensure_ascii=False))
        elif people is not None:
            people()
        else:
            from vaekit.interfaces.cli.shared import show

            show(dict(found), as_json=False)

    def wrote(self, path: Path, rows: int | None = None, noun: str = "rows", **more: Any) -> None:
        """Say what was written, and where.

        Args:
            path: of the file or folder.
            rows: how many there are in it; None where that says nothing.
            noun: what they are.
            more: what else there is to say for machines.
        """
        from vaekit.interfaces.cli.shared import say

        if self.json:
            counted = {} if rows is None else {"rows": rows}
            self.show({"file": str(path), **counted, **more})
            return
        noun = noun.removesuffix("s") if rows == 1 else noun
        say(f"wrote {path}" if rows is None else f"wrote {rows:,} {noun} to {path}")


@Parameter(name="*")
@dataclass(frozen=True)
class Work(Shown):
    """How and where a command that runs a model works.

    Args:
        threads: of the processor; 0 for torch's own choice.
    """

    threads: Annotated[
        int,
        Parameter(help="CPU threads; 0 lets torch decide.", validator=Range(0, MOST_THREADS)),
    ] = 0

    def begin(self) -> None:
        """Let the options have their effect, from now on."""
        super().begin()
        if self.threads:
            import torch

            torch.set_num_threads(self.threads)


DEVICES = Parameter(help="cpu, cuda, cuda:1, or auto: a GPU if there is one.")


@Parameter(name="*")
@dataclass(frozen=True)
class OnDevice(Work):
    """The same of a command that can work on a GPU, if asked to: draws differ between devices.

    Args:
        device: where networks run.
    """

    device: Annotated[str, DEVICES] = "cpu"

    def begin(self) -> None:
        """Let the options have their effect, from now on."""
        super().begin()
        from vaekit.system.devices import device_for

        device_for(self.device)


def columns(taken: int = 0) -> int:
    """How many letters a line of the terminal has room for.

    Args:
        taken: of them, for something else.
    """
    return max(shutil.get_terminal_size((100, 24)).columns - taken, 40)


@Parameter(name="*")
@dataclass(frozen=True)
class Training(OnDevice):
    """The same of a command that trains, on a GPU if there is one."""

    device: Annotated[str, DEVICES] = "auto"


SHOWN, WORK, ON_DEVICE, AS_TRAINING = Shown(), Work(), OnDevice(), Training()
