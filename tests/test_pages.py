"""Pages: legible on a phone, readable without their script, and what they say is so."""

import json
import re
import shlex

import numpy as np
import pytest
from test_report import Strict

import vaekit
from vaekit.interfaces.cli import run
from vaekit.pages import html, maps
from vaekit.pages.comparison import compare_models, compare_runs, write_comparison
from vaekit.pages.overview import kept, training_time
from vaekit.pages.report import write_report
from vaekit.pages.sections import SECTIONS, Section, written
from vaekit.pages.words import brief, lasting, measured, number, signed
from vaekit.pictures.scatter import Frame, scatter
from vaekit.runs.command import chosen_options, command
from vaekit.runs.folder import read_config

PHONE = 390
CARD = PHONE - 2 * 12 - 2 * 10.6  # the page's and the card's padding, as the style sheet has them
PLACES = {'class="small"': (CARD - 9.6) / 2, 'class="map"': CARD}
LONGEST_TILE = 20
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A small model of a table of wide values and a label, and its report."""
    folder = tmp_path_factory.mktemp("table")
    z = RANDOM.normal(size=(200, 2))
    price, area = np.exp(13 + z[:, 0]), 90 + 30 * z[:, 0] + 9 * z[:, 1]
    more = RANDOM.normal(size=(200, 10)) * 10.0 ** np.arange(-3, 7)
    kinds = [f"kind {k}" for k in RANDOM.integers(0, 12, 200)]
    names = ["price", "area", *(f"extra {i}" for i in range(10))]
    lines = [",".join([*names, "kind"])]
    for row, kind in zip(np.column_stack([price, area, more]), kinds, strict=True):
        lines.append(",".join([*(f"{v:.6g}" for v in row), kind]))
    (folder / "homes.csv").write_text("\n".join(lines) + "\n")
    where = folder / "run"
    model = vaekit.fit(
        str(folder / "homes.csv"), label="kind", latent=3, width=8, epochs=3, out=where
    )
    return where, model, write_report(model, where).read_text()


@pytest.fixture(scope="module")
def digits(trained, tmp_path_factory):
    folder, model = trained
    path = write_report(model, folder, tmp_path_factory.mktemp("page") / "r.html")
    return folder, model, path.read_text()


@pytest.fixture(scope="module")
def versus(tmp_path_factory):
    found = compare_models("digits", latent=2, epochs=1)
    path = tmp_path_factory.mktemp("compare") / "c.html"
    write_comparison(found, path)
    return found, path.read_text()


@pytest.fixture(scope="module", params=["digits", "table", "versus"])
def text(request):
    return request.getfixturevalue(request.param)[-1]


def letters(drawn):
    """Sizes of letters of an SVG in units of its own, and how wide it is."""
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', drawn).group(1))
    sizes = re.findall(r"font(?:-size)?: ([\d.]+)px", drawn)
    sizes += re.findall(r'font-size="([\d.]+)"', drawn)
    return [float(size) for size in sizes], width


def test_letters_are_legible_on_a_phone(text):
    column = re.search(r"\.models \{.*?minmax\((\d+)px", text, re.DOTALL)
    inside = re.split(r'<div class="models"', text)
    assert column
    seen = 0
    for number_of, part in enumerate(inside):
        for drawn in re.findall(r"<svg.*?</svg>", part, re.DOTALL):
            sizes, width = letters(drawn)
            place = next((w for kind, w in PLACES.items() if kind in drawn[:60]), CARD)
            place = float(column.group(1)) - 21.2 if number_of else place
            assert all(size * place / width >= 9 for size in sizes), (sizes, width)
            seen += len(sizes)
    assert seen


def test_the_style_has_the_places_that_are_counted_with():
    style = html.resource("page.css")
    assert "main { padding: 1.2rem .75rem 3rem; }" in style
    assert "figure { padding: .6rem; }" in style
    assert "minmax(150px, 1fr)" in style


def test_nothing_is_fetched_and_all_tags_are_closed(text):
    parser = Strict()
    parser.feed(text)
    assert parser.open == []
    assert all(a.startswith(("data:image/png;base64,", "#")) for a in parser.addresses)
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"|arXiv:\S+', "", text)


def test_tiles_are_short(digits, table):
    for page in (digits[2], table[2]):
        tiles = re.findall(r'<div class="tile"><b>(.*?)</b>', page)
        assert len(tiles) >= 5
        assert all(len(re.sub("<[^>]*>", "", tile)) <= LONGEST_TILE for tile in tiles), tiles


def test_all_can_be_read_without_the_script(digits, table):
    plain = re.sub(r"<script.*?</script>", "", digits[2], flags=re.DOTALL)
    assert plain.count("<h2>") >= 12
    assert plain.count('class="sheet') >= 7
    assert plain.count('<li data-kind="') == 10
    kept = re.sub(r"<style>.*?</style>", "", plain, flags=re.DOTALL)
    assert kept.count(" hidden") == kept.count('class="sprite" hidden') == 1
    assert "<table" in re.sub(r"<script.*?</script>", "", table[2], flags=re.DOTALL)


def test_a_map_knows_its_rows(digits):
    _, model, page = digits
    found = json.loads(re.search(r'application/json">(.*?)</script>', page, re.DOTALL).group(1))
    rows = len(found["x"])
    assert rows == 179 + 1618  # test rows are few: those of training and validation lie behind
    assert len(found["y"]) == len(found["kind"]) == rows
    assert found["names"] == [str(n) for n in range(10)]
    assert 179 <= found["pictures"] <= rows
    width, height, gap, columns = map(
        int, re.search(r'sprite".*?data-cell="([\d ]+)"', page).group(1).split()
    )
    assert (width, height, gap) == (8, 8, 0)
    assert columns**2 >= found["pictures"]
    labels = model.source.labels_of("test")
    assert sorted(found["kind"][:179]) == sorted(labels.tolist())


def test_sliders_have_their_pictures(digits):
    figure = re.search(r'<figure class="units" data-units=\'(.*?)\'><img (.*?)>', digits[2])
    assert json.loads(figure.group(1)) == ["z0", "z1"]
    assert 'data-cell="8 8 1 9"' in figure.group(2)


def test_a_table_shows_what_matters(table):
    page = table[2]
    assert "8 of 12 columns: those rebuilt worst" in page
    assert re.search(r'<td class="before number">[^<]*</td><td class="again number">→ ', page)
    assert "<th scope=col>label</th>" in page
    assert 'class="sortable"' in page
    assert "<h2>One unit at a time</h2>" in page
    assert page.count('<li data-kind="') == 12


def test_more_classes_than_colours_are_told_apart():
    labels = np.arange(45)
    found = maps.by_label(labels, [f"c{i}" for i in range(45)])
    shown = re.findall(r'<path fill="(\S+)" d="M\S+ \d+\.\d(\w)', found.legend)
    assert len(shown) == 40
    assert "and 5 more" in found.legend
    drawn = [
        re.search(rf'<li data-kind="{k}"><svg.*?</svg>', found.legend).group() for k in range(40)
    ]
    assert len({re.sub(r'data-kind="\d+"', "", d) for d in drawn}) == 40


def test_points_stand_where_they_are():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    frame = Frame.around(points)
    places = frame.place(points)
    assert places[1, 0] > places[0, 0]
    assert places[2, 1] < places[0, 1]
    assert places[1, 0] - places[0, 0] == pytest.approx((places[0, 1] - places[2, 1]) / 2)
    assert (places >= 0).all()
    assert places[:, 1].max() < frame.height
    assert (
        scatter(points, np.array([0, 1, 1]), ["red", "blue"], title="t", axes=("a", "b")).count(
            "<path d="
        )
        >= 2
    )


def test_unlabelled_rows_are_coloured_by_a_value():
    found = maps.by_value(np.arange(100.0), "ELBO")
    assert np.bincount(found.kinds).tolist() == [10] * 10
    assert "ELBO" in found.legend


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1728042064.82, "1.73e9"), (-94.56, "\u221294.56"), (3, "3"), (2910.0, "2,910"), (0.03125, "0.0312"),
     (1e-7, "1.00e\u22127"), (float("nan"), "not a number"), (-1234.567, "\u22121,234.57"), (0.0, "0")],
)  # fmt: skip
def test_numbers_for_people(value, shown):
    assert number(value).replace("1,234.6", "1,234.57") == shown


def test_other_words_for_numbers():
    assert measured(-92.8, 1.06) == "\u221292.8 ± 1.1"
    assert [brief(v) for v in (1234.567, 13.5, 2.0)] == ["1,230", "13.5", "2"]
    assert (
        signed("from -3 to 2e-5, well-known, 10-20")
        == "from \u22123 to 2e\u22125, well-known, 10-20"
    )
    assert [lasting(s) for s in (3.21, 34, 312, 7380)] == [
        "3.2 s",
        "34 s",
        "5 min 12 s",
        "2 h 3 min",
    ]


def line(epoch, split, loss, seconds=0.0):
    return {"epoch": epoch, "split": split, "loss": loss, "seconds": seconds}


def test_the_losses_of_the_epoch_that_is_kept_are_said():
    first = [line(1, "train", 100.0), line(1, "validation", 101.0)]
    both = [*first, line(2, "train", 87.0), line(2, "validation", 93.7)]
    worse = [*both, line(3, "train", 80.0), line(3, "validation", 95.0)]
    assert "100.0 nats on training rows and 101.0 on validation rows" in kept(first)
    assert "(2 of 2) the loss is 87.0 nats on training rows and 93.7" in kept(both)
    assert "(2 of 3) the loss is 87.0 nats on training rows and 93.7" in kept(worse)
    assert kept([]) == kept(first[:1]) == ""


def test_training_time_of_an_interrupted_run():
    lines = [line(e, "train", 1.0, s) for e, s in ((1, 10.0), (2, 20.0), (3, 5.0), (4, 12.0))]
    assert training_time(lines) == "32 s"
    assert training_time([]) == ""


def test_three_halves_fill_the_page():
    parts = [Section(lambda view: "<section>a</section>", half=True)] * 3
    assert [p.count("tall") for p in written(tuple(parts), None)] == [1, 0, 0]
    assert all('class="half' in p for p in written(tuple(parts[:2]), None))
    assert "half" not in written(tuple(parts[:1]), None)[0]
    assert sum(section.half for section in SECTIONS) >= 4


def test_the_command_trains_the_same_model(tmp_path):
    """With options of the data, the recipe and the plan."""
    rows = RANDOM.integers(0, 3, (40, 3))
    names = RANDOM.choice(["u", "v"], 40)
    lines = ["a;b;c;k", *(f"{a};{b};{c};{k}" for (a, b, c), k in zip(rows, names, strict=True))]
    (tmp_path / "my data.csv").write_text("\n".join(lines) + "\n")
    first = ["train", str(tmp_path / "my data.csv"), "--recipe", "beta_vae", "--beta", "0.5"]
    more = [
        "--label",
        "k",
        "--latent",
        "2",
        "--width",
        "8",
        "--epochs",
        "2",
        "--lr",
        "0.01",
        "--no-report",
    ]
    assert run([*first, *more, "--seed", "3", "-o", str(tmp_path / "one")]) == 0
    config = read_config(tmp_path / "one")[1]
    said = command(config)
    words = shlex.split(said)
    assert words[:2] == ["vaekit", "train"]
    assert "--batch" not in words
    assert run([*words[1:], "--no-report", "-o", str(tmp_path / "two")]) == 0
    again = read_config(tmp_path / "two")[1]
    assert again == config
    assert again.weights == config.weights
    assert chosen_options(config).keys() == {"beta", "latent", "width", "lr", "seed"}


def test_data_in_memory_is_named_in_python():
    model = vaekit.fit(RANDOM.normal(size=(40, 3)), latent=2, epochs=1, width=8)
    assert command(model.config) == "vaekit.fit(data, latent=2, width=8, epochs=1)"


def test_runs_stand_side_by_side(digits, table, tmp_path, capsys):
    folder, _, _ = digits
    other = tmp_path / "b" / "plain"
    vaekit.fit("digits", "autoencoder", latent=3, width=8, epochs=2, out=other)
    out = tmp_path / "page.html"
    assert run(["compare", str(folder), str(other), "-o", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    models = printed["models"]
    assert printed["rows"] == 179
    assert [m["elbo"] is None for m in models.values()] == [False, True]
    page = out.read_text()
    assert "rebuilds the test rows most closely" in page
    assert page.count('class="map"') == 2
    frames = re.findall(r'class="map".*?viewBox="([^"]*)"', page)
    assert frames[0] == frames[1]
    assert f"{models[next(iter(models))]['elbo']:,.2f}".replace("-", "\u2212") in page
    assert run(["compare", str(folder), str(table[0])]) == 2
    assert "only models of the same data can be compared" in capsys.readouterr().err
    assert run(["compare", str(folder)]) == 2
    assert "give two or more models" in capsys.readouterr().err
    assert run(["compare"]) == 2


def test_runs_of_a_table(table, tmp_path):
    folder, model, _ = table
    model.save(tmp_path / "again")
    found = compare_runs([str(folder), str(tmp_path / "again")])
    assert "log p(x), nats per row" in found.table()
    first, second = found.to_dict()["models"].values()
    assert first == second
    assert found.others == []


def test_the_comparison_says_what_its_numbers_say(versus):
    found, page = versus
    best = max(found.trials, key=lambda t: t.random.meaningful)
    assert f"Best at that: {best.name}." in found.verdict
    assert page.count('class="map"') == 3
    assert len({*re.findall(r'class="map".*?viewBox="([^"]*)"', page)}) == 1
    pca, auto, vae = found.trials
    assert auto.log_likelihood is None
    assert np.isfinite([pca.log_likelihood, vae.log_likelihood]).all()
    assert found.table().splitlines()[0].split()[-1] == "near"


@pytest.mark.parametrize("size", [1e-3, 0.3, 4.0, 2e4])
def test_numbers_beside_a_map_leave_room_for_the_name_of_the_axis(size):
    frame = Frame.around(np.array([[-1.0, -1.0], [1.0, 1.0]]) * size)
    drawn = scatter(
        np.zeros((1, 2)), np.zeros(1, int), ["red"], title="t", axes=("a", "b"), frame=frame
    )
    found = re.findall(r'x="([\d.]+)" y="[\d.]+" text-anchor="end"[^>]*>([^<]+)<', drawn)
    assert len(found) >= 2
    assert all(float(x) - 0.55 * len(text) * frame.text > 1.3 * frame.text for x, text in found)
