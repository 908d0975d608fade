"""The first rows of a file stand for nothing: what is judged by some rows is judged by rows chosen
at random, so that their order in the file does not matter."""

import sys

import numpy as np
import pytest
import torch
from test_latents import line

import vaekit
from vaekit.evaluation import aggregate
from vaekit.evaluation.scores import annealed_part, score, with_annealing
from vaekit.pages.comparison.trials import RealismTest
from vaekit.pages.report import rows_of
from vaekit.runs import job as jobs
from vaekit.runs.job import prepare
from vaekit.system.seeding import some

SORTED = torch.cat([torch.randn(3000, 2), torch.randn(1000, 2) + 8])
MIXED = SORTED[torch.randperm(4000, generator=torch.Generator().manual_seed(3))]


def test_some_rows_are_a_function_of_the_seed_alone():
    assert torch.equal(some(100, 10, 4), some(100, 10, 4))
    assert torch.equal(some(100, 10, 4), some(100, 50, 4)[:10])
    assert not torch.equal(some(100, 10, 4), some(100, 10, 5))
    assert torch.equal(some(7, 10, 0).sort().values, torch.arange(7))


def test_some_rows_of_a_source_keep_what_belongs_to_them():
    s = vaekit.open_source("digits", given="label")
    part = s.some("test", 50, seed=1)
    assert len(part) == 50
    assert torch.equal(part.labels.double(), part.given["label"].double())
    rows = {row.numpy().tobytes() for row in s.rows("test")}
    assert all(row.numpy().tobytes() in rows for row in part.values)


@pytest.mark.parametrize("binarize", ["none", "dynamic"])
def test_rows_picked_out_of_a_split_are_the_split_s_own(binarize):
    rows = prepare(vaekit.open_source("digits"), binarize=binarize, width=8).rows("train")
    chosen = some(len(rows), 40, 2)
    assert torch.equal(rows[chosen].data, rows[:].data[chosen])


def test_an_untrained_model_sees_rows_of_all_kinds(monkeypatch):
    monkeypatch.setattr(jobs, "ROWS_TO_ADAPT", 400)
    found = []
    for rows in (SORTED, MIXED):
        built = prepare(vaekit.data.source.source("x", rows), latent=1, width=8, epochs=1).built
        family = built.model.likelihood.family
        found.append((family.shift.clone(), family.gain.clone()))
    (a, b), (c, d) = found
    assert torch.allclose(a, c, atol=1.0)
    assert torch.allclose(b, d, rtol=0.2)
    assert torch.allclose(a, MIXED.mean(0), atol=1.0)


def test_the_aggregate_posterior_is_that_of_all_rows(monkeypatch):
    monkeypatch.setattr(sys.modules["vaekit.evaluation.aggregate"], "ROWS", 400)
    model = line([0.5, 0.5], [0.5, 0.5])
    one, other = (
        aggregate(model, rows) for rows in (torch.cat([SORTED] * 2), torch.cat([MIXED] * 2))
    )
    assert one.marginal_kl == pytest.approx(other.marginal_kl, rel=0.15)
    assert one.mutual_information == pytest.approx(other.mutual_information, abs=0.2)


def test_annealed_rows_are_of_all_kinds():
    model = line([0.5, 0.5], [0.7, 0.7])
    found = [
        with_annealing(
            score(model, rows, samples=4), model, rows, count=60, steps=20, chains=2
        ).annealing
        for rows in (SORTED, MIXED)
    ]
    spread = SORTED.square().sum(1).std().item() / 4 / 60**0.5
    assert abs(found[0].value - found[1].value) < 4 * 2**0.5 * spread
    part = annealed_part(SORTED, 400, 0).data
    assert 0.15 < (part[:, 0] > 4).float().mean() < 0.35


def test_reports_show_rows_of_all_kinds():
    source = vaekit.open_source("digits")
    source = source.take(source.labels.argsort(stable=True))
    model = vaekit.fit(source, latent=1, width=8, epochs=1)
    rows = rows_of(model, None, 100, 0)
    assert len(rows.labels[:48].unique()) >= 9
    assert torch.equal(rows.values[:20], rows_of(model, None, 20, 0).values)


def test_the_comparison_s_judge_knows_rows_of_all_kinds(monkeypatch):
    from vaekit.pages.comparison import trials

    monkeypatch.setattr(trials, "JUDGED_BY", 300)
    monkeypatch.setattr(trials, "TRIALS", 60)
    source = vaekit.open_source("digits")
    judge = RealismTest(source.take(source.labels.argsort(stable=True)), 0)
    assert len(judge.classifier.classes_) == 10
    real = np.asarray(source.rows("test").flatten(1), dtype=np.float32) / 16
    assert judge(real).near > 0.75


def test_evaluating_some_rows_takes_them_from_everywhere(tmp_path, capsys):
    import json

    from vaekit.interfaces.cli.common import OnDevice
    from vaekit.interfaces.cli.judge import evaluate

    x = SORTED.numpy()
    np.save(tmp_path / "x.npy", x)
    vaekit.fit(x[::4], latent=1, width=8, epochs=1, out=tmp_path / "m")
    errors = []
    for limit in (0, 800):
        evaluate(
            str(tmp_path / "m"),
            str(tmp_path / "x.npy"),
            samples=2,
            limit=limit,
            work=OnDevice(json=True),
        )
        errors.append(json.loads(capsys.readouterr().out)["reconstruction"])
    assert errors[1] == pytest.approx(errors[0], abs=0.3)
