"""The API starts, is found, and stops in good order."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from vaekit.interfaces.cli import run
from vaekit.interfaces.server import running
from vaekit.interfaces.server.api.limits import Limits
from vaekit.interfaces.server.api.serving import serve, token_of
from vaekit.system.checks import BadInput

NOT_TAKEN = ConnectionRefusedError | ConnectionResetError | BrokenPipeError
ROWS = json.dumps({"rows": [[[0] * 8] * 8]}).encode()


def asked(url, body=None, **headers):
    headers = {"content-type": "application/json", **headers}
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.loads(reply.read())


def test_models_are_served_and_stop(trained):
    _, model = trained
    found = serve({"digits": model, "again": model})
    try:
        codes = asked(f"{found.url}v1/models/digits/encode", ROWS)
        assert len(codes["codes"][0]) == 2
        assert codes == asked(f"{found.url}v1/models/again/encode", ROWS)
        assert found.url in found._repr_html_()
    finally:
        found.stop()
    with pytest.raises(OSError, match="refused"):
        asked(f"{found.url}healthz")
    assert not found.api.worker.is_alive


def test_what_was_taken_is_answered_before_it_stops(trained):
    """The server is stopped while requests wait: they get their answers, and nobody else does."""
    _, model = trained
    found, gate, begun = serve({"digits": model}), threading.Event(), threading.Event()
    replies = []

    def hold():
        begun.set()
        gate.wait(30)
        raise BadInput("this was only to wait")

    found.api.worker.submit(hold)
    assert begun.wait(30)
    url = f"{found.url}v1/models/digits/encode"
    clients = [threading.Thread(target=lambda: replies.append(asked(url, ROWS))) for _ in range(5)]
    for client in clients:
        client.start()
    until = time.monotonic() + 30
    while found.api.worker.depth < 5 and time.monotonic() < until:
        time.sleep(0.01)
    found.server.should_exit = True
    while found.server.servers and found.server.servers[0].is_serving():
        assert time.monotonic() < until
        time.sleep(0.01)
    with pytest.raises(OSError, match="refused"):
        asked(f"{found.url}healthz")
    gate.set()
    for client in clients:
        client.join(30)
    found.stop()
    assert len(replies) == 5
    for reply in replies:
        assert reply["codes"][0] == pytest.approx(replies[0]["codes"][0], abs=1e-5)


def test_who_never_sends_all_does_not_hold_up_the_end(trained):
    found = serve({"digits": trained[1]}, limits=Limits(seconds=600))
    port = int(found.url.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as half:
        head = "POST /v1/models/digits/encode HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99"
        half.sendall(f"{head}\r\ncontent-type: application/json\r\n\r\n{{".encode())
        until = time.monotonic() + 60
        while not found.api.in_hand and time.monotonic() < until:
            time.sleep(0.01)
        found.server.should_exit = True
        reply = b"".join(iter(lambda: half.recv(4096), b""))
    assert reply.startswith(b"HTTP/1.1 503 ")
    assert b"the server stops, and the body did not come" in reply
    found.thread.join(60)
    assert not found.thread.is_alive()
    found.stop()


def test_beyond_this_machine_a_token_is_wanted(trained):
    _, model = trained

    def never():
        raise AssertionError("nothing is loaded before that is known")

    with pytest.raises(BadInput, match=r"set VAEKIT_TOKEN or --token-file .*, or say --no-token"):
        serve(never, host="0.0.0.0")
    open_ = serve({"digits": model}, host="0.0.0.0", anybody=True)
    open_.stop()
    found = serve({"digits": model}, host="0.0.0.0", token="sesame", names=["api.example.org"])
    try:
        url = f"{found.url}v1/models/digits/encode"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            asked(url, ROWS)
        right = {"authorization": "Bearer sesame"}
        assert asked(url, ROWS, **right)
        assert asked(url, ROWS, host="api.example.org", **right)
        with pytest.raises(urllib.error.HTTPError, match="421"):
            asked(url, ROWS, host="elsewhere.example", **right)
    finally:
        found.stop()


def test_tokens_come_from_one_place(tmp_path):
    path = tmp_path / "token"
    path.write_text("from-file\n")
    there = {"VAEKIT_TOKEN": "from-environment"}
    assert token_of(None, None, {}) is None
    assert token_of(None, None, {"VAEKIT_TOKEN": ""}) is None
    assert token_of(None, None, there) == "from-environment"
    assert token_of(None, path, there) == "from-file"
    assert token_of("typed", None, there) == "typed"
    with pytest.raises(BadInput, match="not both"):
        token_of("typed", path, {})
    for bad in ("", "a b", "é", "a\nb", "x" * 5000):
        with pytest.raises(BadInput, match="token"):
            token_of(bad, None, {})
    path.write_bytes(b"\xff")
    with pytest.raises(BadInput, match="holds no token"):
        token_of(None, path, {})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["serve"], "name a model to serve"),
        (["serve", "nowhere"], "there is no model nowhere"),
        (["serve", "RUN", "RUN"], "are both called digits: give one another name, as digits2="),
        (["serve", "a/b=RUN"], "cannot be a model's name"),
        (["serve", "RUN", "--port", "70000"], "must lie between"),
        (["serve", "RUN", "--most-rows", "0"], "must be at least 1"),
        (["serve", "RUN", "--timeout", "0"], "above"),
        (["serve", "RUN", "--token", "a b"], "a token is a word"),
        (["serve", "RUN", "--token", "a", "--no-token"], "says too much"),
        (["serve", "RUN", "--token-file", "nowhere"], "nowhere"),
        (["serve", "RUN", "--host", "0.0.0.0"], "say --no-token"),
        (["serve", "RUN", "--host", "x y"], "there is no host of this name"),
        (["explore", "RUN", "--host", "x y"], "there is no host of this name"),
        (["serve", "RUN", "--host", "192.0.2.7"], "this machine has no such address"),
        (["explore", "RUN", "--host", "a\0b"], "this is no name of a host"),
    ],
)
def test_mistakes_get_a_line(trained, arguments, told, capsys, monkeypatch):
    monkeypatch.delenv("VAEKIT_TOKEN", raising=False)
    folder = str(trained[0])
    assert run([a.replace("RUN", folder) for a in arguments] + ["--quiet"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("vaekit: ")
    assert told in err
    assert "Errno" not in err


def test_a_port_that_is_taken_is_told_in_words(trained, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for command in ("serve", "explore"):
            assert run([command, str(trained[0]), "--port", port, "--quiet"]) == 2
            err = capsys.readouterr().err
            assert (
                err
                == f"vaekit: cannot serve at 127.0.0.1:{port}: another program listens there: take another port\n"
            )


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("0.0.0.0", False), ("localhost", True)]
)
def test_what_is_local(host, local):
    with running.listening(host, 0) as made:
        assert running.is_local(made) is local


def test_without_the_extra_a_line_says_what_to_install(trained, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert run(["serve", str(trained[0]), "--quiet"]) == 2
    assert capsys.readouterr().err == "vaekit: this needs uvicorn: pip install 'vaekit[serve]'\n"


@contextmanager
def command(*arguments, **environment):
    """The command in a process of its own, once it serves, and what it said."""
    line = [sys.executable, "-m", "vaekit", "serve", *arguments, "--json"]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environment}
    ) as process:
        try:
            text = b""
            while not text.rstrip().endswith(b"}"):
                assert select.select([process.stdout], [], [], 90)[0]
                more = os.read(process.stdout.fileno(), 4096)
                assert more, process.stderr.read()
                text += more
            yield process, json.loads(text)
        finally:
            process.kill()


@pytest.mark.slow
def test_the_command_answers_what_it_took_and_ends_well(trained):
    """Clients ask all the while; the process is asked to end: every request that was taken is
    answered, all others are turned away, and the process says that all is well."""
    replies, lost, over = [], [], threading.Event()

    def keep_asking(url):
        while not over.is_set():
            try:
                replies.append(asked(url, ROWS, authorization="Bearer sesame"))
            except urllib.error.HTTPError as error:
                replies.append(error.code)
            except OSError as error:
                reason = getattr(error, "reason", error)
                if not isinstance(reason, NOT_TAKEN):
                    lost.append(error)
                return

    with command(f"one={trained[0]}", str(trained[0]), VAEKIT_TOKEN="sesame") as (process, about):
        assert about["models"] == ["one", "digits"]
        assert about["token"] is True
        url = f"{about['url']}v1/models/one/encode"
        clients = [threading.Thread(target=keep_asking, args=(url,)) for _ in range(4)]
        for client in clients:
            client.start()
        until = time.monotonic() + 30
        while len(replies) < 40 and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        over.set()
        for client in clients:
            client.join(30)
    assert process.returncode == 0
    assert err.decode() == ""
    assert lost == []
    good = [reply for reply in replies if isinstance(reply, dict)]
    assert len(good) >= 40
    assert {reply for reply in replies if not isinstance(reply, dict)} <= {503}
    for reply in good:
        assert reply["codes"][0] == pytest.approx(good[0]["codes"][0], abs=1e-5)


def test_the_example_of_the_docs_works(trained, capsys):
    text = (Path(__file__).parents[1] / "docs" / "serve.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    found = serve({"digits": trained[1]})
    try:
        exec(compile(code.replace("http://127.0.0.1:8765/", found.url), "serve.md", "exec"), {})
    finally:
        found.stop()
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("(1000, 8, 8) uint8 (1000, 2) -")
    assert second.endswith("bytes for 64000 True")


def test_the_help_says_what_is_taken(capsys):
    assert run(["serve", "--help"]) == 0
    said = capsys.readouterr().out
    for option in ("--host", "--port", "--token-file", "--no-token", "--most-rows", "--timeout"):
        assert option in said
    assert re.search(r"10000|10,000", said)
