"""What reads files from elsewhere, each with good files to change and a way to change them."""

import io
import json
import shutil
import tarfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from strange import strange_bytes, strange_json, strange_tensors, strange_vk

import vaekit
from vaekit.pages.plots import loss_curves
from vaekit.pages.report import summarize
from vaekit.runs.archive import Archive
from vaekit.runs.compression import compress
from vaekit.runs.folder import check_room, read_config
from vaekit.runs.inspect import as_text, describe, scores_in
from vaekit.runs.job import job_of, reopen
from vaekit.runs.tiles import compress_pictures, restore_pictures
from vaekit.system.checks import BadInput
from vaekit.training import Metrics, load_checkpoint, read_metrics

RECIPES = {
    "plain": {"recipe": "vae", "width": 6, "latent": 2},
    "ladder": {"recipe": "ladder_vae", "width": 6, "latent": 2},
    "conv": {"recipe": "conv_vae", "width": 4, "depth": 1, "latent": 2},
    "given": {"recipe": "conditional_vae", "given": "label", "width": 6, "latent": 2, "drop": 0.2},
}


class Samples:
    """Good files, in a folder."""

    def __init__(self, folder: Path) -> None:
        warnings.simplefilter("ignore")
        self.folder, self.spare = folder, folder / "spare"
        self.spare.mkdir()
        self.rows = np.random.default_rng(0).integers(0, 9, (40, 8, 8)).astype(np.uint8)
        self.data = folder / "rows.npz"
        np.savez(self.data, x=self.rows, y=np.arange(40) % 3)
        self.models = {name: self._trained(name, how) for name, how in RECIPES.items()}
        self.models["mixture"] = self._refitted("mixture", components=2)
        self.models["flow"] = self._refitted("flow")
        self.archives = [*self._archives()]
        self.tables = dict(self._tables())
        self.jobs: dict[str, Any] = {}

    def _trained(self, name, how):
        place = self.folder / name
        vaekit.fit(str(self.data), epochs=1, batch=16, likelihood="beta_binomial", out=place, **how)
        if name == "plain":
            summarize(vaekit.load(place, vaekit.open_source(str(self.data))), place)
        return place

    def _refitted(self, prior, **how):
        place = self.folder / prior
        shutil.copytree(self.models["plain"], place)
        vaekit.refit_prior(place, prior, epochs=1, **how)
        return place

    def _archives(self):
        plain, given = (vaekit.load(self.models[name]) for name in ("plain", "given"))
        path, how = self.folder / "a.vk", {"embed": True, "block_rows": 25}
        with patch("vaekit.codec.blocks.PLAIN", {}):  # by the model, whether that is shorter or not
            compress(plain, self.rows, path, **how)
            yield path.read_bytes()
            compress(given, self.rows, path, given={"label": ["0", "1"] * 20}, **how)
            yield path.read_bytes()
        for kind in (
            np.zeros((40, 8, 8), np.uint8),
            np.arange(64, dtype=np.float64).reshape(1, 8, 8) / 7,
        ):
            compress(plain, kind, path, embed=True)
            yield path.read_bytes()
        pictures = self.folder / "pictures"
        pictures.mkdir()
        for number in range(3):
            Image.fromarray(np.full((9, 12 + number), number, np.uint8)).save(
                pictures / f"{number}.png"
            )
        compress_pictures(plain, pictures, path, embed=True)
        yield path.read_bytes()

    def _tables(self):
        held = io.BytesIO()
        np.save(held, self.rows)
        yield ".npy", [held.getvalue()]
        zipped = io.BytesIO()
        np.savez_compressed(zipped, x=self.rows, y=np.arange(40))
        yield ".npz", [self.data.read_bytes(), zipped.getvalue()]
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as made:
            for number in range(12):
                for name, data in (("png", _picture(number)), ("cls", b"%d" % (number % 2))):
                    member = tarfile.TarInfo(f"{number:02}.{name}")
                    member.size = len(data)
                    made.addfile(member, io.BytesIO(data))
        yield ".tar", [tar.getvalue()]
        lines = ["a,b,kind", *(f"{i},{i / 3:.2f},{'xy'[i % 2]}" for i in range(30))]
        yield ".csv", ["\n".join(lines).encode()]
        import pandas

        frame = pandas.DataFrame({"a": range(30), "b": np.arange(30) / 3})
        parquet = io.BytesIO()
        frame.to_parquet(parquet)
        yield ".parquet", [parquet.getvalue()]

    def copy(self, name: str) -> Path:
        """A model's folder, to be changed."""
        place = self.spare / "model"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.models[name], place)
        return place


def _picture(number):
    held = io.BytesIO()
    Image.new("L", (8, 8), number).save(held, "PNG")
    return held.getvalue()


@dataclass(frozen=True)
class Reader:
    """A reader of files.

    Args:
        change: a good file into a strange one: (pick, samples) to bytes.
        read: strange bytes: (bytes, samples); it may raise BadInput.
    """

    change: Any
    read: Any


