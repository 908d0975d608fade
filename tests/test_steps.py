"""Networks as steps that a browser takes: they give what torch gives."""

import base64
import zlib

import numpy as np
import pytest
import torch
from browser import chromium
from torch import nn

from vaekit.interfaces.server.bundle import _module
from vaekit.interfaces.server.one_file import packed
from vaekit.models.drawing import Generator
from vaekit.networks import ACTIVATIONS
from vaekit.networks.cells import CellEncoder
from vaekit.recipes import recipe
from vaekit.rows import Rows
from vaekit.runs.exports.steps import ONE, OVER, TWO, Unknown, program_of, rounded

IMAGE, VECTOR = (1, 16, 16), (7,)
NEAR = 1e-4


def of_recipe(name, shape, **how):
    """Decoder and encoder of a fresh model, and what each is given."""
    model = recipe(name)(shape=shape, **how).model
    for weight in model.parameters():  # blocks that begin at 0 are to do something
        nn.init.normal_(weight, 0, 0.1)
    rounded(model.eval())
    sizes, names = [*model.latents.values()], [*model.latents]
    given = {n: torch.rand(1, width) for n, width in how.get("given", {}).items()}

    def decode(code, *beside):
        parts = dict(zip(names, code.split(sizes, -1), strict=True))
        return model(Generator(0, parts), Rows(None, dict(zip(given, beside, strict=True)))).mean

    return decode, [torch.randn(1, sum(sizes)), *given.values()]


def of_list(name, shape=VECTOR, **how):
    """Encoder and decoder of a fresh model of codes from a list."""
    model = recipe(name)(shape=shape, likelihood="gaussian", width=6, **how).model
    rounded(model.eval())

    def both(x):
        code = model.posterior(x).mean
        return code, model(Generator(0, {"z": code}), Rows(None)).mean

    return both, [torch.randn(1, *shape)]


CASES = {
    "dense": lambda: of_recipe("vae", VECTOR, likelihood="gaussian", width=9, latent=3),
    "conv": lambda: of_recipe("conv_vae", (3, 17, 15), likelihood="bernoulli", width=4, latent=3),
    "residual": lambda: of_recipe("residual_vae", (1, 18, 20), likelihood="gaussian", width=8),
    "keras": lambda: of_recipe("keras_mnist", (1, 14, 15), latent=2),
    "keras even": lambda: of_recipe("keras_mnist", IMAGE, latent=2),
    "burda": lambda: of_recipe("burda", VECTOR, width=5, latent=2),
    "ladder": lambda: of_recipe("ladder_vae", VECTOR, likelihood="poisson", width=8),
    "ladder of images": lambda: of_recipe("ladder_vae", IMAGE, likelihood="bernoulli", width=8),
    "conditional": lambda: of_recipe("conditional_vae", VECTOR, given={"a": 2, "b": 1}, likelihood="laplace", width=6),
    **{
        name: lambda name=name: of_recipe("vae", (1, 3, 4), likelihood=name, levels=9, width=6)
        for name in ("categorical", "logistic_mixture", "discretized_logistic", "beta_binomial", "continuous_bernoulli", "negative_binomial", "student_t")
    },
    **{
        name: lambda act=act: (nn.Sequential(nn.Linear(40, 40), act()), [3 * torch.randn(1, 40)])
        for name, act in ACTIVATIONS.items()
    },
    "cells": lambda: (CellEncoder([3, 5], [True, False], 4, width=8), [torch.tensor([[2.0, torch.nan]])]),
    "softmax": lambda: (lambda x: (x.softmax(1), x.log_softmax(2), x.logsumexp((1, 2)), x.argmax(1), x.sum()), [torch.randn(2, 3, 4)]),
    **{
        f"{name} {how}": lambda name=name, how=how: of_list(name, **how)
        for name, how in (
            ("vq_vae", {"stages": 2, "entries": 16}),
            ("vq_vae", {"codebook": "running", "scales": "1,2", "places": 5, "latent": 1}),
            ("vq_vae", {"codebook": "mapped", "network": "map", "shape": (1, 9, 7), "scales": "1"}),
            ("fsq_vae", {"values": 5}),
            ("lfq_vae", {"network": "map", "shape": (3, 8, 8)}),
            ("categorical_vae", {"places": 3}),
        )
    },
    "distances": lambda: (lambda x: (torch.cdist(x, x.flip(1)[:, :2]), torch.cdist(x[0], torch.eye(4)), torch.cdist(x, torch.eye(4)[:3])), [torch.randn(2, 3, 4)]),
    "looked up": lambda: (lambda x: (x[0][x[1].argmin(-1)], torch.eye(5)[x.argmax(-1)], x[1].index_select(0, x[0].argmin(-1)), torch.arange(12).view(4, 3)[x[0].argmax(1)]), [torch.randn(2, 4, 4)]),
    "products": lambda: (lambda x: torch.ones(2, 3).cumsum(0) @ x, [torch.randn(1, 3, 4)]),
    "moves": lambda: (lambda x: (x.flip(1).permute(2, 0, 1)[:, :, 1:], nn.functional.pad(x, (1, 2), value=3.0), torch.diag_embed(x.tril()), torch.cat([x, x.mT.reshape(1, 4, 4)], 1)), [torch.randn(1, 4, 4)]),
    "spread": lambda: (lambda x: (x[:, :1] * x + x[:, :, :1] / 3 - torch.arange(4.0)[:, None]).clamp(-1, 1).where(x > 0, torch.zeros(())), [torch.randn(1, 4, 4)]),
}  # fmt: skip

