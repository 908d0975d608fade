"""Codes from a list: probabilities, gradients, what training makes of them, and what is refused."""

import itertools
import math

import numpy as np
import pytest
import torch
from graphs import drawn as drawn_model
from graphs import listed as listed_model
from graphs import some_rows
from test_zoo import factors, made, trained

import vaekit
from vaekit.conditionals.codebooks import Autoregressive, Even
from vaekit.distributions import common_draws, exact_kl, is_discrete
from vaekit.distributions.codebooks import EvenEntries, NearestEntries, listed, rotated
from vaekit.distributions.drawn_entries import DrawnEntries
from vaekit.evaluation.codebooks import codebook_use
from vaekit.families.codebooks import Codebook, MappedCodebook, Nearest, NearestValues
from vaekit.models.trace import trace
from vaekit.networks import Summed
from vaekit.objectives import codebooks
from vaekit.objectives.bounds import elbo, iwae
from vaekit.system.checks import BadInput, Unsuited

BOOK = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
GIVEN = torch.tensor([[[0.1, 0.2], [0.9, -0.3]], [[0.2, 0.7], [3.0, 3.1]]])


def test_the_nearest_entries_are_chosen_place_by_place():
    q = NearestEntries(GIVEN, BOOK)
    assert q.chosen.tolist() == [[0, 1], [2, 2]]
    assert q.mean.tolist() == [[0, 0, 1, 0], [0, 1, 0, 1]]
    assert is_discrete(q)


def test_probabilities_sum_to_one_over_all_codes():
    """Of two places and three entries there are nine codes."""
    codes = torch.stack([torch.cat(pair) for pair in itertools.product(BOOK, BOOK)])
    q, p = NearestEntries(GIVEN, BOOK), EvenEntries(BOOK, 2)
    assert q.log_prob(codes[:, None]).exp().sum(0).tolist() == [1.0, 1.0]
    assert p.log_prob(codes).exp().sum().item() == pytest.approx(1.0)
    by_hand = (q.log_prob(codes[:, None]).exp().T * -p.log_prob(codes)).sum(1)
    assert torch.allclose(exact_kl(q, p), by_hand)
    assert by_hand.tolist() == pytest.approx([2 * math.log(3)] * 2)


def test_draws_of_the_prior_are_codes_and_even():
    drawn = EvenEntries(BOOK, 2).sample((9000,)).unflatten(-1, (2, 2))
    share = [(drawn == entry).all(-1).float().mean(0) for entry in BOOK]
    assert torch.allclose(torch.stack(share), torch.full((3, 2), 1 / 3), atol=0.02)


def test_the_elbo_is_below_log_p_which_nine_codes_give():
    """log p(x) = log mean over all codes of p(x | code), in full."""
    m = listed_model()
    told = some_rows(0, 20)
    book = m.prior.family.book
    codes = torch.stack([torch.cat(pair) for pair in itertools.product(book, book)])
    with torch.no_grad():
        t = trace(m, told, samples=3)
        each = torch.stack([m.likelihood(z.expand(20, -1)).log_prob(told.x) for z in codes])
        exact = each.logsumexp(0) - math.log(len(codes))
        assert (elbo(t) < exact).all()
        assert torch.allclose(iwae(t), elbo(t), atol=1e-5)


def test_codes_one_after_the_other_sum_to_one_and_are_drawn_as_often():
    """Of two places and four entries there are sixteen codes."""
    torch.manual_seed(0)
    prior = Autoregressive(Nearest(Codebook(4, 2), 2), 8)
    torch.nn.init.normal_(prior.net.out.weight, std=2.0)
    p, book = prior(), prior.family.book
    codes = torch.stack([torch.cat(pair) for pair in itertools.product(book, book)])
    with torch.no_grad():
        chance = p.log_prob(codes).exp()
        assert chance.sum().item() == pytest.approx(1.0, abs=1e-5)
        assert chance.max() > 2 * chance.min()
        drawn = p.sample((4000,))
        share = (drawn[:, None] == codes).all(-1).float().mean(0)
        assert torch.allclose(share, chance, atol=0.03)


