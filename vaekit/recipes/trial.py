"""A short trial of likelihoods, for data whose type does not say which suits it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vaekit.data import Source
from vaekit.data_init import data_init
from vaekit.recipes.columns import without_gaps
from vaekit.recipes.plain import vae
from vaekit.rows import Rows
from vaekit.system.seeding import seeded, some

ROWS, NUMBERS = 1_000, 256  # most rows to train on, and as many held out; most numbers of a row
UPDATES, BATCH, RATE = 150, 64, 5e-3
LATENT, WIDTH = 4, 64
FEWEST = 20  # rows to hold out, else a part of the training rows


def tried(source: Source, names: Sequence[str]) -> dict[str, float]:
    """How likely a small model of each likelihood makes rows that it was not trained on: the mean
    ELBO in nats per row, of the data's own numbers.

    Test rows have no part in it, and the same data always gives the same.

    Args:
        source: the data, real numbers; of wide rows some numbers stand for all.
        names: of likelihoods that describe such numbers as they are.
    """
    train, held_out = _rows(source)
    varying = (train.amax(0) > train.amin(0)).nonzero()[:, 0]
    places = varying[some(len(varying), NUMBERS, "numbers").sort().values]
    train, held_out = train[:, places], held_out[:, places]
    scale = "shared" if source.is_image else "auto"
    return {name: _held_out_elbo(name, scale, train, held_out) for name in names}


def _rows(source: Source) -> tuple[Tensor, Tensor]:
    """Rows to train on and to hold out: of validation, where there are enough."""
    train, validation = (
        without_gaps(source.values[i[some(len(i), ROWS, split)].sort().values]).flatten(1).float()
        for split, i in ((s, source.indices(s)) for s in ("train", "validation"))
    )
    if len(validation) < FEWEST:
        order = some(len(train), len(train), "held out")
        apart = max(len(train) // 5, 1)
        train, validation = train[order[apart:]], train[order[:apart]]
    return train, validation


def _held_out_elbo(name: str, scale: str, train: Tensor, held_out: Tensor) -> float:
    with seeded(0, "trial"):
        model, objective = vae(
            train.shape[1:], latent=LATENT, likelihood=name, scale=scale, width=WIDTH
        )
        data_init(model, train)
        optimizer = torch.optim.Adam(model.parameters(), RATE, fused=True)
        for step in range(UPDATES):
            batch = Rows(train[torch.randint(len(train), (BATCH,))])
            objective(model, batch, step).total.backward()
            optimizer.step()
            optimizer.zero_grad()
        model.eval()
        with torch.inference_mode():
            found = -objective(model, Rows(held_out), UPDATES).total.item()
    return found if math.isfinite(found) else -math.inf
