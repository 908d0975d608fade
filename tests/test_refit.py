"""A prior is fitted to the codes of a trained model, and the trained one comes back."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import distributions as D

import vaekit
from vaekit.codec.graphs import fixed_point_copy
from vaekit.conditionals import PRIORS, Flow, Mixture, Prior, Scaled, StandardNormal
from vaekit.interfaces.cli import run
from vaekit.models import Density, Labelled
from vaekit.models.drawing import Generator
from vaekit.models.trace import trace
from vaekit.objectives.bounds import elbo, iwae
from vaekit.runs import folder as store
from vaekit.runs import refit as refits
from vaekit.runs.coder import fingerprint
from vaekit.runs.refit import Refit, fit_density, plan_of, refit
from vaekit.system.checks import BadInput
from vaekit.system.modules import state_of

RECIPES = {
    "vae": {},
    "ladder_vae": {},
    "conditional_vae": {"given": "label"},
    "autoencoder": {},
}
OF_ROWS = ("vamp", "manifold")  # made of q(z|x) of rows
REFUSED = {(prior, recipe) for prior in OF_ROWS for recipe in ("conditional_vae", "autoencoder")}
SMALL = {prior: {"components": 4} for prior in ("mixture", *OF_ROWS)}
AFTERWARDS = [name for name, kind in PRIORS.items() if not kind.only_within]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A small model of each recipe, in its folder: (path, model)."""
    made = {}

    def get(recipe):
        if recipe not in made:
            out = tmp_path_factory.mktemp("refit") / recipe
            how = {"latent": 3, "width": 16, "epochs": 1, "batch": 500, **RECIPES[recipe]}
            made[recipe] = out, vaekit.fit("digits", recipe, out=out, **how)
        return made[recipe]

    return get


@pytest.fixture(scope="module")
def loose():
    """A model whose codes lie far from its prior, and the same with a mixture fitted to them."""
    model = vaekit.fit("digits", "beta_vae", beta=0.02, latent=2, width=32, epochs=60)
    return model, refit(model, "mixture", components=20, epochs=60)


@pytest.mark.parametrize("prior", ["mixture", "vamp", "manifold"])
def test_of_few_rows_a_prior_has_one_component_each_at_most(prior):
    model = vaekit.fit(np.random.default_rng(0).normal(size=(30, 3)), latent=2, width=8, epochs=1)
    made = refit(model, prior, epochs=1)
    assert made.trained.model.prior.new.components == 24


@pytest.fixture
def run_folder(tmp_path, models):
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(models("vae")[0], folder)
    return folder


def files(folder):
    return [(folder / name).read_bytes() for name in (store.CONFIG, store.WEIGHTS)]


def numbers(model):
    return model.sample(5, seed=3)


def mixture_of_two():
    weights = D.Categorical(torch.tensor([0.3, 0.7]))
    means, scales = torch.tensor([[-2.0, 5.0], [1.0, 3.0]]), torch.tensor([[0.3, 1.0], [0.5, 0.2]])
    return D.MixtureSameFamily(weights, D.Independent(D.Normal(means, scales), 1))


# ---- densities


def test_a_graph_with_no_latents_traces():
    prior = Mixture(3, 4)
    model, x = Density(prior), torch.randn(6, 3)
    t = trace(model, x, samples=2)
    log_p = prior().log_prob(x)
    assert t.log_px.shape == (2, 6)
    assert torch.allclose(t.log_px, log_p.expand(2, 6))
    assert not t.kl.any()
    assert t.has_density
    assert model.has_density
    for bound in (elbo, iwae):
        assert torch.allclose(bound(t), log_p, atol=1e-6)
    assert model(Generator(5)).sample().shape == (5, 3)


def test_a_mixture_reaches_the_entropy_of_a_known_one():
    known = mixture_of_two()
    train, held_out, test = (known.sample((n,)) for n in (4000, 1000, 4000))
    prior = Scaled(Mixture(2, 10))
    prior.begin(train, train)
    fitted, updates = fit_density(
        prior, train[None], held_out[None], plan_of("mixture", {"epochs": 30})
    )
    assert updates == 30 * 8
    with torch.no_grad():
        lost = (known.log_prob(test) - fitted().log_prob(test)).mean()
    assert -0.02 < lost < 0.05


@pytest.mark.parametrize("name", ["mixture", "flow"])
def test_a_scaled_prior_is_a_change_of_variables(name):
    inner = {"mixture": Mixture(2, 3), "flow": Flow(2, 1, 8)}[name]
    prior = Scaled(inner)
    codes = torch.randn(500, 2) * torch.tensor([0.01, 40.0]) + torch.tensor([3.0, -70.0])
    prior.begin(codes, codes)
    z = prior().sample((50,))
    u = (z - prior.shift) / prior.scale
    log_p = inner().log_prob(u) - prior.scale.log().sum()
    assert torch.allclose(prior().log_prob(z), log_p, atol=1e-3)
    assert (z.mean(0) - codes.mean(0)).abs().lt(codes.std(0)).all()


