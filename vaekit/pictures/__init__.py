"""Pictures: grids of images, and plots that follow the reader's light or dark theme."""

from vaekit.pictures.grids import (
    Tones,
    as_bytes,
    blanks,
    channels_text,
    data_uri,
    enlarge,
    grid,
    sheet,
    to_image,
)
from vaekit.pictures.svg import figure, svg

__all__ = [
    "Tones",
    "as_bytes",
    "blanks",
    "channels_text",
    "data_uri",
    "enlarge",
    "figure",
    "grid",
    "sheet",
    "svg",
    "to_image",
]
