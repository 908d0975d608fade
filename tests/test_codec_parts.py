"""What the codec knows, it codes; what it does not know, it refuses in one line. Rows come back
with what is given beside them, at the rate of the ELBO."""

import math

import numpy as np
import pytest
import torch
from coding import elbo_bits, fitted, given_rows, handmade, made, rows_for, rows_given, told_by
from torch import nn

from vaekit.codec import blocks
from vaekit.codec.ans import Empty
from vaekit.codec.bits_back import fixed_point_rows
from vaekit.codec.columns import as_columns
from vaekit.codec.families import symbols_of
from vaekit.codec.fixed_point import LIMIT, ONE
from vaekit.codec.graphs import fixed_point_copy
from vaekit.codec.layers import exact
from vaekit.codec.priors import fixed_point_prior
from vaekit.codec.symbols import bit_lengths
from vaekit.conditionals import Conditional, Flow, StandardNormal, Vamp
from vaekit.conditionals.accepted import Accepted
from vaekit.families import Bernoulli, DiagonalNormal, Elementwise, likelihood
from vaekit.models import VAE, Labelled, Ladder
from vaekit.networks import ConditionDropout, InputLayerFirst, Join, Standardize, dense
from vaekit.rows import Rows
from vaekit.system.checks import BadInput

CLASSES = {"kind": ["cat", "dog", "owl"], "age": None}
NO_FORM = "has no exact form: this model cannot compress; a plain vae can"


def one_line(error, words):
    assert words in str(error.value)
    assert "\n" not in str(error.value)


# ---- refusals


class Ternary:
    """A likelihood that nobody has registered."""

    event_shape = raw_shape = (3,)
    has_density = True
    kind = Bernoulli.kind


class Real(Ternary):
    kind = Elementwise.kind


class Better(Bernoulli):
    """May compute something else than its parent."""


