"""Everything goes with everything, or is refused in one line before training begins."""

import random
import sys
import typing

import pytest
import torch
from graphs import GRAPHS, NETWORKS, PRIORS, some_rows
from living import FOR_COUNTS, FOR_PICTURES, life
from parts import BOUNDS, CRITICS, LIKELIHOODS, OF_NUMBERS, PENALTIES, VECTOR, rows
from torch import nn

import vaekit.recipes.parts as named
from vaekit import conditionals
from vaekit.conditionals import Prior
from vaekit.distributions.codebooks import listed
from vaekit.evaluation import decode, encode
from vaekit.families import catalogue
from vaekit.families.base import COUNTS
from vaekit.models import Graph
from vaekit.models.drawing import Generator
from vaekit.models.trace import trace
from vaekit.objectives import Critic, bounds, discrepancies, penalties
from vaekit.objectives.bounds import Bound, iwae
from vaekit.recipes import RECIPES
from vaekit.recipes.places import PlacedNetwork
from vaekit.recipes.recipe import options
from vaekit.rows import Rows
from vaekit.system.checks import BadInput

POSTERIORS = [*named.POSTERIORS]
FLOWS = ("flow", "maf", "realnvp")
LEARNED = ("mixture", "vamp", *FLOWS, "lars", "exemplar")
IN_TRAINING = [name for name, kind in conditionals.PRIORS.items() if not kind.only_after]
ALIKE = {  # the others stand for them
    "householder": "full",
    "even_mixture": "mixture",
    **dict.fromkeys(("planar", "radial", "sylvester", "coupling"), "iaf"),
}
PRIORS_ALIKE = {"lars": "flow", "exemplar": "vamp", "maf": "flow", "realnvp": "flow"}
NAMES = [*catalogue.LIKELIHOODS]
# pairs of a recipe and a part, or of two parts, that cannot be trained; where two parts have a name
# in common, with the option's
REFUSED = {
    **{
        (recipe, prior): "without anything given beside them"
        for recipe in ("conditional_vae", "m2_vae")
        for prior in ("vamp", "exemplar")
    },
    **{
        ("beta_tcvae", name): "independent dimensions"
        for name in ("low_rank", "full", "iaf", *ALIKE)
    },
    ("beta_tcvae", "posterior mixture"): "independent dimensions",
    **{
        (recipe, name): said
        for name in ("iaf", "planar", "radial", "sylvester", "coupling")
        for recipe, said in (
            ("dip_vae", "covariance of this posterior is not known"),
            ("free_bits_vae", "no KL per dimension"),
        )
    },
    **{("free_bits_vae", name): "no KL per dimension" for name in LEARNED},
    **{
        (recipe, name): "is for counts"
        for recipe in FOR_COUNTS
        for name in NAMES
        if catalogue.kind_of(name) is not COUNTS
    },
    **{("not_miwae", name): "is for likelihood gaussian" for name in NAMES if name != "gaussian"},
    **{
        ("pixel_vae", name): "of whole values alone"
        for name in NAMES
        if not catalogue.kind_of(name).discrete
    },
    **{(recipe, "point"): "a point has no density" for recipe in RECIPES},
    **{
        (recipe, name): "unknown posterior"
        for recipe in ("sphere_vae", "poincare_vae")
        for name in POSTERIORS
    },  # they have their own
}


def lived(recipe, folder, **chosen):
    """A model lives, or is refused for the reason that is expected."""
    shape = FOR_PICTURES.get(recipe, VECTOR)
    refusal = life(recipe, folder, shape=shape, **chosen)
    lacking = [name for name in chosen if name not in options(RECIPES[recipe])]
    parts = {*chosen.values(), *(f"{name} {part}" for name, part in chosen.items())}
    pairs = [REFUSED[recipe, part] for part in parts if (recipe, part) in REFUSED]
    if lacking:
        assert lacking[0] in refusal
    elif pairs:
        assert any(reason in refusal for reason in pairs), refusal
    else:
        assert refusal is None, refusal


@pytest.mark.parametrize("recipe", OF_NUMBERS)
class TestEveryRecipe:
    @pytest.mark.parametrize("posterior", [name for name in POSTERIORS if name not in ALIKE])
    def test_with_every_posterior(self, recipe, posterior, tmp_path):
        lived(recipe, tmp_path, posterior=posterior)

    @pytest.mark.parametrize("prior", [name for name in IN_TRAINING if name not in PRIORS_ALIKE])
    def test_with_every_prior(self, recipe, prior, tmp_path):
        lived(recipe, tmp_path, prior=prior)

    def test_with_pictures(self, recipe, tmp_path):
        assert life(recipe, tmp_path, shape=FOR_PICTURES.get(recipe, (16, 16))) is None


