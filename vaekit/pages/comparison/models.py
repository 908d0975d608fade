"""Three ways to turn rows into codes and back, behind one face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA

from vaekit.data import Source
from vaekit.data.on_disk import in_memory
from vaekit.evaluation import decode, encode, in_chunks
from vaekit.recipes.choose import choose
from vaekit.runs.fit import prepare
from vaekit.runs.run import run_here

Array = np.ndarray
LIKELIHOOD = "gaussian"


@dataclass(frozen=True)
class Coder:
    """A trained pair of maps between rows (flat, in the numbers of ``unit``) and codes.

    ``prior`` draws codes: from N(0, I) for a VAE; for the others, which have no prior, from a
    normal distribution with the mean and covariance of their training codes.
    """

    name: str
    encode: Callable[[Array], Array]
    decode: Callable[[Array], Array]
    prior: Callable[[np.random.Generator, int], Array]


def unit(source: Source, split: str) -> Array:
    """Rows as all three models see them: flat, images in [0, 1]."""
    x = choose(source, LIKELIHOOD).representation.encode(in_memory(source.rows(split)))
    return x.flatten(1).numpy()


def train_coders(source: Source, latent: int, epochs: int, seed: int) -> list[Coder]:
    """PCA, an autoencoder (squared error) and a VAE (normal likelihood with one learned
    variance), each with ``latent`` numbers in a code. The last two share one network shape."""
    return [
        pca(source, latent, seed),
        network("autoencoder", source, latent, epochs, seed, recipe="autoencoder"),
        network("VAE", source, latent, epochs, seed, recipe="vae", likelihood=LIKELIHOOD),
    ]


def pca(source: Source, latent: int, seed: int) -> Coder:
    """The best linear codes."""
    rows = unit(source, "train")
    model = PCA(min(latent, *rows.shape), random_state=seed).fit(rows)
    return Coder("PCA", model.transform, model.inverse_transform, fitted(model.transform(rows)))


def network(name: str, source: Source, latent: int, epochs: int, seed: int, **recipe: Any) -> Coder:
    """A recipe trained in memory."""
    job = prepare(source, latent=latent, epochs=epochs, seed=seed, **recipe)
    run = job.run()
    run_here(run)
    model, shape = run.best_model(), source.shape

    def to_codes(rows: Array) -> Array:
        return encode(model, torch.from_numpy(rows).unflatten(1, shape)).numpy()

    def to_rows(codes: Array) -> Array:
        z = torch.from_numpy(np.asarray(codes, dtype=np.float32))
        return in_chunks(partial(decode, model), z).flatten(1).numpy()

    codes = to_codes(unit(source, "train"))
    return Coder(name, to_codes, to_rows, standard(latent) if name == "VAE" else fitted(codes))


def standard(latent: int) -> Callable[[np.random.Generator, int], Array]:
    """Draws from N(0, I)."""
    return lambda random, rows: random.standard_normal((rows, latent))


def fitted(codes: Array) -> Callable[[np.random.Generator, int], Array]:
    """Draws from the normal distribution nearest to ``codes``."""
    mean, covariance = codes.mean(0), np.atleast_2d(np.cov(codes.T))
    return lambda random, rows: random.multivariate_normal(mean, covariance, rows)