def test_a_learned_prior_knows_how_codes_go_together():
    """Its KL comes close to the entropy of the codes, which that of the even prior is far above, and
    its draws are codes that rows have."""
    x = factors()
    how = {"latent": 2, "places": 2, "entries": 8, "updates": 250}
    m, loss = trained("vq_vae", x, code_prior="autoregressive", **how)
    with torch.no_grad():
        chosen = m.posterior(x).chosen
        code = chosen[:, 0] * 8 + chosen[:, 1]
        share = torch.bincount(code, minlength=64) / len(x)
        entropy = torch.special.entr(share).sum().item()
        found = exact_kl(m.posterior(x), m.prior()).mean().item()
        assert entropy <= found + 1e-4 < entropy + 0.4 < 2 * math.log(8)
        assert loss.terms["kl"].item() == pytest.approx(found, abs=1e-3)
        drawn = listed(
            NearestEntries(m.prior().sample((2000,)).unflatten(1, (2, 2)), m.prior.family.book)
        )
        met = share[drawn.chosen[:, 0] * 8 + drawn.chosen[:, 1]] > 0
        even = (share > 0).float().mean()
        assert met.float().mean() > (1 + even) / 2


def test_the_prior_moves_no_codes():
    m = listed_model(Autoregressive)
    t = trace(m, some_rows(0, 20))
    t.kl.sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in m.posterior.parameters())
    assert any(p.grad is not None and p.grad.any() for p in m.prior.net.parameters())


def test_gradients_go_straight_through():
    raw = GIVEN.clone().requires_grad_()
    z = NearestEntries(raw, BOOK).rsample()
    assert torch.equal(z, NearestEntries(GIVEN, BOOK).mean)
    z.backward(torch.arange(8.0).view(2, 4))
    assert torch.equal(raw.grad.flatten(), torch.arange(8.0))


@pytest.mark.parametrize("length", [0.0, 1e-30, 1e-4, 0.2])
def test_rotated_gradients_of_what_is_near_nothing_are_bounded(length):
    """As of a stage after one that told all: |entry| / |what was left| has no bound of its own."""
    raw = (torch.tensor([0.6, 0.0, 0.8]) * length).requires_grad_()
    rotated(raw, torch.tensor([0.0, 3.0, 0.0])).sum().backward()
    size = 10.0 if length else 0.0
    assert size * 0.999 < raw.grad.norm().item() / math.sqrt(3) < 10.001


def test_rotated_gradients_turn_as_codes_do():
    """By the matrix itself: (|c| / |e|) R with R e / |e| = c / |c|, R orthogonal."""
    torch.manual_seed(0)
    raw = torch.randn(1, 2, 3, requires_grad=True)
    q = NearestEntries(raw, torch.randn(5, 3), rotated)
    way = torch.randn(2, 3)
    (found,) = torch.autograd.grad((q.rsample().view(2, 3) * way).sum(), raw)
    for e, c, g, by in zip(raw[0].detach(), q.entries[0], way, found[0], strict=True):
        a, b = e / e.norm(), c / c.norm()
        half = (a + b) / (a + b).norm()
        turn = torch.eye(3) - 2 * torch.outer(half, half) + 2 * torch.outer(b, a)
        assert torch.allclose(turn @ turn.T, torch.eye(3), atol=1e-5)
        assert torch.allclose(turn @ a, b, atol=1e-5)
        assert torch.allclose(by, c.norm() / e.norm() * turn.T @ g, atol=1e-5)
    assert torch.allclose(q.rsample(), q.mean, atol=1e-6)


def test_each_stage_takes_what_is_nearest_to_what_is_left():
    family = Nearest(Codebook(6, 2), 1, stages=3)
    raw = torch.randn(4, 2, requires_grad=True)
    q, left, taken = family(raw), raw.detach(), []
    for _ in range(3):
        taken.append(family.book[torch.cdist(left, family.book).argmin(1)].detach())
        left = left - taken[-1]
    assert torch.equal(q.mean, torch.cat(taken, 1))
    assert (family.raw_shape, family.event_shape, family.places) == ((2,), (6,), 3)
    assert torch.allclose(Summed(3, 2)(q.unlisted), raw, atol=1e-6)
    assert exact_kl(q, Even(family)())[0].item() == pytest.approx(3 * math.log(6))
    way = torch.randn(4, 2)
    (found,) = torch.autograd.grad((Summed(3, 2)(q.rsample()) * way).sum(), raw)
    assert torch.allclose(found, way, atol=1e-6)


