"""What commands print: a line of plain words, figures in groups, lists of names as they are typed."""

import dataclasses
import json
import math
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch

import vaekit
from vaekit.distributions.codebooks import Listed
from vaekit.evaluation.aggregate import Aggregate
from vaekit.evaluation.codebooks import CodebookUse, Counts
from vaekit.evaluation.disentanglement import Disentanglement
from vaekit.evaluation.figures import Figure, Figures, as_html, as_text, short, told
from vaekit.evaluation.latents import LatentHealth
from vaekit.evaluation.samples import quality
from vaekit.evaluation.scores import Scores
from vaekit.evaluation.verdict import Level, Rank, of_distance, of_fit, of_latents
from vaekit.interfaces.cli import run
from vaekit.interfaces.cli.completion import completed_app
from vaekit.runs.score import RowScores


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (-109.8567, 0.7384, "−109.86 ± 0.74"),
        (-109.8567, None, "−109.86"),
        (-109.8567, 0.0, "−109.86"),
        (-109.8567, float("nan"), "−109.86"),
        (12345678.9, 1234.0, "12,345,679 ± 1,234"),
        (0.02161, None, "0.0216"),
        (0.000196, None, "1.96e−04"),
        (0.0, None, "0"),
        (4, None, "4"),
        (1797, None, "1,797"),
    ],
)
def test_figures_are_as_long_as_their_error_lets_them(value, error, text):
    assert Figure("x", value, error).text == text


def test_values_stand_one_below_the_other():
    groups = [
        Figures("First", (Figure("a", 1.5, note="one"), Figure("longer", -100.25))),
        Figures("Nothing", ()),
        Figures("Second", (Figure("b", 3),)),
    ]
    assert as_text(groups).splitlines() == [
        "First",
        "  a       1.50     one",
        "  longer  −100.25",
        "",
        "Second",
        "  b       3",
    ]
    assert as_text([]) == ""
    assert short(2e9) == "2.00e+09"
    assert short(-0.0) == "0"
    assert Figure("nothing", -0.001, 0.1).text == "0.00 ± 0.10"


