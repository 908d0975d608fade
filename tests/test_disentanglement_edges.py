"""Disentanglement scores by their papers' formulae on random matrices, and at the edges."""

import numpy as np
import pytest

from vaekit.evaluation import disentanglement
from vaekit.evaluation.disentanglement import _one_each
from vaekit.system.checks import BadInput

RANDOM = np.random.default_rng(0)
V = RANDOM.integers(0, (3, 4), (600, 2))
CODES = np.stack([V[:, 0] + RANDOM.normal(0, 0.3, 600), V[:, 1] * 1.0, RANDOM.normal(size=600)], 1)


def everything(codes, factors):
    found = disentanglement.scores(codes, factors).to_dict()
    return {name: value for name, value in found.items() if value is not None}


def test_eastwoods_scores_on_random_importances():
    """D = sum_i rho_i (1 - H_K(P_i)) over codes; C the same over factors, log to the base of codes."""
    r = RANDOM.random((5, 3))

    def by_hand(matrix):
        total = 0.0
        for row in matrix:
            p = row / row.sum()
            entropy = -sum(q * np.log(q) for q in p) / np.log(len(p))
            total += row.sum() / matrix.sum() * (1 - entropy)
        return total

    assert _one_each(r) == pytest.approx(by_hand(r))
    assert _one_each(r.T) == pytest.approx(by_hand(r.T))
    assert abs(by_hand(r) - by_hand(r.T)) > 1e-3


def test_disentanglement_and_completeness_are_not_each_other():
    """Two codes tell one factor each, and twice: disentangled, but not complete."""
    twice = np.concatenate([CODES[:, :2], V + RANDOM.normal(0, 1e-3, V.shape)], 1)
    split = np.concatenate([np.where(V > 0, V, 0), np.where(V > 1, V, 0)], 1)
    d, c, _ = disentanglement.dci(np.concatenate([twice, split], 1) * 1.0, V)
    assert d > 0.9
    assert c < d - 0.05


def test_ridgeways_modularity_on_random_information(monkeypatch):
    """1 - sum_{k != best} m_ik^2 / (m_best^2 (n - 1)), mean over codes."""
    m = RANDOM.random((4, 3))
    monkeypatch.setattr(disentanglement, "mutual_information", lambda *_: m)
    scores = []
    for row in m:
        best = row.argmax()
        off = sum(row[k] ** 2 for k in range(3) if k != best)
        scores.append(1 - off / (row[best] ** 2 * 2))
    factors = RANDOM.integers(0, 3, (50, 3))
    assert disentanglement.modularity(np.zeros((50, 4)), factors) == pytest.approx(np.mean(scores))


def test_factor_vae_divides_variances_by_variances():
    """Codes of very different sizes, each still telling its own factor."""

    def draw(k, count, random):
        v = random.integers(0, 10, (count, 2)).astype(float)
        v[:, k] = v[0, k]
        return v

    def encode(v):  # noise as large as a fifth of each code, codes of sizes 30 and 0.3
        noise = np.random.default_rng(int(v.sum())).normal(size=v.shape)
        return (v + 0.6 * noise) * np.array([30.0, 0.1])

    assert disentanglement.factor_vae(draw, encode, 2, votes=100) > 0.97


def test_a_factor_that_never_changes_is_left_out():
    constant = np.concatenate([V, np.full((600, 1), 7)], 1)
    assert everything(CODES, constant) == everything(CODES, V)
    with pytest.raises(BadInput, match="no factor ever changes"):
        disentanglement.scores(CODES, np.full((600, 2), 3))


@pytest.mark.parametrize(
    ("codes", "factors"),
    [
        (CODES, V[:, :1]),
        (CODES[:, :1], V),
        (CODES[:, :1], V[:, :1]),
        (np.zeros((600, 3)), V),
        (CODES, V - 5),
        (CODES, np.where(np.arange(600)[:, None] == 3, 1, 0).repeat(2, 1)),
    ],
    ids=["one factor", "one code", "one each", "dead codes", "negative values", "one odd row"],
)
def test_every_score_lies_between_0_and_1(codes, factors):
    for name, value in everything(codes, factors).items():
        assert 0 <= value <= 1, (name, value)


def test_the_values_of_a_factor_are_names():
    assert everything(CODES, V - 5) == everything(CODES, V)


def test_dead_codes_do_as_well_as_chance():
    """As codes of noise do: a code that tells its factor is ahead of both alike."""
    one = np.concatenate([CODES[:, 1:2], np.zeros((600, 2))], 1)
    noisy = one + np.array([0.0, 1.0, 1.0]) * RANDOM.normal(0, 1e-4, (600, 3))
    assert disentanglement.sap(one, V) == pytest.approx(disentanglement.sap(noisy, V), abs=0.08)


def test_a_factor_of_two_values_is_told_by_its_code():
    """Whole by one code and by chance, about a half, from the other."""
    factor = np.arange(600)[:, None] % 2
    codes = np.concatenate([10.0 * factor, RANDOM.normal(size=(600, 1))], 1)
    assert disentanglement.sap(codes, factor) == pytest.approx(0.5, abs=0.1)
    assert disentanglement.dci(codes, factor)[2] == 1.0
