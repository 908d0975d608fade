"""torch's checks of the arguments of distributions, which are the same for all of a process: they
are left as they were found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch.distributions import Distribution


@contextmanager
def validation_kept(*, off: bool = False) -> Iterator[None]:
    """Whatever is done inside, afterwards torch checks what it checked before.

    Args:
        off: whether it checks nothing inside.
    """
    before = Distribution._validate_args
    if off:
        Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        Distribution.set_default_validate_args(before)
