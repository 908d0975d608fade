"""For the tests of the codec: models by hand, trained a little, with what they are given."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vaekit.data import Condition, Conditions, Representation
from vaekit.data.layout import RowLayout
from vaekit.models.trace import trace
from vaekit.objectives.bounds import elbo
from vaekit.recipes import recipe
from vaekit.rows import Rows
from vaekit.system.seeding import seeded

TOPS = {"bernoulli": 2, "poisson": 9, "negative_binomial": 900}


def made(likelihood, shape=(1, 6, 5), name="vae", spread=0.2, **options):
    """A model with random weights, larger than fresh ones so that outputs vary."""
    options = {"levels": 256, "latent": 4, "width": 16, **options}
    with seeded(0, "made"):
        model = recipe(name)(shape=shape, likelihood=likelihood, **options).model
        for parameter in model.parameters():
            parameter.data += spread * torch.randn_like(parameter)
    return model.eval()


def rows_for(likelihood, count=40, shape=(1, 6, 5)):
    return np.random.default_rng(0).integers(0, TOPS.get(likelihood, 256), (count, *shape))


def fitted(model, rows, steps=600, batch=100):
    """The same model after some steps of Adam on its ELBO."""
    optimizer = torch.optim.Adam(model.train().parameters(), 3e-3)
    with seeded(0, "fitted"):
        for _ in range(steps):
            part = rows[torch.randint(len(rows), (batch,))]
            optimizer.zero_grad()
            (-elbo(trace(model, part)).mean()).backward()
            optimizer.step()
    return model.eval()


def elbo_bits(model, rows, draws=16):
    """-ELBO of all rows together, in bits."""
    with torch.inference_mode(), seeded(0, "elbo"):
        found = trace(model, rows, samples=draws)
        return -(found.log_px - found.kl).double().mean(0).sum().item() / np.log(2)


def told_by(classes):
    """Conditions by name: with their classes, or None for numbers."""
    each = (
        Condition(n, tuple(c), 0, 1) if c else Condition(n, (), 40, 11) for n, c in classes.items()
    )
    return Conditions(tuple(each))


@dataclass
class Config:
    """Stands for a model's configuration."""

    known_by: Any
    conditions: Conditions
    coding = None

    def identity(self):
        return self.known_by


@dataclass
class Handmade:
    """Stands for a trained model, as far as files of compressed rows need one."""

    model: Any
    representation: Representation
    config: Config
    files: tuple[bytes, bytes] = (b"", b"")
    may_be_untold: bool = False
    is_discrete = True

    @property
    def layout(self):
        return RowLayout.unsaid(self.representation.shape)

    def packed(self):
        return self.files


def handmade(likelihood, shape, classes=None, **options):
    """A model by hand, given these conditions."""
    told = told_by(classes or {})
    name = "conditional_vae" if classes else "vae"
    more = {"given": told.widths} if classes else {}
    model = made(likelihood, shape, name, **more, **options)
    return Handmade(
        model, Representation(shape), Config([name, shape], told), may_be_untold="drop" in options
    )


def rows_given(told, count):
    """Columns for so many rows: words, and numbers."""
    random = np.random.default_rng(1)
    return {
        c.name: random.choice(c.classes, count) if c.classes else random.normal(40, 11, count)
        for c in told
    }


def given_rows(told, x, columns):
    """Rows as the float model takes them."""
    return Rows(torch.from_numpy(x).float(), told.encode(told.ask(columns, len(x))))
