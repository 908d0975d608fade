"""What a model says of labels that it is asked for."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from vaekit.evaluation.classes import class_chances
from vaekit.runs.trained import Trained
from vaekit.system.checks import known, require


def prediction(trained: Trained, data: Any, target: str) -> pa.Table:
    """The likeliest label of each row, its probability, and that of each class: q(y | x).

    Args:
        trained: a model with a label that need not be known.
        data: anything that can be opened; labels that it has are not looked at.
        target: the label's name.

    Raises:
        BadInput: for a model without such a label.
    """
    told = trained.model.told or ""
    require(
        bool(told),
        f"a model of recipe {trained.config.recipe} predicts no label: train m2_vae, or table_vae "
        "for a column of a table",
    )
    known("label", target, (told,))
    (condition,) = (c for c in trained.config.conditions if c.name == told)
    p = class_chances(trained.model, trained.rows(data, given={told: ""}))
    assert p is not None
    best = p.argmax(1).tolist()
    made = {target: pa.array([condition.classes[i] for i in best])}
    made |= {"probability": pa.array(p.amax(1).double().cpu().numpy())}
    for place, name in enumerate(condition.classes):
        made[f"p({target} = {name})"] = pa.array(p[:, place].double().cpu().numpy())
    return pa.table(made)
