"""The data sets that vaekit knows by name, with their published splits."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from vaekit.data.published import sprites
from vaekit.data.published.fetch import Remote, fetch
from vaekit.data.readers.arrays import label_numbers
from vaekit.data.source import SPLITS, Source, held_out_test, source
from vaekit.system.checks import BadInput

MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FASHION_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
KMNIST_URL = "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"
BINARY_URL = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
OMNIGLOT_URL = "https://github.com/brendenlake/omniglot/raw/master/python/"
CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR_SHA = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
FREY_SHA = "13a0cd943fe56c8a2f4c05bc670b097ae2fda4f9d3a0d5215277712ac02f12e6"
IDX = ("train-images-idx3", "t10k-images-idx3", "train-labels-idx1", "t10k-labels-idx1")

MNIST_SHA = (
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
)
FASHION_SHA = (
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
)
KMNIST_SHA = (
    "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
    "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
    "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
    "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
)
BINARY_SHA = (
    "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d",
    "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2",
    "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c",
)
OMNIGLOT_SHA = {
    "images_background": "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640",
    "images_evaluation": "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee",
    "images_background_small1": "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
    "images_background_small2": "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f",
}
CIFAR_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
FASHION_NAMES = (
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A named data set: one line about it, and how to get it."""

    about: str
    load: Callable[[], Source]


def digits() -> Source:
    """scikit-learn's 8 x 8 handwritten digits: comes with scikit-learn, needs no download."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    values = torch.from_numpy(bunch.images.astype(np.uint8))[:, None]
    labels = torch.from_numpy(bunch.target.astype(np.int64))
    return source("digits", values, labels=labels, label_names=_numerals(), levels=17)


def idx_set(
    name: str, folder: str, url: str, shas: tuple[str, ...], names: tuple[str, ...]
) -> Source:
    """A set in MNIST's format: 60,000 train and 10,000 test images of 28 x 28."""
    files = [f"{stem}-ubyte.gz" for stem in IDX]
    remotes = [Remote(f, sha, url + f) for f, sha in zip(files, shas, strict=True)]
    train, test, train_labels, test_labels = (read_idx(fetch(folder, r)) for r in remotes)
    values = torch.cat([train, test])[:, None]
    labels = torch.cat([train_labels, test_labels]).long()
    splits = held_out_test(len(train), len(test))
    return source(name, values, splits, labels=labels, label_names=names)


def binarized_mnist() -> Source:
    """MNIST as drawn once by Larochelle: 50,000 / 10,000 / 10,000 binary images, no labels."""
    parts = []
    for part, sha in zip(("train", "valid", "test"), BINARY_SHA, strict=True):
        name = f"binarized_mnist_{part}.amat"
        text = fetch("binarized-mnist", Remote(name, sha, BINARY_URL + name))
        parts.append(np.frombuffer(text, np.uint8)[::2].reshape(-1, 1, 28, 28) - ord("0"))
    ends = np.cumsum([0, *map(len, parts)])
    splits = {s: torch.arange(a, b) for s, a, b in zip(SPLITS, ends, ends[1:], strict=False)}
    return source("binarized_mnist", torch.from_numpy(np.concatenate(parts)), splits)


def freyfaces() -> Source:
    """1,965 video frames of one face, 28 x 20 grey, split 1,565 / 200 / 200 at random."""
    content = fetch("freyfaces", Remote("freyfaces.npy", FREY_SHA))
    frames = np.load(io.BytesIO(content), allow_pickle=False).reshape(-1, 1, 28, 20)
    order = torch.randperm(len(frames), generator=torch.Generator().manual_seed(0))
    parts = order.split([len(frames) - 400, 200, 200])
    splits = {s: part.sort().values for s, part in zip(SPLITS, parts, strict=True)}
    return source("freyfaces", torch.from_numpy(frames.astype(np.uint8)), splits)


def cifar10() -> Source:
    """CIFAR-10 in its binary version: 50,000 train and 10,000 test images of 32 x 32 x 3."""
    content = fetch("cifar10", Remote("cifar-10-binary.tar.gz", CIFAR_SHA, CIFAR_URL))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
        files = [archive.extractfile(f"cifar-10-batches-bin/{n}.bin") for n in names]
        records = np.frombuffer(b"".join(f.read() for f in files if f), np.uint8).reshape(-1, 3073)
    values = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy())
    labels = torch.from_numpy(records[:, 0].astype(np.int64))
    splits = held_out_test(50_000, 10_000, 5_000)
    return source("cifar10", values, splits, labels=labels, label_names=CIFAR_NAMES)