@pytest.mark.parametrize("posterior", POSTERIORS)
class TestEveryPosterior:
    @pytest.mark.parametrize("prior", IN_TRAINING)
    def test_with_every_prior(self, posterior, prior, tmp_path):
        lived("vae", tmp_path, posterior=posterior, prior=prior)

    @pytest.mark.parametrize("likelihood", NAMES)
    def test_with_every_likelihood(self, posterior, likelihood, tmp_path):
        lived("vae", tmp_path, posterior=posterior, likelihood=likelihood)


@pytest.mark.parametrize("prior", IN_TRAINING)
@pytest.mark.parametrize("likelihood", NAMES)
def test_every_prior_with_every_likelihood(prior, likelihood, tmp_path):
    lived("vae", tmp_path, prior=prior, likelihood=likelihood)


def some_combinations(count):
    """Whole combinations of a recipe and all of its parts, always the same ones."""
    pick = random.Random(1)
    sources = {"posterior": POSTERIORS, "prior": IN_TRAINING, "likelihood": NAMES}
    for _ in range(count):
        recipe = pick.choice(OF_NUMBERS)
        chosen = {name: pick.choice(source) for name, source in sources.items()}
        known = options(RECIPES[recipe])
        yield recipe, {name: part for name, part in chosen.items() if name in known}


@pytest.mark.parametrize(
    ("recipe", "chosen"),
    [pytest.param(r, c, id=f"{r}-{'-'.join(c.values())}") for r, c in some_combinations(40)],
)
def test_some_whole_combinations(recipe, chosen, tmp_path):
    lived(recipe, tmp_path, **chosen)


def test_no_part_of_the_package_is_left_out():
    assert (
        PRIORS.keys()
        - {"scaled", "refitted", "sphere", "ball"}
        - {"entries", "entries in a row", "entries on a map"}
        == conditionals.PRIORS.keys()
    )
    assert {n for n in NETWORKS if "ladder" not in n} == {*named.NETWORKS, "map"}
    assert {"auto", *named.NETWORKS, "map"} == {*typing.get_args(PlacedNetwork)}
    graphs = {type(make()[0]) for make in GRAPHS.values()}
    assert package(below(Graph)) <= graphs
    used = {type(make()) for make in PRIORS.values()}
    used |= {type(p) for make in GRAPHS.values() for p in make()[0].modules()}
    assert package(below(Prior)) <= used
    made = [v for n, v in vars(bounds).items() if isinstance(v, Bound)]
    assert {b.name for b in made} <= BOUNDS.keys()
    assert defined(bounds, "Bound") <= BOUNDS.keys()
    found = defined(penalties, "Penalty") | defined(discrepancies, "Penalty")
    found |= {f for f in defined(penalties, "Tensor") if takes_a_trace(getattr(penalties, f))}
    assert found <= PENALTIES.keys()
    assert package(lowest(Critic)) == {type(make()) for make in CRITICS.values()}
    assert {name.split(",")[0] for name in LIKELIHOODS} == catalogue.LIKELIHOODS.keys()


def takes_a_trace(function):
    """Whether a function is a penalty by itself."""
    return next(iter(function.__annotations__.values())) == "Trace"


def below(kind):
    """All classes that are made from one."""
    return {c for one in kind.__subclasses__() for c in (one, *below(one))}


def lowest(kind):
    """Those of them from which no other is made."""
    return {c for c in below(kind) if not c.__subclasses__()}


def package(classes):
    """Those of them that are the package's own."""
    return {c for c in classes if c.__module__.startswith("vaekit.")}


def defined(module, returns):
    """The names of the functions of a module that return such a thing."""
    functions = {n: f for n, f in vars(module).items() if callable(f) and n[0] != "_"}
    return {
        n
        for n, f in functions.items()
        if getattr(f, "__annotations__", {}).get("return") == returns
        and f.__module__ == module.__name__
    }


@pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)
def test_a_prior_samples_where_it_has_mass(make):
    prior = make()
    p = prior()
    z = p.sample((2000,))
    assert p.log_prob(z).shape == (2000,)
    assert torch.isfinite(p.log_prob(z)).all()
    found = prior.quantiles(torch.tensor([0.1, 0.5, 0.9]))
    if found is not None:
        below = (z[:, None] < found).float().mean(0)
        assert torch.allclose(below, torch.tensor([[0.1], [0.5], [0.9]]).expand(3, 3), atol=0.04)


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 17, 20)], ids=str)
def test_a_network_takes_any_picture(make, shape):
    model = make(shape)
    with torch.no_grad():  # residual blocks start as if they were not there
        for weights in model.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
    x = torch.randint(0, 5, (4, *shape)).float()
    t = trace(model, x, samples=2)
    assert t.log_px.shape == (2, 4)
    t.log_ratio.sum().backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert not still


@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
class TestEveryGraph:
    def test_latents_are_known_without_running_anything(self, make, monkeypatch):
        def forbidden(self, *args, **kwargs):
            raise AssertionError(f"{type(self).__name__} was run")

        monkeypatch.setattr(nn.Module, "__call__", forbidden)
        model, _ = make()
        assert all(isinstance(size, int) and size > 0 for size in model.latents.values())
        assert len(model.latents) == len(model.priors) == len(model.posteriors)

    def test_a_trace_is_particles_by_rows(self, make):
        model, given = make()
        t = trace(model, some_rows(given), samples=6)
        for name in ("log_px", "log_pz", "log_qz", "kl", "log_weight", "log_ratio"):
            assert getattr(t, name).shape == (6, 7), name
            assert torch.isfinite(getattr(t, name)).all(), name
        assert list(t.latents) == list(model.latents)

    def test_encoding_decodes_nothing(self, make):
        model, given = make()
        decoded = []
        model.emit = lambda *state: decoded.append(state)
        with exceptions_in_vaekit() as raised:
            z = encode(model, some_rows(given))
        assert z.shape == (7, sum(model.latents.values()))
        assert not decoded
        assert not raised

    def test_decoding_what_was_encoded_has_its_shape(self, make):
        model, given = make()
        told = some_rows(given)
        with torch.inference_mode():
            z = encode(model, told)
            x = decode(model, z, told)
            assert x.expand(told.shape).shape == told.shape  # a density has one mean for all
            assert torch.equal(encode(model, told), z)

    def test_samples_are_rows(self, make):
        model, given = make()
        px = model(Generator(7), some_rows(given).without_x())
        x = px.sample() if px.batch_shape else px.sample((7,))
        assert x.shape == (7, *VECTOR)

    def test_more_particles_come_closer_to_the_likelihood(self, make):
        model, given = make()
        told = some_rows(given, 400)
        with torch.no_grad():
            passes = [trace(model.eval(), told, samples=k) for k in (1, 6, 60)]
        one, some, many = (iwae(t).mean() for t in passes)
        assert one - 0.02 <= some <= many + 0.02
        certain = bool((passes[1].log_ratio == passes[1].log_ratio[0]).all())
        assert many > one or certain
        found = [listed(latent.posterior) for latent in passes[0].latents.values()]
        assert certain == all(each is not None and each.certain for each in found)

    def test_the_order_of_rows_does_not_matter(self, make):
        model, given = make()
        told, order = some_rows(given), torch.randperm(7)
        with torch.inference_mode():
            z = encode(model, told)
            assert torch.allclose(encode(model, told[order]), z[order], atol=1e-6)


class exceptions_in_vaekit:
    """Notes every exception that passes through the package's own code."""

    def __enter__(self):
        self.seen = []
        sys.settrace(self.look)
        return self.seen

    def __exit__(self, *_):
        sys.settrace(None)

    def look(self, frame, event, said):
        if "/vaekit/" not in frame.f_code.co_filename:
            return None
        if event == "exception" and said[0] not in (StopIteration, GeneratorExit):
            self.seen.append(said)
        return self.look


@pytest.mark.parametrize("make", LIKELIHOODS.values(), ids=LIKELIHOODS)
def test_a_missing_value_is_refused_by_all_who_do_not_allow_it(make):
    family = make(VECTOR)
    x = rows(family)
    family.range.check(x, "it")
    x[2, 3] = torch.nan
    if family.range.missing:
        family.range.check(x, "it")
        assert torch.isfinite(family(torch.zeros(7, *family.raw_shape)).log_prob(x)).all()
        return
    with pytest.raises(
        BadInput, match=r"it needs finite data; 1 values .* row 2 at \(3,\)"
    ) as said:
        family.range.check(x, "it")
    assert "\n" not in str(said.value)


def test_rows_know_their_length_whatever_they_hold():
    assert len(Rows()) == 0
    assert len(some_rows(2)) == len(some_rows(2).without_x()) == 7
