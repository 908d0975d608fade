"""What a trained model answers, in the data's own numbers; and that files bring the same back."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from living import FOR_COUNTS, FOR_PICTURES
from parts import OF_NUMBERS

import vaekit
from vaekit.recipes import RECIPES
from vaekit.recipes.recipe import needs_given, options
from vaekit.runs.score import score_rows
from vaekit.system.checks import BadInput


@pytest.fixture(scope="module")
def digits():
    return vaekit.open_source("digits").rows("test").numpy()[:, 0]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    a = rng.normal(size=300)
    return pd.DataFrame({"a": a, "b": 40 * a + rng.normal(size=300), "c": rng.normal(9, 0.1, 300)})


@pytest.fixture(scope="module")
def tabular(frame):
    return vaekit.fit(frame, latent=2, width=32, epochs=400)


class TestImages:
    def test_what_comes_out_looks_like_what_went_in(self, trained, digits):
        _, model = trained
        assert model.encode(digits).shape == (179, 2)
        rebuilt = model.reconstruct(digits)
        assert rebuilt.shape == digits.shape
        assert rebuilt.dtype == np.uint8
        assert rebuilt.max() <= 16
        assert model.sample(5).shape == (5, 8, 8)
        assert model.decode([[0.0, 1.0]]).shape == (1, 8, 8)

    def test_the_same_row_gives_the_same_code(self, trained, digits):
        _, model = trained
        assert np.array_equal(model.encode(digits), model.encode(digits))
        assert np.allclose(model.encode(digits[3]), model.encode(digits)[3:4], atol=1e-5)

    def test_between_codes_gradients_and_noise_are_the_askers_own(self, trained, digits):
        _, model = trained
        for _ in zip(model.codes(digits), model.codes(digits, spread=True), strict=True):
            assert torch.is_grad_enabled()
            assert not torch.is_inference_mode_enabled()
        assert torch.is_grad_enabled()

    @pytest.mark.parametrize("seed", [True, -1, 1.5, None, 2**70])
    def test_what_is_no_seed_is_refused_wherever_it_is_asked_for(self, trained, digits, seed):
        _, model = trained
        for ask in (
            lambda: model.sample(1, seed=seed),
            lambda: model.elbo(digits[:2], seed=seed),
            lambda: model.log_likelihood(digits[:2], seed=seed),
            lambda: model.evaluate(digits[:2], seed=seed),
        ):
            with pytest.raises(BadInput, match="a seed must be a whole number from 0"):
                ask()

    def test_samples_follow_the_seed(self, trained):
        _, model = trained
        assert np.array_equal(model.sample(4, seed=1), model.sample(4, seed=1))
        assert not np.array_equal(model.sample(4, seed=1), model.sample(4, seed=2))
        torch.manual_seed(1)
        expected = torch.rand(2)
        torch.manual_seed(1)
        model.sample(4)
        model.evaluate(digits_rows(), samples=5)
        assert torch.equal(torch.rand(2), expected)

    def test_means_are_smoother_than_draws(self, trained):
        _, model = trained
        mean, drawn = (model.sample(50, mean=m).astype(float) for m in (True, False))
        assert np.abs(np.diff(mean, axis=2)).mean() < np.abs(np.diff(drawn, axis=2)).mean()

    def test_walks_start_and_end_at_reconstructions(self, trained, digits):
        _, model = trained
        walks = model.interpolate(digits[:3], digits[3:6], steps=5)
        assert walks.shape == (3, 5, 8, 8)
        assert np.abs(walks[:, 0].astype(int) - model.reconstruct(digits[:3])).max() <= 1
        assert np.abs(walks[:, -1].astype(int) - model.reconstruct(digits[3:6])).max() <= 1
        with pytest.raises(BadInput, match="as many ends as starts"):
            model.interpolate(digits[:3], digits[:2])

    def test_scores(self, trained):
        _, model = trained
        s = model.evaluate(samples=300)
        assert s.rows == 179
        assert s.elbo == pytest.approx(-s.reconstruction - s.kl)
        assert s.elbo < s.log_likelihood
        assert s.log_likelihood - s.elbo < 5
        assert s.bits_per_dimension == pytest.approx(-s.log_likelihood / np.log(2) / 64)
        assert 0 < s.density.sampling_error < s.density.log_likelihood_error
        assert 1 < s.density.effective_samples <= 300
        assert sum(s.density.kl_per_dimension) == pytest.approx(s.kl, rel=1e-3)
        assert 0 < s.mean_squared_error < 40
        json.dumps(s.to_dict())

    def test_scores_repeat(self, trained):
        _, model = trained
        assert model.evaluate(samples=50, seed=3) == model.evaluate(samples=50, seed=3)

    def test_rows_are_scored_apart(self, trained, digits):
        """A row's log p(x) does not depend on its neighbours; its mean is what is evaluated."""
        model = trained[1]
        found = model.log_likelihood(digits, samples=200)
        assert found.shape == (len(digits),)
        assert np.allclose(model.log_likelihood(digits[5]), model.log_likelihood(digits)[5:6])
        scores = model.evaluate(digits, samples=200)
        assert found.mean() == pytest.approx(
            scores.log_likelihood, abs=5 * scores.density.sampling_error
        )
        strange = np.random.default_rng(0).permutation(digits.reshape(len(digits), -1), axis=1)
        assert model.log_likelihood(strange.reshape(digits.shape)).mean() < found.mean() - 10
        with pytest.raises(BadInput, match="samples must be at least 1, not 0"):
            model.log_likelihood(digits, samples=0)

    def test_test_rows_are_the_default(self, trained):
        _, model = trained
        by_name = model.evaluate(model.source, split="test", samples=20)
        assert model.evaluate(samples=20) == by_name
        assert model.evaluate(digits_rows(), samples=5).rows == len(digits_rows())


