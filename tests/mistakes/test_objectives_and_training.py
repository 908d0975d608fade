"""Mistakes found elsewhere in objectives and training loops, and why they cannot happen here."""

import numpy as np
import pytest
import torch
from parts import (
    CRITICS,
    ESTIMATES,
    OF_NUMBERS,
    OF_THE_DECODER,
    PENALTIES,
    LinearGaussian,
    model,
    rows,
)
from test_core import Linear

import vaekit
from vaekit.data import Batches, open_source
from vaekit.models.drawing import at_mean
from vaekit.models.trace import trace
from vaekit.objectives import Objective, Term
from vaekit.objectives.bounds import elbo, reconstruction
from vaekit.objectives.penalties import rate, stratified_weights, total_correlation
from vaekit.recipes import recipe
from vaekit.recipes.recipe import needs_given
from vaekit.rows import Rows
from vaekit.runs.job import prepare
from vaekit.runs.run import run_here
from vaekit.training import Meter, Step


@pytest.mark.parametrize("name", PENALTIES)
def test_no_term_grows_with_the_batch(name):
    """Elsewhere: a loss summed over the batch is added to one per row: 0.03, 0.25, 2.0 for
    batches of 1, 8, 64."""
    m, penalty = model(), PENALTIES[name]
    x = rows(m.likelihood.family, 8)
    values = [penalty(trace(m, x.repeat(n, 1), rule=at_mean)).item() for n in (1, 8, 16)]
    if name in ESTIMATES:
        assert max(abs(v) for v in values) < 5
    else:
        assert values == pytest.approx([values[0]] * 3, rel=1e-4)


def test_stratified_weights_sit_on_the_diagonal():
    """Elsewhere: 1 / N is written into column 0, so every row is weighed as if it were the first;
    one row of weights sums to 1.23."""
    w = stratified_weights(5, 100)
    assert torch.allclose(w.sum(1), torch.ones(5))
    assert torch.allclose(w.diagonal(), torch.full((5,), 0.01))
    assert torch.allclose(w, w.T)


def test_the_weight_of_a_row_counts_once():
    """Elsewhere: log weights are added per latent dimension before the sum, so they count D times.
    With a batch of all rows the estimate must be the exact mixture's total correlation."""
    case = LinearGaussian(full=False)
    x = case.density.sample((60,))
    t = trace(case.model, x)
    q, z = t.latents["z"].posterior, t.latents["z"].value[0]
    joint = torch.logsumexp(q.log_prob(z[:, None]), 1) - np.log(60)
    marginals = torch.logsumexp(q.base_dist.log_prob(z[:, None]), 1) - np.log(60)
    exact = (joint - marginals.sum(-1)).mean()
    assert torch.allclose(total_correlation(60)(t), exact)
    of_any_number_of_rows = total_correlation(900, even=True)
    assert torch.allclose(of_any_number_of_rows(t), exact)
    assert not torch.allclose(total_correlation(900)(t), exact)


def test_total_correlation_is_positive_for_dependent_codes():
    """Elsewhere: "why is the total correlation negative?" """
    case = LinearGaussian(full=False)
    x = case.density.sample((500,))
    assert total_correlation(500)(trace(case.model, x)) > 0


def test_kl_is_summed_over_dimensions_and_positive():
    """Elsewhere: the KL is averaged over dimensions, or reported negative."""
    m = model()
    t = trace(m, rows(m.likelihood.family))
    q = t.latents["z"].posterior
    by_hand = 0.5 * (q.mean**2 + q.variance - 1 - q.variance.log()).sum(-1)
    assert torch.allclose(t.kl[0], by_hand, atol=1e-5)
    assert (t.kl > 0).all()


def test_the_kl_counts_by_default():
    """Elsewhere: the KL is clamped to a capacity of 0 (no loss, no gradient), or weighed by 1e-6."""
    for name in ("vae", "dense_vae"):
        built = recipe(name)(shape=(6,), likelihood="bernoulli", steps=10)
        x = torch.randint(0, 2, (8, 6)).float()
        torch.manual_seed(0)
        loss = built.objective(built.model, x, 3)  # the warm-up is over
        assert loss.total.item() == pytest.approx(
            (loss.terms["reconstruction"] + loss.terms["kl"]).item(), rel=1e-5
        )
    t = trace(built.model, x)
    t.kl.sum().backward()
    assert built.model.posterior.net[-1][-2].weight.grad.abs().sum() > 0