def test_more_stages_leave_less():
    x, errors = factors(), []
    for stages in (1, 2, 4):
        m, loss = trained("vq_vae", x, updates=150, latent=3, places=1, entries=8, stages=stages)
        q = m.posterior(x)
        left = m.posterior.net(x) - Summed(stages, 3)(q.mean)
        errors.append(left.square().mean().item() / m.posterior.net(x).var().item())
        assert loss.terms["kl"].item() == pytest.approx(stages * math.log(8), rel=1e-4)
    assert errors[2] < 0.7 * errors[1] < 0.5 * errors[0]


def test_a_mapped_list_moves_as_a_whole():
    book = MappedCodebook(64, 2)
    start, optimizer = book.book.detach(), torch.optim.Adam(book.parameters(), 0.1)
    for _ in range(100):
        optimizer.zero_grad()
        (book.book[0] - torch.tensor([3.0, 1.0])).square().sum().backward()
        optimizer.step()
    moved = torch.linalg.lstsq(start, book.book.detach()).solution
    assert torch.allclose(start @ moved, book.book, atol=1e-4)
    assert (book.book - start).norm(dim=1).min() > 1e-3
    assert book.book[0].tolist() == pytest.approx([3.0, 1.0], abs=0.1)
    assert [n for n, _ in book.named_parameters()] == ["map"]


def test_what_is_unsure_by_hand():
    """Two rows at the two values: sure, and as even as can be; both between them: the contrary."""
    m = listed_model()
    for at, told in (([50.0, -50.0], -math.log(2)), ([0.0, 0.0], 0.0)):
        encoded = torch.tensor(at).view(2, 1, 1).expand(2, 3, 1)
        q = NearestEntries(encoded, torch.tensor([[-1.0], [1.0]]))
        t = trace(m, some_rows(0, 2))
        t.latents["z"] = t.latents["z"].__class__(**{**vars(t.latents["z"]), "posterior": q})
        assert codebooks.unsure(t).item() == pytest.approx(3 * told, abs=1e-5)


def test_bits_are_sure_and_even():
    x = factors()
    m, loss = trained("lfq_vae", x, updates=200, latent=6, entropy=1.0)
    use = codebook_use(m, x)
    assert use.entries == 2
    assert use.perplexity > 1.9
    assert loss.terms["kl"].item() == pytest.approx(6 * math.log(2), rel=1e-4)
    (term,) = made("lfq_vae", latent=6).objective.terms
    assert term.name == "entropy"
    with pytest.raises(BadInput, match="always has values 2"):
        vaekit.fit(x, "lfq_vae", values=3)


