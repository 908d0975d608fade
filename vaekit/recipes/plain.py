"""The plain variational autoencoder in its usual shapes, and the autoencoder beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from torch import nn

from vaekit.conditionals import Conditional, Site, StandardNormal
from vaekit.families.base import UNIT_RANGE, Likelihood, half_exp
from vaekit.families.gaps import WithGaps
from vaekit.families.gaussians import DiagonalNormal
from vaekit.models import VAE
from vaekit.networks import MeanLogits, dense, glorot, tutorial_decoder, tutorial_encoder
from vaekit.objectives import Objective
from vaekit.objectives.bounds import dreg, elbo, iwae, path_elbo, reconstruction
from vaekit.recipes import parts
from vaekit.recipes.parts import (
    CodeSize,
    Depth,
    LikelihoodName,
    Link,
    Nets,
    Network,
    Posterior,
    Prior,
    ScaleName,
    Shape,
)
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for, of_pictures
from vaekit.system.checks import known
from vaekit.system.ranges import AtMostRows, Count, Share, ShareBelow, Swept, Weight, Whole

PLAIN: dict[str, float | str] = {"decay": "constant", "warmup": 0.0, "clip": 0.0, "ema": 0.0}
PLANS: dict[str, dict[str, float | str]] = {
    "keras_mnist": {**PLAIN, "epochs": 30, "epsilon": 1e-7},
    "keras_mnist_fast": {"decay": "cosine", "epochs": 10, "batch": 32, "lr": 3e-3},
    "burda": {**PLAIN, "decay": "cosine", "epsilon": 1e-4, "batch": 100, "epochs": 300},
    "dense_vae": {**PLAIN, "epochs": 10, "epsilon": 1e-10},  # its loss is a sum over the batch
}


@good_for(
    "samples",
    "the plain model with a mixture of normals for p(z): samples come nearer to the data than "
    "under N(0, I).",
    rank=1.0,
    prior="mixture",
)
@good_for("codes", "the plain model: a code for each row, with a spread.", rank=1.0)
@good_for(
    "likelihood",
    "the plain model with a flow for p(z), which gives held-out rows more nats than N(0, I).",
    rank=1.0,
    prior="flow",
)
@good_for("compression", "the plain model: fast, and its file is small.", rank=1.0)
def vae(
    shape: Shape,
    *,
    levels: int = 256,
    steps: int = 1,
    rows: int = 0,
    given: Mapping[str, int] | None = None,
    latent: CodeSize = 16,
    likelihood: LikelihoodName = "auto",
    network: Network = "auto",
    width: Whole = 0,
    depth: Depth = 0,
    posterior: Posterior = "diagonal",
    rank: Count = 2,
    posterior_components: Whole = 0,
    tilt: Weight = parts.TILT,
    prior: Prior = "standard",
    prior_components: Annotated[Whole, AtMostRows()] = 0,
    link: Link = "softplus",
    scale: ScaleName = "auto",
    components: Count = 3,
    kl_warmup: Annotated[Share, Swept(0.0, 0.5)] = parts.KL_WARMUP,
    trim: Weight = 0.0,
    drop: ShareBelow = 0.0,
    noise: Weight | None = None,
    missing: bool = False,
    nets: Nets | None = None,
    made_of: Callable[[Likelihood], Likelihood] | None = None,
) -> Built:
    """A variational autoencoder (Kingma & Welling 2014; Rezende et al. 2014).

    Args:
        shape: of one row of x.
        levels: of likelihoods of whole levels.
        steps: updates of the training, for schedules.
        rows: to train on.
        given: width of each thing that is given beside x, by name.
        latent: numbers in a code.
        likelihood: p(x|z) by name; auto looks at the data.
        network: auto is conv for images of 16 pixels a side or more, else dense.
        width: of hidden layers (400), or channels of the first stage (32).
        depth: hidden layers (2), or halvings of the image (until about 4 pixels).
        posterior: q(z|x): normal with a covariance that is diagonal, low_rank, full or householder
            (by reflections); mixture (of normals), or even_mixture, whose weights are alike;
            planar, radial, sylvester, iaf or coupling (normal, moved through steps of that kind);
            point has no spread.
        rank: of a low_rank posterior.
        posterior_components: of a mixture posterior (4); reflections of householder (4), steps of
            planar and radial (8) and sylvester (4).
        tilt: of a full or low_rank posterior: how much raw numbers make dimensions share; where it
            is small, their noise does not hold training back.
        prior: p(z): standard, or learned: mixture (of normals), vamp (of the posteriors of learned
            pseudo-inputs), flow, maf, realnvp, lars (of draws that a network accepts), exemplar
            (of normals around the codes of training rows).
        prior_components: of a mixture (50), pseudo-inputs of a vamp (500), rows of an exemplar
            prior (1,000).
        link: how the network gives standard deviations: softplus, or exp of half a log variance.
        scale: of gaussian, laplace, student_t: shared, element, network or a number; auto is
            shared for images, element for vectors.
        components: of a logistic_mixture.
        kl_warmup: share of the training over which the KL's weight rises from 0 to 1.
        trim: rows whose bound is so many robust standard deviations below the median of its batch
            teach nothing, where anomalies may be among the rows (5); 0: all rows do.
        drop: share of the training rows from which what is given is withheld.
        noise: on what the encoder sees in training, in standard deviations (of whole levels: halves
            of their range), against overfitting; by default 0.2 for fewer than 8,000 images, else
            0.
        missing: whether numbers of x may be missing, NaN: then the encoder sees which.
        nets: other networks than those that have names.
        made_of: what p(x|z) is made of the likelihood, if it is another thing.
    """
    code = parts.posterior_family(posterior, latent, rank, link, posterior_components, tilt)
    data = parts.likelihood_family(likelihood, shape, levels, scale, components)
    data = WithGaps(data) if missing else data
    data = made_of(data) if made_of else data
    kind = nets or parts.network_for(network, shape)
    beside = sum((given or {}).values())
    decode = parts.decoder(data, latent, kind, width, depth, beside)
    noise = parts.noise_for(shape, rows, noise)
    encode = parts.posterior(data, code, kind, width, depth, beside, noise)
    before = parts.prior(prior, Site(latent, shape, encode, prior_components, bool(beside)))
    side = parts.condition_dropout(drop, beside)
    objective = parts.warmed_up(kl_warmup, steps).trimming(trim)
    return Built(VAE(before, encode, decode, side), objective)


@extends(
    vae,
    fixed={"network": "dense"},
    depth=1,
    latent=20,
    likelihood="bernoulli",
    link="exp",
    noise=0.0,
    kl_warmup=0.0,
)
def dense_vae(**rest: Any) -> Built:
    """One hidden layer of 400 units and 20 latents: the VAE of PyTorch's examples."""
    return vae(**rest)


