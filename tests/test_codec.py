"""The codec: every table, layer, distribution and byte exact; the rate that of the ELBO."""

import os

import numpy as np
import pytest
import torch
from coding import elbo_bits, fitted, made, rows_for
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vaekit.codec import blocks, fixed_point
from vaekit.codec.ans import PARTS, Empty, Stack
from vaekit.codec.bits_back import BinRule, compress_rows, fixed_point_rows
from vaekit.codec.fixed_point import ONE
from vaekit.codec.graphs import fixed_point_copy
from vaekit.codec.layers import exact
from vaekit.codec.plain import DEFLATED
from vaekit.codec.symbols import Binary, Escaped, TableCache, Tabled, Uniform, cdf_of
from vaekit.data import open_source
from vaekit.models.drawing import Recorder, from_posterior
from vaekit.networks import (
    conv_decoder,
    conv_encoder,
    dense,
    residual_decoder,
    residual_encoder,
    tutorial_decoder,
    tutorial_encoder,
)
from vaekit.networks.residual import norm
from vaekit.recipes.plain import burda, vae
from vaekit.rows import Rows
from vaekit.system.checks import BadInput
from vaekit.system.seeding import seeded

LEVELS = ("discretized_logistic", "logistic_mixture", "categorical", "beta_binomial")
COUNTS = ("poisson", "negative_binomial")


# ---- tables


def exact_margins():
    t = np.arange(-fixed_point.SPAN * ONE, fixed_point.SPAN * ONE + 1) / ONE
    for name, function in fixed_point.ACTIVATIONS.items():
        yield name, function(t) * ONE
    reach = (
        np.arange(-fixed_point.REACH * fixed_point.STEP, fixed_point.REACH * fixed_point.STEP + 1)
        / fixed_point.STEP
    )
    yield "sigmoid", fixed_point.UNIT / (1 + np.exp(-reach))
    yield (
        "exponential",
        np.exp(-np.arange(fixed_point.REACH * fixed_point.STEP + 1) / fixed_point.STEP)
        * fixed_point.UNIT,
    )
    yield (
        "deviation",
        np.exp(np.arange(-10 * fixed_point.STEP, 3 * fixed_point.STEP + 1) / fixed_point.STEP)
        * 2.0**24,
    )


@pytest.mark.parametrize(
    ("name", "values"), exact_margins(), ids=lambda v: v if isinstance(v, str) else ""
)
def test_no_table_entry_is_near_a_rounding_tie(name, values):
    """Mathematics libraries differ in the last digit or two; entries must not turn on that."""
    distance = np.abs(values - np.floor(values) - 0.5)
    assert np.all(distance > 8 * np.spacing(np.abs(values))), name


def test_tables_are_what_they_always_were():
    from vaekit.runs.archive import tables_hash

    assert tables_hash()[:16] == "5d0de61fda26ac27"


def test_bins_have_equal_mass_and_rise():
    edges, centres = fixed_point.edges() / 2.0**20, fixed_point.centres() / ONE
    assert np.all(np.diff(edges) > 0)
    assert np.all((edges[:-1] <= centres) & (centres <= edges[1:]))


def test_log_tables_agree_with_the_functions():
    from scipy.special import gammaln

    values = np.exp(np.linspace(-6, 9, 500))
    assert np.allclose(fixed_point.logs(values) / fixed_point.STEP, np.log(values), atol=4e-4)
    place = fixed_point.places(values)
    a = fixed_point.value(place)
    assert np.allclose(a, values, rtol=0.012)
    k = np.arange(256)
    wanted = gammaln(a[:, None] + k) - gammaln(a[:, None])
    assert (
        np.abs(fixed_point.rises(256)[place] / fixed_point.STEP - wanted).max() < 0.04
    )  # steps of 1/4096, 255 times


