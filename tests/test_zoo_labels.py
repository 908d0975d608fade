"""Models with a latent that is a class: bounds by hand, what few labels teach, what is refused."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from graphs import CLASSES, clustered, labelled, some_rows

import vaekit
from vaekit.conditionals.priors import FLOOR
from vaekit.data_init import data_init
from vaekit.distributions.labels import surprise
from vaekit.evaluation.classes import best_match, class_chances, class_use
from vaekit.interfaces.cli import run
from vaekit.models.drawing import enumerated, likeliest_and_another
from vaekit.models.labelled import LABEL
from vaekit.models.trace import trace
from vaekit.networks.moved import Moved
from vaekit.objectives.bounds import elbo, elbo_of_some, iwae
from vaekit.objectives.labels import Classification, agreement
from vaekit.recipes import recipe
from vaekit.recipes.recipe import call
from vaekit.rows import Rows
from vaekit.runs.labels import prediction
from vaekit.system.checks import BadInput

UNKNOWNS = torch.full((40,), -1)


def prototypes(rows=120, bits=40, noise=0.25, seed=2):
    """Noisy copies of three rows of bits, and which it was."""
    rng = np.random.default_rng(seed)
    kinds, label = rng.integers(0, 2, (3, bits)), np.arange(rows) % 3
    return kinds[label] ^ (rng.random((rows, bits)) < noise), label


def traced(model, told, samples=CLASSES):
    torch.manual_seed(0)
    return trace(model, told, samples=samples, named={LABEL: enumerated(CLASSES)})


def test_a_known_label_is_observed_and_an_unknown_one_summed_out():
    """Of each row, the bound with its label observed, or the mean over all labels of these bounds
    plus log p(y) - log q(y|x)."""
    model, told = labelled(told="age"), some_rows(-CLASSES)
    t = traced(model, told)
    q = model.posterior(told.x).probs
    inner = t.log_px - t.latents["z"].kl
    with torch.no_grad():
        for row, known in enumerate(told.given["age"]):
            if known.any():
                by_hand = inner[known.argmax(), row]
            else:
                each = inner[:, row] - math.log(CLASSES) - q[row].log()
                by_hand = (q[row] * each).sum()
            assert elbo(t)[row].item() == pytest.approx(by_hand.item(), abs=1e-4)


def test_log_p_of_a_row_with_a_label_is_given_the_label():
    """Importance weights of 900 draws of z for each label, summed over the labels that may be."""
    model, told = labelled(told="age"), some_rows(-CLASSES)
    with torch.no_grad():
        t = traced(model, told, 900 * CLASSES)
        z = t.latents["z"]
        each = (t.log_px + z.log_p - z.log_q).unflatten(0, (900, CLASSES)).logsumexp(0)
        each = each - math.log(900)
        known = told.given["age"]
        has = known.sum(1) > 0
        by_hand = torch.where(has, (known.T * each).sum(0), each.logsumexp(0) - math.log(CLASSES))
        assert torch.allclose(iwae(t), by_hand, atol=1e-3)


def test_known_labels_alone_teach_the_classifier_by_themselves():
    model, told = labelled(told="age"), some_rows(-CLASSES)
    t = traced(model, told)
    q, known = model.posterior(told.x), told.given["age"]
    by_hand = -(known * q.probs.log()).sum() / known.sum()
    lesson = Classification(LABEL, "age", (known.sum() / len(known)).item(), 2.0)
    value, found = lesson(t)
    assert value.item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert found.item() == pytest.approx(2 * by_hand.item(), rel=1e-5)
    lesson.keep(told[known.sum(1) > 0])
    drawn = sum(lesson(t)[0].item() for _ in range(300)) / 300
    assert drawn == pytest.approx(by_hand.item(), rel=0.15)
    assert not lesson.state_dict()
    assert surprise(q).tolist() == [0.0] * len(known)
    (slope,) = torch.autograd.grad(found, [*model.posterior.parameters()][-1:])
    assert slope.abs().sum() > 0


def test_draws_have_the_label_that_is_given():
    model = labelled(told="age")
    seen = {}

    class Rule:
        rows = 6

        def tile(self, rows):
            return rows

        def __call__(self, name, prior, posterior):
            seen[name] = prior.sample() if prior.batch_shape else prior.sample((6,))
            return seen[name]

    known = torch.eye(CLASSES)[[0, 1, 2, 2, 1, 0]]
    model(Rule(), Rows(None, {"age": known}))
    assert torch.equal(seen[LABEL], known)


def test_few_labels_teach_what_they_are_with_many_rows_without():
    """One label of each of three kinds, of 120 rows: the nearest of these three rows is of another
    kind for every seventh row."""
    x, label = prototypes()
    shown = [int(np.flatnonzero(label == kind)[0]) for kind in range(3)]
    known = torch.zeros(len(x), 3)
    known[shown] = torch.eye(3)
    torch.manual_seed(0)
    how = {"latent": 1, "width": 16, "depth": 1, "likelihood": "bernoulli"}
    made = recipe("m2_vae")(shape=(40,), given={"age": 3}, rows=len(x), labelled=3, **how)
    model, objective, told = *made, Rows(torch.tensor(x).float(), {"age": known})
    data_init(model, told.x)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for step in range(80):
        optimizer.zero_grad()
        loss = objective(model, told, step)
        (loss.total + loss.own).backward()
        optimizer.step()
    every = Rows(told.x, {"age": torch.eye(3)[torch.tensor(label)]})
    wrong = class_use(model, every, None).wrong
    apart = np.abs(x[:, None].astype(int) - x[shown].astype(int)).sum(2)
    nearest = (apart.argmin(1) != label).mean()
    assert nearest > 0.1
    assert wrong < nearest / 2
    said = class_chances(model, told).argmax(1).numpy()
    assert wrong == pytest.approx((said != label).mean())
    assert class_use(model, Rows(told.x, {"age": torch.zeros(len(x), 3)}), None).wrong is None


@pytest.fixture
def table(tmp_path):
    """A table of which the first rows have a kind."""
    x, label = prototypes(60)
    lines = [",".join([*(f"b{i}" for i in range(x.shape[1])), "kind"])]
    for row, kind in zip(x.astype(int), label, strict=True):
        lines.append(",".join([*map(str, row), "abc"[kind] if len(lines) < 40 else ""]))
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "t.csv"


def test_a_table_with_blanks_at_the_command_line(table, tmp_path, capsys):
    out, made = tmp_path / "run", tmp_path / "said.csv"
    how = {"latent": 2, "width": 8, "epochs": 1, "likelihood": "bernoulli", "quiet": True}
    vaekit.fit(str(table), "m2_vae", given="kind", out=out, **how)
    assert json.loads((out / "config.json").read_text())["arguments"]["labelled"] == sum(
        i < 39 for i in vaekit.load(out).open(table).splits["train"].tolist()
    )
    assert run(["predict", str(out), str(table), "--target", "kind", "-o", str(made)]) == 0
    rows = made.read_text().splitlines()
    assert rows[0].replace('"', "") == "kind,probability,p(kind = a),p(kind = b),p(kind = c)"
    assert len(rows) == 61
    assert run(["evaluate", str(out), "--samples", "3"]) == 0
    assert "labels wrong" in capsys.readouterr().out
    assert (
        run(["sample", str(out), "-n", "3", "--given", "kind=b", "-o", str(tmp_path / "s.csv")])
        == 0
    )
    assert run(["predict", str(out), str(table), "--target", "kin"]) == 2
    assert "did you mean 'kind'" in capsys.readouterr().err
    other = ["train", str(table), "--recipe", "conditional_vae", "--given", "kind"]
    assert run([*other, "-o", str(tmp_path / "other")]) == 2
    assert "but 21 values are missing or infinite" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_what_cannot_be_a_label_is_refused():
    x, label = prototypes(40)
    frame = pd.DataFrame(x.astype(int)).rename(columns=str).assign(a=label, b=label, c=1)
    for given, said in ((("a", "b"), "given a label alone, not a and b"), ("c", "two classes")):
        with pytest.raises(BadInput, match=said):
            vaekit.fit(frame, "m2_vae", given=given, quiet=True)
    unlabelled = replace(vaekit.data.open_source(frame, given="a"), given={"a": UNKNOWNS})
    with pytest.raises(BadInput, match="no training row has a a"):
        vaekit.fit(unlabelled, "m2_vae", quiet=True)
    plain = vaekit.fit(x.astype(np.uint8), latent=1, width=4, epochs=1, quiet=True)
    with pytest.raises(BadInput, match="predicts no label"):
        prediction(plain, x, "label")


def test_blank_labels_at_the_end_of_a_file(tmp_path):
    """As many lines as rows, the last ones blank; with a header and without."""
    x, _ = prototypes(20)
    np.save(tmp_path / "x.npy", x.astype(np.uint8))
    for header in ("", "label\n"):
        (tmp_path / "few.txt").write_text(header + "a\nb\n" + "\n" * 18 + "\n")
        source = vaekit.data.open_source(
            str(tmp_path / "x.npy"), labels=str(tmp_path / "few.txt"), given="label"
        )
        assert source.given["label"].tolist() == [0, 1] + [-1] * 18
        assert source.given_names["label"] == ("a", "b")


def blobs(rows=150, width=6):
    """Rows of three clusters far from each other, and whose they are."""
    generator = torch.Generator().manual_seed(0)
    kind = torch.arange(rows) % 3
    centres = 4 * torch.randn(3, width, generator=generator)
    return centres[kind] + 0.5 * torch.randn(rows, width, generator=generator), kind


def test_which_cluster_a_code_is_of_by_bayes():
    """Together with the published bound, which has q(c|x) in it: it equals the ELBO of what has the
    mixture for a prior, where q(c|x) is p(c|z)."""
    model = clustered()
    with torch.no_grad():
        model.prior.logits.copy_(torch.tensor([0.5, -0.2, 0.1, 0.0]))
        t = trace(model, some_rows().x)
        z = t.latents["z"].value[0]
        scale = torch.nn.functional.softplus(model.prior.raw_scales) + FLOOR
        log_c = model.prior.logits.log_softmax(0)
        each = torch.distributions.Normal(model.prior.means, scale).log_prob(z[:, None]).sum(-1)
        joint = each + log_c
        gamma = joint.softmax(1)
        assert torch.allclose(model.prior.members(z).probs, gamma, atol=1e-6)
        published = t.log_px[0] + (gamma * (joint - gamma.log())).sum(1) - t.log_qz[0]
        assert torch.allclose(published, t.log_px[0] + t.log_pz[0] - t.log_qz[0], atol=1e-4)


def test_clusters_begin_where_codes_are_and_stay_there():
    x, kind = blobs()
    torch.manual_seed(0)
    how = {"latent": 2, "width": 16, "depth": 1, "likelihood": "gaussian"}
    model, objective = recipe("vade")(shape=(6,), clusters=3, pretraining=150, **how)
    before = class_use(model, Rows(x), kind)
    data_init(model, x)
    after = class_use(model, Rows(x), kind)
    assert after.wrong == 0 < before.wrong
    assert after.used == after.classes == 3
    assert not [name for name in model.state_dict() if name.startswith("start")]
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    first = None
    for step in range(60):
        loss = objective(model, Rows(x), step).total
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < first
    assert class_use(model, Rows(x), kind).wrong < 0.02


def test_labels_and_clusters_are_matched_one_to_one():
    """Class 0 would suit both labels; one of them has to do with class 1."""
    chosen = torch.tensor([0, 0, 0, 0, 0, 1, 2])
    labels = torch.tensor([1, 1, 1, 0, 0, 0, 0])
    assert best_match(chosen, labels) == 4
    assert best_match(torch.tensor([2, 2, 0]), torch.tensor([0, 0, 1])) == 3


def test_rows_of_a_model_without_classes_are_not_gone_through(monkeypatch):
    def chunks(rows):
        yield rows[:2]
        raise AssertionError("more rows are read")

    monkeypatch.setattr("vaekit.evaluation.classes.chunks", chunks)
    assert class_chances(labelled().vae, some_rows()) is None


def test_the_prior_that_says_the_clusters_is_not_refitted():
    with pytest.raises(BadInput, match="prior of a Clustered cannot be refitted"):
        clustered().put_first_prior(None)
    with pytest.raises(BadInput, match="prior of a Clustered cannot be refitted"):
        _ = clustered().first_posterior


def test_clusters_are_compared_with_the_labels_of_the_data():
    how = {"latent": 2, "width": 8, "epochs": 1, "pretraining": 2, "clusters": 3, "quiet": True}
    x, kind = blobs(60)
    model = vaekit.fit(x.numpy(), "vade", labels=kind.numpy(), **how)
    found = model.evaluate(split="all", samples=2)
    chosen = class_chances(model.model, model.rows(model.source)).argmax(1)
    assert found.classes.wrong == pytest.approx(1 - best_match(chosen, kind) / 60)
    assert found.classes.matched
    assert "labels wrong" in str(found.figures)


@pytest.mark.parametrize("blank", ["", None, float("nan"), pd.NA])
def test_blank_labels_are_not_compared_with_clusters(blank):
    x, kind = blobs(60)
    words = np.array(["a", "b", "c"], object)[kind]
    words[kind == 0] = blank
    how = {"latent": 2, "width": 8, "epochs": 1, "pretraining": 2, "clusters": 3, "quiet": True}
    model = vaekit.fit(x.numpy(), "vade", labels=words, **how)
    found = model.evaluate(split="all", samples=2)
    chosen = class_chances(model.model, model.rows(model.source)).argmax(1)
    right = best_match(chosen[kind > 0], kind[kind > 0])
    assert found.classes.labelled == 40
    assert found.classes.wrong == pytest.approx(1 - right / 40)


def test_two_classes_stand_for_all_on_average():
    """The sum over all labels, and its slope, for a bound that depends on the label alone."""
    logits = torch.tensor([[0.5, -0.3, 1.0], [0.0, 2.0, 0.1]], requires_grad=True)
    value = torch.tensor([1.0, 5.0, -2.0])
    q = torch.distributions.OneHotCategorical(logits=logits)
    p = torch.distributions.OneHotCategorical(logits=torch.zeros(3))
    torch.manual_seed(0)
    latent = likeliest_and_another(p, q, torch.Size([8000, 2]))
    assert latent.value[0].argmax(-1).tolist() == [2, 1]
    shares = (latent.log_weight - math.log(8000)).exp()
    assert torch.allclose(shares.sum(0), torch.ones(2), atol=1e-3)
    exact = (q.probs * value).sum(1)
    found = (shares * (latent.value @ value)).sum(0)
    assert torch.allclose(found, exact, atol=0.1)
    (by_hand,) = torch.autograd.grad(exact.sum(), logits, retain_graph=True)
    first = (latent.value[:1] @ value).detach()
    (slope,) = torch.autograd.grad((shares * (latent.value @ value - first)).sum(), logits)
    assert torch.allclose(slope, by_hand, atol=0.1)


def test_a_known_label_is_observed_in_two_passes_too():
    model, told = labelled(told="age"), some_rows(-CLASSES)
    t = trace(model, told, samples=2, named={LABEL: likeliest_and_another})
    known = told.given["age"].sum(1) > 0
    assert torch.equal(t.latents[LABEL].value[0][known], told.given["age"][known])
    by_hand = t.log_px[0] - t.kl[0]
    assert torch.allclose(elbo_of_some(t)[known], by_hand[known], atol=1e-4)


def test_what_is_said_for_sure_is_taught():
    model, told = labelled(told="age"), some_rows(-CLASSES)
    with torch.no_grad():
        [*model.posterior.parameters()][-1].copy_(5 * torch.eye(CLASSES)[0])
    t = traced(model, told)
    probs = model.posterior(told.x).probs
    sure = probs.amax(1) > 0.9
    assert sure.any()
    by_hand = -(probs.amax(1).log() * sure).mean()
    value, found = agreement(LABEL, 3.0)(t)
    assert value.item() == pytest.approx(by_hand.item(), rel=1e-3)
    assert found.item() == pytest.approx(3 * by_hand.item(), rel=1e-3)


def test_pictures_are_moved_in_training_alone():
    torch.manual_seed(0)
    layer, x = Moved(0.1), torch.zeros(50, 1, 20, 20)
    x[..., 9:11, 9:11] = 1.0
    assert torch.equal(layer.eval()(x), x)
    assert torch.allclose(Moved(0.0).train()(x), x, atol=1e-4)
    mass = layer.train()(x).sum((1, 2))
    assert 0.5 < ((mass * torch.arange(20.0)).sum(1) / mass.sum(1)).std() < 3
    how = {"likelihood": "bernoulli", "moved": 0.1, "labelled": 3, "rows": 9}
    with pytest.raises(BadInput, match="moved is for pictures"):
        recipe("m2_vae")(shape=(4,), given={"age": 3}, **how)
    with pytest.raises(BadInput, match="moved must lie between"):
        call(recipe("m2_vae"), {"shape": (1, 8, 8), "given": {"age": 3}, **how | {"moved": 0.9}})
