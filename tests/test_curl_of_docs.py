"""The lines for curl on pages of the documentation are answered as the pages show."""

import json
import os
import shlex
import shutil
import subprocess
from itertools import pairwise

import pytest
from docs_lines import FENCED, PAGES, words_of
from docs_world import World

from vaekit.interfaces.cli import run
from vaekit.interfaces.server import running

TOKEN = "a-word-that-is-said-to-nobody"


def asked(page):
    """Lines for curl with the command that serves, and what they are shown to be answered."""
    blocks, serving, found = [*FENCED.findall(PAGES[page].read_text()), ("", "")], None, []
    for (language, code), (next_language, shown) in pairwise(blocks):
        if language not in ("sh", "console"):
            continue
        answers = iter(shown.splitlines() if next_language == "text" else ())
        for line in code.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:2] == ["vaekit", "serve"]:
                serving = line
            elif words[:1] == ["curl"]:
                found.append((serving, words, None if "-o" in words else next(answers, None)))
    return found


PAGES_HERE = {page: found for page in PAGES if (found := asked(page))}


def alike(shown, found):
    """Whether two replies in JSON have the same shape: names, lengths and kinds; null is any."""
    if shown is None or found is None:
        return True
    if isinstance(shown, dict):
        return shown.keys() == found.keys() and all(alike(shown[k], found[k]) for k in shown)
    if isinstance(shown, list):
        return len(shown) == len(found) and all(map(alike, shown, found))
    return isinstance(found, str) == isinstance(shown, str)


def curl(words, port):
    """What a line prints when it is sent to a port of this machine; it must succeed."""
    there = ["--fail-with-body", "--connect-to", f"::127.0.0.1:{port}"]
    words = [os.path.expandvars(word) for word in words]
    done = subprocess.run([*words, *there], capture_output=True, timeout=60)
    assert done.returncode == 0, (words, done.stdout.decode(), done.stderr.decode())
    return done.stdout.decode()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
@pytest.mark.parametrize("page", PAGES_HERE)
def test_they_are_answered(page, trained, tmp_path, monkeypatch):
    world, begun, said = World(tmp_path / "world", trained[0]), running.begun, []
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def ask(found, taken, *, blocking, ready=None):
        """A server that answers the lines of the page, and ends."""
        server = begun(found, taken, blocking=False, ready=ready)
        for _, words, shown in [each for each in PAGES_HERE[page] if each[0] == serving]:
            reply = curl(words, taken.getsockname()[1])
            assert shown is None or alike(json.loads(shown), json.loads(reply)), reply
            said.append(words)
        server.stop()

    monkeypatch.setattr("vaekit.interfaces.server.api.serving.begun", ask)
    for serving in dict.fromkeys(line for line, _, _ in PAGES_HERE[page]):
        words = [word.replace("0.0.0.0", "127.0.0.1") for word in words_of(serving)]
        if "--host" in words:
            monkeypatch.setenv("VAEKIT_TOKEN", TOKEN)
        for word in words:
            world.bring(page, word.rpartition("=")[2], tmp_path / "here")
        assert run(words) == 0
    assert len(said) == len(PAGES_HERE[page])


def test_there_are_such_pages():
    assert {"serve.md", "tour.md"} <= {*PAGES_HERE}
    shown = [shown for page in ("serve.md", "tour.md") for _, _, shown in PAGES_HERE[page] if shown]
    assert len(shown) >= 5
    assert not alike({"rows": [{"age": 1}]}, {"rows": [{"age": "1"}]})
    assert not alike({"rows": [1]}, {"rows": [1, 2]})
