"""Sweeps: which values are tried, what they are compared by, what is kept, and how they go on."""

import json
import shlex
import sys

import numpy as np
import pytest

import vaekit
from vaekit.evaluation.measures import MEASURES
from vaekit.interfaces.cli import run
from vaekit.recipes import RECIPES
from vaekit.studies.sweep.space import axis_of, combinations, declared, kinds_for, space
from vaekit.system.checks import BadInput
from vaekit.system.ranges import Swept, check_value, number_of, swept_of, words_of

pytest.importorskip("optuna", reason="the extra vaekit[sweep] is not installed")

from vaekit.studies import sweep as swept
from vaekit.studies.sweep import Attempt, Sweep, resume_sweep, study, sweep
from vaekit.studies.sweep.plan import SweepPlan

QUICK = {"epochs": 2, "width": 8, "batch": 32, "device": "cpu", "quiet": True}


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    return (random.normal(size=(200, 2)) @ random.normal(size=(2, 4))).astype(np.float32)


@pytest.fixture(scope="module")
def found(rows, tmp_path_factory):
    place = tmp_path_factory.mktemp("sweep") / "s"
    over = ["latent=1:4:log", "beta=0.1:10:log"]
    return sweep(rows, "beta_vae", over=over, trials=5, out=place, **QUICK)


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_recipes_declare_can_be_tried(recipe):
    kinds = kinds_for(recipe)
    axes = declared(recipe)
    assert "lr" in {axis.name for axis in axes}
    for axis in axes:
        assert 0 <= axis.low < axis.high
        assert axis.low > 0 or not axis.log
        for end in (axis.low, axis.high):
            check_value(axis.name, kinds[axis.name], int(end) if axis.whole else end)
    assert declared(recipe, {"lr": 0.1}) == [axis for axis in axes if axis.name != "lr"]


def test_what_does_nothing_is_not_swept_over():
    """A map has as many places as it has."""
    names = [axis.name for axis in declared("vq_vae", {"network": "conv"})]
    assert "places" in names
    names.remove("places")
    assert [axis.name for axis in declared("vq_vae", {"network": "map"})] == names


def test_what_an_option_declares_stands_beside_its_type():
    kinds = kinds_for("beta_vae")
    assert swept_of(kinds["beta"]) == Swept(0.1, 10.0, log=True)
    assert swept_of(kinds["epochs"]) is None
    assert number_of(kinds["latent"]) is int
    assert number_of(kinds["noise"]) is float
    assert number_of(kinds["prior"]) is None
    assert "vamp" in words_of(kinds["prior"])
    assert words_of(kinds["beta"]) == ()


@pytest.mark.parametrize(
    ("text", "shown", "whole"),
    [
        ("latent=2:64:log", "latent=2:64:log", True),
        ("--beta=0.1:10", "beta=0.1:10", False),
        ("beta", "beta=0.1:10:log", False),
        ("prior=standard,vamp", "prior=standard,vamp", False),
        ("prior", "prior=standard,mixture,vamp,flow,maf,realnvp,lars,exemplar", False),
        ("kl-warmup=0,0.5", "kl_warmup=0.0,0.5", False),
        ("latent=2,4,8", "latent=2,4,8", True),
    ],
)
def test_axes_are_read(text, shown, whole):
    axis = axis_of("beta_vae", text)
    assert str(axis) == shown
    assert axis.whole is whole
    assert str(axis_of("beta_vae", str(axis))) == shown


@pytest.mark.parametrize(
    ("over", "said"),
    [
        (["nope=1:2"], "unknown option of recipe beta_vae 'nope'"),
        (["latent=8:2"], "the second number must be the greater"),
        (["latent=0:8"], "latent must be at least 1"),
        (["latent=2:8:lin"], "write name"),
        (["latent=two:8"], "'two' is not a whole number"),
        (["beta=0:1:log"], "log is for numbers above 0"),
        (["prior=standard,none"], "unknown prior"),
        (["latent=2,2"], "names a value twice"),
        (["latent="], "write name"),
        (["epochs"], "does not say where to look for epochs"),
        (["latent", "latent=2:4"], "is given twice"),
        (["width=8:16"], "width is swept over and set"),
    ],
)
def test_what_cannot_be_tried_is_refused(over, said):
    with pytest.raises(BadInput, match=said):
        space("beta_vae", over, {"width": 8})


