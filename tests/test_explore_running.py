"""The explorer's server starts, is found, and stops."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import vaekit
from vaekit.interfaces.cli import run
from vaekit.interfaces.server import running
from vaekit.interfaces.server.subject import subject_of
from vaekit.system.checks import BadInput

PAGE = Path(running.__file__).with_name("page")
SCRIPTS = sorted(PAGE.glob("*.js"))


def asked(url, body=None):
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=20) as reply:
        return reply.read()


def test_a_model_opens_its_page_and_hands_back_what_is_selected(trained):
    _, model = trained
    found = model.explore(limit=50, seed=3)
    try:
        assert b"<title>vaekit explorer</title>" in asked(found.url)
        assert json.loads(asked(f"{found.url}api/about"))["rows"] == 50
        assert found.url in found._repr_html_()
        with pytest.raises(BadInput, match="nothing is selected"):
            _ = found.rows
        asked(f"{found.url}api/selection", b"\x02\0\0\0\x07\0\0\0")
        assert found.selected.tolist() == [2, 7]
        assert found.rows.values.tolist() == found.explorer.subject.rows.values[[2, 7]].tolist()
    finally:
        found.stop()
    with pytest.raises(OSError, match="refused"):
        asked(found.url)


def test_other_data_and_a_split_are_explored(trained):
    _, model = trained
    own = subject_of(model, split="test")
    assert len(own.rows) == 179
    assert set(own.splits) == {2}
    other = subject_of(model, model.source.rows("test").numpy()[:30, 0])
    assert len(other.rows) == 30
    assert other.codes == pytest.approx(own.codes[:30], abs=1e-5)
    assert other.splits is None


def test_a_port_that_is_taken_is_said(trained):
    _, model = trained
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadInput, match=r"cannot serve at 127\.0\.0\.1:\d+"):
            model.explore(port=taken.getsockname()[1], limit=5)
    with pytest.raises(BadInput, match="a port is a number"):
        model.explore(port=99999)
    with pytest.raises(BadInput, match="cannot serve at"):
        model.explore(host="no such host", limit=5)


def test_a_model_without_data_asks_for_some(trained, tmp_path):
    trained[1].save(tmp_path)
    with pytest.raises(BadInput, match="give the data to explore"):
        vaekit.load(tmp_path).explore()


def test_answers_leave_at_once():
    """Without TCP_NODELAY an answer in two pieces waits 40 ms for the other side's acknowledgement;
    asyncio sets it on sockets that say that they are TCP."""
    made = running.listening("127.0.0.1", 0)
    with made:
        assert made.proto == socket.IPPROTO_TCP
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("127.0.0.1", {"localhost", "127.0.0.1", "::1"}),
        ("localhost", {"localhost", "127.0.0.1", "::1"}),
        ("192.0.2.7", {"192.0.2.7"}),
    ],
)
def test_names_of_a_host(host, names):
    assert set(running.names_of(host)) == names


def test_all_names_of_this_machine_where_anybody_may_come():
    assert {"localhost", socket.gethostname()} <= set(running.names_of("0.0.0.0"))


def test_without_the_extra_a_line_says_what_to_install(trained, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "starlette", None)
    assert run(["explore", str(trained[0]), "--quiet"]) == 2
    err = capsys.readouterr().err
    assert err == "vaekit: this needs starlette: pip install 'vaekit[serve]'\n"


@pytest.mark.parametrize(
    "arguments",
    [["nowhere"], ["--port", "70000"], ["--limit", "-1"], ["--split", "nose"], ["--host", "x y"]],
)
def test_mistakes_get_a_line(trained, arguments, capsys):
    folder = [] if arguments == ["nowhere"] else [str(trained[0])]
    assert run(["explore", *folder, *arguments, "--quiet", "--no-browser"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("vaekit: ")


@pytest.mark.slow
def test_the_command_serves_until_it_is_stopped(trained):
    command = [sys.executable, "-m", "vaekit", "explore", str(trained[0]), "--limit", "20"]
    with subprocess.Popen(
        [*command, "--json", "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            text = b""
            while not text.rstrip().endswith(b"}"):
                assert select.select([process.stdout], [], [], 90)[0]
                text += os.read(process.stdout.fileno(), 4096)
            about = json.loads(text)
            assert about["rows"] == 20
            assert b"<title>" in asked(about["url"])
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0
    assert b"Traceback" not in err


class TestPage:
    def test_nothing_of_it_comes_from_elsewhere(self):
        for path in filter(Path.is_file, PAGE.rglob("*")):
            addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text())
            assert {a for a in addresses if "www.w3.org" not in a} == set(), path

    @pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
    def test_its_parts_are_there(self, path):
        text = path.read_text()
        assert len(text.splitlines()) < 400
        names = {"index.html": (PAGE / "index.html").read_text()}
        for names_, module in re.findall(r"import (.+?) from \"\./(.+?)\"", text):
            other = (PAGE / module).read_text()
            for name in re.findall(r"\w+", names_.split(" as ")[0] if "*" not in names_ else ""):
                assert re.search(rf"export (async )?(function|class|const) {name}\b", other), name
        made = set(re.findall(r"id: \"([\w-]+)\"", "".join(p.read_text() for p in SCRIPTS)))
        own = set(re.findall(r"id=\"([\w-]+)\"", names["index.html"])) | made
        assert set(re.findall(r"\bat\(\"([\w-]+)\"\)", text)) <= own

    def test_every_script_is_loaded(self):
        loaded, todo = set(), ["main.js"]
        while todo:
            name = todo.pop()
            loaded.add(name)
            more = re.findall(r"from \"\./(.+?)\"", (PAGE / name).read_text())
            todo += [m for m in more if m not in loaded]
        assert loaded == {p.name for p in SCRIPTS}
