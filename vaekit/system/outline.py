"""What modules say of themselves (names, signatures, numbers, docstrings), without the libraries
that their code needs: a list of recipes does not wait for torch."""

from __future__ import annotations
import __future__

import ast
import sys
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

PACKAGE = __name__.split(".")[0]
ROOT = Path(__file__).parents[1]
LIGHT = {"cyclopts", "docstring_parser"}
_found: dict[str, Outline] = {}


class Outline:
    """A module as far as it goes without libraries that are slow to load.

    Args:
        names: of the module.
    """

    def __init__(self, names: Names) -> None:
        self.__dict__ = names

    @property
    def names(self) -> Names:
        """All that it has, and what it imports as soon as that is looked for."""
        return cast(Names, self.__dict__)

    def __getattr__(self, name: str) -> Any:
        """What the module has, or imports, under this name."""
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(
                f"the outline of {self.__dict__['__name__']} has no {name}"
            ) from None


class Names(dict[str, Any]):
    """The names of a module; those it imports are looked for when they are needed."""

    def __init__(self, name: str, statements: list[ast.stmt]) -> None:
        super().__init__(__name__=f"outline of {name}")
        self.homes = {
            alias.asname or alias.name: (part.module, alias.name)
            for part in statements
            if isinstance(part, ast.ImportFrom) and part.module
            for alias in part.names
        }
        self.modules = {
            alias.asname or alias.name: alias.name
            for part in statements
            if isinstance(part, ast.Import)
            for alias in part.names
        }

    def __missing__(self, name: str) -> Any:
        """An imported module, or what is imported from one.

        Raises:
            KeyError: if there is none, or it is in a library that is slow to load.
        """
        with suppress(AttributeError):
            if name in self.modules and _is_at_hand(self.modules[name]):
                self[name] = import_module(self.modules[name])
                return self[name]
            if name in self.homes:
                self[name] = _value(*self.homes[name])
                return self[name]
        raise KeyError(name)


def outline(name: str) -> Any:
    """A module of this package as far as it goes without libraries that are slow to load.

    Its statements are run in order, as an import would, except for those that need such a library
    (a class that extends one of torch's). What it imports from this package is an outline in turn.
    Where the module has been imported already, or needs no such library, it is the module itself.

    Args:
        name: of the module, such as "vaekit.recipes".
    """
    if is_loaded(name) or is_light(name):
        return import_module(name)
    if name not in _found:
        statements = _statements(_path_of(name))
        names = Names(name, statements)
        made = _found[name] = Outline(names)
        sys.modules[names["__name__"]] = made  # type: ignore[assignment]  # for dataclasses
        for statement in statements:
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                _run(statement, names)
    return _found[name]


def is_loaded(name: str) -> bool:
    """Whether a module has been imported already."""
    return name in sys.modules


def is_light(name: str) -> bool:
    """Whether a module of this package, and all that it imports, needs no slow library."""
    met, ahead = {name}, [name]
    while ahead:
        here = ahead.pop()
        homes = _imports_of(here)
        own = {home for home in (*homes, here.rpartition(".")[0]) if _is_own(home)}
        if not all(home in own or _is_at_hand(home) for home in homes):
            return False
        ahead += own - met
        met |= own
    return True


@cache
def _statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8")).body


@cache
def _imports_of(name: str) -> list[str]:
    """The modules that a module of this package imports, in order."""
    return [home for part in _statements(_path_of(name)) for home in _imported(part)]


def _imported(part: ast.stmt) -> list[str]:
    """The modules that a statement imports."""
    if isinstance(part, ast.Import):
        return [alias.name for alias in part.names]
    if not isinstance(part, ast.ImportFrom) or not part.module:
        return []
    inside = [f"{part.module}.{alias.name}" for alias in part.names]
    return [part.module, *(home for home in inside if _is_own(home))]


@cache
def _is_own(home: str) -> bool:
    return home.split(".")[0] == PACKAGE and _path_of(home).exists()


def _run(statement: ast.stmt, names: Names) -> None:
    """Run a statement, unless it needs something that is not there."""
    code = ast.Module([statement], [])
    flags = __future__.annotations.compiler_flag
    with suppress(NameError, AttributeError):
        exec(compile(code, names["__name__"], "exec", flags), names)


@cache
def _path_of(name: str) -> Path:
    path = ROOT.joinpath(*name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _is_at_hand(home: str) -> bool:
    """Whether a module costs little to import."""
    top = home.split(".")[0]
    return is_loaded(home) or top in sys.stdlib_module_names or top in LIGHT


def _value(home: str, name: str) -> Any:
    """What ``from home import name`` gives.

    Raises:
        AttributeError: where that needs a library that is slow to load.
    """
    if home.split(".")[0] == PACKAGE and _path_of(f"{home}.{name}").exists():
        return outline(f"{home}.{name}")
    if _is_at_hand(home):
        return getattr(import_module(home), name)
    if home.split(".")[0] == PACKAGE:
        return getattr(outline(home), name)
    raise AttributeError(name)
