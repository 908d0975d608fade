"""Formulae as MathML, written when the site is built: browsers draw it, no script is needed."""

from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.util.typing import ExtensionMetadata


def inline(writer: Any, node: Any) -> None:
    """A formula in a line."""
    writer.body.append(convert(node.astext()))
    raise SkipNode


def block(writer: Any, node: Any) -> None:
    """A formula of its own."""
    writer.body.append(f'<div class="math">{convert(node.astext(), display="block")}</div>')
    raise SkipNode  # nothing else is to be written of it


def setup(app: Any) -> ExtensionMetadata:
    """Register the renderer, mathml."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
