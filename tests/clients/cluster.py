"""The venue as services: started by the program behind `make cluster`, told to stop, and never left behind."""

import json
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import requests
from venue import BINARY, end_group, make_account

STOP_TIMEOUT_S = 120
SETTLE_TIMEOUT_S = 30


class Cluster:
    """A running cluster, which looks like a venue to who only trades there. Use it in a `with` block."""

    def __init__(self, *arguments):
        self._scratch = tempfile.TemporaryDirectory(prefix="emporion-clients-")
        self.folder = Path(self._scratch.name) / "cluster"
        program = BINARY.with_name("emporion-cluster")
        command = [program, "up", "--dir", self.folder, "--binary", BINARY, *arguments]
        self._process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        said = self._process.stdout.readline()
        if not said.startswith("The cluster answers"):
            said += self._process.stdout.read()
            end_group(self._process)
            self._discard()
            raise AssertionError(f"the cluster does not start: {said}")
        self.ready = json.loads((self.folder / "ready.json").read_text())
        self.url = self.ready["rest"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Stops all of it as an operator would; it must end by itself and without an error."""
        self._process.send_signal(signal.SIGTERM)
        try:
            said, _ = self._process.communicate(timeout=STOP_TIMEOUT_S)
            assert self._process.returncode == 0, f"the cluster ended with {self._process.returncode}: {said}"
        finally:
            end_group(self._process)
            self._discard()

    def open_account(self, name, *, ed25519_public_key=None, **deposits):
        """A new account, funded like `USDT="1000"`."""
        return make_account(("--config", self.folder / "emporion.toml"), name, ed25519_public_key, deposits)

    def settle(self):
        """Waits until every process shows all that was committed: they follow the sequencer, each by itself."""
        committed = max(self._metric("sequencer", "sequencer_committed_seq"))
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while min(shown := self._metric("market-data", "market_data_seq")) < committed:
            assert time.monotonic() < deadline, f"the market data are at {shown}, not at {committed}"
            time.sleep(0.005)

    def _metric(self, role, name):
        """A metric of each process of a role that has it."""
        addresses = [process["address"] for process in self.ready["processes"] if process["role"] == role]
        texts = [requests.get(f"http://{address}/metrics", timeout=SETTLE_TIMEOUT_S).text for address in addresses]
        return [float(value) for text in texts for value in re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)]

    def _discard(self):
        self._process.stdout.close()
        self._scratch.cleanup()
