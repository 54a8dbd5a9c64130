"""gunicorn --preload on loopback: the model computes with its threads before two workers are forked from it."""

import concurrent.futures
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from subprocesses import ALWAYS_PARALLEL, PYTHONPATH

pytest.importorskip("gunicorn")
pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="gunicorn forks"),
    pytest.mark.timeout(90),
]

APPLICATION = """
import os
import numpy as np, fastlrelu as fl

fl.set_num_threads(2)
x = np.linspace(-1, 1, 1_000_003, dtype=np.float32)
expected = np.where(x > 0, x, np.float32(0.1) * x)
for _ in range(5):
    assert (fl.leaky_relu(x, 0.1) == expected).all()

def application(environ, start_response):
    weight = np.full(1, 0.1, np.float32)
    results = fl.leaky_relu(x, 0.1), fl.LeakyReLU(0.1)(x), fl.prelu(x[None], weight, 0)[0]
    right = all((r == expected).all() for r in results)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {right}".encode()]
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answer(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as response:
        pid, right = response.read().decode().split()
        return int(pid), right == "True"


def wait_until_it_answers(port, server):
    for _ in range(300):
        assert server.poll() is None, server.communicate()[0]
        try:
            return answer(port)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("the server never answered")


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_two_preloaded_workers(kind, tmp_path):
    (tmp_path / "served.py").write_text(APPLICATION)
    port = free_port()
    options = [
        "--preload",
        "--workers=2",
        f"--worker-class={kind}",
        "--threads=4" if kind == "gthread" else "--threads=1",
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options, f"--bind=127.0.0.1:{port}", "--timeout=20", "served:application"],
        cwd=tmp_path,
        env={**os.environ, **ALWAYS_PARALLEL, "PYTHONPATH": PYTHONPATH, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        wait_until_it_answers(port, server)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: answer(port), range(60)))
        assert all(right for _, right in answers)
        assert server.pid not in {pid for pid, _ in answers}
        server.send_signal(signal.SIGTERM)
        output, _ = server.communicate(timeout=20)
        assert server.returncode == 0, output
        # A worker that hung would have been ended by its arbiter, which says so.
        assert "TIMEOUT" not in output
        assert "SIGKILL" not in output
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.communicate()
