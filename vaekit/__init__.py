"""vaekit: variational autoencoders from data to a model you can trust and use.

    import vaekit
    model = vaekit.fit("digits", latent=2)
    print(model.evaluate())
    model.sample(16)

Names are imported when first used, so that importing vaekit costs almost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vaekit.checks import BadInput
from vaekit.version import __version__

if TYPE_CHECKING:
    from vaekit.batch import Batch
    from vaekit.compressing import Archive, compress
    from vaekit.conditionals import Conditional, StandardNormal
    from vaekit.data import open_source
    from vaekit.estimators import VAETransformer
    from vaekit.fitting import fit, resume
    from vaekit.models import VAE
    from vaekit.objectives import Objective
    from vaekit.trace import trace
    from vaekit.trained import Trained

_HOMES = {
    "Archive": "vaekit.compressing",
    "Batch": "vaekit.batch",
    "Conditional": "vaekit.conditionals",
    "Objective": "vaekit.objectives",
    "StandardNormal": "vaekit.conditionals",
    "Trained": "vaekit.trained",
    "VAE": "vaekit.models",
    "VAETransformer": "vaekit.estimators",
    "compress": "vaekit.compressing",
    "fit": "vaekit.fitting",
    "load": "vaekit.trained",
    "open_source": "vaekit.data",
    "resume": "vaekit.fitting",
    "trace": "vaekit.trace",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vaekit' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*_HOMES, "BadInput", "__version__"])


__all__ = [
    "VAE",
    "Archive",
    "BadInput",
    "Batch",
    "Conditional",
    "Objective",
    "StandardNormal",
    "Trained",
    "VAETransformer",
    "__version__",
    "compress",
    "fit",
    "load",
    "open_source",
    "resume",
    "trace",
]
