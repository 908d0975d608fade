"""After training: p(z) fitted to the codes of the data, the rest of the model left as it is.

Of all p(z), the mean ELBO is greatest where p(z) is the aggregate posterior, the mean of q(z|x)
over the data (Hoffman & Johnson 2016; Tomczak & Welling 2018). So draws of q(z|x) for the training
rows are the rows of a density, p(z), which is trained like any model. In the same way an
autoencoder gets a prior to sample from (Ghosh et al. 2020).
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from vaekit.conditionals import Prior, prior_kind
from vaekit.data import Batches, Encoded, Representation, Source
from vaekit.evaluation.passes import chunks, concatenated, drawn, latent_distributions
from vaekit.models import Density, Graph
from vaekit.objectives.fitting import Fitting
from vaekit.recipes import Built
from vaekit.rows import AnyRows
from vaekit.runs import folder as store
from vaekit.runs import stored
from vaekit.runs.config import PriorChoice
from vaekit.runs.job import reopen, shown
from vaekit.runs.run import Run, run_here
from vaekit.runs.trained import Trained
from vaekit.system.checks import known, require
from vaekit.system.ranges import AtMostRows
from vaekit.system.seeding import seeded
from vaekit.training import Plan
from vaekit.training.placement import placement

PLAN = Plan(batch=500, precision="fp32")
OPTIONS = (
    "epochs",
    "batch",
    "lr",
    "decay",
    "warmup",
    "weight_decay",
    "clip",
    "ema",
    "patience",
    "seed",
)
DRAWS, NUMBERS = 16, 2**26  # of each row's codes, numbers in memory
AT_ONCE = 1_000


@dataclass(frozen=True)
class Gain:
    """How much likelier codes of some rows are under one prior than under another.

    Args:
        rows: how many.
        nats: E_q[log p_new(z)] - E_q[log p_trained(z)], the mean over the rows, which is what the
            ELBO gains.
        error: its standard error over the rows.
    """

    rows: int
    nats: float
    error: float

    @property
    def bound(self) -> str:
        """What stands before it where log p_new(z) is known from below alone."""
        return "at least " if self.nats >= 0 else "at most "

    @property
    def text(self) -> str:
        """As people read it."""
        likelier = "more" if self.nats >= 0 else "less"
        return f"{abs(self.nats):,.2f} +- {self.error:.2f} nats per row {likelier} likely"


@dataclass(frozen=True)
class Refit:
    """A model with a prior that was fitted to its codes.

    Args:
        trained: the model.
        updates: how many made the prior.
        rows: training rows whose codes it was fitted to.
        gains: over the prior it was trained with, on rows of validation and test.
    """

    trained: Trained
    updates: int
    rows: int
    gains: dict[str, Gain]

    @property
    def choice(self) -> PriorChoice:
        """Which prior it is."""
        assert self.trained.config.prior is not None
        return self.trained.config.prior

    @property
    def text(self) -> str:
        """One line for people."""
        parts = self.choice.components
        what = f"{self.choice.name} prior" + (f" of {parts:,}" if parts else "")
        how = f"fitted to codes of {self.rows:,} training rows in {self.updates:,} updates"
        how = how if self.updates else "put in place as it is"
        bounded = not self.trained.model.priors[0].exact
        gains = ", ".join(
            f"codes of {split} rows are {g.bound if bounded else ''}{g.text}"
            for split, g in self.gains.items()
        )
        than = f": {gains} than under the trained prior" if gains else ""
        return f"p(z) is now a {what}, {how}{than}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = {"prior": self.choice.name, **self.choice.arguments}
        found |= {"rows": self.rows, "updates": self.updates}
        for split, gain in self.gains.items():
            found |= {f"{split}_rows": gain.rows, f"{split}_gain": gain.nats}
            found |= {f"{split}_gain_error": gain.error}
        return found


def refit_prior(
    folder: str | os.PathLike[str], prior: str | None, *, data: Any = None, **how: Any
) -> Trained:
    """Give the model in a folder another p(z), fitted to the codes of its training rows. The
    trained one is kept in the folder; files made with the model before, such as a report, are
    left as they are.

    Args:
        folder: of the model.
        prior: mixture, vamp, flow, maf, realnvp, lars, flow_matching, second_stage, manifold or
            standard; None takes the trained one back.
        data: as given to :func:`vaekit.fit`; needed only if that was not a name or a path.
        how: see :func:`refit`.

    Raises:
        BadInput: for what cannot be refitted, or data that is gone or has changed.

    Example:
        >>> import tempfile, vaekit
        >>> folder = tempfile.mkdtemp()
        >>> model = vaekit.fit("digits", latent=2, epochs=1, out=folder + "/run")
        >>> model = vaekit.refit_prior(folder + "/run", "mixture", components=5, epochs=1)
        >>> model.config.prior.name
        'mixture'
    """
    place, config = store.read_config(folder)
    source = None if prior is None else reopen(config, data)
    found = Trained.load(place, source).refit_prior(prior, **how)
    found.save(place)
    return found


def refitted(trained: Trained, prior: str | None, **how: Any) -> Trained:
    """The model alone, of :func:`refit`, or of :func:`undone` where there is no prior named."""
    return undone(trained, **how) if prior is None else refit(trained, prior, **how).trained


def undone(trained: Trained) -> Trained:
    """The same model with the prior it was trained with.

    Raises:
        BadInput: if it has that already.
    """
    require(
        trained.config.prior is not None,
        "this model has the prior it was trained with: there is nothing to undo",
    )
    model, _ = stored.without_refit(trained.model)
    return replace(trained, model=model, config=replace(trained.config, prior=None))


def refit(
    trained: Trained, prior: str, *, components: int = 0, device: str = "auto", **options: Any
) -> Refit:
    """Fit another p(z) to draws of q(z|x) for the training rows; the rest of the model stays.

    Of several latents the first gets it. Rows of validation say which epoch was the best. What a
    conditional model is given has no part in p(z).

    Args:
        trained: a model whose data is at hand; a prior that was refitted before is replaced.
        prior: mixture (of normals), vamp (of the posteriors of learned pseudo-inputs), flow,
            maf, realnvp,
            lars (of draws that a network accepts), flow_matching (of a learned velocity),
            second_stage (a small VAE of codes), manifold (as wide as posteriors are), or
            standard: N(0, I) as it is.
        components: of a mixture (50), pseudo-inputs of a vamp (500), rows of a manifold (300), at
            most as many as training rows; 0 for so many.
        device: where it is fitted: auto, cpu, cuda.
        options: of the plan: epochs (0: as many as make 4,000 updates, at least 20), batch, lr,
            decay, warmup, weight_decay, clip, ema, patience, seed. The learning rate is by
            default 0.03 for a mixture, 0.005 for a vamp, 0.003 for flows and lars, 0.002 for
            flow_matching and second_stage.

    Raises:
        BadInput: for a prior that does not go with the model, more components than training rows,
            or data that is gone.
        Diverged: when the loss is no longer finite: see :func:`vaekit.fit`.
    """
    base = trained if trained.config.prior is None else undone(trained)
    source = base.source or reopen(base.config)
    plan = plan_of(prior, options)
    rows = {split: base.rows(source, split, plan.seed) for split in ("train", "validation", "test")}
    AtMostRows().check("components", components, len(rows["train"]))
    frozen = copy.deepcopy(base.model).requires_grad_(requires_grad=False).eval()
    with seeded(plan.seed, "refit"):
        new = stored.new_prior(frozen, base.config, prior, components)
        if new.components > len(rows["train"]):
            new = stored.new_prior(frozen, base.config, prior, len(rows["train"]))
    codes = {split: draws_of(frozen, part, plan.seed, split) for split, part in rows.items()}
    with seeded(plan.seed, "begin"):
        new.begin(shown(rows["train"], plan.seed).data, codes["train"][0])
    new, updates = fit_density(new, codes["train"], codes["validation"], plan, device)
    found = _with(base, source, prior, new)
    return Refit(found, updates, codes["train"].shape[1], _gains(found.model, codes))


def plan_of(prior: str, options: dict[str, Any]) -> Plan:
    """How a prior is fitted, with some things changed.

    Args:
        prior: by name.
        options: of the plan.

    Raises:
        BadInput: for an unknown prior or option, or an impossible value.
    """
    for name in options:
        known("option", name, ("components", "device", *OPTIONS))
    return replace(PLAN, **{"lr": prior_kind(prior).lr, **options})


def draws_of(model: Graph, rows: AnyRows, *seed: int | str) -> Tensor:
    """Draws of q(z|x) of the first latent, (draws, rows, dim): up to 16 of each row, as far as
    there is room in memory; one of a point."""
    dim = next(iter(model.latents.values()))
    room = min(DRAWS, NUMBERS // max(len(rows) * dim, 1)) if model.has_density else 1
    if not len(rows):
        return torch.empty(1, 0, dim)
    each = _draws(model, rows, max(room, 1), *seed)
    return concatenated(each, len(rows)).transpose(0, 1).contiguous()


def _draws(model: Graph, rows: AnyRows, draws: int, *seed: int | str) -> Iterator[Tensor]:
    """Of some rows at a time, (rows, draws, dim)."""
    for number, part in enumerate(chunks(rows, title="encoding")):
        with torch.no_grad(), seeded(*seed, "codes", number):
            first = next(iter(latent_distributions(model, part, drawn).values()))
            each = first.posterior.sample(torch.Size([draws])).transpose(0, 1)
        yield each


@dataclass(frozen=True)
class DrawnBatches(Batches):
    """Batches of codes, of which there are several draws for each row: every epoch takes the next.

    Args:
        draws: of each row; the source's values are those of the first draw, then of the second
            and so on, and its split has the rows of the first.
    """

    draws: int = 1

    def order(self, epoch: int) -> Tensor:
        """Indices of one draw's rows, in the order of ``epoch``."""
        return super().order(epoch) + self.rows * (epoch % self.draws)


