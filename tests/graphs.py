"""Every prior, every graph of latents and every network, by name, small enough for laws."""

import torch
from parts import LEVELS, VECTOR

from vaekit.conditionals import (
    Ball,
    Conditional,
    EvenLabels,
    Mapped,
    Mixture,
    Site,
    Sphere,
    StandardNormal,
    prior,
)
from vaekit.conditionals.codebooks import Autoregressive, Even, PixelCNN
from vaekit.conditionals.refitted import Refitted, Scaled
from vaekit.distributions.codebooks import rotated, straight
from vaekit.families import DiagonalNormal, Direction, OneHot, likelihood
from vaekit.families.balls import Wrapped
from vaekit.families.codebooks import Codebook, DrawnCodes, Nearest, NearestByScale
from vaekit.models import VAE, Clustered, Labelled, Ladder, Rung
from vaekit.models.density import Density
from vaekit.networks import (
    ConditionDropout,
    InputLayerFirst,
    Join,
    Scales,
    Summed,
    SummedScales,
    dense,
)
from vaekit.recipes import recipe
from vaekit.rows import Rows

WIDTH, LATENT, BESIDE, CLASSES = 8, 3, 2, 3
PICTURE = (1, 8, 8)


def site(latent=LATENT, shape=VECTOR):
    """What a prior is made for, with four components."""
    code = DiagonalNormal(latent)
    q = Conditional(dense(shape, code.raw_shape, [WIDTH], "tanh"), code)
    return Site(latent, shape, q, components=4)


PRIORS = {
    "standard": lambda: prior("standard", site()),
    "mixture": lambda: prior("mixture", site()),
    "vamp": lambda: prior("vamp", site()),
    "flow": lambda: prior("flow", site()),
    "maf": lambda: prior("maf", site()),
    "realnvp": lambda: prior("realnvp", site()),
    "lars": lambda: prior("lars", site()),
    "exemplar": lambda: prior("exemplar", site()).eval(),
    "second_stage": lambda: prior("second_stage", site()).eval(),
    "flow_matching": lambda: prior("flow_matching", site()),
    "manifold": lambda: prior("manifold", site()),
    "scaled": lambda: Scaled(Mixture(LATENT, 4)),
    "refitted": lambda: Refitted(Mixture(LATENT, 4), StandardNormal(LATENT)),
    "sphere": lambda: Sphere(LATENT),
    "ball": lambda: Ball(LATENT),
    "entries": lambda: Even(Nearest(Codebook(4, LATENT), 1)),
    "entries in a row": lambda: Autoregressive(Nearest(Codebook(4, LATENT), 2), 8),
    "entries on a map": lambda: on_map(Nearest(Codebook(4, LATENT), 2)),
}


def on_map(family):
    """A prior over a map of one by two places."""
    return PixelCNN(family, (1, 2), 8, 1)


def normal(inputs, latent=LATENT):
    """q of a few numbers."""
    code = DiagonalNormal(latent)
    return Conditional(Join(dense((inputs,), code.raw_shape, [WIDTH], "tanh")), code)


def bits(inputs):
    """p(x | some numbers)."""
    family = likelihood("bernoulli", VECTOR)
    return Conditional(Join(dense((inputs,), family.raw_shape, [WIDTH], "tanh")), family)


def vae(given=0, side=None):
    """z -> x, or z -> x given so many numbers."""
    return VAE(
        StandardNormal(LATENT), normal(VECTOR[0] + given), bits(LATENT + given), side
    )  # fmt: skip


def ladder():
    """z -> z1 -> x."""
    stages = [Mapped(dense(VECTOR, (WIDTH,), [])), Mapped(dense((WIDTH,), (WIDTH,), []))]
    rungs = [
        Rung(StandardNormal(LATENT), normal(WIDTH), Mapped(dense((LATENT,), (WIDTH,), []))),
        Rung(StandardNormal(2), normal(2 * WIDTH, 2), Mapped(Join(dense((WIDTH + 2,), (4,), [])))),
    ]
    return Ladder(stages, rungs, bits(4))


def labelled(given=0, told=None):
    """y -> (z, x)."""
    q = Conditional(dense(VECTOR, (CLASSES,), [WIDTH], "tanh"), OneHot(CLASSES))
    return Labelled(EvenLabels(CLASSES), q, vae(CLASSES + given), told)


def clustered():
    """c -> z -> x."""
    return Clustered(Mixture(LATENT, 4), normal(VECTOR[0]), bits(LATENT), 0)


def listed(prior=Even, stages=1):
    """z -> x, with codes of two entries, or sums of some, from a list of four."""
    family = Nearest(Codebook(4, LATENT), 2, stages, rotated if stages > 1 else straight)
    q = Conditional(dense(VECTOR, family.raw_shape, [WIDTH], "tanh"), family)
    decode = bits(2 * LATENT)
    decode.net = InputLayerFirst(Summed(stages, LATENT), decode.net)
    return VAE(prior(family), q, decode)


