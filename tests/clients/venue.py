"""The real binary as a child process: started on a free port, told to stop, and never left behind."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("VENUE_BINARY", ROOT / "target" / "debug" / "emporion"))

READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
COMMAND_TIMEOUT_S = 60


@dataclass(frozen=True)
class Account:
    """A name and the key to act under it; an account with a public key of its own has no secret."""

    name: str
    api_key: str
    secret_key: str | None


def emporion(*arguments, **options):
    """Runs a command of the binary to its end and returns what it printed."""
    command = [str(BINARY), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, **options)
    assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def make_account(where, name, ed25519_public_key, deposits):
    """A new account at the venue that these arguments lead to."""
    arguments = ["account", "create", "--json", *where, "--name", name]
    for asset, amount in deposits.items():
        arguments += ["--deposit", f"{asset}={amount}"]
    if ed25519_public_key is not None:
        arguments += ["--ed25519-public-key", ed25519_public_key]
    created = json.loads(emporion(*arguments))
    return Account(name, created["apiKey"], created.get("secretKey"))


def end_group(process):
    """Ends a child that leads a process group of its own, with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Venue:
    """A running venue. Use it in a `with` block."""

    def __init__(self, *arguments):
        self._scratch = tempfile.TemporaryDirectory(prefix="emporion-clients-")
        self.folder = Path(self._scratch.name)
        self.data_dir = self.folder / "data"
        ready_file = self.folder / "ready.json"
        storage = () if "--ephemeral" in arguments else ("--data-dir", self.data_dir)
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--ready-file", ready_file, *storage, *arguments]
        self._log = open(self.folder / "log", "w+")
        try:
            self._process = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
            )
        except OSError:
            self._discard()
            raise
        try:
            self.ready = self._wait_until_ready(ready_file)
        except BaseException:
            self._process.kill()
            self._process.wait()
            self._discard()
            raise
        self.url = self.ready["rest"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Stops the venue as an operator would; it must end by itself and without an error."""
        self._process.terminate()
        try:
            code = self._process.wait(STOP_TIMEOUT_S)
            assert code == 0, f"the server ended with {code}\n{self._last_log_lines()}"
        finally:
            self._process.kill()
            self._process.wait()
            self._discard()

    def open_account(self, name, *, ed25519_public_key=None, **deposits):
        """A new account, funded like `USDT="1000"`."""
        return make_account(("--data-dir", self.data_dir), name, ed25519_public_key, deposits)

    def settle(self):
        """Waits for nothing: everybody is shown at least what he was answered."""

    def demo_accounts(self):
        return [Account(each["name"], each["apiKey"], each["secretKey"]) for each in self.ready["accounts"]]

    def _wait_until_ready(self, ready_file):
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if ready_file.exists():
                return json.loads(ready_file.read_text())
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended before it was ready\n{self._last_log_lines()}")
            time.sleep(0.02)
        raise AssertionError(f"the server was not ready in {READY_TIMEOUT_S} s\n{self._last_log_lines()}")

    def _last_log_lines(self):
        self._log.seek(0)
        return "".join(self._log.readlines()[-40:])

    def _discard(self):
        self._log.close()
        self._scratch.cleanup()