def omniglot(name: str, folder: str, train: str, test: str) -> Source:
    """Handwritten characters, brought to 28 x 28 grey (ink is bright); labels are alphabets.

    Not the 28 x 28 file of Burda et al. 2016: numbers are not comparable with theirs.
    """
    parts = [_characters(folder, f"{part}.zip", OMNIGLOT_SHA[part]) for part in (train, test)]
    values = torch.from_numpy(np.concatenate([images for images, _ in parts]))
    numbers, names = label_numbers([alphabet for _, alphabets in parts for alphabet in alphabets])
    splits = held_out_test(len(parts[0][0]), len(parts[1][0]))
    splits = _shuffled_validation(splits)
    return source(name, values, splits, labels=numbers, label_names=names)


def sprites_set(rows: int = 36_864) -> Source:
    """A fixed random twentieth of the 737,280 sprites; labels are shapes."""
    index = torch.randperm(sprites.COUNT, generator=torch.Generator().manual_seed(0))[:rows]
    factors = sprites.factors_of(index)
    return source(
        "sprites",
        sprites.draw(index),
        labels=factors[:, 0],
        label_names=("square", "ellipse", "heart"),
        factors=factors,
        factor_names=sprites.FACTORS,
        intervene=sprites.share_one_factor,
    )


def read_idx(content: bytes) -> Tensor:
    """The array of a gzipped IDX file of bytes."""
    raw = gzip.decompress(content)
    if raw[:3] != b"\x00\x00\x08":
        raise BadInput("not an IDX file of bytes")
    shape = struct.unpack(f">{raw[3]}I", raw[4 : 4 + 4 * raw[3]])
    return torch.from_numpy(
        np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape).copy()
    )


def _characters(folder: str, name: str, sha: str) -> tuple[np.ndarray, list[str]]:
    content = fetch(folder, Remote(name, sha, OMNIGLOT_URL + name))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        paths = sorted(
            n for n in archive.namelist() if n.endswith(".png") and not n.startswith("__")
        )
        images = [_character(archive.read(path)) for path in paths]
    return np.stack(images)[:, None], [path.split("/")[1] for path in paths]


def _character(content: bytes) -> np.ndarray:
    picture = ImageOps.invert(Image.open(io.BytesIO(content)).convert("L"))
    return np.asarray(picture.resize((28, 28), Image.Resampling.BOX), dtype=np.uint8)


def _shuffled_validation(splits: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take validation rows from everywhere in the train part, which is sorted by alphabet."""
    rows = torch.cat([splits["train"], splits["validation"]])
    order = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))]
    train, validation = order.split([len(splits["train"]), len(splits["validation"])])
    return {**splits, "train": train.sort().values, "validation": validation.sort().values}


def _numerals() -> tuple[str, ...]:
    return tuple(map(str, range(10)))


CATALOGUE: dict[str, Entry] = {
    "digits": Entry("8 x 8 handwritten digits, 1,797 (built in)", digits),
    "mnist": Entry(
        "28 x 28 handwritten digits, 70,000",
        partial(idx_set, "mnist", "mnist", MNIST_URL, MNIST_SHA, _numerals()),
    ),
    "fashion_mnist": Entry(
        "28 x 28 pictures of clothes, 70,000",
        partial(idx_set, "fashion_mnist", "fashion-mnist", FASHION_URL, FASHION_SHA, FASHION_NAMES),
    ),
    "kmnist": Entry(
        "28 x 28 cursive Japanese characters, 70,000",
        partial(
            idx_set, "kmnist", "kmnist", KMNIST_URL, KMNIST_SHA,
            ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        ),
    ),
    "binarized_mnist": Entry(
        "28 x 28 digits, drawn once as 0 or 1 by Larochelle, 70,000", binarized_mnist
    ),
    "omniglot": Entry(
        "28 x 28 characters of 50 alphabets, 32,460",
        partial(omniglot, "omniglot", "omniglot", "images_background", "images_evaluation"),
    ),
    "omniglot_small": Entry(
        "28 x 28 characters of 10 alphabets, 5,840",
        partial(
            omniglot, "omniglot_small", "omniglot-small",
            "images_background_small1", "images_background_small2",
        ),
    ),
    "freyfaces": Entry("28 x 20 video frames of a face, 1,965", freyfaces),
    "sprites": Entry("64 x 64 binary sprites of five known factors, 36,864", sprites_set),
    "cifar10": Entry("32 x 32 colour photographs, 60,000", cifar10),
}  # fmt: skip