def fit_density(
    prior: Prior, codes: Tensor, held_out: Tensor, plan: Plan, device: str = "auto"
) -> tuple[Prior, int]:
    """Fit a prior to codes by what it says of its misfit, mostly - log p(z); what has no weights to
    learn stays as it is.

    Args:
        prior: that has begun.
        codes: (draws, rows, dim) of the rows to train on.
        held_out: (draws, rows, dim) of others, which say which weights were the best.
        plan: how.
        device: where.

    Returns:
        The prior with the best weights seen, and how many updates were made.
    """
    if not any(parameter.requires_grad for parameter in prior.parameters()):
        return prior, 0
    place = placement(device)
    draws, rows, dim = codes.shape
    source = Source("codes", codes.flatten(0, 1), {"train": torch.arange(rows)})
    stored_as = Representation((dim,))
    batches = DrawnBatches(
        source, stored_as, plan.batch, plan.seed, device=place.device, draws=draws
    )
    validation = Encoded(held_out.flatten(0, 1), stored_as, "validation", plan.seed).split()
    plan = plan.sized(batches.per_epoch)
    built = Built(Density(prior), Fitting())
    run = Run(built, batches, validation, plan, plan.epochs * batches.per_epoch, place)
    run_here(run)
    return run.best_model().likelihood, run.state.step


