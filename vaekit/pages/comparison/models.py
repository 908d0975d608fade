"""Three ways to turn rows into codes and back, behind one interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA

from vaekit.data import Source
from vaekit.data.layout import Like
from vaekit.data.on_disk import in_memory
from vaekit.data.readers.arrays import to_rows
from vaekit.recipes.choose import choose
from vaekit.runs.job import prepare
from vaekit.runs.run import run_here
from vaekit.runs.trained import Trained
from vaekit.system.types import Array

LIKELIHOOD = "gaussian"


@dataclass(frozen=True)
class EncoderDecoder:
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


def train_coders(source: Source, latent: int, epochs: int, seed: int) -> list[EncoderDecoder]:
    """PCA, an autoencoder (squared error) and a VAE (normal likelihood with one learned
    variance), each with ``latent`` numbers in a code. The last two share one network shape."""
    return [
        pca(source, latent, seed),
        network("autoencoder", source, latent, epochs, seed, recipe="autoencoder"),
        network("VAE", source, latent, epochs, seed, recipe="vae", likelihood=LIKELIHOOD),
    ]


def pca(source: Source, latent: int, seed: int) -> EncoderDecoder:
    """The best linear codes."""
    rows = unit(source, "train")
    model = PCA(min(latent, *rows.shape), random_state=seed).fit(rows)
    return EncoderDecoder(
        "PCA", model.transform, model.inverse_transform, fitted(model.transform(rows))
    )


def network(
    name: str, source: Source, latent: int, epochs: int, seed: int, **recipe: Any
) -> EncoderDecoder:
    """A recipe trained in memory, on rows in the numbers of ``unit``: those are its data."""
    source = in_unit(source)
    job = prepare(source, latent=latent, epochs=epochs, seed=seed, **recipe)
    run = job.run()
    run_here(run)
    trained = Trained(run.best_model(), job.config(), source)

    def to_codes(rows: Array) -> Array:
        return np.asarray(trained.encode(torch.from_numpy(rows).unflatten(1, source.shape)))

    def from_codes(codes: Array) -> Array:
        return to_rows(trained.decode(codes), axes=Like(trained.layout)).flatten(1).numpy()

    codes = to_codes(unit(source, "train"))
    return EncoderDecoder(
        name, to_codes, from_codes, standard(latent) if name == "VAE" else fitted(codes)
    )


def in_unit(source: Source) -> Source:
    """The same rows in the numbers of ``unit``, with nothing given beside them."""
    values = torch.from_numpy(unit(source, "all")).unflatten(1, source.shape)
    return replace(source, values=values, levels=None, given={}, given_names={}, layout=None)


def standard(latent: int) -> Callable[[np.random.Generator, int], Array]:
    """Draws from N(0, I)."""
    return lambda random, rows: random.standard_normal((rows, latent))


def fitted(codes: Array) -> Callable[[np.random.Generator, int], Array]:
    """Draws from the normal distribution nearest to ``codes``."""
    mean, covariance = codes.mean(0), np.atleast_2d(np.cov(codes.T))
    return lambda random, rows: random.multivariate_normal(mean, covariance, rows)