def test_the_likelihood_counts_once():
    """Elsewhere: the reconstruction is doubled by default, a hidden beta of one half."""
    case = LinearGaussian()
    loss = Objective(elbo, samples=4000)(case.model, case.x, 0).total
    assert loss.item() == pytest.approx(-case.log_px.mean().item(), abs=0.15)


def test_training_and_validation_share_one_objective(tmp_path):
    """Elsewhere: validation runs the loss with a KL weight 4,000 times that of training."""
    vaekit.fit("digits", latent=2, width=16, epochs=3, ema=0.0, kl_warmup=0, out=tmp_path / "r")
    from vaekit.training import read_metrics

    lines = read_metrics(tmp_path / "r" / "metrics.jsonl")
    for line in lines:
        assert line["loss"] == pytest.approx(line["reconstruction"] + line["kl"], rel=1e-5)
    train, validation = lines[-2:]
    assert validation["loss"] == pytest.approx(train["loss"], rel=0.1)


@pytest.mark.parametrize("name", PENALTIES)
def test_every_term_has_a_gradient(name):
    """Elsewhere: a perceptual term is computed under no_grad: it changes the printed loss only."""
    m = model()
    PENALTIES[name](trace(m, rows(m.likelihood.family, 20))).backward()
    side = m.likelihood if name in OF_THE_DECODER else m.posterior
    assert side.net[1].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("make", [Linear, *CRITICS.values()], ids=["linear", *CRITICS])
def test_the_adversary_does_not_train_the_encoder(make):
    """Elsewhere: z is not detached, and the discriminator's loss trains the encoder backwards."""
    m, critic = model(), make()
    value, own = critic(trace(m, rows(m.likelihood.family)))
    own.backward(retain_graph=True)
    assert all(p.grad is None or p.grad.eq(0).all() for p in m.parameters())
    critic.zero_grad()
    value.backward()
    assert all(p.grad is None or p.grad.eq(0).all() for p in critic.parameters())


def test_a_penalty_of_weight_zero_changes_no_gradient():
    """Elsewhere: several losses are summed on the encoder before any step, doubling its gradient."""
    m = model()
    x = rows(m.likelihood.family)
    found = []
    for objective in (
        Objective(reconstruction),
        Objective(reconstruction, Term("rate", 0.0, rate)),
    ):
        m.zero_grad()
        torch.manual_seed(0)
        objective(m, x, 0).total.backward()
        found.append(torch.cat([p.grad.flatten() for p in m.parameters()]))
    assert torch.allclose(*found)


@pytest.mark.parametrize("name", sorted(OF_NUMBERS))
def test_a_last_batch_of_one_row_is_fine(name):
    """Elsewhere: an estimator divides by n (n - 1), and the loss is NaN when the last batch has
    one row."""
    x = np.random.default_rng(0).integers(0, 2, (33, 16, 16)).astype(np.uint8)
    given = {"labels": np.arange(33) % 2, "given": ("label",)} if needs_given(recipe(name)) else {}
    job = prepare(open_source(x, **given), name, latent=2, batch=26, epochs=1)
    assert len(job.source.splits["train"]) % 26 == 1
    run = job.run()
    run_here(run)
    assert all(torch.isfinite(p).all() for p in run.state.model.parameters())


def open_source_of(x):
    return open_source(x)


def test_fewer_rows_than_a_batch_are_trained_on():
    """Elsewhere: incomplete batches are dropped, so a small table trains nothing, silently; or the
    loop variable is never set and training crashes."""
    job = prepare(
        open_source_of(np.random.default_rng(0).random((20, 3))), latent=2, batch=500, epochs=2
    )
    run = job.run()
    before = [p.detach().clone() for p in run.state.model.parameters()]
    run_here(run)
    assert run.state.step == 2
    assert any(
        not torch.equal(a, b) for a, b in zip(before, run.state.model.parameters(), strict=True)
    )


def test_epoch_means_are_over_rows_not_batches():
    """Elsewhere: an epoch's loss is the mean of its batches' means, whatever their sizes."""
    from vaekit.objectives import Loss

    meter = Meter()
    for size, value in ((99, 1.0), (1, 101.0)):
        meter.add(Step(1, size, Loss(torch.tensor(value), {}), 0.1))
    assert meter.means()["loss"] == pytest.approx(2.0)


