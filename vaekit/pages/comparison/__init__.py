"""PCA, autoencoder and VAE on the same data: why the latent space must be regular."""

from vaekit.pages.comparison.models import EncoderDecoder, train_coders
from vaekit.pages.comparison.page import write_comparison
from vaekit.pages.comparison.trials import Comparison, Trial, compare_models

__all__ = [
    "Comparison",
    "EncoderDecoder",
    "Trial",
    "compare_models",
    "train_coders",
    "write_comparison",
]
