"""How good a synthetic table is: likeness, use, and privacy.

`quality` gives everything at once. Each measure is a function of tables in one form, `MixedTable`,
which `mixed_tables` makes of data frames.
"""

from vaekit.evaluation.tables.chance import Chance
from vaekit.evaluation.tables.judges import BOOSTING, JUDGES, LOGISTIC, XGBOOST, Judge, judges_here
from vaekit.evaluation.tables.learning import Usefulness, usefulness
from vaekit.evaluation.tables.marginals import RareCategories, Scores, rare_categories, shape
from vaekit.evaluation.tables.mixed import MixedTable, mixed_tables
from vaekit.evaluation.tables.nearness import Privacy, Space, privacy
from vaekit.evaluation.tables.pairs import information_similarity, trend
from vaekit.evaluation.tables.reach import Coverage, coverage
from vaekit.evaluation.tables.summary import TableQuality, of_mixed, quality
from vaekit.evaluation.tables.two_samples import indistinguishability

__all__ = [
    "BOOSTING", "JUDGES", "LOGISTIC", "XGBOOST", "Chance", "Coverage", "Judge", "MixedTable",
    "Privacy", "RareCategories", "Scores", "Space", "TableQuality", "Usefulness", "coverage",
    "indistinguishability", "information_similarity", "judges_here", "mixed_tables",
    "of_mixed", "privacy", "quality", "rare_categories", "shape", "trend", "usefulness",
]  # fmt: skip
