"""The demo: funded accounts, and bots that make books, tape and klines live."""

import pytest
from clients import connected_ccxt


@pytest.fixture
def exchange(demo_venue):
    with connected_ccxt(demo_venue.url, demo_venue.demo_accounts()[0]) as connected:
        yield connected


def test_the_ready_file_says_where_everything_is(demo_venue):
    ready = demo_venue.ready
    assert ready["rest"].startswith("http://127.0.0.1:")
    assert ready["ws"].startswith("ws://127.0.0.1:") and ready["wsApi"].startswith("ws://127.0.0.1:")
    assert [process["role"] for process in ready["processes"]] == ["all"]
    assert all(account["name"] and account["apiKey"] and account["secretKey"] for account in ready["accounts"])


def test_a_dozen_symbols_have_books_tapes_and_klines(exchange):
    assert len(exchange.symbols) == 12
    for symbol in exchange.symbols:
        book = exchange.fetch_order_book(symbol, 5)
        assert book["bids"][0][0] < book["asks"][0][0]
        assert exchange.fetch_trades(symbol)
        assert exchange.fetch_ohlcv(symbol, "1s")


def test_a_demo_account_can_buy_from_the_bots(exchange):
    assert exchange.fetch_balance()["USDT"]["free"] > 1_000
    bought = exchange.create_order("BTC/USDT", "market", "buy", "0.001")
    assert (bought["status"], bought["filled"]) == ("closed", 0.001)
