"""A trained model, and what one can ask of it in the data's own numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaekit.conditionals.base import straight
from vaekit.data import Encoded, Encoder, Representation, Source, names_columns
from vaekit.data.conditions import by_name
from vaekit.data.layout import Like, RowLayout
from vaekit.data.on_disk import OnDisk, chunks_of, in_memory
from vaekit.data.readers.frames import like_given
from vaekit.data.readers.types import by_column
from vaekit.evaluation import decode, elbo_per_row, encode, in_chunks, log_likelihood_per_row
from vaekit.evaluation.annealing import CHAINS, STEPS
from vaekit.evaluation.classes import class_use
from vaekit.evaluation.passes import ROWS, codes
from vaekit.evaluation.scores import Scores, refinement_of, score, with_annealing
from vaekit.models import Graph
from vaekit.models.drawing import Generator
from vaekit.rows import LazyRows, Rows
from vaekit.runs import card
from vaekit.runs import folder as store
from vaekit.runs.apart import per_row
from vaekit.runs.bits import in_bits
from vaekit.runs.config import Config
from vaekit.runs.handed_back import handed_back
from vaekit.runs.hub import local
from vaekit.runs.incoming import at_hand, check_incoming
from vaekit.runs.reading import ReadRows, codes_of, labels_in, opening_for, read_rows
from vaekit.runs.standing import beside_own
from vaekit.system.checks import require
from vaekit.system.devices import CPU, check_wanted, device_for
from vaekit.system.modules import moved
from vaekit.system.progress import tracked
from vaekit.system.seeding import generator_for, seeded
from vaekit.system.types import Array

Given = Mapping[str, Any]
Told = dict[str, Tensor]


@dataclass(frozen=True)
class Trained:
    """A model with its weights, its configuration, and (where known) the data it came from.

    What goes in and comes out is in the data's own numbers: rows come back in the type and layout
    of the array that was given (new ones in those of the training data), a data frame gives a data
    frame, a tensor a tensor. Codes are the means of q(z|x), so the same row always gives the same
    code. Everything random takes a seed.

    A conditional model is told more than x: by data that carries its conditions (a named data set,
    a table with the columns), else by ``given={"label": "cat"}``, a value for all rows or each.
    """

    model: Graph
    config: Config
    source: Source | None = None
    folder: Path | None = None

    __repr__, _repr_html_, explore, export = card.as_text, card.as_html, card.explore, card.export

    @classmethod
    def load(cls, path: str | os.PathLike[str], source: Source | None = None) -> Trained:
        """The model in a folder or on a hub, hf://owner/name (:func:`vaekit.runs.hub.local`)."""
        place = local(path)
        return cls(*store.load_model(place), source, place)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write config.json and model.safetensors into ``folder``."""
        store.write_model(Path(folder), self.model, self.config)

    @classmethod
    def unpacked(cls, config: bytes, weights: bytes) -> Trained:
        """The model in the two files of a folder, given as bytes."""
        return cls(*store.unpack(config, weights))

    def packed(self) -> tuple[bytes, bytes]:
        """The two files that :meth:`save` writes, as bytes: to go into another file or process."""
        return store.pack(self.model, self.config)

    def refit_prior(self, prior: str | None, **how: Any) -> Trained:
        """The model with another p(z), fitted to its codes: :func:`vaekit.runs.refit.refit`."""
        from vaekit.runs.refit import refitted

        return refitted(self, prior, **how)

    @property
    def device(self) -> torch.device:
        """Where its networks run."""
        return next((p.device for p in self.model.parameters()), CPU)

    def to(self, device: str | torch.device) -> Trained:
        """The same model on a device (auto, cpu, cuda, cuda:1), where everything random is then
        drawn; ``BadInput`` for one that is not there."""
        place = device_for(str(device))
        return self if place == self.device else replace(self, model=moved(self.model, place))

    @property
    def representation(self) -> Representation:
        """How stored values become x."""
        return self.config.representation

    @property
    def layout(self) -> RowLayout:
        """How a row lay in the training data, and lies in what comes out."""
        return self.config.layout

    def usual(self, rows: Array) -> Array:
        """Rows in whatever layout in the usual one: (N, D), (N, H, W) if grey, (N, H, W, C)."""
        return Like(self.layout).usual(rows)

    @property
    def latent(self) -> int:
        """Numbers in a code."""
        return sum(self.model.latents.values())

    @property
    def has_density(self) -> bool:
        """False for an autoencoder: it has no ELBO and no log p(x)."""
        return self.model.has_density

    def open(self, data: Any) -> Source:
        """Any data that can be opened, in the way in which the training data was: the columns that
        the model knows are found by their names, in whatever order, others are set aside with a
        note, and pictures are of the same size, channels and kind of numbers.

        Raises:
            BadInput: for a column that is missing, with the nearest that is there.
        """
        return opening_for(self.config, data).open(data)

    def split_of(self, source: Source, split: str | None = None) -> str:
        """Which rows are meant, unless it is said: test of the model's own data, else all."""
        own = source.fingerprint == self.config.data.fingerprint
        return split or ("test" if own else "all")

    def told(self, source: Source, given: Given | None = None) -> Source:
        """The source with all that the model is given beside x: as ``given`` says, else as the
        source carries it; as it is where neither does and the model may be untold.

        Raises:
            BadInput: for what is unknown, or missing.
        """
        conditions = self.config.conditions
        carried = conditions.carried(source.given, source.given_names)
        if not given and not carried and self.may_be_untold:
            return source
        raw = self._told(given, carried, len(source))
        names = {c.name: c.classes for c in conditions if c.classes}
        return replace(source, given=raw, given_names=names)

    def rows(
        self, data: Any, split: str = "all", seed: int = 0, *, given: Given | None = None
    ) -> Rows | LazyRows:
        """Rows of any data that can be opened, as the model sees them; what lies on disk is read
        when it is needed.

        Args:
            data: anything that can be opened.
            split: which rows of it.
            seed: of what is drawn on the way (dynamic binarization); the same rows get the same
                noise, whether a split was asked for or they were taken out of it before.
            given: what a conditional model is told, if the data does not carry it.

        Raises:
            BadInput: for rows of another shape, or values that have no probability.
        """
        return self._rows(data, split, seed, given)[0]

    def _rows(
        self, data: Any, split: str = "all", seed: int = 0, given: Given | None = None
    ) -> tuple[Rows | LazyRows, RowLayout]:
        """The same, and how a row lay in the data."""
        read = self._read(data, split)
        told = self.given_rows(given, len(read.values), read.carried)
        name = "rows"  # whatever split they are
        rows = Encoded(read.values, self.representation, name, seed, told, self.device)
        lazy = isinstance(read.values, OnDisk)
        return rows if lazy else self._checked(rows[:]), read.layout

    def rows_alike(self, data: Any, seed: int = 0, *, given: Given | None = None) -> Rows:
        """Rows as :meth:`rows`, in memory, where what is drawn is drawn alike for every row: x of
        a row depends on that row and ``seed`` alone."""
        read = self._read(data, "all")
        told = self.given_rows(given, len(read.values), read.carried)
        maker = Encoder(self.representation, seed)
        rows = maker.rows_with_common_noise(in_memory(read.values), told)
        return self._checked(rows).to(self.device)

    def codes(self, data: Any, *, given: Given | None = None, **how: bool) -> Iterator[Array]:
        """The codes of :meth:`encode`, some rows at a time; ``spread=True`` puts the standard
        deviations of q(z|x) behind them, (rows, 2 latent)."""
        found = codes(self.model, self.rows(data, given=given), **how)
        return (part.cpu().numpy() for part in found)

    def encode_alike(self, data: Any, *, seed: int = 0, given: Given | None = None) -> Array:
        """Codes as :meth:`encode`, of rows as :meth:`rows_alike` makes them."""
        return encode(self.model, self.rows_alike(data, seed, given=given)).cpu().numpy()

    def encode(self, data: Any, *, given: Given | None = None) -> Any:
        """Codes, (rows, latent): the posterior means."""
        found = encode(self.model, self.rows(data, given=given)).cpu().numpy()
        return like_given(data, found, lambda z: by_column(z, [f"z{i}" for i in range(z.shape[1])]))

    def decode(self, codes: Any, *, given: Given | None = None) -> Any:
        """The mean of p(x|z) for each code; in the kind of container that the codes are in."""
        z = codes_of(codes, self.latent)
        return self._out(codes, self.decoded(z, self.given_rows(given, len(z))), self.layout)

    def reconstruct(self, data: Any, *, given: Given | None = None) -> Any:
        """The mean of p(x|z) at each row's code, in the layout, type and container of ``data``."""
        rows, layout = self._rows(data, given=given)
        return self._out(data, self.decoded(encode(self.model, rows), rows.given), layout)

    def sample(
        self,
        rows: int = 1,
        *,
        seed: int = 0,
        mean: bool = False,
        given: Given | None = None,
        like: Any = None,
    ) -> Any:
        """New rows: z from the prior, then x from p(x|z), or with ``mean`` (and of autoencoders:
        :attr:`Graph.is_noisy`) its mean; laid out as the training data, of the type of ``like``."""
        check_wanted(rows, self.representation.shape)
        told = Rows(None, self.given_rows(given, rows)).to(self.device)
        starts, parts, noisy = range(0, rows, ROWS), [], self.model.is_noisy and not mean
        with torch.inference_mode(), seeded(seed, "sample"):
            for start in tracked(starts, "sampling", len(starts)):
                px = self.model(Generator(min(ROWS, rows - start)), told[start : start + ROWS])
                parts.append(self.representation.decode(px.sample() if noisy else px.mean))
        return self._out(like, torch.cat(parts), self.layout, seed=seed)

    def _out(self, like: Any, values: Tensor, layout: RowLayout, **how: int) -> Any:
        return handed_back(self.config, like, values, layout, **how)

    def interpolate(
        self, start: Any, end: Any, steps: int = 8, *, given: Given | None = None
    ) -> Any:
        """Decoded codes on the way from the codes of some rows to those of others, as the prior
        leads: a straight line where nothing speaks against it. What a conditional model is told
        changes along it as the codes do.

        Returns:
            (pairs, steps, *row), laid out as the starts: the first and the last of each line are
            reconstructions.
        """
        (first, layout), (last, _) = (self._rows(part, given=given) for part in (start, end))
        first, last = first[:], last[:]
        a, b = encode(self.model, first), encode(self.model, last)
        require(a.shape == b.shape, f"give as many ends as starts: {len(b)} against {len(a)}")
        shares = torch.linspace(0, 1, steps, device=a.device)
        told = {n: straight(v, last.given[n], shares).flatten(0, 1) for n, v in first.given.items()}
        line = self.model.path(a, b, shares).flatten(0, 1)
        return self._out(start, self.decoded(line, told), layout, walks=len(a))

    def evaluate(
        self,
        data: Any = None,
        *,
        split: str | None = None,
        samples: int = 1000,
        seed: int = 0,
        annealed_rows: int = 0,
        annealed_steps: int = STEPS,
        chains: int = CHAINS,
        refined_rows: int = 0,
        given: Given | None = None,
    ) -> Scores:
        """ELBO, log p(x) by importance sampling, reconstruction error, latents in use.

        Args:
            data: anything that can be opened; by default the training data's test split.
            split: rows to take; "test" for the training data, all rows for other data.
            samples: importance samples for each row.
            seed: of everything random.
            annealed_rows: rows, chosen at random, to estimate by annealed importance sampling too.
            annealed_steps: temperatures of it.
            chains: of it.
            refined_rows: rows, chosen at random, to fit q(z|x) to each: what the encoder loses.
            given: what a conditional model is told, if the data does not carry it.
        """
        data = at_hand(self.config, self.source if data is None else data, "evaluate")
        data = self.open(data) if isinstance(data, str | os.PathLike) else data
        split = self.split_of(data, split) if isinstance(data, Source) else split or "all"
        rows = self.rows(data, split, seed, given=given)
        refined = refinement_of(self.model, rows, refined_rows, seed)  # first: some refuse it
        found = score(
            self.model, rows, samples=samples, seed=seed, density=self.has_density,
            cells=self.config.coding is not None,
        )  # fmt: skip
        classes = class_use(self.model, rows, labels_in(data, split))
        found = replace(found, classes=classes, refinement=refined)
        if annealed_rows and self.has_density:
            how = {"count": annealed_rows, "steps": annealed_steps, "chains": chains}
            found = with_annealing(found, self.model, rows, seed=seed, **how)
        varying = max(self.representation.varying, 1)
        found = beside_own(found.of_share(varying / rows.shape[1:].numel()), self, seed)
        return in_bits(found, self)

    def log_likelihood(
        self, data: Any, *, samples: int = 100, seed: int = 0, given: Given | None = None
    ) -> Array:
        """log p(x) of each row in nats, (rows,), by importance sampling in float64; on average
        below the truth, and closer with more samples. Low for unusual rows.

        The noise is the same for all rows, so a row's number depends on the row, ``samples`` and
        ``seed`` alone, not on its neighbours.

        Raises:
            BadInput: for a model without a density, or whose posterior has no common noise.
        """
        require(samples >= 1, f"samples must be at least 1, not {samples}")
        require(self.has_density, "an autoencoder has no log p(x)")
        return per_row(self, log_likelihood_per_row, data, given, samples, seed)

    def elbo(
        self, data: Any, *, samples: int = 32, seed: int = 0, given: Given | None = None
    ) -> Array:
        """A lower bound on log p(x) of each row in nats, (rows,), in float64; its noise is that of
        :meth:`log_likelihood`."""
        return per_row(self, elbo_per_row, data, given, samples, seed)

    def parts_alike(self, data: Any, given: Given | None, seed: int) -> Iterator[Rows]:
        """Rows as :meth:`rows_alike` makes them, some at a time."""
        read, maker, start = self._read(data, "all"), Encoder(self.representation, seed), 0
        told = self.given_rows(given, len(read.values), read.carried)
        for part in chunks_of(read.values, "scoring rows"):
            beside = {n: v[start : start + len(part)] for n, v in told.items()}
            rows = self._checked(maker.rows_with_common_noise(part, beside))
            yield rows.to(self.device)
            start += len(part)

    @property
    def is_discrete(self) -> bool:
        """Whether p(x|z) gives probabilities to the data's own values, so that it can be coded."""
        return self.model.likelihood.family.kind.discrete and not self.config.likelihood.warnings

    @property
    def bits_of(self) -> str:
        """What bits per number describe for this model's likelihood."""
        if self.config.likelihood.warnings:
            return "a cross-entropy of grey values, not a likelihood"
        return self.model.likelihood.family.kind.bits

    def given_rows(self, given: Given | None, rows: int, carried: Given | None = None) -> Told:
        """What is given beside so many rows, as the model sees it: (rows, width) each."""
        if not given and not carried and self.may_be_untold:
            return self.config.conditions.unknown(rows)
        return self.config.conditions.encode(self._told(given, carried or {}, rows))

    @property
    def may_be_untold(self) -> bool:
        """Whether it does with x alone: it is given nothing, or learned to do without."""
        return not self.config.conditions or self.model.may_be_untold

    def _told(self, given: Given | None, carried: Given, rows: int) -> Told:
        """Class numbers and covariates of so many rows, as a person says or the data carries."""
        told, conditions = {**carried, **by_name(given)}, self.config.conditions
        return conditions.ask(told, rows, gaps=self.may_be_untold)

    def decoded(self, z: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        """The mean of p(x|z) as it is stored, (rows, *row), for codes (rows, latent) and what
        :meth:`given_rows` makes of what is given."""

        def some(part: Rows) -> Tensor:
            return decode(self.model.eval(), part.data, part)

        rows = Rows(z, given).to(self.device)
        return self.representation.decode(in_chunks(some, rows, title="decoding"))

    def _read(self, data: Any, split: str) -> ReadRows:
        """The rows asked for, checked."""
        named = names_columns(data)
        require(named or self.config.coding is None, "give a table with the columns' names")
        read = read_rows(self.config, self.open(data) if named else data, split)
        on_disk = isinstance(read.values, OnDisk)
        check_incoming(self.config, read.values, self._encodes if on_disk else None)
        return read  # what is in memory is checked as x

    def _encodes(self, values: Tensor) -> Rows:
        return self._checked(Rows(self.representation.encode(values, generator_for(0))))

    def _checked(self, rows: Rows) -> Rows:
        """The same rows; ``BadInput`` for values that the likelihood gives no probability."""
        self.model.likelihood.family.range.check(rows.data, self.config.likelihood_of_x)
        return rows


load = Trained.load