def test_an_evaluation_begins_with_plain_words_and_the_numbers_that_matter(
    trained, tmp_path, capsys
):
    assert run(["evaluate", str(trained[0]), "--samples", "20"]) == 0
    lines = capsys.readouterr().out.splitlines()
    scores = trained[1].evaluate(samples=20)
    assert lines[0] == scores.verdict
    assert lines[1] == scores.diagnosis
    titles = [line for line in lines[3:] if line and not line.startswith(" ")]
    assert titles[0].startswith("Likelihood, nats per row (179 rows, 20 samples each)")
    assert len(titles) == 4
    density = scores.density
    shown = Figure("log p(x)", density.log_likelihood, density.log_likelihood_error)
    assert shown.text.startswith("−")
    assert shown.text in lines[4]
    assert run(["evaluate", str(trained[0]), "--samples", "20", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == scores.to_dict()


@pytest.mark.parametrize(
    ("squared", "wrong", "shown"),
    [
        (0.25, None, [("squared error", "0.25"), ("units in use", "3")]),
        (None, 0.5, [("cells wrong", "0.5"), ("units in use", "3")]),
        (None, None, [("units in use", "3")]),
    ],
)
def test_how_well_rows_are_rebuilt_is_told_where_it_is_known(squared, wrong, shown):
    """Of numbers by their squares, of a table by its cells."""
    scores = Scores(10, 0, squared, 3, 8, 1.5, "fine", cells_wrong=wrong)
    last = scores.figures[-1]
    assert last.title == "Reconstruction and latents"
    assert [(figure.name, figure.text) for figure in last.each] == shown


@pytest.mark.parametrize(
    ("variance", "mutual", "marginal", "said"),
    [
        (0.0, 0.0, 0.0, "A collapsed model: its codes tell nothing of a row."),
        (1.0, 0.49, 0.0, "A model that is all but collapsed: a code tells 0.49 nats of its row"),
        (1.0, 3.0, 0.1, "A sound model: a code tells 3.00 nats of its row."),
        (1.0, 4.2, 0.1, "A sound model: a code tells up to 9.00 nats of its row."),
        (1.0, 3.0, 6.0, "A model whose samples fall short: a code tells 3.00 nats of its row"),
    ],
)
def test_the_first_line_says_how_good_a_model_is(variance, mutual, marginal, said):
    health = LatentHealth(None, torch.tensor([variance, 0.0]))
    whole = Aggregate(100, 9.0, mutual, 0.0, marginal, None)
    assert of_latents(health, whole, 9.0).verdict.startswith(said)


def listed(codes, entries=2, chances=None):
    """How codes use a list: numbers of the entries, (rows, places)."""
    codes = torch.tensor(codes)
    book = torch.arange(float(entries))[:, None]
    encoded = book[codes]
    found = Listed(encoded, codes, book, encoded.flatten(1), chances is None, chances)
    told = Counts().and_of(found).told
    return CodebookUse(entries, 2, 2.0, 0.1, found.certain, told)


HALF = [[0], [1]] * 10


@pytest.mark.parametrize(
    ("codes", "nats"),
    [
        (HALF, math.log(2)),
        ([[0], [0], [0], [1]] * 5, 0.5623),
        ([[0, 1, a, b] for a in (0, 1) for b in (0, 1)] * 4, 2 * math.log(2)),
    ],
)
def test_codes_from_a_list_tell_no_more_than_the_entries_they_use(codes, nats):
    assert listed(codes).nats == pytest.approx(nats, abs=1e-4)


def test_what_few_rows_show_of_a_long_list_is_not_the_most_that_it_tells():
    rows = [[k] for k in range(20)]
    assert listed(rows, 512).nats == pytest.approx(math.log(512))


def test_drawn_entries_tell_what_their_row_changes_of_their_chances():
    alike = torch.tensor([[[0.5, 0.5]]]).expand(20, -1, -1)
    assert listed(HALF, chances=alike).nats == pytest.approx(0)
    surer = torch.tensor([[[0.9, 0.1]], [[0.1, 0.9]]] * 10)
    assert listed(HALF, chances=surer).nats == pytest.approx(0.3681, abs=1e-4)


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (
            [[0] * 15 + [k % 8 == 0] for k in range(40)],
            "all but collapsed: a code tells up to 0.37",
        ),
        ([[0] * 15 + [k % 2] for k in range(40)], "up to 0.693 nats of its row, no more than one"),
        (
            [[0] * 14 + [k % 2, k // 2 % 2] for k in range(40)],
            "sound model: a code tells up to 1.39",
        ),
    ],
)
def test_units_out_of_use_tell_nothing_whatever_they_cost(codes, said):
    """An even prior asks 16 log 2 nats for any code of 16 places."""
    use = listed([[int(k) for k in row] for row in codes])
    health = LatentHealth(None, torch.tensor(codes).double().var(0, correction=0))
    found = of_latents(health, None, 16 * math.log(2), use)
    assert said in found.verdict
    assert "KL" not in found.advice


def test_advice_does_not_contradict_itself():
    few = LatentHealth(None, torch.tensor([1.0, *[0.0] * 7]))
    found = of_latents(few, Aggregate(1000, 9.0, 3.0, 0.0, 6.0, None), 9.0)
    assert found.rank is Rank.MISMATCHED
    assert "warm-up" in few.diagnosis
    assert "larger weight on the KL" not in found.advice
    many = of_latents(
        LatentHealth(None, torch.ones(8)), Aggregate(1000, 9.0, 3.0, 0.0, 6.0, None), 9.0
    )
    assert "larger weight on the KL" in many.advice


@pytest.mark.parametrize(
    ("train", "held_out", "rows", "overfitted"),
    [
        (-87.0, -93.7, 500, True),
        (-87.0, -93.7, 10, False),  # chance
        (-91.0, -93.7, 50_000, False),  # sure, and little
        (-95.0, -93.7, 500, False),
        (5.0, 0.1, 500, False),  # of a density, in few of its 100 numbers
        (6.0, 0.1, 500, True),
    ],
)
def test_training_rows_that_are_much_likelier_are_learned_by_heart(
    train, held_out, rows, overfitted
):
    numbers = 64 if train < 0 else 100
    found = of_fit(Level(train, 16.0, rows), Level(held_out, 16.0, rows), numbers)
    assert (found.rank is Rank.OVERFITTED) == overfitted
    assert found.verdict.startswith("An overfitted" if overfitted else "It is not overfitted: ")


@pytest.mark.parametrize(
    ("train", "rows", "said"),
    [
        (-93.0, 500, "rows held out are as likely as those that it was trained on."),
        (-91.0, 50_000, "rows held out are less likely by no more than 2.70 nats."),
    ],
)
def test_a_sound_model_that_is_not_overfitted_is_said_to_be_so(train, rows, said):
    found = of_fit(Level(train, 16.0, rows), Level(-93.7, 16.0, rows), 64)
    sound = Scores(10, 0, None, 3, 8, 1.5, "fine", verdict="A sound model: all is well.")
    said_of = sound.told(found)
    assert said_of.verdict == f"A sound model: all is well. It is not overfitted: {said}"
    assert said_of.rank is Rank.SOUND
    empty = replace(sound, verdict="Collapsed.", rank=Rank.COLLAPSED)
    assert empty.told(found) == empty


def test_rows_far_from_the_training_data_are_told():
    held_out = Level(-183.0, 30.0, 1000)
    assert of_distance(Level(-190.0, 30.0, 300), held_out) is None
    found = of_distance(Level(-490.0, 80.0, 300), held_out)
    assert found.rank is Rank.FAR
    assert "307.00 nats less likely" in found.verdict


def test_an_evaluation_of_foreign_rows_gives_no_advice_on_training(trained, tmp_path, capsys):
    model, foreign = tmp_path / "model", tmp_path / "noise.npy"
    shutil.copytree(trained[0], model)
    assert run(["evaluate", str(model), "--samples", "20", "-o", str(model / "scores.json")]) == 0
    capsys.readouterr()
    np.save(foreign, np.random.default_rng(0).integers(0, 17, (40, 8, 8)).astype(np.uint8))
    assert run(["evaluate", str(model), str(foreign), "--samples", "20"]) == 0
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first.startswith("Rows far from the training data: ")
    assert "would help" not in second


def test_an_autoencoder_is_said_to_be_one(tmp_path, capsys):
    how = ["--recipe", "autoencoder", "--epochs", "1", "--width", "8", "--no-report"]
    assert run(["train", "digits", *how, "-o", str(tmp_path / "r")]) == 0
    out, said = capsys.readouterr()
    assert "likelihood gaussian: as autoencoder has it\n" in said
    assert out.startswith("An autoencoder: ")
    assert "nats" not in out.split("\n\n", 1)[1].split("\n\n")[0]


@pytest.mark.parametrize("command", ["recipes", "data"])
def test_lists_show_names_as_they_are_typed_and_whole_sentences(command, capsys):
    assert run([command, "--json"]) == 0
    names = json.loads(capsys.readouterr().out)
    assert run([command]) == 0
    out = capsys.readouterr().out
    for name, about in names.items():
        assert f"\n{name} " in f"\n{out}"
        assert about.strip()
        assert about.split()[-1] in out
        if command == "recipes":
            assert about.endswith((".", ").")), about


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (["tr"], {"train"}),
        (["train", "--re"], {"--recipe", "--resume", "--report"}),
        (["train", "--recipe", "beta_"], {"beta_vae", "beta_tcvae"}),
        (["train", "fash"], {"fashion_mnist"}),
    ],
)
def test_a_shell_completes_commands_options_and_names(typed, completed, tmp_path):
    script = tmp_path / "completion"
    script.write_text(completed_app().generate_completion(shell="bash"))
    words = " ".join(map(repr, ["vaekit", *typed]))
    asked = f"""
source {script}
COMP_WORDS=({words}); COMP_CWORD={len(typed)}
_vaekit vaekit "{typed[-1]}" "{(["vaekit", *typed])[-2]}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    out = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True).stdout
    assert completed <= set(out.split())


def test_completion_says_which_shells_it_knows(monkeypatch, capsys):
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert run(["--install-completion"]) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err


class Found:
    verdict = "Good & <well>."
    figures = (Figures("First", (Figure("a", 1.5, 0.25, "one"),)), Figures("Empty", ()))


def test_findings_are_words_and_then_figures():
    assert told(Found()) == "Good & <well>.\n\nFirst\n  a  1.50 ± 0.25  one"
    shown = as_html(Found())
    assert shown.startswith("<p>Good &amp; &lt;well&gt;.</p><table>")
    assert "1.50 ± 0.25" in shown
    assert "Empty" not in shown


@pytest.mark.parametrize(
    ("shift", "words"), [(0.0, "much like"), (0.9, "roughly like"), (3.0, "unlike")]
)
def test_samples_are_as_good_as_training_rows_say(shift, words):
    random = np.random.default_rng(0)
    real, train, made = random.normal(size=(3, 400, 2))
    found = quality(real, made + shift, "raw")
    assert words not in found.verdict
    found = dataclasses.replace(found, usual=quality(real, train, "raw"))
    assert f"Samples are {words} real rows" in found.verdict
    assert found.verdict.count("%") == 4
    assert "training rows" in told(found)
    assert found._repr_html_().count("<table>") == 2


@pytest.mark.parametrize(
    ("gap", "words"), [(0.9, "of their own:"), (0.2, "of their own in part:"), (0.05, "are mixed")]
)
def test_scores_of_codes_are_said_in_words(gap, words):
    found = Disentanglement(gap, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert words in found.verdict
    assert f"tells {gap:.0%} of it more than the next" in found.verdict
    assert "FactorVAE" not in told(found)
    assert "beta-VAE" in told(dataclasses.replace(found, beta_vae=0.5))


@pytest.mark.parametrize(("held", "text"), [(19, ""), (50, "oddest 5%"), (200, "oddest 1%")])
def test_rows_that_are_odd_are_counted(held, text):
    p = np.array([0.005, 0.04, 0.5, 0.9])
    found = RowScores(np.arange(4), np.zeros(4), np.zeros(4), None, p, held)
    assert (text in found.odd) if text else not found.odd
    assert not text or found.odd.startswith("2 of 4" if "5%" in text else "1 of 4")
    assert RowScores(np.arange(4), np.zeros(4), np.zeros(4)).odd == ""


@pytest.mark.parametrize("recipe", ["vae", "rae_l2"])
def test_figures_that_are_not_finite_are_named_and_get_no_verdict(recipe):
    """A square of 1e20 is no float32: one such row is enough; weights like it spoil every row."""
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    trained = vaekit.fit(x, recipe, epochs=1, width=8, latent=2, quiet=True)
    assert "finite" not in trained.evaluate(x, samples=2).diagnosis
    x[3, 2] = 1e30
    found = trained.evaluate(x, samples=2)
    assert found.verdict == "No verdict: not all figures are finite."
    assert found.rank is Rank.UNKNOWN
    if recipe == "vae":
        assert re.match(r"Not finite: log p\(x\), ELBO, .* 1 of 60 rows overflows", found.diagnosis)
    for factor in (1e6, 1e30):
        with torch.no_grad():
            for weight in trained.model.parameters():
                weight.mul_(factor)
        found = trained.evaluate(x, samples=2)
        assert "No row gives finite numbers: either training went astray" in found.diagnosis
        assert found.doubts == (found.diagnosis,)
