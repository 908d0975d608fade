"""How Sphinx makes the site: `make docs` (decision 0049)."""

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

project, author = "vaekit", "the authors of vaekit"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml"]
exclude_patterns = ["*.py"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
highlight_language = "text"
suppress_warnings = ["misc.highlighting_failure"]  # blocks that show a part of a program
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_numpy_docstring = False

html_theme, html_title = "furo", "vaekit"
html_math_renderer = "mathml"
html_copy_source = html_show_sourcelink = html_show_copyright = False

SIGN = re.compile(r"(?<=[ (])\*(?=\w+\))|\|(?=\w\|)|(?<=\|\w)\|")
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(((?:\.\./)+[^)\s#]+)(?:#[^)\s]*)?\)")


def outside_as_text(app: Any, docname: str, source: list[str]) -> None:
    """Links to files that are no part of the site become words and the file's path."""
    home = Path(app.srcdir)

    def said(link: re.Match[str]) -> str:
        target = (home / docname).parent.joinpath(link[2]).resolve()
        if target.is_relative_to(home):
            return link[0]
        return f"{link[1]} (`{target.relative_to(home.parent)}`)"

    source[0] = LINK.sub(said, source[0])


def signs_as_signs(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Stars of shapes, (rows, \\*row), and bars of norms in docstrings are no marks."""
    lines[:] = [SIGN.sub(r"\\\g<0>", line) for line in lines]


def not_ours(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Methods that scikit-learn gives its estimators are not shown."""
    return True if re.fullmatch(r"set_\w+_request", name) else None


def setup(app: Any) -> None:
    """What happens as pages and docstrings are read."""
    app.connect("source-read", outside_as_text)
    app.connect("autodoc-process-docstring", signs_as_signs)
    app.connect("autodoc-skip-member", not_ours)
