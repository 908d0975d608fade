"""What came of each change, kept as it goes, and told in a page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.mutation.changes import Mutant
from benchmarks.mutation.forks import Outcome

EQUIVALENT = Path(__file__).with_name("equivalent.json")


class Results:
    """Outcomes in a file of lines, the last of a change counting.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log: dict[str, list[dict[str, Any]]] = {}
        for line in path.read_text().splitlines() if path.is_file() else ():
            told = json.loads(line)
            self.log.setdefault(told["key"], []).append(told)

    def last(self, mutant: Mutant) -> dict[str, Any] | None:
        """The outcome of a change, if there is one."""
        return self.log.get(mutant.key, [None])[-1]

    def asks(self, mutant: Mutant, digest: str, *, again: bool) -> bool:
        """Whether a change is still to be run."""
        last = self.last(mutant)
        if last is None or last["digest"] != digest:
            return True
        return again and last["killer"] is None

    def add(self, mutant: Mutant, digest: str, outcome: Outcome, tests: int) -> None:
        """One more."""
        told = {"key": mutant.key, "killer": outcome.killer, "digest": digest, "tests": tests}
        self._append({**told, "seconds": round(outcome.seconds, 1)})

    def withdraw(self, killers: set[str]) -> None:
        """Tests that fail anyway have killed nothing."""
        for told in [log[-1] for log in self.log.values() if log[-1]["killer"] in killers]:
            self._append({**told, "killer": None})

    def killers(self, mutants: Iterable[Mutant]) -> set[str]:
        """The tests that killed some of these."""
        found = (self.last(m) for m in mutants)
        return {told["killer"] for told in found if told and told["killer"]}

    def outlived(self, mutant: Mutant) -> bool:
        """Whether a change survived once."""
        return any(told["killer"] is None for told in self.log.get(mutant.key, ()))

    def _append(self, told: dict[str, Any]) -> None:
        self.log.setdefault(told["key"], []).append(told)
        with self.path.open("a") as file:
            file.write(json.dumps(told) + "\n")


def write(
    folder: Path, drawn: list[Mutant], known: list[Mutant], results: Results, seed: int
) -> None:
    """The page, and the same as JSON.

    Args:
        folder: to write to.
        drawn: the sample.
        known: changes that are written out.
        results: what came of them.
        seed: of the sample.
    """
    reasons = json.loads(EQUIVALENT.read_text())
    told, also = ([_told(m, results, reasons) for m in some] for some in (drawn, known))
    told.sort(key=lambda t: (t["file"], t["line"]))
    page = _page(told, also, seed)
    kept = {"seed": seed, "changes": told, "known": also}
    (folder / "mutants.json").write_text(json.dumps(kept, indent=1) + "\n")
    (folder / "mutants.md").write_text(page)
    print(page.split("\n## ")[0])


def _told(mutant: Mutant, results: Results, reasons: dict[str, str]) -> dict[str, Any]:
    last = results.last(mutant)
    killer = last and last["killer"]
    state = "not run" if last is None else "killed" if killer else "survives"
    if state == "survives" and mutant.key in reasons:
        state = "equivalent"
    return {
        "file": mutant.file, "line": mutant.line, "within": mutant.within, "was": mutant.was,
        "now": mutant.now, "state": state, "killer": killer, "tests": last and last["tests"],
        "survived_once": results.outlived(mutant),
        **({"why": reasons[mutant.key]} if state == "equivalent" else {}),
    }  # fmt: skip


def _page(told: list[dict[str, Any]], known: list[dict[str, Any]], seed: int) -> str:
    number = {
        state: sum(t["state"] == state for t in told)
        for state in ("killed", "equivalent", "survives", "not run")
    }
    since = [t for t in told if t["state"] == "killed" and t["survived_once"]]
    lines = [
        "# Changes that tests see",
        "",
        f"`python benchmarks/mutants.py run --count {len(told)} --seed {seed}`: one-place changes of",
        "the parts that compute, drawn at random; each met the tests (those marked slow left out)",
        "that execute its line.",
        "",
        *_shares(number, len(since)),
    ]
    lines += ["", "| part | killed | the same | survive | unfinished |", "|---|---|---|---|---|"]
    for part in sorted({t["file"].split("/")[1] for t in told}):
        states = [t["state"] for t in told if t["file"].split("/")[1] == part]
        counts = (states.count(s) for s in ("killed", "equivalent", "survives", "not run"))
        lines.append(f"| {part} | " + " | ".join(map(str, counts)) + " |")
    fell = sum(t["state"] == "killed" for t in known)
    lines += ["", f"Of {len(known)} changes that survived an earlier look, {fell} are now killed."]
    lines += _section("Survive", [*told, *known], "survives", _met)
    lines += _section("The same program", told, "equivalent", lambda t: t["why"])
    lines += _section("Survived once, now killed", [*since, *known], "killed", _killer)
    return "\n".join(lines) + "\n"


def _shares(number: dict[str, int], since: int) -> list[str]:
    """The table of shares. While some changes are still to be run there is none: a change is done
    as soon as a test fails, but outlives all its tests only at the end."""
    killed, same = number["killed"], number["equivalent"]
    whole = killed + same + number["survives"]
    if number["not run"]:
        return [
            f"Unfinished: {killed} killed, {number['survives']} survive, {number['not run']} have "
            "not met all their tests. A share of these would flatter: the killed are done first."
        ]
    able = max(whole - same, 1)
    return [
        "| changes | number | share |",
        "|---|---|---|",
        f"| killed | {killed} of {whole} | {killed / max(whole, 1):.1%} |",
        f"| the same program, by the arguments below | {same} | |",
        f"| killed, of those that are another program | {killed} of {able} | {killed / able:.1%} |",
        f"| survive | {number['survives']} | |",
        f"| killed before tests were written for survivors | {killed - since} of {whole} "
        f"| {(killed - since) / max(whole, 1):.1%} |",
    ]


def _met(told: dict[str, Any]) -> str:
    return f"{told['tests']} tests met it"


def _killer(told: dict[str, Any]) -> str:
    return f"`{told['killer']}`"


def _section(title: str, told: list[dict[str, Any]], state: str, why: Any) -> list[str]:
    rows = [t for t in told if t["state"] == state]
    if not rows:
        return []
    lines = ["", f"## {title}", "", "| place | was | now | |", "|---|---|---|---|"]
    for t in rows:
        was, now = (f"`{t[k]}`".replace("|", "\\|") for k in ("was", "now"))
        lines.append(
            f"| {t['file'].removeprefix('vaekit/')}:{t['line']} | {was} | {now} | {why(t)} |"
        )
    return lines