@pytest.mark.parametrize(
    ("family", "says"),
    [
        (Ternary(), f"a Ternary {NO_FORM}"),
        (Better((3,)), f"a Better {NO_FORM}"),
        (Real(), "density over real numbers"),
        *((likelihood(name, (3,)), "density over real numbers")
          for name in ("gaussian", "laplace", "student_t", "continuous_bernoulli")),
    ],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_families_without_symbols_are_refused(family, says):
    with pytest.raises(BadInput) as error:
        symbols_of(family)
    one_line(error, says)


def test_a_new_family_adds_one_registration():
    class Coin(Bernoulli):
        pass

    symbols_of.register(Coin, lambda family: symbols_of(Bernoulli(family.event_shape)))
    assert symbols_of(Coin((3,)))(torch.zeros(2, 3)).count == 6


class Halves(nn.Module):
    def forward(self, x):
        return x / 2


class Wider(nn.Linear):
    pass


@pytest.mark.parametrize("layer", [Halves(), Wider(2, 2)], ids=lambda v: type(v).__name__)
def test_layers_that_are_not_known_are_refused(layer):
    with pytest.raises(BadInput) as error:
        exact(nn.Sequential(nn.ReLU(), layer))
    one_line(error, f"a {type(layer).__name__} layer {NO_FORM}")


class Odd(VAE):
    """A graph of its own."""


def test_graphs_that_are_not_known_are_refused():
    vae = made("bernoulli", (4,))
    odd = Odd(vae.prior, vae.posterior, vae.likelihood)
    labelled = Labelled(StandardNormal(2), vae.posterior, vae)
    for model in (odd, labelled, nn.Linear(2, 2)):
        with pytest.raises(BadInput) as error:
            fixed_point_copy(model)
        article = "an" if model is odd else "a"
        one_line(error, f"{article} {type(model).__name__} {NO_FORM}")


def test_what_stands_before_the_given_must_be_known_too():
    vae = made("bernoulli", (4,))
    with pytest.raises(BadInput, match="Halves"):
        fixed_point_copy(VAE(vae.prior, vae.posterior, vae.likelihood, Halves()))


def test_bits_are_counted_up_to_numbers_that_floats_round():
    each = [0, *(2**k + d for k in range(63) for d in (-1, 0, 1)), 2**63 - 1]
    assert bit_lengths(np.array(each)).tolist() == [number.bit_length() for number in each]


PRIORS = {
    "the prior vamp": lambda: Vamp(made("bernoulli", (4,)).posterior, (4,), 4, 3),
    "the prior flow": lambda: Flow(3, 1, 4),
    "the prior lars": lambda: Accepted(StandardNormal(3)),
    "a Conditional prior": lambda: Conditional(dense((2,), (6,), [4]), DiagonalNormal(3)),
}


@pytest.mark.parametrize("name", PRIORS)
def test_priors_without_a_coded_form_are_refused(name):
    with pytest.raises(BadInput) as error:
        fixed_point_prior(PRIORS[name]())
    one_line(error, f"{name} has no coded form: compress with the prior")
    one_line(error, "train with prior=standard")


def test_a_model_with_such_a_prior_is_refused():
    with pytest.raises(BadInput, match="the prior flow has no coded form"):
        fixed_point_copy(made("bernoulli", (4,), prior="flow"))


def test_copies_are_of_the_same_graph():
    assert type(fixed_point_copy(made("bernoulli"))) is VAE
    ladder = fixed_point_copy(made("bernoulli", (4,), "ladder_vae", depth=3))
    assert type(ladder) is Ladder
    assert list(ladder.latents) == ["z", "z1", "z2"]


# ---- what is given


def test_whole_numbers_given_are_exact_and_others_rounded():
    given = {"a": np.eye(3), "b": np.array([[0.1], [-1e9], [1 / 3]])}
    found = fixed_point_rows(None, given).given
    assert (found["a"].numpy() == np.eye(3) * ONE).all()
    assert found["b"].flatten().tolist() == [1638, -LIMIT, 5461]


@pytest.mark.parametrize("shape", [(4,), (2, 5, 3)])
def test_joined_and_prepared_networks_are_exact(shape):
    """Vectors beside vectors and beside images."""
    inner = nn.Conv2d(2 + 3, 2, 3) if len(shape) == 3 else nn.Linear(4 + 3, 2)
    net = InputLayerFirst(nn.Sequential(nn.Identity(), nn.Tanh()), Join(inner))
    x, y = torch.randn(6, *shape), torch.nn.functional.one_hot(torch.arange(6) % 3).double()
    fixed = torch.floor(x.double() * ONE + 0.5)
    with torch.inference_mode():
        whole = exact(net)(fixed, y * ONE)
        wanted = net.double()(fixed / ONE, y)
        singly = torch.cat([exact(net)(fixed[i : i + 1], y[i : i + 1] * ONE) for i in range(6)])
    assert torch.equal(whole, singly)
    assert (whole / ONE - wanted).abs().max() < 1e-3


def test_nothing_is_withheld_from_the_codec():
    given = [torch.ones(4, 2), torch.zeros(4, 1)]
    found = exact(ConditionDropout(0.9).train())(*given)
    assert all(torch.equal(a, b) for a, b in zip(found, given, strict=True))


@pytest.mark.parametrize("kind", ["bernoulli", "logistic_mixture", "beta_binomial", "poisson"])
@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((7,), {}),
        ((7,), {"drop": 0.3, "posterior": "full"}),
        ((1, 6, 5), {}),
        ((2, 16, 16), {"network": "conv", "width": 8}),
        ((1, 16, 16), {"network": "residual", "width": 8, "drop": 0.3}),
    ],
    ids=str,
)
def test_rows_come_back_by_what_is_given(kind, shape, options):
    told = told_by(CLASSES)
    model = made(kind, shape, "conditional_vae", 0.05, given=told.widths, **options)
    x, columns = rows_for(kind, 24, shape), rows_given(told, 24)
    given = {n: v.double().numpy() for n, v in told.encode(told.ask(columns, 24)).items()}
    copy = fixed_point_copy(model)
    packed = blocks.compress(copy, x, given)
    assert (blocks.decompress(copy, packed, 24, shape, given) == x).all()
    wanted = elbo_bits(model, given_rows(told, x, columns))
    assert 8 * len(packed) == pytest.approx(wanted, rel=0.05, abs=1200)


