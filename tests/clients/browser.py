"""Debian's chromium without a window, driven over its own debugging protocol: no driver, no download."""

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from websockets.sync.client import connect

START_TIMEOUT_S = 60
ANSWER_TIMEOUT_S = 60
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
]


class Page:
    """One tab. Everything that the browser complains about is collected."""

    def __init__(self, socket):
        self._socket = socket
        self._ids = itertools.count(1)
        self._session = None
        self._loaded = False
        self.complaints = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Page", "Network"):
            self._ask(f"{domain}.enable")

    def open(self, url):
        """Goes there and waits until the page is loaded."""
        self._loaded = False
        self._ask("Page.navigate", url=url)
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while not self._loaded:
            self._hear(json.loads(self._socket.recv(timeout=deadline - time.monotonic())))

    def resize(self, width, height, dark=False):
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])

    def evaluate(self, expression):
        """The value of a JavaScript expression."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, expression, timeout_s=ANSWER_TIMEOUT_S):
        """Waits until the expression is true, and returns its value."""
        deadline = time.monotonic() + timeout_s
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < deadline, f"{expression} is still {value!r}; {self.complaints}"
            time.sleep(0.05)
        return value

    def screenshot(self, path):
        Path(path).write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def _ask(self, method, **params):
        number = next(self._ids)
        request = {"id": number, "method": method, "params": params}
        if self._session:
            request["sessionId"] = self._session
        self._socket.send(json.dumps(request))
        while True:
            message = json.loads(self._socket.recv(timeout=ANSWER_TIMEOUT_S))
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self._hear(message)

    def _hear(self, message):
        method, params = message.get("method"), message.get("params")
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append([each.get("value") for each in params["args"]])


@contextlib.contextmanager
def browser():
    """A fresh browser with one tab."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "these tests need Debian's chromium: apt-get install chromium"
    with tempfile.TemporaryDirectory(prefix="emporion-browser-", ignore_cleanup_errors=True) as folder:
        command = [program, *FLAGS, f"--user-data-dir={folder}", "about:blank"]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            with connect(debugger(Path(folder), process), max_size=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def debugger(folder, process):
    """Where the browser says that it can be driven."""
    told = folder / "DevToolsActivePort"
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        lines = told.read_text().splitlines() if told.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        assert process.poll() is None, f"the browser ended with {process.returncode}"
        time.sleep(0.02)
    raise AssertionError("the browser did not start")
