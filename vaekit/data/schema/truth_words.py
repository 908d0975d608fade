"""Words for true and false: the same truths, written in another way."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from pyarrow import compute as pc

PAIRS = (
    ("true", "false"), ("1", "0"), ("yes", "no"), ("y", "n"), ("t", "f"), ("ja", "nein"),
    ("j", "n"),
)  # fmt: skip


def truths_in(words: Sequence[str]) -> dict[str, bool]:
    """What each of some words says, where all are of one pair, as yes and no; else nothing.

    Args:
        words: in whatever capitals.
    """
    small = {word: word.strip().lower() for word in words}
    pair = next((p for p in PAIRS if words and set(small.values()) <= set(p)), None)
    return {word: found == pair[0] for word, found in small.items()} if pair else {}


def respelled(words: pa.Array, like: Sequence[str]) -> pa.Array:
    """Words for truths in the spelling of others; as they are where either say something else.

    Args:
        words: of text.
        like: words in the spelling that is wanted.
    """
    own, wanted = truths_in(pc.drop_null(words.unique()).to_pylist()), truths_in(like)
    if not own or not wanted or set(own) <= set(like):
        return words
    spelt = {truth: word for word, truth in reversed(wanted.items())}
    keys = pa.array(list(own), words.type)
    values = [spelt.get(truth) or _like(truth, like[0]) for truth in own.values()]
    return pa.array(values, words.type).take(pc.index_in(words, value_set=keys))


def _like(truth: bool, other: str) -> str:
    """The word of a truth beside that of the other, in its capitals."""
    pair = next(p for p in PAIRS if other.strip().lower() in p)
    word = pair[not truth]
    if other.istitle() and len(other) > 1:
        return word.title()
    return word.upper() if other.isupper() else word