CHANCES = torch.tensor([[[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]]).log()


def test_drawn_codes_are_drawn_as_often_as_is_said():
    codes = torch.stack([torch.cat(pair) for pair in itertools.product(BOOK, BOOK)])
    q = DrawnEntries(CHANCES + 3, BOOK, 0.5)
    chance = q.log_prob(codes[:, None])[:, 0].exp()
    assert chance.sum().item() == pytest.approx(1.0)
    assert chance[2].item() == pytest.approx(0.7 * 0.8)
    for z in (q.sample((9000,)), common_draws(q, 9000)):
        share = (z == codes[:, None, None]).all(-1).float().mean(1)[:, 0]
        assert torch.allclose(share, chance, atol=0.02)
    by_hand = (chance * (chance.log() + 2 * math.log(3))).sum().item()
    assert exact_kl(q, EvenEntries(BOOK, 2)).item() == pytest.approx(by_hand, abs=1e-5)
    assert q.mean.tolist() == [[0, 0, 0, 1]]


def test_gradients_of_drawn_codes_are_right_where_it_is_cold():
    """Of E[f(z)] with a linear f, of which the exact gradient is known; warm ones are smaller."""
    way, off = torch.tensor([1.0, -2.0, 0.5, 3.0]), []
    for temperature in (0.1, 5.0):
        logits = CHANCES.clone().requires_grad_()
        q = DrawnEntries(logits, BOOK, temperature)
        (exact,) = torch.autograd.grad(q.expected.flatten() @ way, logits, retain_graph=True)
        (found,) = torch.autograd.grad((q.rsample((60_000,)) @ way).mean(), logits)
        off.append((found - exact).abs().max().item())
    assert off[0] < 0.06 < 0.2 < off[1]


def test_log_p_of_drawn_codes_is_found_by_more_of_them():
    """log p(x) of sixteen codes in full."""
    torch.manual_seed(0)
    m, told = drawn_model(), some_rows(0, 5)
    book = m.prior.family.book
    codes = torch.stack([torch.cat(pair) for pair in itertools.product(book, book)])
    with torch.no_grad():
        each = torch.stack([m.likelihood(z.expand(5, -1)).log_prob(told.x) for z in codes])
        exact = each.logsumexp(0) - math.log(len(codes))
        assert torch.allclose(iwae(trace(m, told, samples=3000)), exact, atol=0.02)
        assert (elbo(trace(m, told, samples=3000)) < exact).all()
    found = codebook_use(m, told)
    assert (found.certain, found.doubts) == (False, ())


def test_drawn_codes_tell_of_a_row():
    x = factors()
    m, loss = trained("categorical_vae", x, updates=250, latent=2, places=3, entries=6)
    error = (m.likelihood(m.posterior(x).mean).mean - x).square().mean().item()
    assert error < 0.6 * x.var().item()
    assert 1.0 < loss.terms["kl"].item() < 3 * math.log(6)


def test_common_noise_changes_nothing():
    q = NearestEntries(GIVEN, BOOK)
    assert torch.equal(common_draws(q, 3), q.mean.expand(3, 2, 4))


def test_penalties_move_entries_or_the_encoder_by_hand():
    family = Nearest(Codebook(3, 2), 2)
    family.codebook.book.data.copy_(BOOK)
    m = listed_model()
    q = NearestEntries(GIVEN.clone().requires_grad_(), family.book)
    t = trace(m, some_rows(0, 2))
    t.latents["z"] = t.latents["z"].__class__(**{**vars(t.latents["z"]), "posterior": q})
    by_hand = ((GIVEN.flatten(1) - q.mean) ** 2).sum(1).mean().item()
    for penalty, moved, still in (
        (codebooks.codebook, family.book, q.encoded),
        (codebooks.commitment, q.encoded, family.book),
    ):
        value = penalty(t)
        assert value.item() == pytest.approx(by_hand)
        found = torch.autograd.grad(
            value, [moved, still], allow_unused=True, materialize_grads=True
        )
        assert found[0].abs().sum() > 0
        assert found[1].abs().sum() == 0


def test_an_entry_that_nobody_uses_comes_to_where_codes_are():
    """All codes are near (1, 0), and another entry lies at (9, 9)."""
    book = torch.nn.Parameter(torch.tensor([[1.0, 0.0], [9.0, 9.0]]))
    m = listed_model()
    t = trace(m, some_rows(0, 50))
    optimizer = torch.optim.Adam([book], 0.3)
    for _ in range(100):
        near = torch.tensor([1.0, 0.0]) + 0.3 * torch.randn(50, 1, 2)
        t.latents["z"] = t.latents["z"].__class__(
            **{**vars(t.latents["z"]), "posterior": NearestEntries(near, book)}
        )
        optimizer.zero_grad()
        (0.1 * codebooks.revival(t) + codebooks.codebook(t)).backward()
        optimizer.step()
    used = NearestEntries(near, book).chosen.flatten().bincount(minlength=2)
    assert used.min() > 5


def test_values_are_even_and_within_one():
    family = NearestValues(5, 3)
    z = family(torch.tensor([[-9.0, 0.1, 0.6]])).mean
    assert z.tolist() == [[-1.0, 0.0, 0.5]]
    assert exact_kl(family(torch.zeros(1, 3)), Even(family)()).item() == pytest.approx(
        3 * math.log(5)
    )


def test_posteriors_without_a_list_are_refused():
    m, _ = made("vae")
    assert listed(trace(m, factors(5)).latents["z"].posterior) is None
    for penalty in (codebooks.codebook, codebooks.commitment, codebooks.revival):
        with pytest.raises(Unsuited, match="codes of this posterior are from no list"):
            penalty(trace(m, factors(5)))
    assert codebook_use(m, factors(5)) is None


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("vq_vae", {"latent": 2, "places": 2, "entries": 16}),
        ("fsq_vae", {"latent": 3, "values": 7}),
    ],
)
def test_few_codes_tell_most_of_a_row(name, how):
    x = factors()
    m, loss = trained(name, x, updates=250, **how)
    count = 16**2 if name == "vq_vae" else 7**3
    assert loss.terms["kl"].item() == pytest.approx(math.log(count), rel=1e-4)
    use = codebook_use(m, x)
    error = (m.likelihood(m.posterior(x).mean).mean - x).square().mean().item()
    assert error < 0.5 * x.var().item()
    assert use.used > use.entries / 2
    assert use.entries / 3 < use.perplexity <= use.used


