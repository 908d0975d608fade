r"""Whether a classifier can tell synthetic rows from real ones (C2ST).

As in SDMetrics' detection metrics, which TabSyn, TabDiff and TabPC print: with three stratified
folds of real and synthetic rows together,

.. math:: 1 - \frac{1}{3} \sum_f \max(0, 2 \mathrm{AUC}_f - 1)

which is 1 where they cannot be told apart and 0 where they always can.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from vaekit.evaluation.tables.judges import BOOSTING, Judge
from vaekit.evaluation.tables.mixed import MixedTable
from vaekit.system.checks import require

FOLDS = 3


def indistinguishability(
    real: MixedTable, synthetic: MixedTable, judge: Judge = BOOSTING, seed: int = 0
) -> float:
    """The C2ST score of a judge, in [0, 1]: 1 is best.

    XGBoost and the logistic regression see what SDMetrics' classifiers see: gaps filled with the
    real mean, categories as columns of 0 and 1, scaled by quartiles. Gradient boosting by
    scikit-learn sees gaps and categories as they are, and is the sterner for it.

    Args:
        real: rows.
        synthetic: rows of the same columns.
        judge: who tells them apart.
        seed: of the folds and of the judge.

    Raises:
        BadInput: for fewer than three rows on a side, or a judge that is not installed.
    """
    fewest = min(real.rows, synthetic.rows)
    require(fewest >= FOLDS, f"telling rows apart needs {FOLDS} of each at least; here {fewest}")
    x = np.concatenate([judge.features(real, table) for table in (real, synthetic)])
    y = np.repeat([1, 0], [real.rows, synthetic.rows])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    found = []
    for train, test in folds.split(x, y):
        model = judge.classifier(len(real.numbers), x.shape[1], seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(x[train], y[train])
        auc = roc_auc_score(y[test], model.predict_proba(x[test])[:, 1])
        found.append(max(0.0, 2 * auc - 1))
    return float(1 - np.mean(found))
