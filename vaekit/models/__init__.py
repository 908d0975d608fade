"""Models: one class for each graph of latents."""

from vaekit.models.clustered import Clustered
from vaekit.models.counted import CountedVAE
from vaekit.models.density import Density
from vaekit.models.graph import Graph
from vaekit.models.labelled import Labelled
from vaekit.models.ladder import Ladder, Rung
from vaekit.models.vae import VAE

__all__ = ["VAE", "Clustered", "CountedVAE", "Density", "Graph", "Labelled", "Ladder", "Rung"]