def test_quantiles_are_moved_with_it():
    prior = Scaled(Mixture(2, 3))
    codes = 5 * torch.randn(400, 2) + 100
    prior.begin(codes, codes)
    shares = torch.tensor([0.1, 0.5, 0.9])
    drawn = prior().sample((20_000,)).quantile(shares, 0)
    assert torch.allclose(prior.quantiles(shares), drawn, atol=0.5)
    assert Scaled(Flow(2, 1, 8)).quantiles(shares) is None


def test_every_epoch_takes_the_next_draw():
    from vaekit.data import Representation, Source

    codes = torch.arange(12.0).reshape(3, 4, 1)  # three draws of four rows
    source = Source("codes", codes.flatten(0, 1), {"train": torch.arange(4)})
    batches = refits.DrawnBatches(source, Representation((1,)), 4, draws=3)
    seen = [
        next(batches.from_step(epoch)).parts[0].rows.data.flatten().sort().values
        for epoch in range(4)
    ]
    assert [s.tolist() for s in seen] == [codes[e % 3].flatten().tolist() for e in range(4)]


# ---- every prior in every model


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("prior", AFTERWARDS)
def test_every_prior_in_every_model(prior, recipe, models, tmp_path):
    folder, model = models(recipe)
    how = {"epochs": 1, **SMALL.get(prior, {})}
    if (prior, recipe) in REFUSED:
        with pytest.raises(BadInput, match=f"a {prior} prior"):
            model.refit_prior(prior, **how)
        return
    made = refit(model, prior, **how)
    new = made.trained
    assert new.model.latents == model.model.latents
    assert all(np.isfinite(gain.nats) for gain in made.gains.values())
    kept = state_of(refits.undone(new).model)
    assert kept.keys() == state_of(model.model).keys()
    assert all(torch.equal(kept[name], t) for name, t in state_of(model.model).items())
    new.save(tmp_path)
    again = vaekit.load(tmp_path)
    assert again.config.prior.name == prior
    given = {"label": "3"} if "conditional" in recipe else None
    a, b = (m.sample(5, seed=1, given=given) for m in (new, again))
    assert np.array_equal(a, b)
    if prior != "standard":
        assert not np.array_equal(a, model.sample(5, seed=1, given=given))
    refits.undone(again).save(tmp_path)
    assert files(tmp_path) == files(folder)
    assert fingerprint(vaekit.load(tmp_path)) == fingerprint(model)


def test_an_autoencoder_gets_something_to_sample_from(models):
    _, model = models("autoencoder")
    codes = np.asarray(model.encode(model.source.part("train")))
    new = model.refit_prior("mixture", components=4, epochs=20)
    from vaekit.pages.panels import prior_draws

    drawn = prior_draws(new)
    assert np.allclose(drawn.mean(0), codes.mean(0), atol=0.3 * codes.std(0).max())
    assert np.allclose(drawn.std(0), codes.std(0), rtol=0.3)
    with pytest.raises(BadInput, match="autoencoder has no log"):
        new.log_likelihood(new.source.part("test"))


def test_a_prior_of_labels_is_not_refitted(models):
    _, model = models("vae")
    with pytest.raises(BadInput, match="the prior of a Labelled cannot be refitted"):
        Labelled(StandardNormal(3), None, model.model).put_first_prior(None)


# ---- what it changes


def test_elbo_gains_what_the_line_says(loose):
    model, made = loose
    assert isinstance(made, Refit)
    gain = made.gains["test"]
    before, after = (m.evaluate(samples=200) for m in (model, made.trained))
    assert gain.nats > 1
    assert after.elbo - before.elbo == pytest.approx(gain.nats, abs=0.2)
    assert after.reconstruction == pytest.approx(before.reconstruction, abs=1e-4)
    assert before.kl - after.kl == pytest.approx(gain.nats, abs=0.2)
    error = 4 * (before.density.sampling_error + after.density.sampling_error)
    assert after.log_likelihood - before.log_likelihood == pytest.approx(gain.nats, abs=0.5 + error)
    assert after.aggregate.marginal_kl < before.aggregate.marginal_kl - 1
    assert after.aggregate.mutual_information == pytest.approx(
        before.aggregate.mutual_information, abs=1e-3
    )


