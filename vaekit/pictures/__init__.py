"""Pictures: grids of images, and plots that follow the reader's light or dark theme."""

from vaekit.pictures.grids import as_bytes, channels_text, data_uri, enlarge, grid, to_image
from vaekit.pictures.svg import figure, svg

__all__ = ["as_bytes", "channels_text", "data_uri", "enlarge", "figure", "grid", "svg", "to_image"]
