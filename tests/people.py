"""Small tables of people, real and made."""

import numpy as np
import pyarrow as pa

from vaekit.evaluation.tables import mixed_tables


def people(rows, seed=0, gaps=True):
    """Two columns of numbers and two of categories that depend on each other."""
    random = np.random.default_rng(seed)
    age = random.normal(40, 10, rows)
    pay = age * 3 + random.normal(0, 5, rows)
    rich = np.where(pay > 120, "rich", "poor")
    town = random.choice(["A", "B", "C"], rows, p=[0.6, 0.3, 0.1])
    if gaps:
        pay = [
            None if cell else value
            for cell, value in zip(random.random(rows) < 0.1, pay, strict=True)
        ]
        town = [
            None if cell else value
            for cell, value in zip(random.random(rows) < 0.1, town, strict=True)
        ]
    return pa.table({"age": age, "pay": pay, "rich": rich, "town": town})


def shuffled(table, seed=0):
    """Each column in an order of its own: columns that know nothing of each other."""
    random = np.random.default_rng(seed)
    order = [random.permutation(table.num_rows) for _ in table.column_names]
    columns = zip(table.column_names, table.columns, order, strict=True)
    return pa.table({name: column.take(rows) for name, column, rows in columns})


def both(real, made, **more):
    return mixed_tables(real, made, **more)