def test_quantiles_annealing_and_walks_use_it(loose):
    model, made = loose
    shares = torch.tensor([0.02, 0.98])
    old, new = (m.model.quantiles(shares) for m in (model, made.trained))
    codes = torch.from_numpy(np.asarray(model.encode(model.source.part("test"))))
    truth = codes.quantile(shares, 0)
    assert (new - truth).abs().max() < (old - truth).abs().max()
    found = made.trained.evaluate(
        model.source.part("test", 3), samples=200, annealed_rows=3, annealed_steps=30, chains=4
    )
    before = model.evaluate(model.source.part("test", 3), samples=2)
    assert before.elbo + 2 < found.log_likelihood - 1 < found.annealing.value < 0
    part = model.source.part("test", 2)
    assert made.trained.interpolate(part, part, 3).shape[:2] == (2, 3)


def test_the_same_seed_gives_the_same_prior(models):
    _, model = models("vae")
    a, b, c = (model.refit_prior("mixture", components=3, epochs=1, seed=s) for s in (0, 0, 1))
    assert np.array_equal(numbers(a), numbers(b))
    assert not np.array_equal(numbers(a), numbers(c))


def test_a_second_refit_replaces_the_first(models):
    _, model = models("vae")
    direct = model.refit_prior("mixture", components=3, epochs=1)
    after = model.refit_prior("flow", epochs=1).refit_prior("mixture", components=3, epochs=1)
    assert np.array_equal(numbers(direct), numbers(after))
    assert isinstance(after.model.priors[0].trained, StandardNormal)
    assert np.array_equal(numbers(after.refit_prior(None)), numbers(model))
    with pytest.raises(BadInput, match="there is nothing to undo"):
        model.refit_prior(None)


# ---- files


def test_a_fresh_process_gives_the_same_numbers(run_folder):
    model = vaekit.refit_prior(run_folder, "mixture", components=3, epochs=1)
    code = f"import vaekit; print(vaekit.load({str(run_folder)!r}).sample(5, seed=3).sum())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(out.stdout) == numbers(model).sum()


class Killed(Exception):
    pass


def dying(monkeypatch, after):
    """Writing dies before file number ``after``."""
    written = []

    def wrapped(write):
        def maybe(*arguments):
            if len(written) == after:
                raise Killed
            written.append(write(*arguments))

        return maybe

    for name in ("write_weights", "write_config"):
        monkeypatch.setattr(store, name, wrapped(getattr(store, name)))


STEPS = {
    "first": (None, "mixture"),
    "again": ("mixture", "flow"),
    "the same again": ("mixture", "mixture"),
    "undone": ("mixture", None),
}


@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_leaves_the_old_model_or_the_new(step, after, run_folder, monkeypatch):
    first, second = STEPS[step]
    model = vaekit.load(run_folder)
    if first:
        model = vaekit.refit_prior(run_folder, first, components=3, epochs=1)
    how = {} if second is None else {"epochs": 1, "seed": 5}
    how |= {"components": 3} if second == "mixture" else {}
    source = vaekit.open_source("digits")
    new = vaekit.Trained(model.model, model.config, source).refit_prior(second, **how)
    with monkeypatch.context() as patch:
        dying(patch, after)
        try:
            new.save(run_folder)
        except Killed:
            killed = True
        else:
            killed = False
    found = numbers(vaekit.load(run_folder))
    wanted = [numbers(model), numbers(new)] if killed else [numbers(new)]
    assert any(np.array_equal(found, one) for one in wanted)
    new.save(run_folder)  # and what was left over is gone
    clean = run_folder.parent / "clean"
    new.save(clean)
    assert files(clean) == files(run_folder)


