"""The documents name only what exists."""

import re
import subprocess

import ccxt
import pytest
from venue import ROOT

SOURCES = ["adapters", "api", "core", "emporion", "ports", "services", "tests"]
DOCUMENTS = [
    ROOT / path
    for path in subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
]


def table(document, heading):
    """The rows of a Markdown table as lists of cells."""
    rows = (ROOT / document).read_text().split(f"\n{heading}\n")[1].split("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_or_heading(document):
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}, target


@pytest.mark.parametrize(
    ("document", "heading"),
    [("ARCHITECTURE.md", "| Invariant | Guarded by |"), ("docs/api.md", "| Point | Tests |")],
)
def test_every_invariant_names_tests_that_exist(document, heading):
    sources = [path for top in SOURCES for path in (ROOT / top).glob("**/*.rs")]
    sources += (ROOT / "tests" / "clients").glob("*.py")
    functions = {name for path in sources for name in re.findall(r"\b(?:fn|def) (\w+)", path.read_text())}
    named = {name for _, guards in table(document, heading) for name in re.findall(r"`(\w+)`", guards)}
    assert len(named) > 20
    assert named <= functions, named - functions


def test_ccxt_maps_codes_as_the_readme_says():
    exchange = ccxt.binance()
    shared, spot = exchange.exceptions["exact"], exchange.exceptions["spot"]["exact"]
    served = re.findall(r'^\s+\w+ = (-\d+), "', (ROOT / "api" / "src" / "code.rs").read_text(), re.MULTILINE)

    def names(code):
        on_https, on_http = spot.get(code) or shared.get(code), shared.get(code)
        return tuple(each.__name__ if each else "ExchangeError" for each in (on_https, on_http))

    rows = table("README.md", "| Code | Meaning | `https://api.<hostname>/` | plain http |")
    assert len(served) > 40
    assert {code: (on_https, on_http) for code, _, on_https, on_http in rows} == {
        code: names(code) for code in served if len(set(names(code))) > 1
    }


def test_every_endpoint_is_documented():
    source = (ROOT / "api" / "src" / "paths.rs").read_text()
    served = re.findall(r'^    \w+: (\w+) "([^"]+)", \w+, (\w+), \w+\(', source, re.MULTILINE)
    securities = {
        "None": "none",
        "Trade": "trade",
        "UserData": "user data",
        "Session": "session",
        "Operator": "operator",
    }
    rows = table("docs/api.md", "| Method | Path | Security | Weight |")
    documented = [(method, path.strip("`"), security) for method, path, security, _ in rows]
    assert documented == [(method.upper(), path, securities[security]) for method, path, security in served]


def test_every_metric_is_documented():
    sources = [path for top in ("services", "adapters", "emporion") for path in (ROOT / top).glob("**/src/**/*.rs")]
    counted = {
        name for path in sources for name in re.findall(r'\b(?:counter|gauge|histogram)!\(\s*"(\w+)"', path.read_text())
    }
    assert len(counted) > 10
    assert {metric.strip("`") for metric, _ in table("docs/operations.md", "| Metric | Tells |")} == counted


def test_every_exit_code_is_documented():
    source = (ROOT / "emporion" / "src" / "failure.rs").read_text()
    codes = re.findall(r"^    \w+ = (\d+),", source, re.MULTILINE)
    assert [code for code, _ in table("docs/operations.md", "| Code | Means |")] == ["0", *codes]
