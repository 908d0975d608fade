"""What estimators are asked, checked as all else is: one line says what cannot be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from sklearn.utils import check_random_state

from vaekit.system.checks import BadInput, require
from vaekit.system.ranges import Count, Range, check_value, plain
from vaekit.system.seeding import is_seed

SEEDS, LARGEST = 2**31 - 1, 2**32 - 1
WANTED: dict[str, Any] = {
    "draws": Count,
    "samples": Count,
    "bins": Count | None,
    "false_alarm": Annotated[float, Range(0, 1, "low"), Range(0, 1, "high")],
}
SETTLED = ("source", "recipe")  # by the estimator


def check_parameters(found: Mapping[str, Any]) -> None:
    """Raise ``BadInput`` for a parameter of an estimator that cannot be, of those that training
    does not check.

    Args:
        found: values by name.
    """
    for name in [name for name in WANTED if name in found]:
        check_value(name, WANTED[name], plain(found[name]))
    options, schema = found.get("options") or {}, found.get("schema") or {}
    require(
        isinstance(options, Mapping) and all(isinstance(name, str) for name in options),
        f"options must be a dictionary of options by name, not {options!r}",
    )
    for name in SETTLED:
        require(name not in options, f"options: {name} is settled already: leave it out")
    require(
        isinstance(schema, str | os.PathLike | Mapping),
        "schema must be a file, or a dictionary of what columns are by their names, not "
        f"{schema!r}",
    )


def check_count(name: str, value: Any) -> int:
    """How many, as Python's own number.

    Args:
        name: of what is asked.
        value: that is asked for.

    Raises:
        BadInput: for anything but whole numbers above 0.
    """
    found = plain(value)
    check_value(name, Count, found)
    return int(found)


def seed_of(random_state: Any) -> int:
    """A seed out of anything that scikit-learn takes for a ``random_state``: a whole number is one
    already.

    Args:
        random_state: a whole number, a generator of NumPy's, or None for chance.

    Raises:
        BadInput: for anything else, and for a number below 0 or above 4294967295.
    """
    return int(random_state) if is_seed(random_state, LARGEST) else drawn_seed(random_state)


def drawn_seed(random_state: Any) -> int:
    """A seed that is drawn with anything that scikit-learn takes for a ``random_state``.

    Args:
        random_state: a whole number, a generator of NumPy's, or None for chance.

    Raises:
        BadInput: for anything else, truths too.
    """
    try:
        require(not isinstance(random_state, bool | np.bool_), "a truth")
        return int(check_random_state(random_state).randint(SEEDS))
    except (ValueError, TypeError) as error:
        raise BadInput(
            f"random_state must be a whole number from 0 to {LARGEST}, a generator "
            f"(numpy.random.RandomState) or None, not {random_state!r}"
        ) from error
