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

from vaekit.system.checks import BadInput
from vaekit.system.version import __version__

if TYPE_CHECKING:
    from vaekit.conditionals import Conditional, StandardNormal
    from vaekit.data import open_source
    from vaekit.interfaces.anndata import annotate
    from vaekit.interfaces.export import export
    from vaekit.interfaces.server.running import explore
    from vaekit.interfaces.sklearn import VAETransformer
    from vaekit.interfaces.tables import TableSynthesizer, VAEDetector, VAEImputer
    from vaekit.models import VAE
    from vaekit.models.trace import trace
    from vaekit.objectives import Objective
    from vaekit.rows import Batch
    from vaekit.runs.archive import Archive
    from vaekit.runs.compression import compress
    from vaekit.runs.fit import fit, resume
    from vaekit.runs.gaps import impute
    from vaekit.runs.refit import refit_prior
    from vaekit.runs.score import score_rows
    from vaekit.runs.trained import Trained
    from vaekit.studies.seeds import fit_seeds, resume_seeds
    from vaekit.studies.sweep import resume_sweep, sweep
    from vaekit.training import Diverged

_HOMES = {
    "Archive": "vaekit.runs.archive",
    "Batch": "vaekit.rows",
    "Conditional": "vaekit.conditionals",
    "Diverged": "vaekit.training",
    "Objective": "vaekit.objectives",
    "StandardNormal": "vaekit.conditionals",
    "TableSynthesizer": "vaekit.interfaces.tables",
    "Trained": "vaekit.runs.trained",
    "VAE": "vaekit.models",
    "VAEDetector": "vaekit.interfaces.tables",
    "VAEImputer": "vaekit.interfaces.tables",
    "VAETransformer": "vaekit.interfaces.sklearn",
    "annotate": "vaekit.interfaces.anndata",
    "compress": "vaekit.runs.compression",
    "explore": "vaekit.interfaces.server.running",
    "export": "vaekit.interfaces.export",
    "fit": "vaekit.runs.fit",
    "fit_seeds": "vaekit.studies.seeds",
    "impute": "vaekit.runs.gaps",
    "load": "vaekit.runs.trained",
    "open_source": "vaekit.data",
    "refit_prior": "vaekit.runs.refit",
    "resume": "vaekit.runs.fit",
    "resume_seeds": "vaekit.studies.seeds",
    "resume_sweep": "vaekit.studies.sweep",
    "score_rows": "vaekit.runs.score",
    "sweep": "vaekit.studies.sweep",
    "trace": "vaekit.models.trace",
}
_MODULES = {"bulk": "vaekit.interfaces.ray"}

__all__ = sorted([*_HOMES, *_MODULES, "BadInput", "__version__"])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _HOMES:
        raise AttributeError(f"module 'vaekit' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