def test_places_lie_between_the_ends():
    axis = axis_of("beta_vae", "latent=2:32:log")
    assert [axis.place(v) for v in (2, 8, 32)] == pytest.approx([0, 0.5, 1])
    assert [axis.at(s) for s in (0, 0.5, 1)] == pytest.approx([2, 8, 32])
    words = axis_of("beta_vae", "prior=standard,vamp,flow")
    assert [words.place(w) for w in words.choices] == [0, 0.5, 1]


def test_the_best_is_kept_whole_and_the_others_go(found):
    assert len(found.attempts) == 5
    assert found.best.measure == max(a.measure for a in found.attempts if a.state == "complete")
    assert [p.name for p in found.folder.glob("trial-*")] == [found.best.folder]
    config = found.model.config
    assert {n: config.arguments[n] for n in ("latent", "beta")} == found.best.values
    assert (found.run / "report.html").is_file()
    assert (found.run / "scores.json").is_file()


def test_trials_are_compared_by_the_elbo_and_not_by_what_was_trained(found, rows):
    """Of validation rows, with the KL at weight 1."""
    model = vaekit.Trained.load(found.run)
    source = vaekit.open_source(rows)
    elbo = model.evaluate(source, split="validation", samples=1).elbo
    assert found.best.measure == pytest.approx(elbo, abs=0.1)  # other draws


def test_a_sweep_is_told_for_machines_and_people(found):
    told = json.loads(json.dumps(found.to_dict()))
    assert told["best"]["values"] == found.best.values
    assert told["over"] == ["latent=1:4:log", "beta=0.1:10:log"]
    assert len(told["trials"]) == 5
    assert "KL at weight 1" in told["measure_is"]
    assert f"--beta {found.best.values['beta']}" in found.command
    page = (found.folder / "report.html").read_text()
    assert found.verdict.split(":")[0] in page
    assert f'href="{found.best.folder}/report.html"' in page
    assert "var(--accent)" in page


def test_the_command_keeps_every_value(tmp_path):
    """Zeros and ones are values, whether somebody set them or the sweep found them; truths are
    flags; a name may hold spaces."""
    options = {
        "epochs": 1, "kl_warmup": 0, "beta": 1.0, "drop": 0.0, "size": [48, 64], "given": ["a", "b"],
        "header": False, "tiles": 0, "label": None, "device": "auto", "labels": "my labels.txt",
    }  # fmt: skip
    best = Attempt(0, {"latent": 1, "noise": 0.0}, "complete", 1.0)
    plan = SweepPlan("x.npy", "vae", (), "elbo", 1, options=options)
    words = shlex.split(Sweep(tmp_path, plan, [best], best, {}).command)
    assert " ".join(words) == (
        "vaekit train x.npy --recipe vae --epochs 1 --kl-warmup 0 --beta 1.0 --drop 0.0 "
        "--size 48x64 --given a --given b --no-header --tiles 0 --labels my labels.txt "
        "--latent 1 --noise 0.0 --seed 0"
    )


def test_the_command_trains_the_best_again(found, rows):
    words = found.command.split()[5:]
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert options["--seed"] == "0"
    assert options["--latent"] == str(found.best.values["latent"])
    again = vaekit.fit(rows, "beta_vae", seed=0, **found.best.values, **QUICK)
    for name, tensor in vaekit.Trained.load(found.run).model.state_dict().items():
        assert tensor.equal(again.model.state_dict()[name]), name


def _values(found):
    return [(a.values, a.measure) for a in found.attempts if a.state != "fail"]


def test_a_sweep_goes_on_as_if_it_had_not_ended(found, rows, tmp_path):
    over = ["latent=1:4:log", "beta=0.1:10:log"]
    sweep(rows, "beta_vae", over=over, trials=2, out=tmp_path / "s", **QUICK)
    more = resume_sweep(tmp_path / "s", rows, trials=5, quiet=True)
    assert _values(more) == _values(found)