def by_scale(prior=Even):
    """z -> x, with codes of one entry for all, one for each of two, and again one for each."""
    family = NearestByScale(Codebook(4, LATENT), Scales([(1,), (2,), (2,)]), rotated)
    q = Conditional(dense(VECTOR, family.raw_shape, [WIDTH], "tanh"), family)
    decode = bits(2 * LATENT)
    decode.net = InputLayerFirst(SummedScales(family.scales, LATENT), decode.net)
    return VAE(prior(family), q, decode)


def drawn():
    """z -> x, with codes of two entries from a list of four, each drawn by its chance."""
    family = DrawnCodes(Codebook(4, LATENT), 2, 0.5)
    q = Conditional(dense(VECTOR, family.raw_shape, [WIDTH], "tanh"), family)
    return VAE(Even(family), q, bits(2 * LATENT))


def directed():
    """z -> x, with codes on a sphere."""
    code = Direction(LATENT)
    q = Conditional(dense(VECTOR, code.raw_shape, [WIDTH], "tanh"), code)
    return VAE(Sphere(LATENT), q, bits(LATENT))


def hyperbolic():
    """z -> x, with codes in a ball."""
    code = Wrapped(LATENT)
    q = Conditional(dense(VECTOR, code.raw_shape, [WIDTH], "tanh"), code)
    return VAE(Ball(LATENT), q, bits(LATENT))


def refitted():
    """z -> x, with another prior than the model was trained with."""
    new = Refitted(Scaled(Mixture(LATENT, 4)), StandardNormal(LATENT))
    return VAE(new, normal(VECTOR[0]), bits(LATENT))


def counted(given=0, total="observed"):
    """z -> x of counts, or z and the total -> x."""
    given = {"age": given} if given else None
    return recipe("count_vae")(
        shape=VECTOR, latent=LATENT, width=WIDTH, given=given, total=total
    ).model  # fmt: skip


def of_modalities(name):
    """z -> three modalities, by a recipe."""
    small = {"latent": LATENT, "width": WIDTH, "likelihood": "bernoulli", "modalities": "3"}
    return recipe(name)(shape=VECTOR, **small).model


GRAPHS = {
    "counted": lambda: (counted(), 0),
    "counted with something given": lambda: (counted(BESIDE), BESIDE),
    "counted with a latent total": lambda: (counted(total="latent"), 0),
    "vae": lambda: (vae(), 0),
    "vae with something given": lambda: (vae(BESIDE), BESIDE),
    "vae that may do without": lambda: (vae(BESIDE, ConditionDropout(0.5)), BESIDE),
    "ladder": lambda: (ladder(), 0),
    "labelled": lambda: (labelled(), 0),
    "labelled with something given": lambda: (labelled(BESIDE), BESIDE),
    "labelled, of some rows": lambda: (labelled(told="age"), -CLASSES),
    "clustered": lambda: (clustered(), 0),
    "vae with codes from a list": lambda: (listed(), 0),
    "vae with codes one after the other": lambda: (listed(Autoregressive), 0),
    "vae with codes on a map": lambda: (listed(on_map), 0),
    "vae with sums on a map": lambda: (listed(on_map, stages=3), 0),
    "vae with codes that are sums": lambda: (listed(stages=3), 0),
    "vae with codes of several scales": lambda: (by_scale(), 0),
    "vae with codes that are drawn": lambda: (drawn(), 0),
    "vae with codes on a sphere": lambda: (directed(), 0),
    "vae with codes in a ball": lambda: (hyperbolic(), 0),
    **{
        f"modalities by {name}": lambda name=name: (of_modalities(name), 0)
        for name in ("mvae", "mmvae", "mopoe", "mvtcae", "jmvae", "mmvae_plus")
    },
    "a density": lambda: (Density(Mixture(VECTOR[0], 4)), 0),
    "vae with a refitted prior": lambda: (refitted(), 0),
}


def some_rows(given=0, count=7):
    """Binary rows, and what is given beside them: so many numbers, or (below 0) one of so many
    classes, which is not known of every second row."""
    x = (torch.rand(count, *VECTOR) < 0.5).float()
    if given >= 0:
        return Rows(x, {"age": torch.randn(count, given)} if given else {})
    known = torch.eye(-given)[torch.arange(count) % -given]
    return Rows(x, {"age": known * (torch.arange(count) % 2)[:, None]})


NETWORKS = {
    "dense": lambda shape: made("vae", shape, network="dense"),
    "conv": lambda shape: made("vae", shape, network="conv"),
    "residual": lambda shape: made("vae", shape, network="residual"),
    "map": lambda shape: made("fsq_vae", shape, network="map"),
    "dense ladder": lambda shape: made("ladder_vae", shape, network="dense"),
    "residual ladder": lambda shape: made("ladder_vae", shape, network="residual"),
}


def made(name, shape, **options):
    """A small model of levels by a recipe."""
    return recipe(name)(
        shape=shape, levels=LEVELS, latent=2, width=WIDTH, likelihood="categorical", **options
    ).model