def digits_rows():
    return vaekit.open_source("digits").values.numpy()[:40, 0]


class TestFrames:
    def test_frames_in_frames_out(self, frame, tabular):
        shuffled = frame.sample(frac=1, random_state=0)
        codes = tabular.encode(shuffled)
        assert list(codes.columns) == ["z0", "z1"]
        assert codes.index.equals(shuffled.index)
        rebuilt = tabular.reconstruct(shuffled)
        assert list(rebuilt.columns) == ["a", "b", "c"]
        assert rebuilt.index.equals(shuffled.index)

    def test_it_learns_the_columns_own_units(self, frame, tabular):
        drawn = tabular.sample(4000)
        assert np.allclose(drawn.mean(0), frame.mean(), atol=frame.std() * 0.2)
        assert np.allclose(drawn.std(0), frame.std(), rtol=0.25)
        assert np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1] > 0.9

    def test_log_p_is_in_the_data_units(self, frame, tabular):
        """Scaling a column by 1000 moves log p by - log 1000."""
        scaled = frame.assign(b=frame.b * 1000)
        other = vaekit.fit(scaled, latent=2, width=32, epochs=400)
        a, b = tabular.evaluate(frame, samples=100), other.evaluate(scaled, samples=100)
        assert b.log_likelihood - a.log_likelihood == pytest.approx(-np.log(1000), abs=0.15)


class TestAutoencoder:
    def test_it_has_no_log_p(self):
        with pytest.raises(BadInput, match="an autoencoder has no log p"):
            vaekit.fit("digits", "autoencoder", latent=2, width=8, epochs=1).log_likelihood(
                "digits"
            )

    def test_it_claims_no_likelihood(self):
        model = vaekit.fit("digits", "autoencoder", latent=2, width=32, epochs=2)
        s = model.evaluate()
        assert s.elbo is s.log_likelihood is s.kl is s.bits_per_dimension is None
        assert s.mean_squared_error > 0
        assert not model.has_density


class TestFiles:
    def test_saved_and_loaded_it_says_the_same_in_a_fresh_process(self, trained, digits, tmp_path):
        folder, model = trained
        np.save(tmp_path / "x.npy", digits)
        code = (
            "import sys, numpy as np, vaekit; m = vaekit.load(sys.argv[1]); x = np.load(sys.argv[2]);"
            "np.savez(sys.argv[3], z=m.encode(x), s=m.sample(6, seed=2), l=m.evaluate(x, samples=20).log_likelihood)"
        )
        out = tmp_path / "out.npz"
        subprocess.run([sys.executable, "-c", code, folder, tmp_path / "x.npy", out], check=True)
        with np.load(out) as again:
            assert np.allclose(again["z"], model.encode(digits), atol=1e-6)
            assert np.array_equal(again["s"], model.sample(6, seed=2))
            assert again["l"] == pytest.approx(
                model.evaluate(digits, samples=20).log_likelihood, abs=1e-3
            )

    def test_a_model_from_memory_can_be_saved(self, tabular, frame, tmp_path):
        tabular.save(tmp_path / "t")
        again = vaekit.load(tmp_path / "t")
        assert np.array_equal(again.encode(frame), tabular.encode(frame))
        assert {p.name for p in (tmp_path / "t").iterdir()} == {"config.json", "model.safetensors"}

    def test_resuming_needs_the_data_that_was_in_memory(self, frame, tmp_path):
        vaekit.fit(frame, latent=2, width=8, epochs=1, out=tmp_path / "r")
        with pytest.raises(BadInput, match="give that data again"):
            vaekit.resume(tmp_path / "r")
        vaekit.resume(tmp_path / "r", frame)
        with pytest.raises(BadInput, match="contents have changed"):
            vaekit.resume(tmp_path / "r", frame + 1)

    def test_the_folder_says_where_it_came_from(self, trained):
        config = json.loads((trained[0] / "config.json").read_text())
        assert config["recipe"] == "vae"
        assert config["arguments"]["latent"] == 2
        assert config["data"]["open"] == "digits"
        assert len(config["data"]["fingerprint"]) == 64
        assert config["vaekit"] == vaekit.__version__


