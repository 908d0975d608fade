"""A trained model, and what one can ask of it in the data's own numbers."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.runs import folder as store
from vaekit.system.checks import BadInput, require
from vaekit.data import Encoded, Representation, Source, open_source
from vaekit.data.readers.arrays import is_frame, to_array, to_rows
from vaekit.data.on_disk import OnDisk, Values, in_memory, passing
from vaekit.models.drawing import Generator
from vaekit.evaluation import bits_per_dimension, decode, encode, in_chunks, log_likelihood_per_row
from vaekit.evaluation.annealing import CHAINS, STEPS
from vaekit.evaluation.passes import ROWS, Rows, codes
from vaekit.evaluation.scores import Scores, score, with_annealing
from vaekit.system.progress import tracked
from vaekit.recipes.parts import COUNTS, LEVELS
from vaekit.system.seeding import generator_for, seeded

Array = np.ndarray


@dataclass(frozen=True)
class Trained:
    """A model with its weights, its configuration, and (where known) the data it came from.

    What goes in and comes out is in the data's own numbers: uint8 images stay uint8 images, a
    data frame gives a data frame. Codes are the means of q(z|x), so the same row always gives
    the same code. Everything random takes a seed.
    """

    model: Any
    config: dict[str, Any]
    source: Source | None = None

    @classmethod
    def load(cls, path: str | os.PathLike[str], source: Source | None = None) -> Trained:
        """The model in a folder; see :func:`vaekit.runs.folder.load_model`."""
        model, config = store.load_model(Path(path))
        return cls(model, config, source)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write config.json and model.safetensors into ``folder``."""
        store.write_config(Path(folder), self.config)
        store.write_weights(Path(folder), self.model.state_dict())

    @classmethod
    def unpacked(cls, config: bytes, weights: bytes) -> Trained:
        """The model in the two files of a folder, given as bytes."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / store.CONFIG).write_bytes(config)
            (Path(folder) / store.WEIGHTS).write_bytes(weights)
            return cls.load(folder)

    def packed(self) -> tuple[bytes, bytes]:
        """The two files that :meth:`save` writes, as bytes: to go into another file or process."""
        with tempfile.TemporaryDirectory() as folder:
            self.save(folder)
            place = Path(folder)
            return (place / store.CONFIG).read_bytes(), (place / store.WEIGHTS).read_bytes()

    @cached_property
    def representation(self) -> Representation:
        """How stored values become x."""
        try:
            return Representation(**self.config["representation"])
        except (KeyError, TypeError) as error:
            raise BadInput(f"the model's configuration is damaged: {error}") from error

    @property
    def latent(self) -> int:
        """Numbers in a code."""
        return sum(self.model.latents.values())

    @property
    def has_density(self) -> bool:
        """False for an autoencoder: it has no ELBO and no log p(x)."""
        return self.config["arguments"].get("posterior") != "point"

    def x(self, data: Any, split: str = "all", seed: int = 0) -> Rows:
        """Rows of any data that can be opened, as the model's x; what lies on disk is read when
        it is needed."""
        values = self._values(data, split)
        if isinstance(values, OnDisk):
            return Encoded(values, self.representation, split, seed)
        x = self.representation.encode(values, generator_for(seed, "binarize", split))
        self._check(x)
        return x

    def x_apart(self, data: Any, seed: int = 0) -> Tensor:
        """Rows as :meth:`x`, in memory, where what is drawn (dynamic binarization) is drawn alike
        for every row: x of a row depends on that row and ``seed`` alone."""
        values = in_memory(self._values(data, "all"))
        rows = values.split(1) if self.representation.binarize == "dynamic" else [values]
        made = [self.representation.encode(row, generator_for(seed, "binarize")) for row in rows]
        x = torch.cat(made)
        self._check(x)
        return x

    def codes(self, data: Any) -> Iterator[Array]:
        """The codes of :meth:`encode`, some rows at a time."""
        return (part.numpy() for part in codes(self.model, self.x(data)))

    def encode(self, data: Any) -> Any:
        """Codes, (rows, latent): the posterior means."""
        codes = encode(self.model, self.x(data)).numpy()
        return _like(data, codes, [f"z{i}" for i in range(self.latent)])

    def decode(self, codes: Any) -> Array:
        """The mean of p(x|z) for each code."""
        z = torch.as_tensor(np.asarray(codes, dtype=np.float32))
        require(
            z.dim() == 2 and z.shape[1] == self.latent,
            f"codes must have shape (rows, {self.latent}), not {tuple(z.shape)}",
        )
        require(bool(torch.isfinite(z).all()), "codes must be finite numbers")
        return to_array(self._decode(z))

    def reconstruct(self, data: Any) -> Any:
        """Each row encoded and decoded again: the mean of p(x|z) at the posterior mean."""
        values = to_array(self._decode(encode(self.model, self.x(data))))
        return _like(data, values, self.config["data"].get("columns"))

    def sample(self, rows: int = 1, *, seed: int = 0, mean: bool = False) -> Array:
        """New rows: z from the prior, then x from p(x|z), or with ``mean`` the mean of p(x|z)."""
        require(rows >= 1, f"the number of samples must be at least 1, not {rows}")
        sizes = [min(ROWS, rows - start) for start in range(0, rows, ROWS)]
        parts = []
        with torch.inference_mode(), seeded(seed, "sample"):
            for size in tracked(sizes, "sampling", len(sizes)):
                px = self.model(Generator(size))
                parts.append(self.representation.decode(px.mean if mean else px.sample()))
        return to_array(torch.cat(parts))

    def interpolate(self, start: Any, end: Any, steps: int = 8) -> Array:
        """Decoded codes on the straight line between the codes of two sets of rows.

        Returns:
            (pairs, steps, *row): the first and the last of each line are reconstructions.
        """
        a, b = (encode(self.model, self.x(part)) for part in (start, end))
        require(a.shape == b.shape, f"give as many ends as starts: {len(b)} against {len(a)}")
        shares = torch.linspace(0, 1, steps)[None, :, None]
        line = a[:, None] * (1 - shares) + b[:, None] * shares
        values = to_array(self._decode(line.flatten(0, 1)))
        return values.reshape(len(a), steps, *values.shape[1:])

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
    ) -> Scores:
        """ELBO, log p(x) by importance sampling, reconstruction error, latents in use.

        Args:
            data: anything that can be opened; by default the training data's test split.
            split: rows to take; "test" for the training data, all rows for other data.
            samples: importance samples for each row.
            annealed_rows: how many rows to estimate by annealed importance sampling as well.
            annealed_steps, chains: temperatures and chains of it.
        """
        data, split = self._chosen(data, split)
        x = self.x(data, split, seed)
        found = score(self.model, x, samples=samples, seed=seed, density=self.has_density)
        if annealed_rows and self.has_density:
            how = {"rows": annealed_rows, "steps": annealed_steps, "chains": chains, "seed": seed}
            found = with_annealing(found, self.model, x, **how)
        if not self.has_density:
            return found
        code = bits_per_dimension(-found.elbo, x.shape[1:]) if self.is_discrete else None  # type: ignore[operator]
        return replace(found, bits_of=self.bits_of, code_bits_per_dimension=code)

    def log_likelihood(self, data: Any, *, samples: int = 100, seed: int = 0) -> Array:
        """log p(x) of each row in nats, (rows,), by importance sampling in float64; on average
        below the truth, and closer with more samples. Low for unusual rows.

        The noise is the same for all rows, so a row's number depends on the row, ``samples`` and
        ``seed`` alone, not on its neighbours.

        Raises:
            BadInput: for a model without a density, or whose posterior has no common noise.
        """
        require(samples >= 1, f"samples must be at least 1, not {samples}")
        require(self.has_density, "an autoencoder has no log p(x)")
        options = {"samples": samples, "seed": seed}
        parts = passing(self._values(data, "all"), "scoring rows")
        try:
            found = [self._scored(self.x_apart(part, seed), options) for part in parts]
        except NotImplementedError as error:
            raise BadInput(f"this model's rows cannot be scored apart: {error}") from error
        return np.concatenate(found)

    def _scored(self, x: Tensor, options: dict[str, int]) -> Array:
        return log_likelihood_per_row(self._exact, x.double(), **options).numpy()

    @cached_property
    def _exact(self) -> Any:
        """The model in float64, whose sums hardly depend on how many rows are computed at once."""
        return copy.deepcopy(self.model).double()

    @property
    def is_discrete(self) -> bool:
        """Whether p(x|z) gives probabilities to the data's own values, so that it can be coded."""
        kind = self.config["likelihood"]["name"]
        return kind in (*LEVELS, *COUNTS, "bernoulli") and not self.config["likelihood"]["warnings"]

    @property
    def bits_of(self) -> str:
        """What bits per number describe for this model's likelihood."""
        kind = self.config["likelihood"]["name"]
        if self.config["likelihood"]["warnings"]:
            return "a cross-entropy of grey values, not a likelihood"
        if kind == "bernoulli":
            return "binary values"
        if kind in LEVELS or kind in COUNTS:
            return "whole values (a discrete likelihood, no dequantisation)"
        return (
            "a density in the data's units (no dequantisation; not comparable with discrete bits)"
        )

    def _chosen(self, data: Any, split: str | None) -> tuple[Any, str]:
        if data is None:
            data = self.source
            require(data is not None, "give the data to evaluate on")
        same = isinstance(data, Source) and data.fingerprint == self.config["data"].get(
            "fingerprint"
        )
        return data, split or ("test" if same else "all")

    def _with_rows(self, data: Any) -> Any:
        """A single row alone as one of one."""
        row = to_array(torch.zeros(1, *self.representation.shape))[0].shape
        return np.asarray(data)[None] if np.shape(data) == row else data

    def _decode(self, z: Tensor) -> Tensor:
        self.model.eval()
        x = in_chunks(partial(decode, self.model), z, title="decoding")
        return self.representation.decode(x)

    def _values(self, data: Any, split: str) -> Values:
        """Stored values of the rows asked for, of the type and shape the model was trained on."""
        if isinstance(data, str | os.PathLike | Source):
            values = open_source(data).rows(split)
        else:
            values = data if isinstance(data, OnDisk) else to_rows(self._with_rows(data))
        self.representation.check(values)
        if isinstance(values, OnDisk):
            for part in passing(values, "checking values"):
                self._check(self.representation.encode(part, generator_for(0)))
        return values

    def _check(self, x: Tensor) -> None:
        """Raise ``BadInput`` for values that the likelihood gives no probability."""
        self.model.likelihood.family.range.check(x, self.config["likelihood"]["name"])


def load(path: str | os.PathLike[str]) -> Trained:
    """The trained model in a folder: see :meth:`Trained.load`."""
    return Trained.load(path)


def _like(data: Any, values: Array, columns: list[str] | None) -> Any:
    """A data frame with the same index where a data frame came in, else the array itself."""
    if not is_frame(data) or not columns or values.ndim != 2:
        return values
    frame: Callable[..., Any] = type(data)
    if type(data).__module__.split(".")[0] == "pandas":
        return frame(values, columns=columns, index=data.index)
    return frame(values, schema=columns)
