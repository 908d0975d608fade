"""Whatever a terminal can show, and however a command is ended: no traceback, nothing left over."""

import io
import json
import os
import signal
import sys

import pytest

from vaekit.interfaces import cli
from vaekit.interfaces.cli import fail, main
from vaekit.system.files import replacing
from vaekit.system.signals import ENDING, asked_to_stop


def ascii_out(monkeypatch):
    """An output stream that knows ASCII alone, from now on."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


def printed(stream):
    stream.flush()
    return stream.buffer.getvalue().decode("ascii")


@pytest.mark.parametrize("command", ["recipes", "recipes --json"])
def test_signs_that_a_stream_has_not_are_written_otherwise(monkeypatch, command):
    stream = ascii_out(monkeypatch)
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    assert ended.value.code == 0
    shown = printed(stream)
    assert "S\\u00f8nderby" in shown
    if "--json" in command:
        assert "Sønderby" in json.loads(shown)["ladder_vae"]


def test_minus_and_plus_or_minus_are_plain_ones_there(monkeypatch):
    stream = ascii_out(monkeypatch)
    monkeypatch.setattr(cli, "run", lambda _: print("−94.3 ± 0.9 \udcff 😀") or 0)
    with pytest.raises(SystemExit):
        main([])
    shown = printed(stream)
    assert shown.startswith("-94.3 +- 0.9 ")
    assert json.loads(f'"{shown.strip()}"')[-1] == "😀"


@pytest.mark.parametrize("number", ENDING)
def test_what_ends_a_command_leaves_nothing_half_written(tmp_path, monkeypatch, capsys, number):
    def write(*_, **__):
        with replacing(tmp_path / "new.csv") as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), number)

    monkeypatch.setattr(cli, "app", write)
    before = signal.signal(number, signal.SIG_DFL)  # tests may run where it is ignored
    try:
        with pytest.raises(SystemExit) as ended:
            main([])
    finally:
        now = signal.signal(number, before)
    assert now is signal.SIG_DFL
    assert ended.value.code == 128 + number
    assert capsys.readouterr().err == f"vaekit: stopped by {number.name}\n"
    assert not list(tmp_path.iterdir())


def test_a_signal_that_is_ignored_stays_so(monkeypatch):
    monkeypatch.setattr(cli, "app", lambda *_, **__: os.kill(os.getpid(), signal.SIGHUP))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit) as ended:
            main([])
    finally:
        signal.signal(signal.SIGHUP, before)
    assert ended.value.code == 0


def test_a_training_still_ends_at_a_step(monkeypatch):
    seen = []

    def train(*_, **__):
        with asked_to_stop() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
            seen.append(stop())

    monkeypatch.setattr(cli, "app", train)
    with pytest.raises(SystemExit):
        main([])
    assert seen == [True]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(22, "Invalid argument", "odd/name"), "odd/name: Invalid argument"),
        (OSError("3 requested and 2 written"), "3 requested and 2 written"),
    ],
)
def test_what_the_system_says_is_told_without_its_numbers(capsys, error, line):
    assert fail(error, 2) == 2
    assert capsys.readouterr().err == f"vaekit: {line}\n"