@torch.no_grad()
def _with(base: Trained, source: Source, name: str, prior: Prior) -> Trained:
    """The model with a prior that was fitted to its codes."""
    arguments = {"components": prior.components} if prior.components else {}
    config = replace(base.config, prior=PriorChoice(name, arguments))
    model, learned = copy.deepcopy(base.model), prior.state_dict()
    for key, tensor in stored.put_refit(model, config).items():
        tensor.copy_(learned[key])
    return Trained(model.eval(), config, source)


def _gains(model: Graph, codes: dict[str, Tensor]) -> dict[str, Gain]:
    """Of the refitted prior over the trained one, on the rows of validation and test."""
    held_out = {split: codes[split] for split in ("validation", "test")}
    return {split: gain(model, z) for split, z in held_out.items() if z.shape[1] > 1}


@torch.no_grad()
def gain(model: Graph, codes: Tensor) -> Gain:
    """Of a model's refitted prior over its trained one, on codes (draws, rows, dim)."""
    refitted = model.priors[0]
    new, old = refitted.new(), refitted.trained()
    parts = [new.log_prob(z).double() - old.log_prob(z).double() for z in codes.split(AT_ONCE, 1)]
    each = torch.cat(parts, 1).mean(0)
    return Gain(len(each), each.mean().item(), each.std().item() / math.sqrt(len(each)))
