"""New rows like those of a table."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from vaekit.data.readers.frames import as_kind, named_as, typed_as, types_of, without_rows
from vaekit.interfaces.asked import check_count, seed_of
from vaekit.interfaces.tables.base import TableModel
from vaekit.runs import in_parts
from vaekit.runs.tables import coding_of
from vaekit.system.types import Array

Given = Mapping[str, Any]


class TableSynthesizer(TableModel):
    """New rows like those of a table: of numbers, categories, dates and gaps.

    Args:
        latent: numbers in a code.
        epochs: passes over the rows; 0 for as many as suit, at most 300.
        samples: importance samples of a row's log density.
        options: more options of the recipe table_vae and of the training, by name.
        schema: what the columns are, where looking at them is not enough: a file, or by name
            a type such as "category", or a dictionary of type, levels, bins ...
        random_state: seed, or anything scikit-learn takes for one.

    Attributes:
        model_: the trained model, a :class:`vaekit.Trained`.
        n_iter_: updates made.

    Example:
        >>> import pandas as pd, vaekit
        >>> people = pd.DataFrame({"age": [20, 30, 40, 50] * 20, "sex": ["f", "m"] * 40})
        >>> maker = vaekit.TableSynthesizer(epochs=2, random_state=0).fit(people)
        >>> maker.sample(3, where="age > 35").columns.tolist()
        ['age', 'sex']
    """

    texts: ClassVar[tuple[str, ...]] = ("types_",)

    def __init__(
        self,
        latent: int = 4,
        *,
        epochs: int = 0,
        samples: int = 20,
        options: dict[str, Any] | None = None,
        schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            latent, epochs=epochs, options=options, schema=schema, random_state=random_state
        )
        self.samples = samples

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on the rows of X; y is ignored."""
        super().fit(X, y)
        names = coding_of(self.model_).schema.made
        self.types_ = types_of(X, names) if self.kind_ else None
        return self

    def sample(
        self,
        n_samples: int = 1,
        *,
        given: Given | None = None,
        where: str | None = None,
        balance: str | None = None,
        random_state: Any = 0,
    ) -> Any:
        """New rows, as the kind of frame, or array, that was fitted, and of its types.

        Args:
            n_samples: how many.
            given: cells that all rows have, by the names of their columns.
            where: what all rows fulfil, such as "age > 60 and city in ['Rome', 'Paris']".
            balance: a column of which each category is to be as frequent as any other.
            random_state: seed, or anything scikit-learn takes for one; None for other rows
                each time.

        Raises:
            BadInput: for columns and values that the model does not know, and where such rows
                hardly have a probability.
        """
        check_is_fitted(self)
        count, seed = check_count("n_samples", n_samples), seed_of(random_state)
        made = in_parts.synthesize(
            self.model_, count, given=given, where=where, balance=balance, seed=seed
        ).table
        for note in coding_of(self.model_).schema.left_out:
            warnings.warn(note, stacklevel=2)
        if self.kind_:
            found = as_kind(made, self.kind_)
            fitted = without_rows(self.types_, self.kind_) if self.types_ else found
            return named_as(typed_as(found, fitted), fitted)
        return np.stack([c.to_numpy(zero_copy_only=False) for c in made.columns], 1)

    def score_samples(self, X: Any) -> Array:
        """log p(row) in nats, (rows,): a density in the columns' own units, a probability where
        they are categories or whole numbers. It depends on that row alone."""
        rows, _ = self._rows(X)
        return self._measure.density(rows, self.samples)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of :meth:`score_samples`: higher is better."""
        return float(self.score_samples(X).mean())
