"""InfoVAE with maximum mean discrepancy: a penalty and a recipe."""

PENALTY = '''

def mmd(scale: float = 1.0) -> Penalty:
    """The maximum mean discrepancy between codes and draws of the prior, all latents side by side,
    by an inverse multiquadratic kernel (Zhao et al. 2019)."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        width = 2 * scale * a.shape[1]
        return width / (width + torch.cdist(a, b).square())

    def mmd(t: Trace) -> Tensor:
        z = torch.cat([latent.value[0] for latent in t.latents.values()], 1)
        rows = z.shape[:1]
        drawn = [latent.prior.sample(rows) for latent in t.latents.values()]
        other = torch.cat(drawn, 1)
        off = 1 - torch.eye(len(z), device=z.device)
        pairs = max(len(z) * (len(z) - 1), 1)
        inside = ((kernel(z, z) + kernel(other, other)) * off).sum() / pairs
        return inside - 2 * kernel(z, other).mean()

    return mmd
'''

RECIPE = '''

@extends(vae)
def info_vae(alpha: float = 0.0, strength: float = 10.0, **rest: Any) -> Built:
    """Information kept by a discrepancy of the codes from the prior (Zhao et al. 2019).

    Args:
        alpha: how much of the KL is taken away.
        strength: of the discrepancy.
    """
    model, objective = vae(**rest)
    weight = alpha + strength - 1
    objective = objective.weighing_kl(1 - alpha)
    return Built(model, objective.plus(Term("mmd", weight, penalties.mmd(), "batch")))
'''

EDITS = [
    ("objectives/penalties.py", "        result[name] = kl.mean(0)\n    return result\n", PENALTY),
    ("recipes/objectives.py", 'penalties.free_bits(floor))))\n', RECIPE),
    ("recipes/objectives.py", "    free_bits_vae,\n", "    info_vae,\n"),
]  # fmt: skip
