"""The tables: types, target, and the split that is usual in print."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

HERE = Path(__file__).resolve().parent
FOLDER = Path(os.environ.get("VAEKIT_DATA", HERE.parents[2] / "shared" / "data"))
ADULT = (
    "age workclass fnlwgt education education_num marital_status occupation relationship race sex "
    "capital_gain capital_loss hours_per_week native_country income"
)
ABALONE = "sex length diameter height whole_weight shucked_weight viscera_weight shell_weight rings"
AUTO = (
    "symboling normalized_losses make fuel_type aspiration doors body_style drive_wheels "
    "engine_location wheel_base length width height curb_weight engine_type cylinders engine_size "
    "fuel_system bore stroke compression_ratio horsepower peak_rpm city_mpg highway_mpg price"
)
SPLIT_SEED = 1234


@dataclass(frozen=True)
class Data:
    """One table, in two parts.

    Args:
        name: as in print.
        train: rows to learn from.
        test: rows held out.
        target: the column that print predicts.
        categories: whole numbers that are names.
        split: how the parts were made, in words.
    """

    name: str
    train: pa.Table
    test: pa.Table
    target: str
    categories: tuple[str, ...] = ()
    split: str = f"90 % / 10 % at random, seed {SPLIT_SEED}"

    def halves(self, seed: int) -> Data:
        """All rows in two random halves, for the share of rows nearer to training."""
        return _split(self, pa.concat_tables([self.train, self.test]), 0.5, seed)


def _read(path: Path, names: str = "", skip: int = 0) -> pa.Table:
    read = csv.ReadOptions(skip_rows=skip, column_names=names.split() or None)
    convert = csv.ConvertOptions(
        null_values=["?", "", "NA"],
        strings_can_be_null=True,
        true_values=["TRUE"],
        false_values=["FALSE"],
    )
    lines = b"\n".join(
        b",".join(cell.strip() for cell in line.split(b","))
        for line in path.read_bytes().splitlines()
        if line.strip()
    )
    return csv.read_csv(pa.py_buffer(lines), read, convert_options=convert)


def _split(like: Data, table: pa.Table, share: float, seed: int) -> Data:
    order = np.random.default_rng(seed).permutation(table.num_rows)
    cut = int(share * table.num_rows)
    train, test = table.take(order[:cut]), table.take(order[cut:])
    said = f"{share:.0%} / {1 - share:.0%} at random, seed {seed}"
    return Data(like.name, train, test, like.target, like.categories, said)


def adult() -> Data:
    folder = FOLDER / "adult"
    train = _read(folder / "adult.data", ADULT)
    test = _read(folder / "adult.test", ADULT, skip=1)
    income = pa.array([cell.rstrip(".") for cell in test.column("income").to_pylist()])
    test = test.set_column(test.schema.get_field_index("income"), "income", income)
    return Data("adult", train, test.cast(train.schema), "income", split="the publishers'")


def _one(name: str, target: str, categories: str = "", names: str = "") -> Data:
    table = _read(FOLDER / "tabular" / f"{name}.csv", names)
    like = Data(name, table, table, target, tuple(categories.split()))
    return _split(like, table, 0.9, SPLIT_SEED)


def shoppers() -> Data:
    return _one("shoppers", "Revenue", "OperatingSystems Browser Region TrafficType")


def magic() -> Data:
    return _one("magic", "class")


def credit() -> Data:
    return _one("credit", "default", "default")


def insurance() -> Data:
    return _one("insurance", "charges")


def abalone() -> Data:
    return _one("abalone", "rings", names=ABALONE)


def mushrooms() -> Data:
    return _one("mushrooms", "type")


def auto_imports() -> Data:
    return _one("auto_imports", "price", names=AUTO)


TABLES = {
    load.__name__: load
    for load in (adult, shoppers, magic, credit, insurance, abalone, mushrooms, auto_imports)
}
