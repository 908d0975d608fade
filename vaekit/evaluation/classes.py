"""How a latent that is a class agrees with labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaekit.evaluation.figures import Figure
from vaekit.evaluation.passes import chunks
from vaekit.models import Graph
from vaekit.rows import AnyRows, LazyRows, Rows


@dataclass(frozen=True)
class ClassUse:
    """How a model puts rows into classes.

    Args:
        classes: how many there are.
        used: how many of them are the likeliest one of some row.
        labelled: how many rows have a label to compare with.
        wrong: the share of these whose likeliest class is not their label; None without labels.
        matched: whether classes have no names, and each label was given one class, those that
            agree best over these rows (unsupervised clustering accuracy: 1 - wrong).
    """

    classes: int
    used: int
    labelled: int
    wrong: float | None
    matched: bool

    @property
    def figures(self) -> tuple[Figure, ...]:
        """As people read them."""
        used = Figure("classes in use", self.used, note=f"of {self.classes:,}")
        if self.wrong is None:
            return (used,)
        how = "each label matched with the class that suits it" if self.matched else "by q(y|x)"
        note = f"share of {self.labelled:,} labelled rows; {how}"
        return (Figure("labels wrong", self.wrong, note=note), used)

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return {"classes_used": self.used, "labelled": self.labelled, "labels_wrong": self.wrong}


@torch.inference_mode()
def class_chances(model: Graph, rows: AnyRows) -> Tensor | None:
    """q(class | x), (rows, classes), whatever is known of it; None for a model without classes."""
    model.eval()
    found = list[Tensor]()
    for part in chunks(rows):
        q = model.classes(part)
        if q is None:
            return None
        found.append(q.probs)
    return torch.cat(found)


def class_use(model: Graph, rows: Rows | LazyRows, labels: Tensor | None) -> ClassUse | None:
    """How rows are put into classes; None for a model without any.

    Args:
        model: a graph.
        rows: to look at.
        labels: (rows,) numbers of labels to match classes with, of a model that is not told any;
            -1 where there is none.
    """
    chances = class_chances(model, rows)
    if chances is None:
        return None
    chosen, classes = chances.argmax(1).cpu(), chances.shape[1]
    used, matched = len(chosen.unique()), model.told is None
    labels = labels if model.told is None else _told(rows.given[model.told].cpu())
    if labels is None or not (known := labels >= 0).any():
        return ClassUse(classes, used, 0, None, matched)
    chosen, labels = chosen[known], labels[known]
    right = best_match(chosen, labels) if matched else int((chosen == labels).sum())
    return ClassUse(classes, used, len(labels), 1 - right / len(labels), matched)


def _told(known: Tensor) -> Tensor:
    """One-hot rows as class numbers, -1 for zeros."""
    return torch.where(known.sum(1) > 0, known.argmax(1), -1)


def best_match(chosen: Tensor, labels: Tensor) -> int:
    """How many rows' class is that of their label, where each label has one class at most and each
    class one label: the most there can be."""
    from scipy.optimize import linear_sum_assignment  # which takes long to load

    counts = np.zeros((int(chosen.max()) + 1, int(labels.max()) + 1), dtype=np.int64)
    np.add.at(counts, (chosen.numpy(), labels.numpy()), 1)
    return int(counts[linear_sum_assignment(-counts)].sum())
