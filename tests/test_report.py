"""The report: whole, alone, true to the numbers, in both themes."""

import html
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import vaekit
from vaekit.pages.comparison import compare_models
from vaekit.pages.panels import manifold
from vaekit.pages.report import summarize, write_report
from vaekit.pages.sections import SECTIONS, Section
from vaekit.pictures import as_bytes, enlarge, figure, grid, svg
from vaekit.pictures.svg import THEMED
from vaekit.runs.shown import tones


class Strict(HTMLParser):
    """Collects addresses and checks that tags are closed."""

    VOID = frozenset({"meta", "img", "path", "use", "br", "rect", "image", "circle"})

    def __init__(self):
        super().__init__()
        self.open, self.addresses = [], []

    def handle_starttag(self, tag, attributes):
        self.addresses += [v for k, v in attributes if k in ("src", "href", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.addresses += [v for k, v in attributes if k in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(trained, tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("scored") / "model", trained[1]
    shutil.copytree(trained[0], folder)
    summarize(model, folder)
    path = write_report(model, folder, tmp_path_factory.mktemp("report") / "r.html")
    return path.read_text(), json.loads((folder / "scores.json").read_text())


def test_a_report_is_a_tuple_of_sections(trained, tmp_path):
    """Each says when it applies; another report adds its own."""
    folder, model = trained
    never = Section(lambda view: "<p>never</p>", lambda view: False)
    own = Section(lambda view: f"<p>{len(view.rows)} of {view.trained.latent}</p>")
    path = write_report(model, folder, tmp_path / "r.html", sections=(SECTIONS[0], own, never))
    text = path.read_text()
    assert "<p>179 of 2</p>" in text
    assert "never" not in text
    assert "Latent map" not in text


def test_it_is_well_formed_and_fetches_nothing(page):
    parser = Strict()
    parser.feed(page[0])
    assert parser.open == []
    assert parser.addresses
    assert all(a.startswith(("data:image/png;base64,", "#")) for a in parser.addresses)
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"|arXiv:\S+', "", page[0])


def test_it_holds_every_section(page):
    for title in (
        "Training", "Latent units", "Reconstructions", "Samples from the prior", "Latent map",
        "The decoded plane", "Interpolations", "Aggregate posterior and prior", "All numbers",
        "Where it comes from", "One unit at a time", "Bounds",
    ):  # fmt: skip
        assert f"<h2>{title}</h2>" in page[0], title
    assert "Kingma, D. P. and Welling, M." in page[0]


def test_annealing_brackets_the_bounds(trained, tmp_path, monkeypatch):
    from vaekit.runs import trained as runs

    def briefly(*args, steps, **how):
        assert steps > 100
        return with_annealing(*args, steps=20, **how)

    with_annealing = runs.with_annealing
    monkeypatch.setattr(runs, "with_annealing", briefly)
    shutil.copytree(trained[0], tmp_path / "m")
    text = write_report(trained[1], tmp_path / "m", annealed=2).read_text()
    assert "annealed, and its gap above" in text
    assert "on 2 of the 179 rows scored above, chosen at random" in text


def test_its_numbers_are_the_evaluations(page):
    text, scores = page
    assert f"{scores['elbo']:,.2f}".replace("-", "\u2212") in text
    assert f"{scores['log_likelihood']:,.2f}".replace("-", "\u2212") in text
    assert f"{scores['bits_per_dimension']:.2f}" in text


def test_it_follows_the_readers_theme(page):
    assert "prefers-color-scheme: dark" in page[0]
    assert "var(--ink)" in page[0]
    assert not any(color in page[0] for color in THEMED)


def test_a_table_gets_histograms(tmp_path):
    rng = np.random.default_rng(0)
    model = vaekit.fit(rng.normal(size=(200, 5)), latent=3, width=16, epochs=3, out=tmp_path / "r")
    text = write_report(model, tmp_path / "r").read_text()
    assert "x4: data and samples" in text
    assert "Correlations, from \u22121" in text
    assert "as a share of the columns" in text
    assert "The decoded plane" not in text


def test_an_autoencoder_is_told_apart(tmp_path):
    model = vaekit.fit("digits", "autoencoder", latent=2, width=16, epochs=2, out=tmp_path / "r")
    text = write_report(model, tmp_path / "r").read_text()
    assert "its posterior is a point" in text
    assert "ELBO, nats per row" not in text
    assert "Aggregate posterior" not in text
    assert "mean for codes drawn from the prior" in text
    assert "the noise of single pixels" not in text


def test_new_rows_of_an_autoencoder_have_no_noise_but_where_values_are_few():
    """Its squared error is a Gaussian's of variance 1, which nobody fitted; zeros and ones are drawn."""
    how = {"latent": 2, "width": 16, "epochs": 1, "quiet": True}
    for recipe in ("autoencoder", "wae"):
        model = vaekit.fit("digits", recipe, **how)
        assert not model.model.is_noisy
        assert np.array_equal(model.sample(9, seed=1), model.sample(9, seed=1, mean=True))
    model = vaekit.fit("digits", "autoencoder", likelihood="bernoulli", binarize="threshold", **how)
    assert model.model.is_noisy
    assert {*np.unique(model.sample(9))} == {0, 16}
    model = vaekit.fit("digits", "vae", likelihood="gaussian", scale="1", **how)
    assert not np.array_equal(model.sample(9, seed=1), model.sample(9, seed=1, mean=True))


def test_grey_bernoulli_is_not_called_a_likelihood(tmp_path):
    model = vaekit.fit(
        "digits", likelihood="bernoulli", latent=2, width=16, epochs=1, out=tmp_path / "r"
    )
    text = write_report(model, tmp_path / "r").read_text()
    assert "cross-entropy, not a log likelihood" in text
    assert "ELBO, nats per row" not in text


def test_collapse_is_said_in_words(tmp_path):
    model = vaekit.fit(
        "digits", "beta_vae", beta=1e4, latent=6, width=16, epochs=2, out=tmp_path / "r"
    )
    text = write_report(model, tmp_path / "r").read_text()
    assert "Posterior collapse: no latent unit depends on the data" in text


def test_reports_on_other_data(trained, tmp_path):
    folder, model = trained
    x = tmp_path / "x.npy"
    np.save(x, vaekit.open_source("digits").values.numpy()[:30, 0])
    assert (
        "vae on digits" in write_report(model, folder, tmp_path / "o.html", data=str(x)).read_text()
    )


def test_the_decoded_plane_goes_by_quantiles(trained):
    _, model = trained
    plane = manifold(model, (0, 1), side=5)
    assert plane.shape == (25, 8, 8)
    assert np.array_equal(plane[12], model.decode([[0.0, 0.0]])[0])


def test_white_is_what_the_data_calls_white(trained):
    assert tones(trained[1]) == (0, 16)


def test_grids():
    images = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3)
    sheet = grid(images, columns=2)
    assert sheet.size == (2 * 3 + 1, 3 * 2 + 2)
    assert np.array_equal(np.asarray(sheet)[:2, :3], images[0])
    assert np.asarray(sheet)[2].tolist() == [128] * 7
    assert grid(np.zeros((3, 4, 4, 3), np.uint8)).mode == "RGB"
    assert enlarge(Image.new("L", (10, 5)), 100).size == (100, 50)


def test_as_bytes():
    assert as_bytes(np.array([[[0.0, 1.0]]])).tolist() == [[[0, 255]]]
    assert as_bytes(np.array([[[0, 16]]]), (0, 16)).tolist() == [[[0, 255]]]
    assert as_bytes(np.array([[[-2.0, 2.0]]])).tolist() == [[[0, 255]]]


def test_plots_are_titled_and_themed():
    with figure() as (made, axis):
        axis.plot([0, 1], [1, 0])
        text = svg(made, "What it shows")
    assert text.startswith("<svg")
    assert "<title>What it shows</title>" in text
    assert 'width="100%"' in text


@pytest.mark.filterwarnings("error")
def test_names_in_any_script_stay_text_in_pictures():
    names = ["城市", "عمر", "😀", "$x_1$", "a < b & c"]
    with figure() as (made, axes):
        axes.set_title(names[0])
        axes.set_xlabel(names[1])
        axes.set_ylabel(names[2])
        axes.plot([0, 1], label=names[3])
        axes.text(0, 0, names[4])
        axes.legend()
        text = svg(made, "Names")
    assert all(name in html.unescape(text) for name in names)


@pytest.mark.slow
def test_the_comparison_shows_why_codes_must_be_regular():
    """At 16 numbers a code, random codes of the autoencoder decode far from any real row."""
    found = compare_models("digits", latent=16, epochs=80)
    pca, auto, vae = found.trials
    assert auto.error < pca.error
    assert vae.random.near > 0.75
    assert vae.random.near > auto.random.near + 0.3
    assert vae.random.meaningful > auto.random.meaningful
    assert 0.7 < found.real.meaningful <= 1
    json.dumps(found.to_dict())


def test_comparison_without_labels():
    found = compare_models(np.random.default_rng(0).normal(size=(120, 4)), latent=2, epochs=2)
    assert found.real.near == found.real.meaningful
