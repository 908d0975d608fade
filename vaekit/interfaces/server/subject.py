"""What is explored: a model, rows that it has encoded once, and what can be asked of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from vaekit.conditionals.base import straight
from vaekit.data import Source
from vaekit.data.on_disk import in_memory
from vaekit.data.source import SPLITS
from vaekit.evaluation import latent_health
from vaekit.evaluation.passes import is_correlated, spreads_along
from vaekit.interfaces.server.colours import Colours, colourings, first_of
from vaekit.interfaces.server.faces import Face, Shown, face_of
from vaekit.interfaces.server.planes import PCA, Plane, Planes
from vaekit.pages.panels import prior_draws, prior_quantiles
from vaekit.pictures.scatter import PALETTE, RAMP
from vaekit.runs.outputs import free
from vaekit.runs.shown import typical
from vaekit.runs.table_files import csv_of
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.seeding import some
from vaekit.system.types import Array

HEALTH, DRAWS, ENDS, FEW = 2000, 50_000, 0.001, 20
TINY, SHORT, LINED_UP = 1e-12, 1e-6, 1e-4  # of lengths, and of the sine of an angle


@dataclass(frozen=True)
class Subject:
    """A model and rows that it has encoded.

    Args:
        trained: the model.
        rows: that are shown, with all that the model is given beside them.
        names: of the rows, or their numbers in the data.
        codes: their posterior means, (N, latent) float32.
        spread: standard deviations of q(z|x), (N, latent) float32.
        kl: mean KL(q(z|x) || p(z)) of each dimension in nats; the codes' variance where that is
            not known.
        splits: the number of the split of each row, of the model's own data.
    """

    trained: Trained
    rows: Source
    names: Array
    codes: Array
    spread: Array
    kl: Array
    splits: Array | None = None

    @cached_property
    def face(self) -> Face:
        """How rows are shown."""
        return face_of(replace(self.trained, source=self.rows))

    @cached_property
    def drawing(self) -> Lock:
        """Held while something is drawn: generators are the process's own."""
        return Lock()

    @cached_property
    def beside(self) -> Executor:
        """Where what takes long is computed."""
        return ThreadPoolExecutor(1, "scores")

    @cached_property
    def colours(self) -> Colours:
        """What rows can be coloured by."""
        each = colourings(self.trained, self.rows, self.spread, self.splits, self.drawing)
        return Colours(each, len(self.rows), self.beside)

    @cached_property
    def planes(self) -> Planes:
        """The planes through codes."""
        first = next(iter(self.trained.model.latents.values()))
        return Planes(self.codes, self._spreads, lambda: prior_draws(self._here, DRAWS), first)

    def _spreads(self, plane: Plane) -> Array:
        """Covariances of q(z|x) in a plane, (N, 3) float32."""
        if not self._is_correlated:
            return plane.spreads(self.spread)
        model, directions = self.trained.model, torch.from_numpy(plane.directions)
        parts = spreads_along(model, self.trained.rows(self.rows), directions)
        return torch.cat([part.float().cpu() for part in parts]).numpy()

    @cached_property
    def _is_correlated(self) -> bool:
        few = self.trained.rows(self.rows.some("all", FEW))
        return is_correlated(self.trained.model, few)

    @cached_property
    def _here(self) -> Trained:
        """The model on the processor, where the prior is looked at."""
        return self.trained.to("cpu")

    @cached_property
    def order(self) -> list[int]:
        """The dimensions, those first that carry most."""
        return [int(i) for i in np.argsort(-self.kl, kind="stable")]

    @property
    def planes_offered(self) -> list[str]:
        """Names of planes, the usual one first."""
        size, first = self.trained.latent, next(iter(self.trained.model.latents.values()))
        if size <= 2:
            return ["0,1"]
        best = sorted(self.order[:2])
        named = [f"{best[0]},{best[1]}"]
        return [PCA, *named] if min(size, first) > 2 else ["0,1", *named]

    @cached_property
    def ranges(self) -> Array:
        """What each dimension's slider runs over, (2, latent): nearly all of the prior's mass, and
        all codes."""
        prior = prior_quantiles(self._here, np.array([ENDS, 1 - ENDS]))
        low, high = np.minimum(prior[0], self.codes.min(0)), np.maximum(prior[1], self.codes.max(0))
        return np.stack([low, high])

    def about(self) -> dict[str, Any]:
        """What the page has to know before all else."""
        config = self.trained.config
        called = self.rows.name.replace("\\", "/").rstrip("/").rpartition("/")[2]
        return {
            "title": f"{config.recipe} on {called}",
            "folder": "" if self.trained.folder is None else self.trained.folder.resolve().name,
            "data": called,
            "likelihood": config.likelihood.name,
            "rows": len(self.rows),
            "latent": self.trained.latent,
            "latents": dict(self.trained.model.latents),
            "density": self.trained.has_density,
            "face": self.face.about,
            "order": self.order,
            "kl": [round(float(v), 5) for v in self.kl],
            "carried": "KL in nats" if self.trained.has_density else "variance",
            "ranges": self.ranges.tolist(),
            "mean": self.codes.mean(0).tolist(),
            "planes": self.planes_offered,
            "colours": self.colours.about(),
            "colour": first_of([*self.colours.each.values()]),
            "given": [self._condition(c) for c in config.conditions],
            "untold": self.trained.may_be_untold,
            "palette": PALETTE,
            "ramp": RAMP,
        }

    def _condition(self, condition: Any) -> dict[str, Any]:
        return {
            "name": condition.name,
            "classes": list(condition.classes),
            "mean": condition.mean,
            "spread": condition.spread,
        }

    def decode(self, codes: Array, given: Mapping[str, Any] | None = None) -> Shown:
        """Rows that codes stand for, as they are shown.

        Args:
            codes: (N, latent).
            given: what a conditional model is given; by default what is typical.
        """
        told = self._told(given)
        return self.face.made(self.trained.decode(codes, given=told))

    def _told(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        return {**typical(self.trained), **(given or {})}

    def chosen(self, ids: Sequence[int] | Array) -> Source:
        """Some of the rows.

        Raises:
            BadInput: for a number that is no row's.
        """
        which = np.asarray(ids, np.int64)
        good = len(which) > 0 and which.min() >= 0 and which.max() < len(self.rows)
        require(bool(good), f"rows are numbered from 0 to {len(self.rows) - 1}")
        return self.rows.take(torch.from_numpy(which))

    def drawn(self) -> Array:
        """A code drawn from the prior, (1, latent), another one each time."""
        which = int(self._chance.integers(len(self.planes.draws)))
        return self.planes.draws[which : which + 1].astype(np.float32)

    @cached_property
    def _chance(self) -> np.random.Generator:
        return np.random.default_rng(0)

    def name_of(self, row: int) -> str:
        """What a row is called."""
        return str(self.names[row])

    def nearest(self, code: Array, number: int, but: int = -1) -> list[dict[str, Any]]:
        """The rows whose codes are nearest, with their distances.

        Args:
            code: (latent,).
            number: how many.
            but: a row that does not count.
        """
        away = np.linalg.norm(self.codes - code, axis=1)
        if but >= 0:
            away[but] = np.inf
        number = min(number, len(away) - (but >= 0))
        found = np.argpartition(away, number - 1)[:number] if number else np.empty(0, int)
        return [
            {"row": int(i), "name": self.name_of(i), "distance": float(away[i])}
            for i in found[np.argsort(away[found])]
        ]

    def path(self, a: Array, b: Array, steps: int, way: str) -> Array:
        """Codes on the way from one to another, (steps, latent): "straight", along the "sphere", or
        as the "prior" leads.

        Raises:
            BadInput: for another way.
        """
        ways = {"straight": straight, "sphere": spherical, "prior": self.trained.model.path}
        require(way in ways, f"a way is straight, sphere or prior; not {way[:40]!r}")
        place = self.trained.device
        start, end = (torch.from_numpy(code.copy())[None].float().to(place) for code in (a, b))
        with torch.inference_mode():
            led = ways[way](start, end, torch.linspace(0, 1, steps, device=place))
        return led[0].cpu().numpy()

    def found(self, text: str) -> Array:
        """Numbers of rows in whose name, label or cells a text stands, whatever its case."""
        wanted = text.casefold().strip()
        hit = np.array([wanted in str(name).casefold() for name in self.names])
        for column in self._texts():
            hit |= np.array([wanted in cell.casefold() for cell in column])
        return np.flatnonzero(hit)

    def _texts(self) -> Iterator[list[str]]:
        """Columns of what is written of each row."""
        for colouring in self.colours.each.values():
            if colouring.classes and colouring.key != "split":
                places = colouring.make().astype(int)
                names = np.array([*colouring.classes], dtype=object)
                yield [*names[places]]

    def as_csv(self, ids: Sequence[int] | Array) -> bytes:
        """Some rows as a table: see :meth:`columns`."""
        return csv_of(pa.table(self.columns(ids)))

    def columns(self, ids: Sequence[int] | Array) -> dict[str, Any]:
        """What some rows are called, their labels, codes, and columns."""
        rows, which = self.chosen(ids), np.asarray(ids, np.int64)
        columns: dict[str, Any] = {"row": self.names[which]}
        if rows.labels is not None:
            label = self.colours.each["label"]
            classes = np.array(label.classes, dtype=object)
            columns["label"] = [*classes[label.make()[which].astype(int)]]
        columns |= {f"z{dim}": self.codes[which, dim] for dim in range(self.trained.latent)}
        if rows.table is not None:
            columns |= {free(n, columns): c for n, c in rows.table.columns.items()}
        elif len(rows.shape) == 1:
            values = self.trained.config.by_column(in_memory(rows.values).numpy())
            columns |= {free(n, columns): c for n, c in values.items()}
        return columns


def spherical(start: torch.Tensor, end: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Along a great circle, the length going evenly from one code to the other, (pairs, shares,
    dim); straight where they point the same way, or the opposite."""
    lengths = [code.norm(dim=1)[:, None, None] for code in (start, end)]
    a, b = (c[:, None] / n.clamp_min(TINY) for c, n in zip((start, end), lengths, strict=True))
    angle = (a * b).sum(2, keepdim=True).clamp(-1, 1).arccos()
    t = shares[None, :, None]
    way = (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin().clamp_min(TINY)
    short = torch.minimum(*lengths) < SHORT
    led = way * ((1 - t) * lengths[0] + t * lengths[1])
    return torch.where(short | (angle.sin() < LINED_UP), straight(start, end, shares), led)


def subject_of(
    trained: Trained,
    data: Any = None,
    *,
    split: str | None = None,
    limit: int = 0,
    seed: int = 0,
    given: Mapping[str, Any] | None = None,
) -> Subject:
    """A model and rows, encoded.

    Args:
        trained: the model; without ``data`` its own data is shown.
        data: anything that can be opened.
        split: which rows of it; all by default.
        limit: most rows, chosen at random; 0 for all.
        seed: of that choice.
        given: what a conditional model is given, if the data does not carry it.

    Raises:
        BadInput: where there are no rows, or the model has no codes.
    """
    source = trained.source if data is None else trained.open(data)
    if source is None:
        raise BadInput("give the data to explore")
    require(trained.latent > 0, "this model has no latents, so that there is nothing to explore")
    indices = source.indices(split or "all")
    if 0 < limit < len(indices):
        indices = indices[some(len(indices), limit, seed)]
    rows = trained.told(source.take(indices), given)
    rows = replace(rows, name=source.name)
    parts = [*trained.codes(rows, spread=True)]
    both = np.concatenate(parts).astype(np.float32)
    codes, spread = np.split(both, 2, 1)
    require(bool(np.isfinite(codes).all()), "the codes of some rows are not finite")
    names = np.array(source.names)[indices.numpy()] if source.names else indices.numpy()
    kl = carried(trained, rows, codes)
    return Subject(trained, rows, names, codes, spread, kl, _splits(trained, source, indices))


def carried(trained: Trained, rows: Source, codes: Array) -> Array:
    """What each dimension carries: the mean KL in nats, or the variance of the codes."""
    if trained.has_density:
        few = trained.rows(rows.some("all", HEALTH))
        kl = latent_health(trained.model, few).kl
        if kl is not None:
            return np.asarray(kl.cpu().numpy(), float)
    return codes.var(0).astype(float)


def _splits(trained: Trained, source: Source, indices: torch.Tensor) -> Array | None:
    """The split of each row, of the data that the model was trained on."""
    if source.fingerprint != trained.config.data.fingerprint:
        return None
    number = np.zeros(len(source), int)
    for place, split in enumerate(SPLITS):
        number[source.indices(split).numpy()] = place
    return number[indices.numpy()]
