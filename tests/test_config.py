"""config.json: one type reads and writes it; whatever is damaged gets one line."""

import copy
import json
from pathlib import Path

import pytest

import vaekit
from vaekit.codec.container import Reader
from vaekit.data import Condition, Conditions, Opening
from vaekit.runs.archive import Archive, fingerprint
from vaekit.runs.config import Config, PriorChoice
from vaekit.system.checks import BadInput

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.vk"))
PLAIN = json.loads(Reader(GOLDEN[0]).embedded()[0])
MORE = {
    **PLAIN,
    "format": 2,
    "arguments": {**PLAIN["arguments"], "given": {"label": 2}},
    "data": {**PLAIN["data"], "given": ["label"]},
    "conditions": [{"name": "label", "classes": ["a", "b"], "mean": 0.0, "spread": 1.0}],
    "prior": {"name": "mixture", "arguments": {"components": 5}},
}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_old_models_read_and_write_the_same(path):
    found = json.loads(Reader(path).embedded()[0])
    assert Config.from_json(found).to_json() == found
    assert list(Config.from_json(found).to_json()) == list(found)
    archive = Archive(path)
    assert fingerprint(archive.model) == archive.header["model"]


def test_what_a_config_holds():
    config = Config.from_json(PLAIN)
    assert config.arguments["shape"] == (1, 8, 8)
    assert config.representation.shape == (1, 8, 8)
    assert config.plan.epochs == 200
    assert config.data.open == "digits"
    assert config.data.opening == Opening()
    assert config.likelihood.name == "beta_binomial"
    assert config.levels == 17
    assert not config.conditions
    assert config.prior is None
    assert config.columns is None


def test_the_second_format_is_written_only_where_it_is_needed():
    config = Config.from_json(MORE)
    assert config.conditions == Conditions((Condition("label", ("a", "b")),))
    assert config.prior == PriorChoice("mixture", {"components": 5})
    assert config.data.opening.given == ("label",)
    assert config.to_json() == MORE
    assert Config.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert {"conditions", "prior"} <= config.identity().keys()
    assert Config.from_json(PLAIN).to_json()["format"] == 1
    assert Config.from_json(PLAIN).identity().keys() == {"recipe", "arguments", "representation"}


def test_pictures_and_tables_come_back(tmp_path):
    data = {**PLAIN["data"], "label": "kind", "size": [12, 9], "tiles": 8, "labels": "/y.txt"}
    config = Config.from_json({**PLAIN, "data": data})
    assert config.data.opening == Opening("kind", "/y.txt", (12, 9), 8)
    assert config.to_json()["data"] == data


GONE = object()
DAMAGE = [
    ((), None), ((), []), ((), "text"), ((), 3),
    (("format",), GONE), (("format",), "1"), (("format",), None), (("format",), True), (("format",), 0),
    (("recipe",), GONE), (("recipe",), 5), (("recipe",), None), (("recipe",), ["vae"]),
    (("vaekit",), 1),
    (("arguments",), GONE), (("arguments",), None), (("arguments",), []), (("arguments",), "latent"),
    (("arguments", "shape"), None), (("arguments", "shape"), 8), (("arguments", "shape"), []),
    (("arguments", "shape"), ["8"]), (("arguments", "shape"), [0, 8, 8]), (("arguments", "levels"), "17"),
    (("representation",), GONE), (("representation",), None), (("representation", "shape"), GONE),
    (("representation", "shape"), "8"), (("representation", "scale"), "255"), (("representation", "scale"), 0),
    (("representation", "scale"), float("nan")), (("representation", "dtype"), "object"),
    (("representation", "dtype"), ["uint8"]), (("representation", "binarize"), "often"),
    (("representation", "binarize"), None), (("representation", "whole"), 1),
    (("representation", "colours"), "pink"), (("representation", "extra"), 1),
    (("plan",), GONE), (("plan",), []), (("plan", "epochs"), "ten"), (("plan", "epochs"), 1.5),
    (("plan", "epochs"), None), (("plan", "epochs"), -1), (("plan", "lr"), "1e-3"), (("plan", "lr"), 0),
    (("plan", "lr"), float("inf")), (("plan", "decay"), 3), (("plan", "decay"), "slow"), (("plan", "more"), 1),
    (("data",), GONE), (("data",), None), (("data", "name"), GONE), (("data", "name"), 7),
    (("data", "fingerprint"), None), (("data", "rows"), []), (("data", "rows", "train"), "many"),
    (("data", "rows", "train"), None), (("data", "columns"), None), (("data", "columns"), "abc"),
    (("data", "columns"), [1]), (("data", "label_names"), {}), (("data", "open"), 3),
    (("data", "label"), ["kind"]), (("data", "labels"), 1), (("data", "size"), 12), (("data", "size"), [1]),
    (("data", "size"), ["a", "b"]), (("data", "tiles"), "8"), (("data", "tiles"), None),
    (("data", "given"), "label"), (("data", "given"), [1]), (("data", "given"), ["a", "a"]),
    (("likelihood",), GONE), (("likelihood",), "gaussian"), (("likelihood", "name"), None),
    (("likelihood", "why"), GONE), (("likelihood", "warnings"), None), (("likelihood", "warnings"), [None]),
    (("conditions",), None), (("conditions",), {}), (("conditions",), [None]), (("conditions", 0, "name"), GONE),
    (("conditions", 0, "name"), ""), (("conditions", 0, "classes"), None), (("conditions", 0, "classes"), ["a", "a"]),
    (("conditions", 0, "classes"), [1]), (("conditions", 0, "mean"), "0"), (("conditions", 0, "spread"), 0),
    (("conditions", 0, "spread"), None), (("conditions", 0, "more"), 1),
    (("prior",), []), (("prior",), "mixture"), (("prior", "name"), GONE), (("prior", "arguments"), None),
]  # fmt: skip


def damaged(place, value):
    """A good configuration but for one value."""
    if not place:
        return value
    found = copy.deepcopy(MORE)
    inside = found
    for key in place[:-1]:
        inside = inside[key]
    if value is GONE:
        del inside[place[-1]]
    else:
        inside[place[-1]] = value
    return found


@pytest.mark.parametrize(
    ("place", "value"), DAMAGE, ids=lambda v: "gone" if v is GONE else str(v)[:40]
)
def test_damage_gets_one_line(place, value):
    with pytest.raises(BadInput) as said:
        Config.from_json(damaged(place, value))
    assert "\n" not in str(said.value)
    assert str(said.value)


def test_damage_is_said_with_the_file(trained, tmp_path):
    trained[1].save(tmp_path)
    found = json.loads((tmp_path / "config.json").read_text())
    for change in ({"plan": None}, {"data": {}}, {"arguments": {"shape": "8"}}, {"format": 9}):
        (tmp_path / "config.json").write_text(json.dumps({**found, **change}))
        with pytest.raises(BadInput, match=r"config\.json: "):
            vaekit.load(tmp_path)


def test_a_model_in_memory_and_its_folder_say_the_same(trained, tmp_path):
    folder, model = trained
    assert vaekit.load(folder).config == model.config
    made = vaekit.fit("digits", latent=2, width=8, epochs=1)
    made.save(tmp_path / "m")
    again = vaekit.load(tmp_path / "m")
    assert again.config == made.config
    assert fingerprint(again) == fingerprint(made)


def test_nobody_else_takes_it_apart():
    package = Path(vaekit.__file__).parent
    for path in package.rglob("*.py"):
        text = path.read_text()
        assert path.name == "config.py" or "config[" not in text, path
        assert "config.get(" not in text, path