def test_a_trial_that_was_stopped_is_taken_up_again(found, rows, tmp_path, monkeypatch):
    over, usual = ["latent=1:4:log", "beta=0.1:10:log"], study.fit

    def stopped(*given, after_epoch, **options):
        def stop(run):
            raise KeyboardInterrupt

        return usual(*given, after_epoch=stop, checkpoint_every=1, **options)

    monkeypatch.setattr(study, "fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        sweep(rows, "beta_vae", over=over, trials=2, out=tmp_path / "s", **QUICK)
    monkeypatch.setattr(study, "fit", usual)
    again = resume_sweep(tmp_path / "s", rows, quiet=True)
    assert len(again.attempts) == 2
    assert _values(again)[0] == _values(found)[0]
    assert again.attempts[0].folder == "trial-0"


@pytest.mark.filterwarnings("ignore:The reported value")
@pytest.mark.parametrize("when", [0, 1])
def test_a_trial_that_was_stopped_changes_none_that_follow(when, tmp_path, monkeypatch):
    """Values are chosen, and trials ended early, as if nothing had been stopped."""
    stops = []

    def trained(self, place, values, trial):
        for share in (25, 50):
            trial.report(-values["beta"], share)
            if share == 50 and trial.number in stops:
                stops.clear()
                raise KeyboardInterrupt
        return values

    monkeypatch.setattr(study.Worker, "_trained", trained)
    monkeypatch.setattr(study.Worker, "_measured", lambda self, values: -values["beta"])
    plan = study.SweepPlan("x.npy", "beta_vae", ("beta=0.1:10:log",), "elbo", trials=4)

    def tried(name):
        (tmp_path / name).mkdir()
        worker = study.Worker(tmp_path / name, plan)
        while worker.trials_left():
            try:
                worker.one_more()
            except KeyboardInterrupt:
                worker.take_up_lost()
        found = worker.study.get_trials(deepcopy=False)
        return [(t.params, t.intermediate_values, t.value) for t in found if not worker._is_lost(t)]

    whole = tried("whole")
    stops.append(when)
    assert tried("stopped") == whole
    assert not stops


def test_each_of_few_values_is_tried_once(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(swept, "write_report", lambda *_, **__: None)
    few, quick = rows[:40], {**QUICK, "epochs": 1}
    found = sweep(few, "vae", over="latent=2", out=tmp_path / "s", **quick)
    assert [a.values for a in found.attempts] == [{"latent": 2}]
    again = resume_sweep(tmp_path / "s", few, trials=9, quiet=True)
    assert _values(again) == _values(found)


def test_few_values_are_all_that_can_be_tried():
    axes = [axis_of("beta_vae", text) for text in ("latent=2,3", "prior=standard,vamp,flow")]
    each = combinations(axes, 6)
    assert each[0] == {"latent": 2, "prior": "standard"}
    assert len({tuple(values.items()) for values in each}) == 6
    assert combinations(axes, 5) == combinations([*axes, axis_of("beta_vae", "beta")], 99) == []


@pytest.mark.long
def test_trials_without_hope_end_early(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "STARTUP", 1)
    over = "lr=0.01,0.000000001"
    how = {**QUICK, "epochs": 10}
    found = sweep(rows, over=over, trials=6, latent=2, out=tmp_path / "s", **how)
    pruned = [a for a in found.attempts if a.state == "pruned"]
    assert pruned
    assert {a.values["lr"] for a in pruned} == {1e-9}
    assert found.best.values == {"lr": 0.01}
    assert "ended early" in found.verdict
    kept = sweep(rows, over=over, trials=6, latent=2, prune=False, out=tmp_path / "k", **how)
    assert all(a.state == "complete" for a in kept.attempts)


def test_a_trial_that_fails_is_told_and_the_others_go_on(rows, tmp_path, monkeypatch):
    usual = study.fit

    def fit(*given, **options):
        if options["latent"] == 3:
            raise ArithmeticError("loss became nan")
        return usual(*given, **options)

    monkeypatch.setattr(study, "fit", fit)
    found = sweep(rows, over="latent=2,3", trials=6, out=tmp_path / "s", **QUICK)
    failed = [a for a in found.attempts if a.state == "fail"]
    assert failed
    assert {a.why for a in failed} == {"loss became nan"}
    assert found.best.values == {"latent": 2}
    monkeypatch.setattr(study, "fit", lambda *given, **options: 1 / 0)
    with pytest.raises(BadInput, match="no trial can be trained: division by zero"):
        sweep(rows, over="latent=2,3", trials=6, out=tmp_path / "t", **QUICK)


def test_autoencoders_are_compared_by_their_error(rows, tmp_path):
    found = sweep(rows, "autoencoder", over="latent=1,2", trials=2, out=tmp_path / "s", **QUICK)
    assert found.plan.measure == "error"
    assert found.best.measure == min(a.measure for a in found.attempts)
    assert not MEASURES["error"].high
    with pytest.raises(BadInput, match="have no density, so no elbo"):
        sweep(
            rows, "autoencoder", over="latent=1,2", measure="elbo", out=tmp_path / "t", **QUICK
        )  # fmt: skip


def test_rows_may_have_gaps_where_the_recipe_takes_them(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 4))
    rows[::3, 2:] = np.nan
    how = {"epochs": 1, "width": 4, "depth": 1, "likelihood": "gaussian", "quiet": True}
    found = vaekit.sweep(rows, "mvae", over="latent=1,2", out=tmp_path / "s", trials=2, **how)
    assert [a.state for a in found.attempts] == ["complete"] * 2
    with pytest.raises(BadInput, match="values are missing"):
        vaekit.sweep(rows, "vae", over="latent=1,2", out=tmp_path / "t", trials=2, **how)


def test_likelihoods_of_different_kinds_are_not_compared(tmp_path):
    counts = np.random.default_rng(0).poisson(4.0, (200, 3))
    over = "likelihood=gaussian,poisson"
    with pytest.raises(BadInput, match="different kinds"):
        sweep(counts, "vae", over=over, out=tmp_path / "s", **QUICK)
    assert not (tmp_path / "s").exists()


def test_without_the_extra_one_line_says_what_to_install(rows, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(BadInput, match=r"vaekit\[sweep\]"):
        sweep(rows, out=tmp_path / "s", **QUICK)
    assert not (tmp_path / "s").exists()


@pytest.fixture
def place(rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("rows.npy", rows)
    return tmp_path


@pytest.mark.long
def test_several_processes_work_on_one_study(place, capsys):
    command = ["sweep", "rows.npy", "--over", "latent=1:3", "--epochs", "1", "--width", "4"]
    more = ["--device", "cpu", "--quiet", "-o", "s"]
    assert run([*command, *more, "--trials", "3", "--processes", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [t["state"] for t in told["trials"]].count("complete") >= 2
    assert run([*command, *more]) == 2
    assert "go on with it (vaekit sweep --resume s)" in capsys.readouterr().err
    assert run(["sweep", "--resume", "s", "--latent", "3"]) == 2
    assert "leave out --latent" in capsys.readouterr().err
    assert run(["sweep", "--resume", "s", "--trials", "3", "--quiet"]) == 0
    assert "best    s/trial-" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sweep"], "give the data to train on"),
        (["sweep", "rows.npy", "--over", "nope"], "unknown option of recipe vae 'nope'"),
        (["sweep", "rows.npy", "--measure", "elbow"], "did you mean 'elbo'"),
        (["sweep", "rows.npy", "--trials", "0"], "--trials must be at least 1"),
        (["sweep", "rows.npy", "--recipe", "autoencoder", "--over", "prior"], "unknown option"),
        (["sweep", "--resume", "nowhere"], "holds no sweep"),
    ],
)
def test_mistakes_take_one_line(arguments, said, place, capsys):
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert [path.name for path in place.iterdir()] == ["rows.npy"]


def test_the_folder_says_what_it_holds(found):
    assert swept.holds_sweep(found.folder)
    assert not swept.holds_sweep(found.run)