def test_the_first_epoch_can_be_the_best():
    """Elsewhere: the best loss starts at 1e10, so a run whose losses are larger keeps no model."""
    x = np.random.default_rng(0).normal(size=(40, 3)) * 1e4
    m = vaekit.fit(x, latent=2, likelihood="gaussian", scale="1e-4", epochs=1, width=8)
    assert m.evaluate(samples=5).reconstruction > 1e10


def test_the_seed_is_set_before_the_weights_are_drawn():
    """Elsewhere: the seed is set after the model is built: the same seed, other weights."""
    first, second, other = (
        prepare(open_source("digits"), latent=2, width=8, seed=s).built.model.state_dict()
        for s in (0, 0, 1)
    )
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert not all(torch.equal(first[k], other[k]) for k in first)


def test_order_changes_every_epoch():
    """Elsewhere: the distributed sampler is never told the epoch: the same order every time."""
    job = prepare(open_source("digits"), latent=2, width=8)
    assert not torch.equal(job.batches.order(0), job.batches.order(1))


def test_test_rows_are_never_trained_on_or_chosen_by():
    """Elsewhere: train and test digits are concatenated for training, or the test split serves for
    validation."""
    source = open_source("digits")
    job = prepare(source, latent=2, width=8)
    seen = torch.cat([job.batches.order(e) for e in range(2)])
    test, validation = (
        set(source.splits["test"].tolist()),
        set(source.splits["validation"].tolist()),
    )
    assert not test & set(seen.tolist())
    assert not test & validation
    assert len(job.rows("validation")) == len(validation)


def test_a_warm_up_ends_before_the_training_does():
    """Elsewhere: the KL warms up over 400 epochs while a large data set trains for 80: its weight
    ends at 0.2."""
    for epochs in (2, 50):
        job = prepare(open_source("digits"), latent=2, width=8, epochs=epochs, kl_warmup=0.5)
        weight = job.built.objective.kl_weight
        assert weight(0) == 0
        assert weight(job.steps // 2) == pytest.approx(1, abs=0.01)
        assert weight(job.steps) == 1


def test_test_data_is_binarized_once():
    """Elsewhere: the test set is drawn anew at every evaluation, so scores wander."""
    m = vaekit.fit("digits", latent=2, width=8, epochs=1, binarize="dynamic")
    assert m.evaluate(samples=5) == m.evaluate(samples=5)


def test_leapfrog_steps_keep_volume():
    """Elsewhere: the position moves by the old momentum, not the half step: |det J| = 1.206."""
    from vaekit.evaluation.annealing import AnnealedPath
    from vaekit.rows import Rows

    case = LinearGaussian()
    path = AnnealedPath(case.model, Rows(case.x[:1]), "posterior")

    def leap(state):
        z, speed = state[None, None, :3], state[None, None, 3:]
        for _ in range(2):
            speed = speed + 0.25 * gradient(z)
            z = z + 0.5 * speed
            speed = speed + 0.25 * gradient(z)
        return torch.cat([z.flatten(), speed.flatten()])

    def gradient(z):
        first, joint = path.log_densities(z)
        return torch.autograd.grad(joint.sum() + 0 * first.sum(), z, create_graph=True)[0]

    state = torch.randn(6, dtype=torch.float64).requires_grad_()
    jacobian = torch.autograd.functional.jacobian(leap, state)
    assert torch.linalg.det(jacobian).abs().item() == pytest.approx(1.0, abs=1e-9)


def test_a_transition_accepts_by_the_energy_it_moved_by():
    """Elsewhere: training and evaluation use different updates and different deviations. Here a
    move of tiny steps conserves energy, so it is always accepted."""
    from vaekit.evaluation.annealing import AnnealedPath, _transition

    case = LinearGaussian()
    path = AnnealedPath(case.model, Rows(case.x), "posterior")
    z = path.draw(50)
    _, share = _transition(path, z, 1.0, torch.full((5,), 1e-4, dtype=z.dtype), 10)
    assert share.mean() == 1.0


def test_batches_are_never_dropped():
    """Elsewhere: drop_last hides rows from training and from evaluation."""
    source = open_source("digits")
    batches = Batches(source, prepare(source, latent=2, width=8).choice.representation, 100)
    steps = batches.from_step()
    seen = sum(next(steps).rows for _ in range(batches.per_epoch))
    assert seen == len(source.splits["train"])
