"""Headless Chromium, driven through its debugging pipe with the standard library alone."""

import json
import os
import select
import shutil
import subprocess
import time

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
]
SECONDS = 60
IN_CI = os.environ.get("CI") == "true"


def path():
    """Chromium, or None."""
    return next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)


class Browser:
    """One browser with one page; a context manager."""

    def __init__(self, profile):
        commands_read, self._commands = os.pipe()
        self._replies, replies_write = os.pipe()
        # The pipe must be descriptors 3 and 4 there.
        shell = f'exec "$@" 3<&{commands_read} 4>&{replies_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", path(), *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(commands_read, replies_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands_read)
        os.close(replies_write)
        self._buffer = b""
        self._count = 0
        self.complaints = []
        self.requests = []

    def __enter__(self):
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._commands)
        os.close(self._replies)

    def ask(self, method, **params):
        """One command to the page."""
        return self._ask(method, session=self._session, **params)

    def open(self, url, width, scheme="light"):
        """Load a page at a width of so many CSS pixels, as a telephone would where it is narrow."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.complaints.clear()
        self.requests.clear()
        self._loaded = False
        self.ask("Page.navigate", url=url)
        until = time.monotonic() + SECONDS
        while not self._loaded:
            self._take(until)

    def value(self, script):
        """The value of an expression."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _ask(self, method, session=None, **params):
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + SECONDS
        while True:
            reply = self._take(until)
            if reply.get("id") == self._count:
                assert "error" not in reply, reply
                return reply["result"]

    def _take(self, until):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._replies], [], [], max(0, until - time.monotonic()))
            assert ready, f"Chromium did not answer within {SECONDS} s"
            received = os.read(self._replies, 1 << 16)
            assert received, f"Chromium ended with status {self._process.wait()}"
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(line)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, event, params):
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])
        elif event == "Log.entryAdded" and params["entry"]["level"] in ("warning", "error"):
            self.complaints.append(params["entry"]["text"])
        elif event == "Runtime.consoleAPICalled" and params["type"] in ("warning", "error", "assert"):
            self.complaints.append(str(params["args"]))
        elif event == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
