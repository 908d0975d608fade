"""What is shown while something takes long."""

import io
import re

import pytest
import torch

from vaekit.evaluation import passes
from vaekit.rows import Rows
from vaekit.system import progress
from vaekit.system.progress import Lines, bar, quiet_if, say, span_text, tracked


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand; half a minute has passed since anything was shown."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(Lines, "last", -float("inf"))
    return now


def test_a_line_every_half_minute_off_a_terminal(clock, capsys):
    with bar("training", 100) as shown:
        for done in range(1, 101):
            clock[0] += 1.0
            shown.update(done, "loss 3.00")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        f"training: {n} of 100" for n in (30, 60, 90)
    ]
    assert lines[0] == "training: 30 of 100 (30%), 70 s left loss 3.00"


def test_short_stages_one_after_the_other_make_lines_too(clock, capsys):
    for stage in range(10):
        for _ in tracked(range(5), f"stage {stage}", 5):
            clock[0] += 2.0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["stage 2", "stage 5", "stage 8"]


def test_what_is_short_says_nothing(clock, capsys):
    for _ in range(3):
        clock[0] += 1000.0
        assert list(tracked(range(5), "short", 5)) == [0, 1, 2, 3, 4]
    assert capsys.readouterr().err == ""


def test_quiet_is_quiet(clock, capsys):
    with quiet_if(wanted=True), bar("training", 10) as shown:
        clock[0] += 100.0
        shown.update(5)
        say("a note")
    assert capsys.readouterr().err == ""
    say("a note")
    assert capsys.readouterr().err == "a note\n"


def test_spans_of_time():
    assert [span_text(s) for s in (0.2, 70, 600, 8 * 3600, 3e5)] == [
        "1 s", "70 s", "10.0 min", "8.0 h", "3.5 d",
    ]  # fmt: skip


@pytest.mark.parametrize(("rows", "title", "bars"), [(6, "rows", 1), (3, "rows", 0), (6, "", 0)])
def test_rows_in_pieces_show_a_bar_if_there_are_two_pieces_and_a_title(
    rows, title, bars, monkeypatch
):
    seen = []
    monkeypatch.setattr(passes, "tracked", lambda parts, *told: seen.append(told) or parts)
    pieces = list(passes.chunks(Rows(torch.arange(rows)), 3, title))
    assert [len(piece) for piece in pieces] == [3] * (rows // 3)
    assert seen == [("rows", 2)] * bars


@pytest.mark.parametrize("width", [80, 60, 45])
def test_the_time_that_is_left_is_whole_on_a_narrow_terminal(monkeypatch, width):
    """A line of a bar is one line, ends in what gives way, and has the time in it."""
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr", stream)
    for name, value in (("COLUMNS", str(width)), ("TERM", "xterm"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    with bar("training", 200) as shown:
        shown.update(150, "epoch 97/100  loss 7.68  reconstruction 7.66  kl 0.02")
    lines = re.split(r"\x1b\[[^A-Za-z]*[A-Za-z]|[\r\n]", stream.getvalue())
    drawn = [line for line in lines if "150/200" in line]
    assert drawn
    whole = re.compile(r"150/200 +(\d:\d\d:\d\d|-:--:--) +ep.*…$")
    assert all(whole.search(line.rstrip()) for line in drawn), drawn
    assert all(len(line) <= width for line in drawn)
