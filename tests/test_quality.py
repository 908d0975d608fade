"""Sample quality: the papers' formulae by brute force, errors that are the spread of repeats."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import vaekit
from vaekit.evaluation.samples import frechet_distance, kernel_distance, neighbour_scores, quality
from vaekit.runs.judge import as_modelled, judge_samples
from vaekit.system.checks import BadInput


def by_force(real, made, k):
    """Kynkaanniemi et al. 2019; Naeem et al. 2020, as they are written."""

    def radius(rows):
        return [np.sort([np.linalg.norm(a - b) for b in rows])[k] for a in rows]

    def inside(a, centres, radii):
        return [np.linalg.norm(a - c) <= r for c, r in zip(centres, radii, strict=True)]

    in_real = np.array([inside(y, real, radius(real)) for y in made])
    in_made = np.array([inside(x, made, radius(made)) for x in real])
    nearest = [min(np.linalg.norm(x - y) for y in made) for x in real]
    return {
        "precision": in_real.any(1).mean(),
        "recall": in_made.any(1).mean(),
        "density": in_real.sum() / (k * len(made)),
        "coverage": np.mean([n <= r for n, r in zip(nearest, radius(real), strict=True)]),
    }


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("size", [0.5, 1.0, 2.0])
def test_neighbour_scores_are_their_formulae(k, size):
    random = np.random.default_rng(k)
    real, made = random.normal(size=(40, 3)), size * random.normal(size=(30, 3)) + 0.3
    assert neighbour_scores(real, made, k) == pytest.approx(by_force(real, made, k))


@pytest.mark.parametrize("width", [1, 4])
def test_rows_that_repeat_lie_in_their_own_balls(width):
    random = np.random.default_rng(0)
    rows = np.repeat(random.normal(size=(10, width)) * 100, 8, 0)
    mixed = random.permutation(rows)
    found = neighbour_scores(rows, mixed, 5)
    assert found == pytest.approx({"precision": 1, "recall": 1, "density": 8 / 5, "coverage": 1})
    alike = neighbour_scores(np.full((20, width), 0.1), np.full((20, width), 0.1), 5)
    assert alike["precision"] == alike["recall"] == alike["coverage"] == 1
    apart = neighbour_scores(rows, rows + 1e4, 5)
    assert set(apart.values()) == {0.0}


def test_a_set_is_no_distance_from_itself():
    rows = np.random.default_rng(0).normal(size=(20, 50))
    assert frechet_distance(rows, rows) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(rows, rows) >= 0


@pytest.mark.parametrize("shift", [0.0, 0.3])
@pytest.mark.parametrize(("rows", "repeats"), [(20, 200), (400, 60), (1000, 40)])
def test_the_kernel_distances_error_is_the_spread_of_fresh_data(rows, repeats, shift):
    random = np.random.default_rng(1)
    found = [
        kernel_distance(random.normal(size=(rows, 8)), random.normal(size=(rows, 8)) + shift)
        for _ in range(repeats)
    ]
    values, errors = np.array(found).T
    assert 0.7 < values.std(ddof=1) / errors.mean() < 1.4


def test_the_kernel_distance_is_gretton_s_u_statistic():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(9, 2)), random.normal(size=(7, 2)) + 1

    def mean(x, y, *, apart):
        pairs = [(i, j) for i in range(len(x)) for j in range(len(y)) if not apart or i != j]
        return np.mean([(x[i] @ y[j] / 2 + 1) ** 3 for i, j in pairs])

    expected = mean(a, a, apart=True) + mean(b, b, apart=True) - 2 * mean(a, b, apart=False)
    assert kernel_distance(a, b)[0] == pytest.approx(expected)


def test_real_rows_sorted_by_class_are_as_good_as_shuffled_ones():
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(size=(1000, 4)), random.normal(size=(1000, 4)) + 6])
    made = random.permutation(rows)[:500] + 1e-3 * random.normal(size=(500, 4))
    ordered, mixed = quality(rows, made, "raw"), quality(random.permutation(rows), made, "raw")
    assert ordered.rows == mixed.rows == 500
    assert ordered.frechet == pytest.approx(mixed.frechet, abs=1)
    assert ordered.coverage == pytest.approx(mixed.coverage, abs=0.08)


@pytest.fixture(scope="module")
def sorted_model():
    """A model of digits that lie sorted by class."""
    source = vaekit.open_source("digits")
    source = source.take(source.labels.argsort(stable=True))
    return vaekit.fit(source, latent=2, width=16, epochs=1)


@pytest.mark.parametrize("features", ["pca", "classifier"])
def test_test_rows_in_place_of_samples_are_nearly_perfect(sorted_model, features, monkeypatch):
    """Sorted by class, a hundred rows stand for all: and so do those the features learn from."""
    from vaekit.runs import judge

    monkeypatch.setattr(judge, "TRAINED_ON", 400)
    seen = []
    real = sorted_model.source.some("train", 100, seed=5)
    monkeypatch.setattr(type(sorted_model), "sample", lambda *_, **__: real.values[:, 0].numpy())
    monkeypatch.setattr(
        judge, "feature_space", lambda n, train, s: seen.append(train) or judge._SPACES[n](train, s)
    )
    found = judge_samples(sorted_model, features, rows=100)
    assert len(seen[0].labels.unique()) == 10
    assert found.precision > 0.75
    assert found.coverage > 0.75


@pytest.mark.parametrize(
    "how", [{"binarize": "dynamic"}, {"binarize": "threshold"}, {"likelihood": "bernoulli"}]
)
def test_binary_samples_are_compared_with_binary_rows(how):
    model = vaekit.fit("digits", latent=2, width=16, epochs=1, **how)
    seen = []

    def features(rows):
        seen.append(set(np.unique(rows).tolist()))
        return rows.reshape(len(rows), -1).astype(float)

    judge_samples(model, features)
    assert seen == [{0, 16}] * 3  # test rows, training rows, samples


def test_grey_samples_are_compared_with_rows_as_they_are(sorted_model):
    rows = sorted_model.source.some("test", 30)
    assert torch.equal(as_modelled(sorted_model, rows).values, rows.values)


def left_of_sums(table, there):
    """What a sum of one number for each row and one for each column cannot tell of some cells,
    by least squares."""
    i, j = np.nonzero(there)
    known = np.zeros((len(i), sum(table.shape)))
    known[np.arange(len(i)), i] = known[np.arange(len(i)), len(table) + j] = 1
    cells = table[there]
    return cells - known @ np.linalg.lstsq(known, cells, rcond=None)[0]


def test_the_kernel_distances_error_is_that_of_a_u_statistic():
    """Rows' variances, less what pairs add to them, and pairs'. What pairs of both sets add beyond
    their rows is what is left of a fit by rows and columns."""
    random = np.random.default_rng(0)
    a, b = random.normal(size=(9, 2)), random.normal(size=(7, 2)) + 1.5
    kernel = {
        k: (x @ y.T / 2 + 1) ** 3
        for k, (x, y) in {"aa": (a, a), "bb": (b, b), "ab": (a, b)}.items()
    }
    across = (left_of_sums(kernel["ab"], np.full((9, 7), fill_value=True)) ** 2).mean()
    first = second = 0.0
    for within, over in (("aa", kernel["ab"].mean(1)), ("bb", kernel["ab"].mean(0))):
        n, other = len(over), 16 - len(over)
        apart = [[kernel[within][i, j] for j in range(n) if j != i] for i in range(n)]
        means = np.mean(apart, 1)
        pairs = np.mean([
            (kernel[within][i, j] - means[i] - means[j] + means.mean()) ** 2
            for i in range(n) for j in range(n) if i != j
        ])  # fmt: skip
        rows = np.var(means - over, ddof=1) - pairs / n - across / other
        assert rows > 0
        first += 4 * rows / n
        second += 2 * pairs / n**2
    error = np.sqrt(first + second + 4 * across / (9 * 7))
    assert kernel_distance(a, b)[1] == pytest.approx(error)


def test_blank_labels_teach_the_classifiers_nothing(monkeypatch):
    """Rows that nobody has named are no class of their own, however many there are."""
    from vaekit.pages.comparison.trials import RealismTest
    from vaekit.runs import judge

    learnt, fit = [], judge.MLPClassifier.fit
    watched = lambda self, x, y: learnt.append(np.bincount(y)) or fit(self, x, y)  # noqa: E731
    monkeypatch.setattr(judge.MLPClassifier, "fit", watched)
    digits = vaekit.open_source("digits").some("train", 300)
    names = (*map(str, range(10)), "")
    named = torch.where(torch.arange(300) < 200, digits.labels, 10)
    partly = replace(digits, labels=named, label_names=names)
    judge.feature_space("classifier", partly)
    RealismTest(partly, 0)
    assert len(learnt) == 2
    assert np.array_equal(learnt[0], named[:200].bincount())
    assert np.array_equal(learnt[1], named[partly.splits["train"]].bincount()[:10])
    blank = replace(partly, labels=torch.full((300,), 10))
    with pytest.raises(BadInput, match="no labels to train a classifier on"):
        judge.feature_space("classifier", blank)
    assert RealismTest(blank, 0).classifier is None
