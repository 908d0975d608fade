"""Variants by paper: each is the plain VAE with one thing changed."""

from __future__ import annotations

from typing import Any

from vaekit.objectives import Term, bounds, penalties
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.system.ranges import Count, Share, Weight


@extends(vae)
def beta_vae(beta: Weight = 4.0, **rest: Any) -> Built:
    """The KL weighed by beta, for disentangled codes (Higgins et al. 2017)."""
    model, objective = vae(**rest)
    return Built(model, objective.weighing_kl(beta))


@extends(vae)
def beta_tcvae(beta: Weight = 6.0, rows: int = 1, **rest: Any) -> Built:
    """The codes' total correlation weighed by beta, the rest of the KL by 1 (Chen et al. 2018).

    Args:
        beta: weight of the total correlation.
        rows: of the training data.
    """
    model, objective = vae(**rest)
    penalty = penalties.total_correlation(rows)
    return Built(model, objective.plus(Term("total_correlation", beta - 1, penalty, "batch")))


@extends(vae)
def iwae(samples: Count = 5, **rest: Any) -> Built:
    """The importance-weighted bound of several samples (Burda et al. 2016).

    Args:
        samples: K, particles per row.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.iwae, samples=samples))


@extends(vae)
def dreg(samples: Count = 5, **rest: Any) -> Built:
    """The importance-weighted bound with doubly reparameterised gradients (Tucker et al. 2019)."""
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.dreg, samples=samples))


@extends(vae)
def miwae(groups: Count = 8, samples: Count = 8, **rest: Any) -> Built:
    """The mean over groups of the importance-weighted bound (Rainforth et al. 2018).

    Args:
        groups: M, how many bounds are averaged.
        samples: K, particles in each of them.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.miwae(groups), samples=groups * samples))


@extends(vae)
def piwae(groups: Count = 8, samples: Count = 8, **rest: Any) -> Built:
    """IWAE for the decoder, MIWAE for the encoder (Rainforth et al. 2018).

    Args:
        groups: M, how many bounds the encoder averages.
        samples: K, particles in each of them; the decoder sees all M * K.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.piwae(groups), samples=groups * samples))


@extends(vae)
def ciwae(mix: Share = 0.5, samples: Count = 64, **rest: Any) -> Built:
    """A blend of ELBO and importance-weighted bound (Rainforth et al. 2018).

    Args:
        mix: the ELBO's share, 0 to 1.
        samples: particles per row.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.ciwae(mix), samples=samples))


@extends(vae)
def renyi(alpha: float = 0.5, samples: Count = 5, **rest: Any) -> Built:
    """The variational Renyi bound: alpha 1 is the ELBO, 0 IWAE (Li & Turner 2016).

    Args:
        alpha: order of the divergence; below 0 it is no lower bound on log p(x).
        samples: particles per row.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.renyi(alpha), samples=samples))


@extends(vae)
def tvo(points: Count = 5, samples: Count = 10, **rest: Any) -> Built:
    """The thermodynamic bound (Masrani et al. 2019).

    Args:
        points: of the integral from q(z|x) to p(z|x).
        samples: particles per row.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.tvo(points), samples=samples))


@extends(vae)
def free_bits_vae(floor: Weight = 0.25, **rest: Any) -> Built:
    """Every latent dimension may carry some nats for free (Kingma et al. 2016).

    Args:
        floor: nats that cost nothing, per latent dimension.
    """
    model, objective = vae(**rest)
    return Built(model, objective.plus(Term("free_bits", 1.0, penalties.free_bits(floor))))


RECIPES: tuple[Recipe, ...] = (
    beta_vae,
    beta_tcvae,
    iwae,
    dreg,
    miwae,
    piwae,
    ciwae,
    renyi,
    tvo,
    free_bits_vae,
)