def test_weights_without_the_prior_are_refused_in_a_line(run_folder):
    plain = (run_folder / store.WEIGHTS).read_bytes()
    vaekit.refit_prior(run_folder, "mixture", components=3, epochs=1)
    (run_folder / store.WEIGHTS).write_bytes(plain)
    with pytest.raises(BadInput, match="does not hold the mixture prior") as error:
        vaekit.load(run_folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("arguments", [{"components": -1}, {"components": "x"}, {"wide": 3}])
def test_damaged_arguments_are_refused_in_a_line(arguments, run_folder):
    vaekit.refit_prior(run_folder, "mixture", components=3, epochs=1)
    path = run_folder / store.CONFIG
    config = json.loads(path.read_text())
    config["prior"]["arguments"] = arguments
    path.write_text(json.dumps(config))
    with pytest.raises(BadInput) as error:
        vaekit.load(run_folder)
    assert "\n" not in str(error.value)


def test_a_packed_model_carries_it(models):
    _, model = models("vae")
    new = model.refit_prior("vamp", components=3, epochs=1)
    again = vaekit.Trained.unpacked(*new.packed())
    assert np.array_equal(numbers(new), numbers(again))
    assert fingerprint(new) == fingerprint(again) != fingerprint(model)
    assert np.array_equal(numbers(again.refit_prior(None)), numbers(model))


# ---- coding


def test_files_compressed_before_are_decoded_after_undo(run_folder, tmp_path):
    from vaekit.runs.archive import Archive

    vk, rows = tmp_path / "rows.vk", vaekit.open_source("digits").part("test", 40)
    rows = rows.values.numpy()
    vaekit.compress(vaekit.load(run_folder), rows, vk)
    vaekit.refit_prior(run_folder, "mixture", components=3, epochs=1)
    with pytest.raises(BadInput, match="another model"):
        Archive(vk, vaekit.load(run_folder)).read()
    vaekit.refit_prior(run_folder, None)
    back = Archive(vk, vaekit.load(run_folder)).read()
    assert np.array_equal(np.asarray(back).ravel(), rows.ravel())


@pytest.mark.parametrize("prior", ["vamp", "flow"])
def test_no_coded_form_is_said_in_a_line(prior, run_folder, capsys):
    vaekit.refit_prior(run_folder, prior, epochs=1, **SMALL.get(prior, {}))
    assert run(["compress", str(run_folder), "digits", "-o", str(run_folder / "x.vk")]) == 2
    error = capsys.readouterr().err
    assert f"the prior {prior} has no coded form" in error
    assert error.count("\n") == 1


def test_a_standard_prior_in_place_of_a_learned_one_compresses():
    model = vaekit.fit("digits", prior="flow", latent=2, width=8, epochs=1)
    with pytest.raises(BadInput, match="no coded form"):
        fixed_point_copy(model.model)
    fixed_point_copy(model.refit_prior("standard").model)


# ---- the command


def test_the_command_says_one_line_and_makes_pages_anew(run_folder, capsys):
    model = vaekit.load(run_folder)
    (run_folder / "scores.json").write_text("{}")
    how = ["--components", "3", "--epochs", "2", "--threads", "1"]
    assert run(["refit-prior", str(run_folder), "--prior", "mixture", *how]) == 0
    out, _ = capsys.readouterr()
    assert out.count("\n") == 1
    assert out.startswith("p(z) is now a mixture prior of 3, fitted to codes of 1,439 training")
    assert "nats per row" in out
    scores = json.loads((run_folder / "scores.json").read_text())
    assert scores["elbo"] < 0
    page = (run_folder / "report.html").read_text()
    assert "mixture (components 3), fitted after training" in page
    assert run(["inspect", str(run_folder)]) == 0
    assert "prior       mixture (components 3), fitted" in capsys.readouterr().out
    assert run(["refit-prior", str(run_folder), "--undo", "--no-report", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["prior"] is None
    assert "report.html shows the prior before" in err
    assert np.array_equal(numbers(vaekit.load(run_folder)), numbers(model))


def test_the_command_prints_json(run_folder, capsys):
    how = ["--prior", "flow", "--epochs", "1", "--no-report", "--json"]
    assert run(["refit-prior", str(run_folder), *how]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["prior"] == "flow"
    assert {"rows", "updates", "validation_gain", "test_gain", "test_gain_error"} <= found.keys()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give --prior or --undo"),
        (["--prior", "flow", "--undo"], "give --prior or --undo"),
        (["--undo"], "there is nothing to undo"),
        (["--prior", "mixtur"], "did you mean 'mixture'"),
        (["--prior", "flow", "--components", "3"], "a flow prior has no components"),
        (["--prior", "mixture", "--components", "-3"], "components must not be negative"),
        (["--prior", "mixture", "--components", "1000000"], "more than there are training rows"),
        (["--prior", "vamp", "--components", "1000000"], "more than there are training rows"),
        (["--prior", "mixture", "--lr", "0"], "lr must be above 0"),
        (["mnist_of_mars", "--prior", "mixture"], "mnist_of_mars"),
    ],
)
def test_mistakes_cost_a_line(options, said, run_folder, capsys):
    before = files(run_folder)
    assert run(["refit-prior", str(run_folder), *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert files(run_folder) == before


def test_training_does_not_go_on_with_another_prior(run_folder, capsys):
    vaekit.refit_prior(run_folder, "mixture", components=3, epochs=1)
    assert run(["train", "--resume", str(run_folder)]) == 2
    assert "refit-prior" in capsys.readouterr().err


def test_unknown_options_are_named(models):
    with pytest.raises(BadInput, match="unknown option 'epoch'; did you mean 'epochs'"):
        models("vae")[1].refit_prior("mixture", epoch=3)


def test_a_prior_begins_with_nothing_to_do():
    class Plain(Prior):
        def forward(self, *given):
            return D.Independent(D.Normal(torch.zeros(2), 1.0), 1)

    prior = Plain(2)
    assert prior.begin(torch.zeros(3, 2), torch.zeros(3, 2)) is None
    assert prior.components == 0
