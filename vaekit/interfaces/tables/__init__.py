"""Tables as scikit-learn has them: new rows, gaps filled in, and rows unlike the others."""

from vaekit.interfaces.tables.detector import VAEDetector
from vaekit.interfaces.tables.imputer import VAEImputer
from vaekit.interfaces.tables.synthesizer import TableSynthesizer

__all__ = ["TableSynthesizer", "VAEDetector", "VAEImputer"]
