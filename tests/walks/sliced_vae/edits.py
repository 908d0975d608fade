"""A sliced Wasserstein distance of the codes from the prior: a penalty and a recipe."""

PENALTY = '''

def sliced(directions: int = 50) -> Penalty:
    """The sliced Wasserstein distance, squared, of codes from as many draws of the prior, all
    latents side by side: the mean over random directions (Kolouri et al. 2019).

    Args:
        directions: how many.
    """

    def sliced(t: Trace) -> Tensor:
        z, y = side_by_side(t), drawn_from_prior(t)
        way = F.normalize(torch.randn(z.shape[1], directions, device=z.device), dim=0)
        return ((z @ way).sort(0).values - (y @ way).sort(0).values).square().mean()

    return sliced
'''

RECIPE = '''

@extends(vae)
def sliced_vae(strength: Weight = 10.0, **rest: Any) -> Built:
    """Codes held to the prior along random directions (Kolouri et al. 2019).

    Args:
        strength: of what holds them.
    """
    model, objective = vae(**rest)
    return Built(model, objective.plus(Term("sliced", strength, discrepancies.sliced(), "batch")))
'''

EDITS = [
    ("objectives/discrepancies.py", "from torch import Tensor\n", "from torch.nn import functional as F\n"),
    ("objectives/discrepancies.py", "    return disentangled_covariance\n", PENALTY),
    ("recipes/factors.py", "objective.weighing_kl(1 - alpha).plus(term))\n", RECIPE),
    ("recipes/factors.py", "    info_vae,\n", "    sliced_vae,\n"),
]  # fmt: skip
