"""Models: one class for each graph of latents."""

from vaekit.models.labelled import Labelled
from vaekit.models.ladder import Ladder, Rung
from vaekit.models.vae import VAE

__all__ = ["VAE", "Labelled", "Ladder", "Rung"]
