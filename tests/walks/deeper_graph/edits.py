"""z -> w -> x with a learned p(w | z): a graph and a recipe."""

RECIPE = '''

def deeper_vae(
    shape: Shape,
    *,
    levels: int = 256,
    steps: int = 1,
    latent: int = 4,
    likelihood: str = "auto",
    width: int = 32,
    kl_warmup: float = 0.0,
) -> Built:
    """z, then w given z, then x given w (Rezende et al. 2014).

    Args:
        latent: numbers of z, and of w.
        likelihood: p(x|w) by name.
        width: of hidden layers.
        kl_warmup: share of the training over which the KL's weight rises from 0 to 1.
    """
    data = parts.likelihood_family(likelihood, shape, levels, "auto", 3)
    code = DiagonalNormal(latent)
    features = Mapped(nn.Sequential(data.kind.input(data), dense(shape, (width,), [width])))

    def of(inputs: int, family: Any) -> Conditional:
        return Conditional(Join(dense((inputs,), family.raw_shape, [width])), family)

    model = Deeper(
        features, StandardNormal(latent), of(width, code), of(latent, code),
        of(width + latent, code), of(latent, data),
    )  # fmt: skip
    return Built(model, parts.warmed_up(kl_warmup, steps))
'''

EDITS = [
    ("recipes/hierarchical.py", "Conditional(step.posterior, code), Mapped(step.merge))\n", RECIPE),
    ("recipes/hierarchical.py", "from vaekit.models import Ladder, Rung\n", "from vaekit.models.deeper import Deeper\nfrom vaekit.networks import Join, dense\n"),
    ("recipes/hierarchical.py", "RECIPES: tuple[Recipe, ...] = (ladder_vae,", " deeper_vae,"),
]  # fmt: skip