def test_the_wrong_label_does_not_decode():
    told = told_by(CLASSES)
    copy = fixed_point_copy(made("bernoulli", (7,), "conditional_vae", given=told.widths))
    x, given = rows_for("bernoulli", 1, (7,)), {"kind": np.eye(3)[:1], "age": np.zeros((1, 1))}
    packed = blocks.compress(copy, x, given)

    def comes_back(label):
        try:
            other = {**given, "kind": np.eye(3)[label : label + 1]}
            return bool((blocks.decompress(copy, packed, 1, (7,), other) == x).all())
        except Empty:
            return False

    assert [comes_back(label) for label in range(3)] == [True, False, False]


def test_what_is_given_saves_bits_at_the_rate_of_the_elbo():
    """A label that says where the ones are: files are as long as -ELBO, and shorter for it."""
    told, random = told_by({"kind": ["left", "right"]}), np.random.default_rng(0)
    columns = {"kind": random.choice(["left", "right"], 2000)}
    left = (columns["kind"] == "left")[:, None] == (np.arange(64) < 32)
    x = (random.random((2000, 64)) < np.where(left, 0.9, 0.05)).astype(np.int64)
    model = made("bernoulli", (64,), "conditional_vae", 0, given=told.widths, latent=2, width=32)
    rows = given_rows(told, x, columns)
    fitted(model, rows, 400)
    given = {"kind": rows.given["kind"].double().numpy()}
    packed = 8 * len(blocks.compress(fixed_point_copy(model), x, given))
    assert packed == pytest.approx(elbo_bits(model, rows), rel=0.02)
    assert packed < 0.5 * x.size


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kind": ["cat"] * 4}, "there are 5 rows but 4 values of kind"),
        ({"kind": [object()] * 5}, "numbers or words"),
    ],
)
def test_columns_that_do_not_fit_are_refused(given, says):
    with pytest.raises(BadInput, match=says):
        as_columns(given, 5)


def test_one_value_for_all_rows():
    assert as_columns({"kind": "cat", "age": 40.5}, 3)["kind"].tolist() == ["cat"] * 3


def test_rows_without_anything_given_are_rows_alone():
    assert fixed_point_rows(np.zeros((2, 3))).given == {}
    assert Rows().given == {}
    assert handmade("bernoulli", (4,)).config.conditions.names == ()


# ---- parts by hand


def test_lanes_grow_evenly_until_a_32nd_of_the_block():
    """Of 3200 rows that is row 100; the first four are there from the start."""
    found = [blocks.lanes_at(row, 3200, 64) for row in (0, 6, 25, 50, 75, 100, 3199)]
    assert found == [4, 4, 16, 32, 48, 64, 64]


def test_batches_of_more_rows_than_there_are_are_refused_before_what_follows():
    """Three rows, then one too many, and then the payload is cut off."""
    runs = b"".join(map(blocks._short, (2 * 3, 1, 2 * 1, 1)))
    payload = blocks.HEAD.pack(4, 0, 3, 0) + runs
    with pytest.raises(BadInput, match="do not add up"):
        blocks._unpacked(payload, 3, 10)


def test_biases_are_rounded_to_the_nearest():
    """Just below half a fixed-point number is none, and half of one is one."""
    biases = torch.tensor([0.5 - 2.0**-26, 0.5, -0.5, -0.5 - 2.0**-26], dtype=torch.float64) / ONE
    layer = nn.Linear(1, 4).double()
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(biases)
    assert exact(layer)(torch.zeros(1, 1, dtype=torch.float64)).tolist() == [[0, 1, 0, -1]]


@pytest.mark.parametrize("stride", [(2, 1), (1, 3)])
def test_strides_may_differ_between_rows_and_columns(stride):
    layer = nn.Conv2d(2, 3, (3, 2), stride=stride, padding=(1, 0)).double()
    x = torch.randn(4, 2, 9, 7, dtype=torch.float64)
    found = exact(layer)(torch.floor(x * ONE + 0.5)) / ONE
    assert torch.allclose(found, layer(x), atol=2e-3)


def test_logarithms_of_counts_go_to_the_end_of_their_table():
    """2 to the 16th, and beyond it they are held: log(65537) is 11.0903700 in fixed point."""
    layer = Standardize((1,), log=True)
    counts = torch.tensor([[0.0], [65535.0], [65536.0], [1e6]], dtype=torch.float64)
    found = exact(layer)(counts * ONE).flatten().tolist()
    last = math.floor(math.log(65537) * ONE + 0.5)
    assert found == [0, last - 1, last, last]
