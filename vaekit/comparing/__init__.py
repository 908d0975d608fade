"""PCA, autoencoder and VAE on the same data: why the latent space must be regular."""

from vaekit.comparing.models import Coder, train_coders
from vaekit.comparing.page import write_comparison
from vaekit.comparing.trials import Comparison, Trial, compare_models

__all__ = [
    "Coder",
    "Comparison",
    "Trial",
    "compare_models",
    "train_coders",
    "write_comparison",
]