@extends(vae, fixed={"network": "conv"})
def conv_vae(**rest: Any) -> Built:
    """A convolutional VAE for images of any size."""
    return vae(**rest)


@extends(vae, fixed={"network": "residual"})
def residual_vae(**rest: Any) -> Built:
    """A residual convolutional VAE with group norm, for images of any size (He et al. 2016)."""
    return vae(**rest)


@extends(vae, fixed={"posterior": "full"}, without=("rank", "posterior_components"))
@good_for("likelihood", "a posterior whose numbers depend on each other is a tighter bound.")
def full_covariance_vae(**rest: Any) -> Built:
    """A VAE whose posterior has a full covariance matrix."""
    return vae(**rest)


@extends(vae, fixed={"posterior": "iaf"}, without=("rank", "posterior_components", "tilt"))
@good_for("likelihood", "a posterior that bends is a tighter bound.", rank=0.6)
def iaf_vae(**rest: Any) -> Built:
    """A VAE whose posterior is a normal moved through inverse autoregressive steps
    (Kingma et al. 2016)."""
    return vae(**rest)


@extends(vae)
@good_for("likelihood", "gradients that vary less near the end.", rank=0.4)
def path_vae(**rest: Any) -> Built:
    """A VAE trained by the path derivative, "sticking the landing" (Roeder et al. 2017)."""
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=path_elbo))


