"""Defects that were met once, each with the sentence that says how it is now."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from tape import Tape

import vaekit
from vaekit import recipes
from vaekit.codec.graphs import fixed_point_copy
from vaekit.data import Batches, open_source
from vaekit.data.batches import Encoded
from vaekit.interfaces.cli import run
from vaekit.objectives import Objective, Term
from vaekit.objectives.bounds import elbo
from vaekit.objectives.penalties import free_bits
from vaekit.recipes import RECIPES
from vaekit.recipes.recipe import needs_given
from vaekit.rows import Batch, Rows
from vaekit.runs.job import prepare
from vaekit.system.checks import BadInput
from vaekit.training.cuda_graphs import WARM, CapturedUpdates
from vaekit.training.validation import validate

SMALL = {"latent": 2, "width": 8, "epochs": 1}
FLAGS = ["--latent", "2", "--width", "8", "--epochs", "1", "--no-report"]

WITH_A_POSTERIOR = [
    n
    for n, made in recipes.RECIPES.items()
    if "posterior" in recipes.options(made)
    and n not in ("sphere_vae", "poincare_vae")  # which have their own
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys, *arguments):
    """The exit code, and the lines of the error stream that are a complaint."""
    code = run([str(a) for a in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, [line for line in err.splitlines() if line.startswith("vaekit: ")]


def refused(capsys, *arguments):
    """The one line that a command is refused with."""
    code, lines = said(capsys, *arguments)
    assert code == 2
    (line,) = lines
    return line


class TestImpossiblePairsAreRefused:
    @pytest.mark.parametrize("posterior", ["full", "low_rank", "point"])
    def test_a_penalty_and_a_posterior_without_what_it_needs(self, posterior, place, capsys):
        wanted = ["--recipe", "beta_tcvae", "--posterior", posterior]
        line = refused(capsys, "train", "digits", *wanted, *FLAGS, "-o", "run")
        assert "independent dimensions" in line or "a point has no density" in line
        assert not Path("run").exists()

    def test_free_bits_of_a_point(self, place, capsys):
        wanted = ["--recipe", "free_bits_vae", "--posterior", "point"]
        assert "a point has no density" in refused(capsys, "train", "digits", *wanted, *FLAGS)

    @pytest.mark.parametrize("name", WITH_A_POSTERIOR)
    def test_a_point_is_refused_under_every_bound_that_needs_a_density(self, name):
        given = ("label",) if needs_given(RECIPES[name]) else ()
        shape = {"conv_vae": 16, "residual_vae": 16}.get(name, 8)
        x = np.random.default_rng(0).integers(0, 4, (40, shape, shape), np.uint8)
        source = open_source(x, labels=np.arange(40) % 2, given=given)
        with pytest.raises(BadInput, match=r"a point has no density, which the bound \w+ needs"):
            prepare(source, name, posterior="point", **SMALL)


class TestWeightsMultiply:
    def test_beta_is_warmed_up_from_nothing(self):
        built = prepare(
            open_source("digits"), "beta_vae", beta=4.0, kl_warmup=0.5, latent=2, epochs=10
        )
        weights = built.built.objective.weights
        half = int(0.5 * built.steps)
        assert weights(0) == [0.0]
        assert weights(half // 2)[0] == pytest.approx(2.0, abs=0.1)
        assert weights(half) == weights(built.steps) == [4.0]

    @pytest.mark.parametrize("name", ["vae", "iwae", "dreg", "tvo", "beta_tcvae", "ciwae"])
    def test_a_warm_up_weighs_the_kl_of_whatever_bound_there_is(self, name):
        job = prepare(open_source("digits"), name, kl_warmup=1.0, latent=2, epochs=2)
        rows, objective = job.rows("test")[:20], job.built.objective
        torch.manual_seed(0)
        off = objective(job.built.model, rows, 0)
        torch.manual_seed(0)
        on = objective(job.built.model, rows, job.steps)
        assert objective.weights(0)[0] == 0
        assert objective.weights(job.steps)[0] == 1
        assert off.total < on.total

    def test_options_that_would_do_nothing_are_refused(self, place, capsys):
        wanted = ["--recipe", "autoencoder", "--kl-warmup", "0.5"]
        line = refused(capsys, "train", "digits", *wanted, *FLAGS)
        assert "autoencoder has no use for kl_warmup, which would do nothing" in line
        with pytest.raises(BadInput, match="has no use for kl_warmup"):
            vaekit.fit("digits", "autoencoder", kl_warmup=0.5, **SMALL)

    @pytest.mark.parametrize(
        ("name", "option", "value"),
        [
            ("conv_vae", "network", "dense"),
            ("residual_vae", "network", "conv"),
            ("dense_vae", "network", "conv"),
            ("full_covariance_vae", "posterior", "diagonal"),
            ("autoencoder", "posterior", "diagonal"),
        ],
    )
    def test_options_that_would_undo_a_recipes_name_are_refused(
        self, name, option, value, place, capsys
    ):
        wanted = ["--recipe", name, f"--{option}", value]
        line = refused(capsys, "train", "digits", *wanted, *FLAGS)
        assert f"recipe {name} always has {option} " in line
        with pytest.raises(BadInput, match=f"recipe {name} always has {option} "):
            vaekit.fit("digits", name, **{option: value}, **SMALL)


class TestHowDataWasOpenedIsRemembered:
    def test_a_label_column_is_set_aside_again(self, place, capsys):
        rng = np.random.default_rng(0)
        kind = rng.choice(["cat", "dog"], 40)
        table = pd.DataFrame({"a": rng.normal(size=40), "kind": kind, "b": rng.normal(size=40)})
        table.to_csv("t.csv", index=False)
        assert said(capsys, "train", "t.csv", "--label", "kind", *FLAGS, "-o", "run")[0] == 0
        for command in ("encode", "reconstruct"):
            assert said(capsys, command, "run", "t.csv", "-o", "x.npy", "--force") == (0, [])
            assert np.load("x.npy").shape == (40 if command == "encode" else 4, 2)
        assert said(capsys, "evaluate", "run", "t.csv", "--samples", "2") == (0, [])

    def test_pictures_keep_their_size(self, place, capsys):
        Path("photos").mkdir()
        rng = np.random.default_rng(0)
        for i in range(20):
            Image.fromarray(rng.integers(0, 256, (20, 24), np.uint8)).save(f"photos/{i:02}.png")
        assert said(capsys, "train", "photos", "--size", "8", *FLAGS, "-o", "run")[0] == 0
        assert said(capsys, "encode", "run", "photos", "-o", "z.npy") == (0, [])
        assert np.load("z.npy").shape == (20, 2)


class TestDynamicBinarization:
    x = np.random.default_rng(0).integers(0, 256, (620, 1, 4, 4), np.uint8)

    def test_rows_in_memory_and_on_disk_get_the_same_x(self, tmp_path, monkeypatch):
        np.save(tmp_path / "x.npy", self.x)
        monkeypatch.setattr("vaekit.data.on_disk.LARGEST_IN_MEMORY", 4000)
        held = prepare(open_source(self.x), binarize="dynamic", **SMALL)
        left = prepare(open_source(tmp_path / "x.npy"), binarize="dynamic", **SMALL)
        for split in ("train", "test"):
            assert torch.equal(held.rows(split)[:].data, left.rows(split)[:].data)

    def test_a_row_is_the_same_in_whatever_pieces_it_is_asked_for(self):
        job = prepare(open_source(self.x), binarize="dynamic", **SMALL)
        rows = Encoded(open_source(self.x).values, job.choice.representation, "all")
        whole = rows[:].data
        for size in (7, 250, 500):
            assert torch.equal(torch.cat([p.data for p in rows.split(size)]), whole)
        assert not torch.equal(whole[:100], whole[500:600])

    def test_python_and_the_command_evaluate_alike(self, place, capsys):
        np.save("x.npy", self.x)
        model = vaekit.fit("x.npy", binarize="dynamic", **SMALL, out="run")
        assert run(["evaluate", "run", "--samples", "3", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert model.evaluate(samples=3).elbo == pytest.approx(found["elbo"])


class TestTermsHaveNames:
    def test_two_penalties_of_one_kind_are_two_terms(self):
        few, many = Term("low", 1.0, free_bits(0.1)), Term("high", 0.5, free_bits(9.0))
        job = prepare(open_source("digits"), **SMALL)
        terms = Objective(elbo, few, many)(job.built.model, job.rows("test")[:9]).terms
        assert terms["low"] != terms["high"]

    @pytest.mark.parametrize("name", ["twice", "kl", "loss", "gradient"])
    def test_two_terms_of_one_name_are_refused(self, name):
        one, other = Term("twice", 1.0, free_bits(0.1)), Term(name, 1.0, free_bits(9.0))
        with pytest.raises(ValueError, match="the names of terms must differ"):
            Objective(elbo, one, other)


def test_a_term_of_a_whole_batch_is_not_computed_in_parts(place, capsys):
    wanted = ["--recipe", "beta_tcvae", "--parts", "4"]
    line = refused(capsys, "train", "digits", *wanted, *FLAGS, "-o", "run")
    assert "total_correlation looks at a batch as a whole" in line
    assert not Path("run").exists()


class TestAPriorThatSharesThePosterior:
    @pytest.fixture
    def model(self, place):
        return vaekit.fit("digits", prior="vamp", prior_components=8, **SMALL, out="run")

    def test_it_is_saved_once_and_comes_back(self, model):
        again = vaekit.load("run")
        assert again.model.prior.posterior is again.model.posterior
        assert np.array_equal(model.sample(5), again.sample(5))
        x = model.source.rows("test")[:9]
        assert np.array_equal(model.encode(x), again.encode(x))

    def test_the_codec_refuses_it_in_a_line(self, model, capsys):
        line = refused(capsys, "compress", "run", "digits", "-o", "x.vk")
        assert "the prior vamp" in line
        assert not Path("x.vk").exists()
        with pytest.raises(BadInput, match="the prior vamp"):
            fixed_point_copy(model.model)

    def test_its_report_does_not_draw_another_prior(self, model, capsys):
        assert said(capsys, "report", "run") == (0, [])
        shares = torch.tensor([0.1, 0.9])
        z = model.model.prior().sample((4000,))
        found = model.model.quantiles(shares)
        assert (z < found[0]).float().mean(0) == pytest.approx(torch.tensor([0.1, 0.1]), abs=0.03)


class TestWhatIsGivenArrives:
    @pytest.fixture
    def job(self):
        source = open_source("digits", given="label")
        return prepare(source, "conditional_vae", precision="fp32", batch=150, **SMALL)

    def test_in_validation(self, job):
        class Spy(torch.nn.Module):
            seen: list = []

            def forward(self, model, rows, step):
                self.seen.append(rows)
                return job.built.objective(model, rows, step)

        validate(job.built.model, Spy(), job.rows("validation").split(64), 0, 0)
        labels = torch.cat([rows.given["label"].argmax(1) for rows in Spy.seen])
        assert torch.equal(labels, job.source.labels_of("validation"))

    def test_in_captured_updates(self, job):
        """The label decides x; the loss of a batch changes with the label it is given."""
        found = []
        for shift in (0, 1):
            state = job_again(job).run().state
            state.model.train()
            captured = CapturedUpdates(state, Tape())
            stream = Batches(
                job.source, job.choice.representation, 150, given=job.batches.given
            ).from_step()
            for _ in range(WARM + 3):
                captured.update(next(stream))
            assert captured.replay is not None
            rows = next(stream).parts[0].rows
            moved = {n: v.roll(shift, 1) for n, v in rows.given.items()}
            found.append(captured.update(Batch.whole(Rows(rows.x, moved))).loss.total)
        assert found[0] != found[1]


def job_again(job):
    """The same job, not yet begun."""
    return prepare(job.source, job.recipe, precision="fp32", batch=150, **SMALL)