def use(model):
    """All that must work of a model that was not refused."""
    as_text(describe(model, None))
    given = {c.name: c.typical if not c.classes else c.classes[0] for c in model.config.conditions}
    model.sample(2, given=given)
    shape = model.representation.shape
    model.encode(np.zeros((2, *shape), model.representation.dtype), given=given)


def config_of(pick, samples):
    name = pick([*samples.models])
    found = json.loads((samples.models[name] / "config.json").read_bytes())
    return name.encode() + b"\n" + strange_json(pick, found)


def read_config_file(data, samples):
    name, _, text = data.partition(b"\n")
    place = samples.copy(name.decode())
    (place / "config.json").write_bytes(text)
    use(vaekit.load(place))


def read_config_to_resume(data, samples):
    name, _, text = data.partition(b"\n")
    place = samples.copy(name.decode())
    (place / "config.json").write_bytes(text)
    config = read_config(place)[1]
    check_room(place, config)
    going = job_of(config, reopen(config)).run()
    for _, _ in zip(range(2), going.steps(), strict=False):
        pass


def weights_of(pick, samples):
    name = pick([*samples.models])
    data = (samples.models[name] / "model.safetensors").read_bytes()
    old = pick([b"old", b"new"])
    return name.encode() + b"\n" + old + b"\n" + strange_tensors(pick, data)


def read_weights_file(data, samples):
    name, old, data = data.split(b"\n", 2)
    place = samples.copy(name.decode())
    if old == b"old":
        config = json.loads((place / "config.json").read_bytes())
        config.pop("weights")
        (place / "config.json").write_text(json.dumps(config))
    (place / "model.safetensors").write_bytes(data)
    use(vaekit.load(place))


def read_vk(data, samples):
    path = samples.spare / "a.vk"
    path.write_bytes(data)
    refused = []
    for use_it in (
        lambda: Archive(path).read(),
        lambda: Archive(path).read_given(),
        lambda: Archive(path).salvage(),
        lambda: restored(Archive(path), samples.spare / "restored"),
    ):
        try:
            use_it()
        except BadInput as error:
            refused.append(error)
    if refused:
        raise refused[0]


def restored(archive, folder):
    if archive.header.get("pictures"):
        restore_pictures(archive, folder)


def checkpoint_of(pick, samples):
    data = (samples.models["plain"] / "checkpoint.safetensors").read_bytes()
    (length,) = np.frombuffer(data[:8], "<u8").tolist()
    header = json.loads(data[8 : 8 + length])
    if pick([True, False]):
        notes = strange_json(pick, json.loads(header["__metadata__"]["vaekit"]))
        header["__metadata__"]["vaekit"] = notes.decode(errors="replace")
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + data[8 + length :]
    return strange_tensors(pick, data)


def read_checkpoint(data, samples):
    path = samples.spare / "checkpoint.safetensors"
    path.write_bytes(data)
    if "run" not in samples.jobs:
        config = read_config(samples.models["plain"])[1]
        samples.jobs["run"] = job_of(config, reopen(config))
    going = samples.jobs["run"].run()
    going.recall(load_checkpoint(path, going.state))
    for _, _ in zip(range(2), going.steps(), strict=False):
        pass


def lines_of(pick, samples):
    lines = (samples.models["plain"] / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    number = pick(range(len(lines)))
    lines[number] = strange_json(pick, json.loads(lines[number])) + pick([b"\n", b""])
    data = b"".join(lines)
    return data if pick([True, False]) else strange_bytes(pick, data)


def read_lines(data, samples):
    path = samples.spare / "metrics.jsonl"
    path.write_bytes(data)
    lines = read_metrics(path)
    Metrics(path).keep_until(1)
    loss_curves(lines) if len(lines) >= 4 else None


def scores_of(pick, samples):
    data = (samples.models["plain"] / "scores.json").read_bytes()
    return (
        strange_json(pick, json.loads(data)) if pick([True, False]) else strange_bytes(pick, data)
    )


def read_scores(data, samples):
    path = samples.spare / "scores.json"
    path.write_bytes(data)
    if "model" not in samples.jobs:
        samples.jobs["model"] = vaekit.load(samples.models["plain"])
    as_text(describe(samples.jobs["model"], scores_in(path)))


def table_reader(ending, near=None):
    def change(pick, samples):
        return strange_bytes(pick, pick(samples.tables[ending]), pick([near, None]))

    def read(data, samples):
        path = samples.spare / f"table{ending}"
        path.write_bytes(data)
        source = vaekit.open_source(str(path))
        source.values[torch.arange(min(3, len(source.values)))]

    return Reader(change, read)


READERS = {
    "config": Reader(config_of, read_config_file),
    "resume": Reader(config_of, read_config_to_resume),
    "weights": Reader(weights_of, read_weights_file),
    "vk": Reader(lambda pick, samples: strange_vk(pick, pick(samples.archives)), read_vk),
    "checkpoint": Reader(checkpoint_of, read_checkpoint),
    "metrics": Reader(lines_of, read_lines),
    "scores": Reader(scores_of, read_scores),
    "npy": table_reader(".npy", 128),
    "npz": table_reader(".npz", 300),
    "tar": table_reader(".tar", 1024),
    "csv": table_reader(".csv"),
    "parquet": table_reader(".parquet"),
}