@extends(
    vae,
    fixed={"posterior": "point"},
    without=(
        "rank",
        "posterior_components",
        "tilt",
        "prior",
        "prior_components",
        "link",
        "kl_warmup",
    ),
    likelihood="gaussian",
    scale="1",
    noise=0.0,
)
@good_for("codes", "the smallest error of what is rebuilt, and no order among codes.")
def autoencoder(**rest: Any) -> Built:
    """An autoencoder: a point for a posterior and squared error for a loss; not a density."""
    model, objective = vae(**rest)
    return Built(model, Objective(reconstruction, trim=objective.trim))


@good_for("likelihood", "the published network for binary pictures.", rank=0.2, when=of_pictures)
def burda(
    shape: Shape,
    *,
    levels: int = 256,
    latent: CodeSize = 50,
    likelihood: LikelihoodName = "bernoulli",
    width: Count = 200,
    samples: Count = 1,
    gradient: Literal["plain", "dreg"] = "plain",
) -> Built:
    """The one-layer network for binary images of the IWAE paper: tanh, 200-200 (Burda et al. 2016).

    Args:
        shape: of one row of x.
        levels: of likelihoods of whole levels.
        latent: numbers in a code.
        likelihood: p(x|z) by name.
        width: of the two hidden layers on either side.
        samples: K, particles per row; 1 is the VAE.
        gradient: plain, or dreg for doubly reparameterised.
    """
    data = parts.likelihood_family(likelihood, shape, levels, "auto", 3)
    code = DiagonalNormal(latent, half_exp)
    encode = glorot(dense(shape, code.raw_shape, [width] * 2, "tanh"))
    decode = glorot(dense((latent,), data.raw_shape, [width] * 2, "tanh"))
    start = MeanLogits(data.raw_shape, from_mean=data.range == UNIT_RANGE)
    decode = nn.Sequential(decode, start)
    model = VAE(StandardNormal(latent), Conditional(encode, code), Conditional(decode, data))
    bound = {"plain": iwae, "dreg": dreg}[known("gradient", gradient, ("plain", "dreg"))]
    return Built(model, Objective(bound, samples=samples))


@good_for(
    "codes",
    "a map of small grey pictures in two numbers.",
    rank=0.6,
    when=lambda data: data.shape == (1, 28, 28),
)
def keras_mnist(
    shape: Shape,
    *,
    levels: int = 256,
    latent: CodeSize = 2,
    likelihood: LikelihoodName = "bernoulli",
) -> Built:
    """The convolutional VAE of the Keras tutorial: 69,076 + 65,089 parameters (Chollet 2020).

    Args:
        shape: of one row of x.
        levels: of likelihoods of whole levels.
        latent: numbers in a code.
        likelihood: p(x|z) by name.
    """
    parts.network_for("conv", shape)
    data = parts.likelihood_family(likelihood, shape, levels, "1", 3)
    encode = Conditional(tutorial_encoder(shape, latent), DiagonalNormal(latent, half_exp))
    decode = Conditional(tutorial_decoder(latent, data.raw_shape), data)
    return Built(VAE(StandardNormal(latent), encode, decode), Objective(elbo))


@extends(keras_mnist)
@good_for(
    "codes",
    "a map of small grey pictures in two numbers, in a few minutes.",
    rank=0.7,
    when=lambda data: data.shape == (1, 28, 28),
)
def keras_mnist_fast(**rest: Any) -> Built:
    """keras_mnist, as good in a third of the epochs: small batches, a high learning rate that
    falls to zero, averaged weights."""
    return keras_mnist(**rest)


RECIPES: tuple[Recipe, ...] = (
    vae,
    dense_vae,
    conv_vae,
    residual_vae,
    full_covariance_vae,
    iaf_vae,
    path_vae,
    autoencoder,
    burda,
    keras_mnist,
    keras_mnist_fast,
)
