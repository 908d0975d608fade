"""The documentation as a site: built without a warning, complete, and nothing in it is loaded from elsewhere."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
LOADED = re.compile(r"<(?:link|script|img|iframe|source)\b[^>]*?(?:src|href)=\"([^\"]*)\"")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for needed in ("sphinx", "furo", "myst_parser", "latex2mathml"):
        pytest.importorskip(needed, reason="the site needs the extra docs")
    from sphinx.cmd.build import main

    place = tmp_path_factory.mktemp("site")
    assert main(["-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(place)]) == 0
    return place


@pytest.fixture(scope="module")
def pages(site):
    return {str(p.relative_to(site)): p.read_text() for p in site.rglob("*.html")}


@pytest.mark.slow
def test_every_page_is_there_and_leads_on(site, pages):
    for page in DOCS.rglob("*.md"):
        assert str(page.relative_to(DOCS).with_suffix(".html")) in pages
    for name, text in pages.items():
        for link in re.findall(r'href="([^"#:?]+)["#?]', text):
            assert ((site / name).parent / link).exists(), (name, link)


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(site, pages):
    found = {link for text in pages.values() for link in LOADED.findall(text)}
    assert any(".css" in link for link in found)
    assert [link for link in found if "//" in link] == []
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", sheet.read_text()), sheet


@pytest.mark.slow
def test_formulae_are_mathml_and_words_are_found(site, pages):
    words = re.sub(
        r"```.*?```|`[^`]*`", "", (DOCS / "course/3-the-elbo.md").read_text(), flags=re.DOTALL
    )
    formulae = re.findall(r"\$\$.+?\$\$|\$[^$]+\$", words, re.DOTALL)
    assert pages["course/3-the-elbo.html"].count("<math") == len(formulae)
    for text in pages.values():
        for formula in re.findall(r"<math.*?</math>", text, re.DOTALL):
            assert "\\" not in formula
    assert "collaps" in (site / "searchindex.js").read_text()
    assert "vaekit.fit" in pages["api.html"]
