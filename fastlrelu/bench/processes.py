"""The other end of `worker`: starts one process for each library and thread count, talks to it, and ends it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from typing import Any

from .cells import Cell

# Read by the libraries when they are loaded, so they cannot be set from inside.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "NPROC",
)
START = """import sys
sys.path[:] = sys.argv[3:]
from fastlrelu.bench import worker
worker.main(sys.argv[1], int(sys.argv[2]))"""
REPLY_SECONDS = 120.0


class LostError(Exception):
    """The process has ended, or does not answer; the message says which."""


def environment(library: str, threads: int) -> dict[str, str]:
    """The environment of a library's process."""
    variables = dict(os.environ)
    for name in THREAD_VARIABLES:
        variables[name] = str(threads)
    variables["JAX_PLATFORMS"] = "cpu"
    return variables


class Process:
    """One library at one thread count."""

    def __init__(self, library: str, threads: int) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-c", START, library, str(threads), *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(library, threads),
            text=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self._hello: dict[str, Any] | None = None

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=REPLY_SECONDS)
        except queue.Empty:
            raise LostError(f"no answer within {REPLY_SECONDS:.0f} s") from None
        if not line:
            raise LostError(f"its process ended with status {self._popen.wait()}")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def hello(self) -> dict[str, Any]:
        """``version`` of the library, or ``missing`` with the reason."""
        if self._hello is None:
            try:
                self._hello = self._receive()
            except LostError as error:
                self._hello = {"missing": str(error)}
        return self._hello

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send one request and wait for its reply.

        Raises
        ------
        LostError
            If there is no reply.
        """
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._popen.stdin.flush()
        except OSError:
            raise LostError(f"its process ended with status {self._popen.wait()}") from None
        return self._receive()

    def prepare(self, cell: Cell, candidate: str) -> dict[str, Any]:
        """Have one call built and checked."""
        return self.ask("prepare", cell=[cell.operation, cell.dtype, cell.size, cell.threads], candidate=candidate)

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._popen.kill()
        self._popen.wait()
        for stream in (self._popen.stdin, self._popen.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue
