"""Models of tables of mixed columns, with gaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from torch import nn

from vaekit.conditionals import Conditional, Site
from vaekit.families.columns import Columns
from vaekit.models import VAE
from vaekit.networks.cells import CellEncoder, CellPredictor, Unseen
from vaekit.networks.dense import dense
from vaekit.objectives import Objective, Term
from vaekit.objectives.bounds import elbo
from vaekit.objectives.penalties import rate_floor
from vaekit.recipes import parts
from vaekit.recipes.parts import Link
from vaekit.recipes.recipe import Built, Recipe
from vaekit.recipes.uses import good_for
from vaekit.system.checks import require
from vaekit.system.ranges import Count, Range, Share, Swept, Weight, Whole
from vaekit.system.types import Shape
from vaekit.training.plan import Length, Suited

Scales = Annotated[int, Range(0, 4)]
NO_GAPS: Mapping[str, str] = {}
PLANS: dict[str, dict[str, float | str]] = {
    "table_vae": {"batch": 256, "lr": 3e-3, "decay": "cosine", "weight_decay": 1e-4}
}
LARGE = 24_000  # rows of which more are shown at once


@good_for("gaps", "one model of any cells given any others, missing ones too.", rank=2.0)
@good_for("samples", "numbers, categories and gaps as they go together in the table.", rank=2.0)
@good_for("codes", "a code of all columns of a row, whatever their types.", rank=2.0)
@good_for("likelihood", "log p of each row, and of each cell given all others.", rank=2.0)
@good_for("compression", "every cell is coded by its probability given those before it.", rank=2.0)
def table_vae(
    shape: Shape,
    *,
    columns: Mapping[str, int],
    ordered: Mapping[str, bool],
    gaps: Mapping[str, str] = NO_GAPS,
    latent: Annotated[Count, Swept(2, 16, log=True)] = 4,
    likelihood: Literal["columns"] = "columns",
    width: Annotated[Count, Swept(64, 512, log=True)] = 192,
    depth: Whole = 2,
    floor: Annotated[Weight, Swept(0.0, 1.0)] = 0.25,
    unseen: Share = 0.25,
    scales: Scales = 2,
    in_turn: Share = 0.5,
    prior: Literal["standard", "mixture", "flow"] = "mixture",
    prior_components: Whole = 0,
    link: Link = "softplus",
) -> Built:
    """Rows of numbers, categories, dates and gaps: cells are drawn one after the other, each given
    the code and any cells before it, so that any cells can be given, filled in, explained and
    weighed (order-agnostic autoregression: Uria et al. 2014; Hoogeboom et al. 2022).

    Args:
        shape: of one row of x.
        columns: levels of each column, by name.
        ordered: whether those of each column are ordered.
        gaps: the column that says whether the cell of another is missing, by the other's name.
        latent: numbers in a code.
        likelihood: of cells, as levels of their columns.
        width: of hidden layers.
        depth: residual blocks of the network that predicts cells.
        floor: nats for each number of a code that codes may tell at no cost, so that they are
            used.
        unseen: share of the training rows from which the encoder does not see some cells, so that
            it knows rows with gaps.
        scales: at which neighbouring levels of numbers share what they learn, each four times
            coarser than the one before, beside seeing the place of a level; 0 for none.
        in_turn: share of the training rows that are learned as they are drawn, column after
            column; in the others any cells are given, as gaps are filled.
        prior: p(z): learned: mixture (of normals), flow; or standard.
        prior_components: of a mixture (50).
        link: how the network gives standard deviations: softplus, or exp of half a log variance.
    """
    require(shape == (len(columns),), f"{len(columns)} columns for rows of {shape}")
    levels, smooth = [*columns.values()], [ordered[name] for name in columns]
    code = parts.posterior_family("diagonal", latent, link=link)
    hidden, outputs = max(depth // 2, 1), code.raw_shape[0]
    see = CellEncoder(levels, smooth, outputs, width, hidden, placed=scales > 0)
    encode = Conditional(nn.Sequential(Unseen(unseen), see), code)
    place = {name: number for number, name in enumerate(columns)}
    said_by = {place[name]: place[flag] for name, flag in gaps.items()}
    net = CellPredictor(levels, smooth, width, depth, said_by, scales, in_turn)
    data = Columns(net)
    decode = Conditional(dense((latent,), data.raw_shape, []), data)
    before = parts.prior(prior, Site(latent, shape, encode, prior_components, given=False))
    kept = Term("rate_floor", 1.0, rate_floor(floor * latent))
    return Built(VAE(before, encode, decode), Objective(elbo, kept))


def suited(rows: int) -> Suited:
    """Where there are many rows, twice as many at once and half as many updates: rows drawn are as
    like the real ones, and two cores are used better.

    Args:
        rows: to train on.
    """
    if rows < LARGE:
        return Suited(Length(most=300))
    return Suited(Length(updates=2_000, fewest=8, most=300), {"batch": 512, "lr": 4e-3})


RECIPES: tuple[Recipe, ...] = (table_vae,)
SUITED = {"table_vae": suited}