@pytest.mark.parametrize("recipe", ["vq_vae", "categorical_vae"])
def test_a_warm_up_is_advised_only_where_the_kl_is_no_constant(recipe):
    x = np.random.default_rng(0).normal(size=(150, 4)).astype(np.float32)
    how = {"places": 8, "entries": 4, "epochs": 1, "width": 4, "lr": 1e-9, "quiet": True}
    model = vaekit.fit(x, recipe, **how)
    with torch.no_grad():
        for weight in model.model.posterior.parameters():
            weight.zero_()
    told = model.evaluate(x, samples=2).diagnosis
    assert ("warm-up" in told) == (recipe == "categorical_vae"), told


def test_use_of_a_list_by_hand():
    m = listed_model()
    told = some_rows(0, 300)
    use = codebook_use(m, told)
    with torch.no_grad():
        q = m.posterior(told.x)
    counts = np.bincount(q.chosen.flatten(), minlength=4)
    share = counts[counts > 0] / counts.sum()
    assert use.used == (counts > 0).sum()
    assert use.perplexity == pytest.approx(np.exp(-(share * np.log(share)).sum()))
    rebuilt = m.likelihood(q.encoded.flatten(1)).mean
    assert use.unquantised_error == pytest.approx(
        (rebuilt - told.x).square().mean().item(), rel=1e-4
    )


def test_a_model_of_listed_codes_answers_what_it_can(tmp_path):
    x = np.random.default_rng(0).integers(0, 2, (60, 6))
    model = vaekit.fit(x, "vq_vae", latent=2, places=2, entries=4, width=8, epochs=1, quiet=True)
    found = model.evaluate(x, samples=3)
    assert found.kl == pytest.approx(2 * math.log(4))
    assert found.to_dict()["codebook_entries"] == 4
    assert any("the one code that the encoder chose" in said for said in found.doubts)
    assert "entries in use" in [figure.name for figure in found.figures[-1].each]
    with pytest.raises(BadInput, match="no density can take the place of their prior"):
        model.refit_prior("mixture")
    with pytest.raises(BadInput, match="no annealing"):
        model.evaluate(x, samples=3, annealed_rows=2)
    way = model.model.path(*model.model.prior().sample((2, 1)), torch.tensor([0.0, 0.4, 1.0]))
    book = model.model.prior.family.book
    parts = way.unflatten(-1, (2, 2))
    assert all((part == book).all(-1).any() for part in parts.flatten(0, 2))


def test_numbers_far_out_can_come_back():
    """At first all rows may push codes to one end; there the slope is not gone, as tanh's is."""
    raw = torch.tensor([[-6.0, 0.0, 1.0, 6.0]], requires_grad=True)
    q = NearestValues(9, 4)(raw)
    z = q.rsample()
    assert z.tolist() == [[-0.75, 0.0, 0.5, 0.75]]
    z.sum().backward()
    assert raw.grad[0].tolist() == pytest.approx([1 / 49, 1, 1 / 4, 1 / 49])
