"""Every block of the README that a reader can copy does what it says."""

import os
import re
import subprocess
import sys

import pytest
from venue import BINARY, ROOT, end_group

BLOCK_TIMEOUT_S = 120
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
# `make run` has a test of its own, and `make test` is what runs this one.
STARTING_BLOCKS = [("sh", "make run\n"), ("sh", "make test\n")]


@pytest.fixture
def folder(demo_folder):
    """What a reader's folder holds after `make run`: a clone, a release build and demo.env."""
    for name in ["emporion", "examples"]:
        (demo_folder / name).symlink_to(ROOT / name)
    (demo_folder / "target" / "release").mkdir(parents=True)
    (demo_folder / "target" / "release" / "emporion").symlink_to(BINARY)
    return demo_folder


def run_block(language, text, folder):
    """Runs a block as a reader would paste it, and ends whatever it leaves running."""
    command = ["bash", "-euo", "pipefail", "-c", text] if language == "sh" else [sys.executable, "-c", text]
    # Where a block starts a venue of its own on the default address, any free port serves as well.
    environment = {**os.environ, "EMPORION_LISTEN": "127.0.0.1:0"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=BLOCK_TIMEOUT_S)
    finally:
        end_group(process)
    assert process.returncode == 0, f"exit code {process.returncode}\n{text}\n{output}"
    return output


def test_the_readme_begins_with_its_two_commands():
    assert BLOCKS[:2] == STARTING_BLOCKS


@pytest.mark.parametrize(
    ("language", "text"), BLOCKS[2:], ids=[f"{n}-{language}" for n, (language, _) in enumerate(BLOCKS[2:], 3)]
)
def test_a_block_runs_as_it_stands(folder, language, text):
    assert run_block(language, text, folder).strip(), "a reader sees what it did"


def test_curl_ccxt_and_python_binance_each_have_a_block():
    trading = [text for _, text in BLOCKS if "demo.env" in text]
    assert [word for word in ("curl", "ccxt", "binance.Client") if any(word in text for text in trading)] == [
        "curl",
        "ccxt",
        "binance.Client",
    ]
