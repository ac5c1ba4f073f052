"""The bots of `examples/` run to their end against a demo venue."""

import subprocess
import sys

import pytest
from venue import COMMAND_TIMEOUT_S, ROOT

EXAMPLES = {
    "prices.sh": ([], "BTCUSDT"),
    "quoter.py": (["BTC/USDT", "2"], "fills: "),
    "saver.py": (["BTCUSDT", "50", "2"], "on average"),
}


def test_every_example_has_a_case():
    files = {path.name for path in (ROOT / "examples").iterdir() if path.suffix in (".py", ".sh")}
    assert files == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_to_its_end(name, demo_folder):
    arguments, expected = EXAMPLES[name]
    interpreter = "bash" if name.endswith(".sh") else sys.executable
    done = subprocess.run(
        [interpreter, ROOT / "examples" / name, *arguments],
        cwd=demo_folder,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert expected in done.stdout