@pytest.mark.parametrize("binarize", ["threshold", "dynamic"])
def test_binarized_data(binarize):
    model = vaekit.fit("digits", latent=2, width=16, epochs=1, binarize=binarize)
    assert model.config.likelihood.warnings == ()
    x = model.rows("digits", "test").data
    assert set(x.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(x, model.rows("digits", "test").data)


def test_grey_values_under_bernoulli_are_called_what_they_are():
    model = vaekit.fit("digits", likelihood="bernoulli", latent=2, width=16, epochs=1)
    assert "cross-entropy, not a log likelihood" in model.config.likelihood.warnings[0]


CHOICES = {
    "binary": (np.random.default_rng(0).integers(0, 2, (40, 5)), "bernoulli", "0 or 1"),
    "bytes": (np.random.default_rng(0).integers(0, 256, (40, 9, 9)).astype(np.uint8), "logistic_mixture", "levels 0 to 255"),
    "pixels as fractions": (np.random.default_rng(0).integers(0, 256, (40, 9, 9)) / 255, "logistic_mixture", "k / 255"),
    "unit interval": (np.random.default_rng(0).random((40, 5)), "continuous_bernoulli", "in [0, 1]"),
    "counts": (np.random.default_rng(0).poisson(3, (40, 5)), "negative_binomial", "counts"),
    "real": (np.random.default_rng(0).normal(size=(40, 5)), "gaussian", "real numbers"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHOICES)
def test_auto_looks_at_the_data_and_says_why(kind):
    data, name, why = CHOICES[kind]
    model = vaekit.fit(data, latent=2, width=16, epochs=2)
    assert model.config.likelihood.name == name
    assert why in model.config.likelihood.why
    drawn = model.sample(3)
    assert drawn.shape == (3, *data.shape[1:])
    model.evaluate(data, samples=5)


SMALL = {"latent": 2, "width": 8, "groups": 2, "samples": 2}
UNSAID = ("auto", "categorical")  # one is found by a search, which is long; the other is of symbols


@pytest.mark.parametrize("recipe", sorted(OF_NUMBERS))
@pytest.mark.parametrize("kind", ["image", "vector"])
def test_every_recipe_trains_saves_and_loads(recipe, kind, tmp_path):
    rng = np.random.default_rng(0)
    data = (
        rng.integers(0, 256, (40, 18, 17)).astype(np.uint8)
        if kind == "image"
        else rng.random((40, 6))
    )
    if kind == "vector" and recipe in FOR_COUNTS:
        data = rng.poisson(3.0, (40, 6))
    if kind == "vector" and recipe in FOR_PICTURES:
        with pytest.raises(BadInput):
            vaekit.fit(data, recipe, epochs=1)
        return
    opening, told = {}, None
    if needs_given(RECIPES[recipe]):
        opening, told = {"labels": np.arange(40) % 3, "given": "label"}, {"label": 1}
    known = options(RECIPES[recipe])
    small = {name: value for name, value in SMALL.items() if name in known}
    if kind == "vector" and recipe != "vae" and known["likelihood"].default in UNSAID:
        small["likelihood"] = "gaussian"
    model = vaekit.fit(data, recipe, epochs=1, out=tmp_path / "r", **small, **opening)
    again = vaekit.load(tmp_path / "r")
    assert np.array_equal(model.sample(3, given=told), again.sample(3, given=told))
    assert np.isfinite(model.evaluate(data, samples=3, given=told).reconstruction)


def test_a_model_without_data_says_what_to_give(tmp_path):
    rows = np.random.default_rng(0).normal(size=(40, 3))
    how = {"latent": 2, "width": 8, "epochs": 1, "quiet": True}
    vaekit.fit(rows, out=tmp_path / "rows", **how)
    vaekit.fit("digits", out=tmp_path / "digits", **how)
    asked = "no data at hand: give evaluate rows, or the name or path of a data set"
    with pytest.raises(BadInput, match=asked + "$"):
        vaekit.load(tmp_path / "rows").evaluate()
    with pytest.raises(BadInput, match=asked + r" \('digits' is what it was trained on\)"):
        vaekit.load(tmp_path / "digits").evaluate()
    with pytest.raises(BadInput, match="no data at hand: give score_rows rows"):
        score_rows(vaekit.load(tmp_path / "rows"))
