"""The third-party clients, set up as the README tells users to."""

import contextlib
import re
import time

import binance
import ccxt

HTTP_TIMEOUT_S = 20
EVENTUALLY_TIMEOUT_S = 20


@contextlib.contextmanager
def connected_ccxt(url, account=None, **options):
    """CCXT with every address replaced, so that nothing can reach another venue by mistake.

    It hands numbers over as floats, each the nearest to the venue's exact text: equal texts are equal floats.
    """
    exchange = ccxt.binance(
        {
            "apiKey": account.api_key if account else None,
            "secret": account.secret_key if account else None,
            "timeout": HTTP_TIMEOUT_S * 1000,
            "enableRateLimit": False,
            "options": {
                "fetchMarkets": {"types": ["spot"]},
                "fetchMargins": False,
                "fetchCurrencies": False,
                **options,
            },
        }
    )
    exchange.urls["api"] = {name: re.sub(r"^https://[^/]+", url, root) for name, root in exchange.urls["api"].items()}
    with contextlib.closing(exchange.session):
        exchange.load_markets()
        yield exchange


@contextlib.contextmanager
def connected_python_binance(url, account=None, private_key=None, **options):
    """python-binance with its class attributes replaced, which its constructor's ping already uses."""

    class Client(binance.Client):
        API_URL = f"{url}/api"
        MARGIN_API_URL = f"{url}/sapi"
        REQUEST_TIMEOUT = HTTP_TIMEOUT_S

    key, secret = (account.api_key, account.secret_key) if account else (None, None)
    client = Client(key, secret, private_key=private_key, **options)
    try:
        yield client
    finally:
        client.close_connection()


def eventually(read, is_expected, timeout_s=EVENTUALLY_TIMEOUT_S):
    """Reads until it is as expected, for what others bring about: bots, a starting process."""
    deadline = time.monotonic() + timeout_s
    while not is_expected(seen := read()):
        assert time.monotonic() < deadline, f"still {seen!r}"
        time.sleep(0.02)
    return seen


def wait_for_bots(exchange, symbols):
    """Waits until the demo's bots have quoted and traded on these symbols, which takes about a second."""
    for symbol in symbols:
        eventually(lambda symbol=symbol: exchange.fetch_trades(symbol), bool)
        eventually(
            lambda symbol=symbol: all(exchange.fetch_bids_asks([symbol])[symbol][s] for s in ("bid", "ask")), bool
        )