# ---- the coder


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 300))
@settings(max_examples=30, deadline=None)
def test_what_is_pushed_is_popped(seed, lanes, count):
    random = np.random.default_rng(seed)
    stack, coins = Stack.new(lanes), Binary(random.normal(0, 3 * ONE, count).round())
    dice, x, y = Uniform(count, random.integers(1, 17, count)), random.integers(0, 2, count), None
    y = random.integers(0, 1 << (24 - dice.shift.astype(int)))
    coins.push(stack, x)
    dice.push(stack, y)
    assert (dice.pop(stack) == y).all()
    assert (coins.pop(stack) == x).all()
    assert stack.size == 0
    assert (stack.heads == 2**32).all()


@pytest.mark.parametrize("kind", ["bernoulli", *LEVELS, *COUNTS, "posterior"])
def test_every_symbol_has_an_interval_and_they_fill_the_unit(kind):
    data, count = ("bernoulli", 1) if kind == "posterior" else (kind, 3)
    model, x = fixed_point_copy(made(data)), rows_for(data, count)
    rule = BinRule(count, lambda n, p, q: q.likeliest(), back=True)
    found = model(rule, fixed_point_rows(x))
    if kind == "posterior":
        found = rule.posteriors["z"]
    head = found.head if isinstance(found, Escaped) else found
    levels = {"bernoulli": 2, "posterior": 4096}.get(kind, 256)
    part = slice(0, head.count)
    at = np.zeros(head.count, np.uint64)
    for k in range(levels):
        start, size = head.interval(part, np.full(head.count, k))
        assert (start == at).all()
        assert (size > 0).all()
        for covered in (start, start + size - np.uint64(1)):
            symbols, again = head.find(part, covered)
            assert (symbols == k).all()
            assert (again[0] == start).all()
            assert (again[1] == size).all()
        at = start + size
    assert (at == PARTS).all()


def test_an_empty_stack_says_so_and_stays_as_it_was():
    model, x = fixed_point_copy(made("bernoulli")), rows_for("bernoulli", 5)
    stack = Stack.new(4)
    with pytest.raises(Empty):
        compress_rows(model, stack, x, back=True, lanes=8)
    assert stack.size == 0
    assert (stack.heads == 2**32).all()


@given(st.lists(st.integers(2**32, 2**64 - 1), min_size=1, max_size=70), st.binary(max_size=9))
@settings(max_examples=200, deadline=None)
def test_states_are_stored_in_few_bytes(heads, before):
    heads = np.array([2**32, 2**64 - 1, *heads], np.uint64)
    packed = blocks._states(heads)
    found, end = blocks._read_states(before + packed + b"rest", len(before), len(heads))
    assert (found == heads).all()
    assert end == len(before) + len(packed)


def test_new_lanes_cost_nothing_and_can_be_given_back():
    random = np.random.default_rng(2)
    stack = Stack(random.integers(2**32, 2**63, 3), random.integers(0, 2**32, 2000))
    heads, words = stack.heads.copy(), stack.words.copy()
    stack.widen(1000)
    assert stack.lanes == 1000
    assert (stack.heads[3:] < 2**33).all()  # a word each, above the least that a state holds
    stack.narrow(3)
    assert (stack.heads == heads).all()
    assert (stack.words == words).all()
    with pytest.raises(Empty):
        stack.widen(2004)
    assert (stack.heads == heads).all()


