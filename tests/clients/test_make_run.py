"""`make run` builds, starts, tells address and key, and ends cleanly."""

import os
import signal
import subprocess

import pytest
from clients import connected_ccxt, eventually, wait_for_bots
from venue import ROOT, STOP_TIMEOUT_S, Account, end_group

# The build is usually done already.
BUILD_TIMEOUT_S = 900


@pytest.fixture
def demo_env(tmp_path):
    """The file that `make run` writes, while it runs."""
    env_file = tmp_path / "demo.env"
    settings = {"LISTEN": "127.0.0.1:0", "DATA_DIR": tmp_path / "data", "DEMO_ENV": env_file, "PROFILE": "dev"}
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen(
            ["make", "run", *(f"{name}={value}" for name, value in settings.items())],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            eventually(lambda: env_file.exists() or process.poll() is not None, bool, BUILD_TIMEOUT_S)
            assert env_file.exists(), process.returncode
            yield env_file
            # Ctrl-C on a terminal goes to every process of the group.
            os.killpg(process.pid, signal.SIGINT)
            process.wait(STOP_TIMEOUT_S)
            assert "The venue is stopped." in (tmp_path / "log").read_text()
        finally:
            end_group(process)
            print((tmp_path / "log").read_text())


def test_make_run_leads_to_a_first_trade(demo_env):
    assert demo_env.stat().st_mode & 0o077 == 0, "a secret is for its owner only"
    demo = dict(line.split("=", 1) for line in demo_env.read_text().splitlines())
    account = Account("demo", demo["DEMO_API_KEY"], demo["DEMO_SECRET_KEY"])
    with connected_ccxt(demo["DEMO_URL"], account) as exchange:
        wait_for_bots(exchange, ["BTC/USDT"])
        assert exchange.create_order("BTC/USDT", "market", "buy", "0.001")["status"] == "closed"
