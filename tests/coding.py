"""For the tests of the codec: models by hand, trained a little, with what they are given."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from vaekit.data import Representation
from vaekit.models.trace import trace
from vaekit.objectives.bounds import elbo
from vaekit.recipes import recipe
from vaekit.rows import Rows
from vaekit.system.checks import BadInput, known
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


@dataclass
class Told:
    """Stands for a model's conditions: columns by name, with their classes or None for numbers."""

    classes: dict[str, list[str] | None] = field(default_factory=dict)

    @property
    def names(self):
        return tuple(self.classes)

    @property
    def widths(self):
        return {name: len(classes or [0]) for name, classes in self.classes.items()}

    def ask(self, given, rows):
        for name in given:
            known("condition", name, self.names)
        for name in self.names:
            if name not in given:
                raise BadInput(f"this model has to be told {name}")
        return {name: self._numbers(name, given[name]) for name in self.names}

    def _numbers(self, name, column):
        classes = self.classes[name]
        if classes is None:
            return torch.from_numpy(np.asarray(column, np.float64))
        words = [str(cell) for cell in np.asarray(column).tolist()]
        return torch.tensor([classes.index(known(name, word, classes)) for word in words])

    def encode(self, raw):
        found = {}
        for name, classes in self.classes.items():
            one_hot = torch.nn.functional.one_hot
            found[name] = (
                one_hot(raw[name], len(classes)).float()
                if classes
                else ((raw[name] - 40) / 11).float()[:, None]
            )
        return found


@dataclass
class Config:
    """Stands for a model's configuration."""

    known_by: Any
    conditions: Told

    def identity(self):
        return self.known_by


@dataclass
class Handmade:
    """Stands for a trained model, as far as files of compressed rows need one."""

    model: Any
    representation: Representation
    config: Config
    files: tuple[bytes, bytes] = (b"", b"")
    is_discrete = True

    def packed(self):
        return self.files


def handmade(likelihood, shape, classes=None, **options):
    """A model by hand, given these conditions."""
    told = Told(classes or {})
    name = "conditional_vae" if classes else "vae"
    more = {"given": told.widths} if classes else {}
    model = made(likelihood, shape, name, **more, **options)
    return Handmade(model, Representation(shape), Config([name, shape], told))


def rows_given(told, count):
    """Columns for so many rows: words, and numbers."""
    random = np.random.default_rng(1)
    return {
        name: random.choice(classes, count) if classes else random.normal(40, 11, count)
        for name, classes in told.classes.items()
    }


def from_files(files):
    """The model in the two files of a folder, as bytes."""
    from safetensors.torch import load

    found = json.loads(files[0])
    identity = {k: found[k] for k in ("recipe", "arguments", "representation")}
    arguments = {**found["arguments"], "shape": tuple(found["arguments"]["shape"])}
    model = recipe(found["recipe"])(**arguments).model
    model.load_state_dict(load(files[1]))
    config = Config(identity, Told())
    return Handmade(model.eval(), Representation(**found["representation"]), config, files)


def given_rows(told, x, columns):
    """Rows as the float model takes them."""
    return Rows(torch.from_numpy(x).float(), told.encode(told.ask(columns, len(x))))
