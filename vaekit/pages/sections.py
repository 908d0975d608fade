"""The sections of a report, in order, and when each of them applies.

A section is a function from a :class:`~vaekit.pages.view.View` to a piece of a page. Another kind
of report is another tuple of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from vaekit.pages import examples, latents, overview, tables
from vaekit.pages import html as page
from vaekit.pages.view import View

ROWS_SHOWN, MOST_CLASSES = 5000, 100


def always(view: View) -> bool:
    """Every model has this."""
    return True


def has_density(view: View) -> bool:
    """It gives rows a density: it is no autoencoder."""
    return view.trained.has_density


def is_coded(view: View) -> bool:
    """It can compress its rows."""
    return view.scores.bits is not None and view.scores.bits.code_bits_per_dimension is not None


def has_classes(view: View) -> bool:
    """Pictures of a model that is given one of a few classes."""
    sizes = [len(c.classes) for c in view.trained.config.conditions if c.classes]
    return view.image and 0 < sum(sizes) <= MOST_CLASSES


def _is_vector(view: View) -> bool:
    """Rows are numbers, and no pictures."""
    return not view.image and tables.is_numbers(view)


@dataclass(frozen=True)
class Section:
    """A piece of a report.

    Args:
        make: writes it.
        applies: says whether there is anything to write.
        half: whether it does with half of the page's width, beside another one that does.
    """

    make: Callable[[View], str]
    applies: Callable[[View], bool] = always
    half: bool = False


def written(sections: tuple[Section, ...], view: View) -> list[str]:
    """Those sections that apply; halves that follow one another share the page's width."""
    shown = [(section, text) for section in sections if (text := _made(section, view))]
    found: list[str] = []
    for is_half, group in groupby(shown, key=lambda pair: pair[0].half):
        texts = [text for _, text in group]
        found += _shared(texts) if is_half else texts
    return found


def _shared(texts: list[str]) -> list[str]:
    """Halves side by side: of three, the first is as tall as the two others; one alone is whole."""
    if len(texts) == 1:
        return texts
    odd = len(texts) % 2 == 1
    return [page.half(text, tall=odd and not number) for number, text in enumerate(texts)]


def _made(section: Section, view: View) -> str:
    return section.make(view) if section.applies(view) else ""


SECTIONS: tuple[Section, ...] = (
    Section(overview.top),
    Section(tables.safe, tables.is_cells),
    Section(tables.columns, tables.is_cells),
    Section(tables.pairs, tables.is_cells),
    Section(tables.odd_rows, lambda view: tables.is_cells(view) and has_density(view)),
    Section(tables.privacy, tables.is_cells),
    Section(examples.reconstructions, tables.is_numbers),
    Section(examples.samples, tables.is_numbers),
    Section(examples.classes, has_classes),
    Section(latents.latent_map, half=True),
    Section(
        latents.manifold,
        lambda view: view.image and view.trained.latent >= 2 and has_density(view),
        half=True,
    ),
    Section(latents.units, lambda view: bool(view.kl_per_dimension), half=True),
    Section(latents.aggregate, has_density, half=True),
    Section(latents.traversals, lambda view: view.image and has_density(view)),
    Section(latents.unit_table, lambda view: _is_vector(view) and has_density(view)),
    Section(latents.walks, lambda view: view.image and len(view.rows) >= 2),
    Section(overview.curves, lambda view: len(view.metrics) >= 4),
    Section(latents.bounds, lambda v: tables.is_numbers(v) and has_density(v), half=True),
    Section(examples.bits, is_coded, half=True),
    Section(overview.numbers),
    Section(overview.origin),
)