def test_plain_coders_are_tried_on_a_part_first(monkeypatch):
    """Whole blocks go to those alone that might win there."""
    sizes = list[int]()

    def pack(raw):
        sizes.append(len(raw))
        return raw[: len(raw) // 2]

    monkeypatch.setattr(blocks, "PLAIN", {DEFLATED: (pack, bytes)})
    monkeypatch.setattr(blocks, "SAMPLE", 100)
    rows = np.zeros((1000, 1), np.uint8)
    for size, kind, seen in ((400, blocks.MODEL, [100]), (600, DEFLATED, [100, 1000])):
        coder = blocks.Coder(nn.Identity(), (1,), np.dtype("uint8"), lambda x: True, same, same)
        monkeypatch.setattr(
            blocks, "compress", lambda model, x, given, wide, size=size: bytes(size)
        )
        sizes.clear()
        assert coder.encode(rows)[0] == kind
        assert sizes == seen


def same(rows):
    return rows


def test_kept_tables_are_those_made_anew(monkeypatch):
    """Also after the cache was full and emptied."""
    weights = np.random.default_rng(3).integers(0, 20_000, (50, 16))
    made = list[int]()

    def make(numbers):
        made.extend(numbers)
        return cdf_of(weights[numbers])

    monkeypatch.setattr("vaekit.codec.symbols.MOST_TABLES", 30)
    cache = TableCache(50, 16, make)
    seen = [np.array(numbers) for numbers in ([3, 3, 7], range(20), range(40, 10, -1), [7, 3])]
    symbols = [cache.tabled(numbers) for numbers in seen]
    for numbers, found in zip(seen, symbols, strict=True):
        assert (found.cdf[found.which] == cdf_of(weights)[numbers]).all()
    assert len(made) == 20 + 30 + 2


def test_popping_random_bits_gives_draws_from_the_distribution():
    weights = np.tile(fixed_point.rounded(np.log([0.5, 0.3, 0.2]) * fixed_point.STEP), (30_000, 1))
    random = np.random.default_rng(1)
    stack = Stack(random.integers(2**32, 2**63, 64), random.integers(0, 2**32, 40_000))
    share = np.bincount(Tabled(cdf_of(weights)).pop(stack)) / 30_000
    assert np.allclose(share, [0.5, 0.3, 0.2], atol=0.01)


# ---- exact networks

NETS = {
    "dense": lambda: (dense((1, 9, 7), (5,), (11, 8), "tanh"), (1, 9, 7)),
    "conv": lambda: (conv_encoder((2, 9, 7), (6,), (8, 12), 16), (2, 9, 7)),
    "deconv": lambda: (conv_decoder(3, (4, 9, 7), (8, 12), 16, "elu"), (3,)),
    "residual": lambda: (residual_encoder((1, 13, 9), (6,), (8, 16)), (1, 13, 9)),
    "residual back": lambda: (residual_decoder(3, (2, 13, 9), (8, 16)), (3,)),
    "tutorial": lambda: (tutorial_encoder((1, 28, 28), 2), (1, 28, 28)),
    "tutorial back": lambda: (tutorial_decoder(2, (1, 28, 28)), (2,)),
    **{a: (lambda a=a: (nn.Sequential(nn.Linear(4, 9), getattr(nn, a)()), (4,))) for a in fixed_point.ACTIVATIONS},
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_fixed_point_copies_agree_with_their_networks_and_with_themselves(name):
    with seeded(0, name):
        net, shape = NETS[name]()
        for parameter in net.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
        x = torch.randn(12, *shape)
    fixed = torch.floor(x.double() * ONE + 0.5)
    with torch.inference_mode():
        one = exact(net)
        whole = one(fixed)
        wanted = net.double()(fixed / ONE)
        singly = torch.cat([one(row[None]) for row in fixed])
        backwards = one(fixed.flip(0)).flip(0)
    assert torch.equal(whole, torch.floor(whole))
    assert torch.equal(whole, singly)
    assert torch.equal(whole, backwards)
    scale = wanted.abs().max().clamp_min(1)
    assert (whole / ONE - wanted).abs().max() < 2e-2 * scale


def test_neither_threads_nor_onednn_change_a_bit():
    net, x = (
        exact(dense((64,), (32,), (128,)).eval()),
        torch.randint(-(2**18), 2**18, (300, 64)).double(),
    )
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            with torch.inference_mode():
                found.append(net(x))
    finally:
        torch.set_num_threads(before)
    with torch.inference_mode(), torch.backends.mkldnn.flags(enabled=False):
        found.append(net(x))
    assert all(torch.equal(found[0], other) for other in found[1:])


def test_no_partial_sum_can_pass_what_float64_holds():
    """The worst inputs there can be, against the same product in Python's whole numbers."""
    layer = nn.Linear(200, 3)
    layer.weight.data.normal_(0, 3)
    product = exact(layer).__self__
    x = torch.sign(product.weight[0])[None] * fixed_point.LIMIT
    wanted = sum(int(a) * int(b) for a, b in zip(x[0], product.weight[0], strict=True))
    assert int((x @ product.weight[0])[0]) == wanted
    assert abs(wanted) + abs(int(product.bias[0])) < 2**53


def test_square_roots_are_rounded_correctly():
    """As IEEE 754 asks; torch's vector library does not always."""
    import math

    x = np.random.default_rng(0).uniform(1e-5, 100, 20_000)
    assert np.sqrt(x).tolist() == [math.sqrt(v) for v in x]


@pytest.mark.parametrize("size", [1.0, 2.0**30, 2.0**54])
def test_numbers_beyond_the_limits_are_held_within(size):
    """Whatever comes in, a batch and its rows one by one give the same."""
    x = torch.floor(torch.randn(40, 2, 5, 5, dtype=torch.float64) * ONE * size)
    for net in (nn.Conv2d(2, 3, 3), nn.ConvTranspose2d(2, 3, 3, 2), norm(2)):
        one = exact(net)
        with torch.inference_mode():
            assert torch.equal(one(x), torch.cat([one(row[None]) for row in x]))
    assert exact(nn.Linear(5, 5)).__self__.rows(x[:, 0, 0]).abs().max() <= fixed_point.LIMIT


def test_deep_chains_of_latents_stay_finite():
    from vaekit.codec.posteriors import CorrelatedNormal

    dim = 96
    lower = np.tril(np.ones((1, dim, dim)), -1) + 1e-4 * np.eye(dim)
    chain = CorrelatedNormal(np.full((1, dim), 5.0) * (-1) ** np.arange(dim), lower)
    stack, bins = Stack.new(2), chain.likeliest()
    chain.push(stack, bins)
    assert (chain.pop(stack) == bins).all()


def test_rows_that_cost_nothing_are_coded_in_large_batches():
    model = fixed_point_copy(made("bernoulli", (1,), latent=2))
    x = np.ones((3000, 1), np.int64)
    packed = blocks.compress(model, x)
    _, runs = blocks._unpacked(packed, len(x), blocks.most_at_once(1))
    assert sum(run.times for run in runs) < 1000
    assert (blocks.decompress(model, packed, 3000, (1,)) == x).all()


def test_parts_without_a_copy_are_named():
    with pytest.raises(BadInput, match="BatchNorm2d"):
        exact(nn.Sequential(nn.BatchNorm2d(3)))
    with pytest.raises(BadInput, match="real numbers"):
        fixed_point_copy(made("gaussian"))
    with pytest.raises(BadInput, match="PointMass"):
        fixed_point_copy(made("bernoulli", posterior="point"))


# ---- rows


@pytest.mark.parametrize("likelihood", ["bernoulli", *LEVELS, *COUNTS])
@pytest.mark.parametrize("network", ["dense", "conv", "residual"])
def test_rows_come_back(likelihood, network):
    shape = (1, 16, 17)
    options = {"network": network, "width": 8, "components": 2}
    if network == "conv":
        options["link"] = "exp"
    model, x = fixed_point_copy(made(likelihood, shape, **options)), rows_for(likelihood, 30, shape)
    packed = blocks.compress(model, x)
    assert (blocks.decompress(model, packed, len(x), shape) == x).all()


@pytest.mark.parametrize("posterior", ["full", "low_rank"])
def test_posteriors_with_a_covariance(posterior):
    """Rows come back, and the latents are drawn with the float posterior's covariance."""
    model, x = made("bernoulli", latent=5, posterior=posterior), rows_for("bernoulli", 40)
    assert (
        blocks.decompress(
            fixed_point_copy(model), blocks.compress(fixed_point_copy(model), x), 40, (1, 6, 5)
        )
        == x
    ).all()
    x = np.repeat(x[:1], 4000, 0)
    random = np.random.default_rng(1)
    stack = Stack(random.integers(2**32, 2**63, 64), random.integers(0, 2**32, 60_000))
    with torch.inference_mode():
        bins = fixed_point_copy(model).posterior(torch.from_numpy(x * ONE)).pop(stack)
        wanted = model.posterior(torch.from_numpy(x[:1]).float())
    z = torch.from_numpy(fixed_point.centres()[bins] / ONE).reshape(-1, 5)
    assert torch.allclose(z.mean(0).float(), wanted.mean[0], atol=0.1)
    assert torch.allclose(z.T.cov().float(), wanted.covariance_matrix[0], atol=0.2, rtol=0.15)


def test_rows_come_back_in_vectors_and_with_huge_counts():
    model = fixed_point_copy(made("negative_binomial", (7,)))
    x = np.random.default_rng(0).integers(0, 2**38, (50, 7))
    x[::3] //= 2**30
    assert (blocks.decompress(model, blocks.compress(model, x), 50, (7,)) == x).all()


def test_the_rate_is_that_of_the_elbo():
    """A model whose posterior is good: net bits within one percent of -ELBO, start-up counted."""
    x = open_source("digits").rows("train")
    with seeded(0, "digits"):
        options = {"latent": 6, "likelihood": "logistic_mixture", "width": 64, "levels": 17}
        model = fitted(vae(x.shape[1:], **options).model, Rows(x.float()))
    x = x.repeat(4, 1, 1, 1)
    wanted = elbo_bits(model, Rows(x.float()))
    packed = blocks.compress(fixed_point_copy(model), x.numpy().astype(np.int64))
    assert 8 * len(packed) < 1.01 * wanted + 2000
    assert 8 * len(packed) > 0.985 * wanted


def test_costs_are_those_of_the_float_model():
    model, x = made("beta_binomial"), rows_for("beta_binomial", 20)
    rule = BinRule(20, lambda n, p, q: q.likeliest(), back=True)
    with torch.inference_mode():
        found = fixed_point_copy(model)(rule, fixed_point_rows(x))
        size = found.interval(slice(0, found.count), x.reshape(-1))[1]
        bits = -np.log2(size / PARTS).sum()
        z = torch.from_numpy(fixed_point.centres()[rule.bins["z"]] / ONE).reshape(20, -1).float()
        wanted = -model.likelihood(z).log_prob(torch.from_numpy(x).float()).sum().item() / np.log(2)
    assert bits == pytest.approx(wanted, rel=3e-3)


def test_the_same_graph_codes_and_trains():
    """Nothing of the model is written twice: the copy is of the model's own class."""
    model = burda((1, 8, 8), width=12, latent=3).model.eval()
    assert type(fixed_point_copy(model)) is type(model)
    assert model(Recorder(2, 1, from_posterior), Rows(torch.zeros(2, 1, 8, 8))).batch_shape == (2,)


@given(
    st.integers(0, 2**31), st.sampled_from(["noise", "flat", "sparse", "steps"]), st.integers(1, 6)
)
@settings(max_examples=int(os.environ.get("VAEKIT_CASES", "400")), deadline=None)
def test_any_bytes_of_the_right_shape_come_back(seed, pattern, count):
    random = np.random.default_rng(seed)
    x = {
        "noise": lambda: random.integers(0, 256, (count, 1, 3, 3)),
        "flat": lambda: np.full((count, 1, 3, 3), random.integers(0, 256)),
        "sparse": lambda: random.integers(0, 256, (count, 1, 3, 3)) * (random.random((count, 1, 3, 3)) < 0.1),
        "steps": lambda: np.cumsum(random.integers(0, 3, (count, 1, 3, 3)), -1) % 256,
    }[pattern]()  # fmt: skip
    model = SMALL[seed % len(SMALL)]
    assert (blocks.decompress(model, blocks.compress(model, x), count, (1, 3, 3)) == x).all()


SMALL = [
    fixed_point_copy(made(name, (1, 3, 3), latent=2, width=4, components=2)) for name in LEVELS
]