RUN = """async text => {
  const held = await $held.unpacked(text);
  return held.map(({ program, given }) => new $runtime.Program(program).run(...given).map((v) => [...v].map(String)));
}"""


@pytest.fixture(scope="module")
def page():
    with chromium() as found:
        made = found.new_page()
        made.add_script_tag(
            content="\n".join([*_module("runtime.js", []), *_module("held.js", [])])
        )
        made.evaluate("() => { globalThis.$runtime = $runtime; globalThis.$held = $held; }")
        yield made


def test_the_browser_gives_what_torch_gives(page):
    torch.manual_seed(0)
    each, right = [], {}
    for name, make in CASES.items():
        function, given = make()
        rounded(function) if isinstance(function, nn.Module) else None
        with torch.no_grad():
            found = function(*given)
        right[name] = found if isinstance(found, tuple) else (found,)
        flat = [g.double().reshape(-1).numpy() for g in given]
        each.append({"program": program_of(function, given), "given": flat})
    text = base64.b64encode(zlib.compress(packed(each))).decode()
    for (name, wanted), found in zip(right.items(), page.evaluate(RUN, text), strict=True):
        for one, other in zip(wanted, found, strict=True):
            scale = max(one.double().abs().max().item(), 1)
            got, true = np.array(other, float), one.double().reshape(-1).numpy()
            assert np.abs(got - true).max() <= NEAR * scale, name


def test_the_browser_has_every_step(page):
    there = {*page.evaluate("() => Object.keys($runtime.STEPS)")}
    others = {
        "pick",
        "dense",
        "conv",
        "conv_transposed",
        "group_norm",
        "layer_norm",
        "embedding",
        "distances",
    }
    others |= {"where", "clamp", "nan_to_num", "cast", "softmax", "log_softmax"}
    assert there == {*ONE, *TWO, *OVER, *others}


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: x.sort()[0], "there is no step for sort"),
        (lambda x: x.double().to(torch.bfloat16), "there is no step for numbers of torch.bfloat16"),
        (lambda x: x if x.sum() > 0 else -x, "it looks at its own numbers"),
        (lambda x: torch.add(x, x, alpha=2), "there is no step for add with a factor"),
        (lambda x: nn.functional.conv1d(x, torch.ones(1, 2, 1)), "there is no step for a convolution"),
        (lambda x: x[..., x[0, 0].argmax()[None]], "there is no step for looking up along a later axis"),
        (lambda x: x.index_select(1, x[0, 0].argmax()[None]), "there is no step for looking up along a later axis"),
        (lambda x: torch.zeros(3).index_put((x[0, 0].argmax()[None],), x[0, 0, :1]), "there is no step for index_put by numbers that depend on the row"),
        (lambda x: torch.cdist(x, x, p=1.0), "there is no step for distances by powers of 1"),
        (lambda x: x.expand(4, 2, 3) @ torch.ones(4, 3, 2), "there is no step for products of several"),
        (lambda x: x.sum((0, 2)), "there is no step for sum over axes that are apart"),
    ],
)  # fmt: skip
def test_what_the_browser_cannot_do_is_named(function, said):
    with pytest.raises(Unknown, match=said):
        program_of(function, [torch.ones(1, 2, 3)])
