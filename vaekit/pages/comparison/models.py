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

LIKELIHOOD, SAMPLES = "gaussian", 100


@dataclass(frozen=True)
class EncoderDecoder:
    """A trained pair of maps between rows (flat, in the numbers of ``unit``) and codes.

    ``prior`` draws codes: from N(0, I) for a VAE; for the others, which have no prior, from a
    normal distribution with the mean and covariance of their training codes. ``log_likelihood`` is
    the mean log p(x) of rows in nats, of the numbers that vary; None where there is none.
    """

    name: str
    encode: Callable[[Array], Array]
    decode: Callable[[Array], Array]
    prior: Callable[[np.random.Generator, int], Array]
    log_likelihood: Callable[[Array], float] | None = None


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
    prior, score = fitted(model.transform(rows)), probabilistic_pca(rows, latent, seed)
    return EncoderDecoder("PCA", model.transform, model.inverse_transform, prior, score)


def probabilistic_pca(rows: Array, latent: int, seed: int) -> Callable[[Array], float] | None:
    """Mean log p(x) of rows under PCA taken as a model with normal noise (Tipping & Bishop 1999);
    None where no number of a row is left for noise."""
    varying = rows.std(0) > 0
    if latent >= min(varying.sum(), len(rows)):
        return None
    model = PCA(latent, random_state=seed).fit(rows[:, varying])
    return lambda some: float(model.score(some[:, varying]))


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

    def log_likelihood(rows: Array) -> float:
        x = torch.from_numpy(rows).unflatten(1, source.shape)
        return float(trained.log_likelihood(x, samples=SAMPLES, seed=seed).mean())

    if trained.has_density:
        return EncoderDecoder(name, to_codes, from_codes, standard(latent), log_likelihood)
    codes = to_codes(unit(source, "train"))
    return EncoderDecoder(name, to_codes, from_codes, fitted(codes))


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
