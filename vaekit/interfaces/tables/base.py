"""What the estimators of tables share: training on frames and arrays, saving and loading."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from vaekit.data import SPLITS, Source
from vaekit.data.coded import coded
from vaekit.data.coding import coding_of
from vaekit.data.readers.frames import is_frame, kind_of, table_of
from vaekit.data.readers.roles import NO_ROLES
from vaekit.data.readers.series import check_read
from vaekit.data.schema import NONE, Corrections, coarse, infer, read_toml
from vaekit.interfaces.asked import check_parameters, drawn_seed
from vaekit.interfaces.tables.incoming import Incoming
from vaekit.interfaces.tables.levels import Levels
from vaekit.runs.job import prepare
from vaekit.runs.run import run_here
from vaekit.runs.settle import settle
from vaekit.runs.trained import Trained
from vaekit.system.checks import require
from vaekit.system.records import Part, read_json, write_json

ESTIMATOR, VALIDATION = "estimator.json", 0.1
NUMBERS = (np.float64, np.float32)


class TableModel(BaseEstimator):
    """A model of a table, trained on frames or on arrays of numbers, where NaN is a gap.

    Args:
        latent: numbers in a code.
        epochs: passes over the rows; 0 for as many as suit, at most 300.
        options: more options of the recipe table_vae and of the training, by name; they go before
            what is said beside them.
        schema: what the columns are, where looking at them is not enough: a file, or by name
            a type such as "category", or a dictionary of type, levels, bins ...
        random_state: seed, or anything scikit-learn takes for one.
    """

    _bins: int | None = None
    held_out: ClassVar[float] = 0.0
    kept: ClassVar[tuple[str, ...]] = ()
    texts: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        latent: int = 4,
        *,
        epochs: int = 0,
        options: dict[str, Any] | None = None,
        schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        self.latent = latent
        self.epochs = epochs
        self.options = options
        self.schema = schema
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on the rows of X; y is ignored."""
        check_parameters(self.get_params())
        incoming = self._incoming(X, reset=True)
        self.kind_, self.seed_ = incoming.kind, self._seed()
        source, recipe, own = self._task(incoming)
        asked = {"latent": self.latent, "seed": self.seed_, "epochs": self.epochs}
        job = prepare(source, recipe, **{**asked, **own, **(self.options or {})})
        run = job.run()
        run_here(run)
        self.model_, self.n_iter_ = Trained(run.best_model(), job.config()), run.state.step
        settle(self.model_, job.source)
        self._calibrate(source.part("test"))
        return self

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the model into a folder, without pickle; :meth:`load` reads it."""
        check_is_fitted(self)
        self.model_.save(folder)
        found: dict[str, Any] = {
            "class": type(self).__name__,
            "kind": self.kind_,
            "seed": self.seed_,
        }
        found |= {"names": self._names, "named": "feature_names_in_" in vars(self)}
        found |= {name: getattr(self, name).tolist() for name in self.kept}
        found |= {name: getattr(self, name) for name in self.texts}
        found |= {"parameters": {n: v for n, v in self.get_params().items() if _is_plain(v)}}
        write_json(Path(folder, ESTIMATOR), found, None)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """The estimator in a folder, fitted. A ``random_state`` that is no whole number is as by
        default, and so is what else cannot be written as JSON.

        Raises:
            BadInput: for a folder that holds none of this class.
        """
        part = Part(read_json(Path(folder, ESTIMATOR)), str(Path(folder, ESTIMATOR)))
        part.require(part.text("class") == cls.__name__, "class", cls.__name__)
        said = part.part("parameters").found
        part.require(set(said) <= set(cls._get_param_names()), "parameters", f"{cls.__name__}'s")
        made = cls(**said)
        made.model_, names = Trained.load(folder), np.array(part.texts("names"), object)
        made.kind_, made.seed_ = part.maybe_text("kind"), part.whole("seed", 0, 2**31)
        made.n_features_in_ = len(names)
        if part.flag("named"):
            made.feature_names_in_ = names
        for name in cls.kept:
            told = part.numbers(name) if name in part.found else []  # of an older version
            setattr(made, name, np.array(told))
        for name in cls.texts:
            setattr(made, name, part.maybe_text(name))
        return made

    @property
    def _names(self) -> list[str]:
        found = getattr(self, "feature_names_in_", None)
        return (
            [f"x{i}" for i in range(self.n_features_in_)] if found is None else [*map(str, found)]
        )

    def _seed(self) -> int:
        return drawn_seed(self.random_state)

    def _incoming(self, X: Any, *, reset: bool) -> Incoming:
        """Rows, checked as scikit-learn wants it."""
        check_read(X, "X")
        least = 2 if reset else 1
        if is_frame(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
            table = table_of(X, "X").named(NO_ROLES)
            if reset:
                self.n_features_in_ = len(table.columns)
            require(table.rows >= least, f"X holds {table.rows} rows (n_samples): too few")
            return Incoming(table, kind_of(X), X)
        values = validate_data(
            self, X, dtype=NUMBERS, ensure_all_finite="allow-nan", reset=reset,
            ensure_min_samples=least,
        )  # fmt: skip
        columns = {name: values[:, i] for i, name in enumerate(self._names)}
        cells = {n: pa.chunked_array([pa.array(c, from_pandas=True)]) for n, c in columns.items()}
        return Incoming(replace(table_of(pa.table(cells), "X"), by_value=False), None, values)

    def _task(self, incoming: Incoming) -> tuple[Source, str, dict[str, Any]]:
        """What is trained on, the recipe, and its options, over which the user's own go."""
        return self._source(incoming), "table_vae", {}

    def _splits(self, rows: int) -> dict[str, Tensor]:
        """Rows that are trained on, that choose the epoch, and that are held out; of very few
        rows, those that are trained on choose it.

        Raises:
            BadInput: where none is left to be held out.
        """
        order = torch.randperm(rows, generator=torch.Generator().manual_seed(self.seed_))
        sizes = [int(share * rows) for share in (VALIDATION, self.held_out)]
        few = f"X holds {rows} rows (n_samples), too few to hold some out: give at least "
        require(sizes[1] > 0 or not self.held_out, f"{few}{math.ceil(1 / (self.held_out or 1))}")
        train, validation, test = order.split([rows - sum(sizes), *sizes])
        chooses = validation if len(validation) else train
        return dict(zip(SPLITS, (train, chooses, test), strict=True))

    def _source(self, incoming: Incoming) -> Source:
        """Rows as levels."""
        table, splits = incoming.table, self._splits(incoming.table.rows)
        train = splits["train"].sort().values.numpy()
        said = self._corrections(incoming)
        if self._bins is not None:
            said = coarse(infer(table, train, said), said, self._bins)
        made = coded(table, NO_ROLES, coding_of(table, train, said))
        return replace(made, splits=splits)

    def _corrections(self, incoming: Incoming) -> Corrections:
        said = self.schema
        if isinstance(said, str | os.PathLike):
            return read_toml(Path(said))
        own = {} if incoming.kind else incoming.numbers
        told = {str(name): value for name, value in (said or {}).items()}
        return Corrections.made({**own, **told}) if told or own else NONE

    def _rows(self, X: Any) -> tuple[Any, Incoming]:
        """Rows for the fitted model, and as they came."""
        check_is_fitted(self)
        check_parameters(self.get_params())
        incoming = self._incoming(X, reset=False)
        return self._measure.rows(incoming), incoming

    @property
    def _measure(self) -> Any:
        """How rows are weighed."""
        return Levels(self.model_, self.seed_)

    def _calibrate(self, held_out: Source) -> None:
        """Look at the rows that were not trained on."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False
