"""Models side by side: PCA, autoencoder and VAE on the same data, or any that were trained."""

from vaekit.pages.comparison.models import EncoderDecoder, train_coders
from vaekit.pages.comparison.page import write_comparison
from vaekit.pages.comparison.runs import RunComparison, compare_runs, is_run, write_runs
from vaekit.pages.comparison.seeds import compare_seeds
from vaekit.pages.comparison.trials import Comparison, Trial, compare_models

__all__ = [
    "Comparison",
    "EncoderDecoder",
    "RunComparison",
    "Trial",
    "compare_models",
    "compare_runs",
    "compare_seeds",
    "is_run",
    "train_coders",
    "write_comparison",
    "write_runs",
]
