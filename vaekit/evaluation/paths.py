"""From an easy distribution to the posterior: log density and its gradient at any temperature."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.drawing import from_posterior, replayed
from vaekit.trace import trace


class Placed:
    """A drawing rule that takes all latents from one vector, in order, and sums log p(z).

    Without a vector it draws from the prior and keeps what it drew.
    """

    def __init__(self, rows: int, z: Tensor | None = None) -> None:
        self.rows, self.z, self.taken = rows, z, 0
        self.log_p: Tensor | float = 0.0
        self.drawn: list[Tensor] = []

    def tile(self, rows: Tensor) -> Tensor:
        return rows

    def __call__(
        self, name: str, prior: D.Distribution, posterior: D.Distribution | None = None
    ) -> Tensor:
        value = self._take(prior)
        self.drawn.append(value)
        self.log_p = self.log_p + prior.log_prob(value)
        return value

    def _take(self, prior: D.Distribution) -> Tensor:
        if self.z is None:
            return prior.sample() if prior.batch_shape else prior.sample(torch.Size([self.rows]))
        width = prior.event_shape.numel()
        self.taken += width
        flat = self.z[:, self.taken - width : self.taken]
        return flat.unflatten(1, prior.event_shape)


class Path:
    """log f_beta(z) = (1 - beta) log f_0(z) + beta log p(x, z), for rows of x.

    f_0 is the prior p(z), or the encoder's q(z|x). All latents of the model stand side by side in
    one vector; codes are (chains, rows, dim).
    """

    def __init__(self, model: nn.Module, x: Tensor, start: str) -> None:
        if start not in ("prior", "posterior"):
            raise ValueError(f"start must be 'prior' or 'posterior', not {start!r}")
        self.model, self.x, self.start = model, x, start
        if start == "posterior":
            with torch.no_grad():
                latents = trace(model, x, rule=from_posterior).latents
            self.posteriors = [latent.posterior for latent in latents.values()]
            self.sizes = {name: q.value[0, 0].numel() for name, q in latents.items()}

    @staticmethod
    @torch.no_grad()
    def simulate(model: nn.Module, rows: int) -> tuple[Tensor, Tensor]:
        """Rows drawn from the model, and the codes that made them, (rows, dim)."""
        placed = Placed(rows)
        x = model(placed).sample()
        return x, torch.cat([z.flatten(1) for z in placed.drawn], 1)

    @torch.no_grad()
    def draw(self, chains: int) -> Tensor:
        """Codes from f_0, (chains, rows, dim)."""
        if self.start == "posterior":
            if len(self.posteriors) == 1:
                return self.posteriors[0].sample(torch.Size([chains]))
            latents = trace(self.model, self.x, samples=chains).latents
            return torch.cat([latent.value.flatten(2) for latent in latents.values()], 2)
        placed = Placed(chains * len(self.x))
        self.model(placed)
        flat = torch.cat([z.flatten(1) for z in placed.drawn], 1)
        return flat.unflatten(0, (chains, len(self.x)))

    def parts(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """log f_0(z) and log p(x, z), each (chains, rows)."""
        if self.start == "posterior" and len(self.posteriors) > 1:
            return self._parts_of_layers(z)
        placed = Placed(z.shape[:2].numel(), z.flatten(0, 1))
        log_px = self.model(placed).log_prob(_tiled(self.x, len(z)))
        log_p = torch.as_tensor(placed.log_p).reshape(z.shape[:2])
        joint = log_px.reshape(z.shape[:2]) + log_p
        return (log_p if self.start == "prior" else self.posteriors[0].log_prob(z)), joint

    def _parts_of_layers(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The same where the posteriors of some latents depend on the values of others."""
        values = z.split(list(self.sizes.values()), -1)
        named = {name: replayed(v) for name, v in zip(self.sizes, values, strict=True)}
        t = trace(self.model, self.x, samples=len(z), named=named)
        return t.log_qz, t.log_px + t.log_pz

    @torch.no_grad()
    def slope(self, z: Tensor) -> Tensor:
        """d log f_beta(z) / d beta, (chains, rows)."""
        first, joint = self.parts(z)
        return joint - first

    def density(self, z: Tensor, beta: float) -> tuple[Tensor, Tensor]:
        """log f_beta(z), (chains, rows), and its gradient with respect to z."""
        z = z.detach().requires_grad_()
        with torch.enable_grad():
            first, joint = self.parts(z)
            value = (1 - beta) * first + beta * joint
            (gradient,) = torch.autograd.grad(value.sum(), z)
        return value.detach(), gradient


def _tiled(x: Tensor, times: int) -> Tensor:
    return x.repeat(times, *[1] * (x.dim() - 1))
