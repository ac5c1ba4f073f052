"""Fixtures: one quiet venue whose only traders are the test's own accounts, once as one process and once as services,
and one demo venue with bots."""

import contextlib
import itertools

import pytest
from clients import connected_ccxt, connected_python_binance, wait_for_bots
from cluster import Cluster
from venue import Venue

# Where each symbol has traded before the first test.
FIRST_PRICES = {"BTC/USDT": "30000", "ETH/USDT": "3000", "ETH/BTC": "0.05"}

account_numbers = itertools.count(1)


@pytest.fixture(scope="session", params=[Venue, Cluster], ids=["process", "cluster"])
def venue(request):
    """A venue without bots: books hold what the tests put there."""
    with request.param("--rate-limits", "relaxed") as running:
        trade_once(running)
        yield running


def trade_once(venue):
    """One trade of each symbol: a market order is valued at earlier trades, and refused where there are none."""
    funds = {"BTC": "10", "ETH": "10", "USDT": "100000"}
    seller, buyer = venue.open_account("first-seller", **funds), venue.open_account("first-buyer", **funds)
    with connected_ccxt(venue.url, seller) as maker, connected_ccxt(venue.url, buyer) as taker:
        for symbol, price in FIRST_PRICES.items():
            maker.create_order(symbol, "limit", "sell", "0.1", price)
            taker.create_order(symbol, "limit", "buy", "0.1", price)


@pytest.fixture(scope="session")
def demo_venue():
    """A venue as `make run` starts it, on temporary storage, once its bots have traded on every symbol."""
    with Venue("--demo", "--ephemeral") as running:
        with connected_ccxt(running.url) as exchange:
            wait_for_bots(exchange, exchange.symbols)
        yield running


@pytest.fixture
def demo_folder(tmp_path, demo_venue):
    """A folder with the demo.env of the demo venue."""
    account = demo_venue.demo_accounts()[0]
    (tmp_path / "demo.env").write_text(
        f"DEMO_URL={demo_venue.url}\nDEMO_API_KEY={account.api_key}\nDEMO_SECRET_KEY={account.secret_key}\n"
    )
    return tmp_path


@pytest.fixture
def open_account(venue):
    """Opens funded accounts, and cancels at the end what they left open, so that each test meets empty books."""
    opened = []

    def open_one(**deposits):
        account = venue.open_account(f"test-{next(account_numbers)}", **deposits)
        opened.append(account)
        return account

    yield open_one
    for account in opened:
        if account.secret_key is not None:
            with connected_ccxt(venue.url, account, warnOnFetchOpenOrdersWithoutSymbol=False) as exchange:
                for symbol in {order["symbol"] for order in exchange.fetch_open_orders()}:
                    exchange.cancel_all_orders(symbol)


@pytest.fixture
def connect_ccxt(venue):
    """Connects CCXT for an account, or for nobody."""
    with contextlib.ExitStack() as stack:
        yield lambda account=None, **options: stack.enter_context(connected_ccxt(venue.url, account, **options))


@pytest.fixture
def connect_python_binance(venue):
    """Connects python-binance for an account, or for nobody."""
    with contextlib.ExitStack() as stack:
        yield lambda account=None, **options: stack.enter_context(
            connected_python_binance(venue.url, account, **options)
        )


@pytest.fixture
def alice(open_account):
    return open_account(BTC="10", ETH="100", USDT="1000000")


@pytest.fixture
def bob(open_account):
    return open_account(BTC="10", ETH="100", USDT="1000000")
