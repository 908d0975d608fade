"""The scikit-learn face: the whole of scikit-learn's own checks, and what they leave out."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from vaekit import VAETransformer


@parametrize_with_checks([VAETransformer(epochs=5, options={"width": 16})])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def fitted():
    X = load_digits().data
    return X, VAETransformer(8, options={"width": 64}, epochs=80, random_state=0).fit(X)


def test_codes_are_useful(fitted):
    X, vae = fitted
    y = load_digits().target
    model = make_pipeline(vae, LogisticRegression(max_iter=2000)).fit(X[:1400], y[:1400])
    assert model.score(X[1400:], y[1400:]) > 0.75


def test_scores_tell_strangers_from_friends(fitted):
    X, vae = fitted
    noise = np.random.default_rng(0).permuted(X[:200], axis=1)
    friends, strangers = vae.score_samples(X[:200]), vae.score_samples(noise)
    assert friends.shape == (200,)
    assert friends.mean() > strangers.mean() + 20
    assert vae.score(X[:200]) == pytest.approx(friends.mean())


def test_shapes_and_types(fitted):
    X, vae = fitted
    Z = vae.transform(X)
    assert Z.shape == (len(X), 8)
    assert vae.transform(X.astype(np.float32)).dtype == np.float32
    assert vae.inverse_transform(Z).shape == X.shape
    assert np.allclose(vae.reconstruct(X), vae.inverse_transform(Z))
    assert vae.sample(5, random_state=1).shape == (5, 64)
    assert np.array_equal(vae.sample(5, random_state=1), vae.sample(5, random_state=1))
    assert list(vae.get_feature_names_out()) == [f"vaetransformer{i}" for i in range(8)]


def test_frames_out():
    import pandas as pd

    X = pd.DataFrame(load_digits().data[:100])
    X.columns = [f"p{i}" for i in X.columns]
    Z = (
        VAETransformer(3, epochs=2, options={"width": 16})
        .set_output(transform="pandas")
        .fit_transform(X)
    )
    assert isinstance(Z, pd.DataFrame)
    assert Z.shape == (100, 3)


def test_validation_keeps_the_best_epoch():
    X = load_digits().data[:300]
    vae = VAETransformer(2, validation=0.2, epochs=20, options={"width": 16}, random_state=0).fit(X)
    assert vae.n_iter_ == 20 * 2


def test_the_global_generators_are_left_alone():
    import torch

    X = load_digits().data[:100]
    torch.manual_seed(1)
    np.random.seed(1)
    expected = torch.rand(2), np.random.rand(2)
    torch.manual_seed(1)
    np.random.seed(1)
    vae = VAETransformer(2, epochs=2, options={"width": 16}, random_state=0).fit(X)
    vae.score_samples(X)
    assert torch.equal(torch.rand(2), expected[0])
    assert np.array_equal(np.random.rand(2), expected[1])
