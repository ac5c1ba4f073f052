"""CCXT reads markets, books, trades, tickers and klines, each with what was answered before it was asked."""

import time
import ccxt
import pytest
from clients import connected_ccxt

SYMBOL = "ETH/USDT"


@pytest.fixture
def traded(venue, connect_ccxt, alice, bob):
    """Three fresh trades, 0.1 at 3000, 0.2 at 3001 and 0.3 at 3002, and one resting order on each side."""
    maker, taker = connect_ccxt(alice), connect_ccxt(bob)
    since = maker.fetch_time()
    for amount, price in [("0.1", "3000"), ("0.2", "3001"), ("0.3", "3002")]:
        maker.create_order(SYMBOL, "limit", "sell", amount, price)
    bought = taker.create_order(SYMBOL, "limit", "buy", "0.6", "3002")
    assert bought["status"] == "closed"
    maker.create_order(SYMBOL, "limit", "buy", "2", "2990")
    maker.create_order(SYMBOL, "limit", "sell", "3", "3010")
    venue.settle()
    return maker, since


def tape(exchange, since):
    """The trades by id: CCXT sorts those of one millisecond by their ids as texts."""
    return sorted(exchange.fetch_trades(SYMBOL, since), key=lambda trade: int(trade["id"]))


def test_markets_carry_everything_that_orders_are_checked_by(connect_ccxt):
    exchange = connect_ccxt()
    assert set(exchange.symbols) == {"BTC/USDT", "ETH/USDT", "ETH/BTC"}
    market = exchange.market("BTC/USDT")
    assert (market["id"], market["type"], market["spot"], market["active"]) == ("BTCUSDT", "spot", True, True)
    assert (market["base"], market["quote"]) == ("BTC", "USDT")
    assert market["precision"]["price"] == 0.01 and market["precision"]["amount"] == 0.00001
    assert market["limits"]["amount"]["min"] == 0.00001
    assert market["limits"]["price"]["min"] == 0.01
    assert market["limits"]["cost"]["min"] == 5
    assert {"LIMIT", "LIMIT_MAKER", "MARKET"} == set(market["info"]["orderTypes"])


def test_markets_load_with_every_call_that_ccxt_makes_by_default(venue, alice):
    """Currencies and margin pairs come from six answers outside of the Spot API."""
    with connected_ccxt(venue.url, alice, fetchMargins=True, fetchCurrencies=True) as exchange:
        assert {"BTC", "ETH", "USDT"} <= set(exchange.currencies)
        assert exchange.market("BTC/USDT")["margin"] is False


def test_the_venue_tells_its_time_and_that_it_is_well(connect_ccxt):
    exchange = connect_ccxt()
    assert abs(exchange.fetch_time() - time.time() * 1000) < 5_000
    assert exchange.fetch_status()["status"] == "ok"


def test_the_book_shows_what_rests(traded):
    exchange, _ = traded
    book = exchange.fetch_order_book(SYMBOL, 5)
    assert (book["bids"], book["asks"]) == ([[2990, 2]], [[3010, 3]])
    assert book["nonce"] > 0


def test_the_tape_shows_every_trade_in_order(traded):
    exchange, since = traded
    trades = tape(exchange, since)
    assert [(trade["price"], trade["amount"], trade["side"]) for trade in trades] == [
        (3000, 0.1, "buy"),
        (3001, 0.2, "buy"),
        (3002, 0.3, "buy"),
    ]
    assert [int(trade["id"]) for trade in trades] == list(range(int(trades[0]["id"]), int(trades[0]["id"]) + 3))


def test_klines_hold_the_same_trades(traded):
    exchange, since = traded
    start = since // 1000 * 1000
    trades, klines = tape(exchange, start), exchange.fetch_ohlcv(SYMBOL, "1s", start)
    assert round(sum(kline[5] for kline in klines), 8) == round(sum(trade["amount"] for trade in trades), 8)
    assert max(kline[2] for kline in klines) == max(trade["price"] for trade in trades)
    assert klines[-1][4] == trades[-1]["price"] == 3002
    opened = [kline[0] for kline in klines]
    assert opened == list(range(opened[0], opened[-1] + 1, 1000))


@pytest.mark.parametrize("timeframe", ["1m", "1h", "1d", "1w", "1M"])
def test_klines_come_in_every_interval(traded, timeframe):
    exchange, _ = traded
    last = exchange.fetch_ohlcv(SYMBOL, timeframe)[-1]
    assert last[4] == 3002 and last[5] >= 0.6


def test_tickers_agree_with_book_and_tape(traded):
    exchange, _ = traded
    ticker = exchange.fetch_ticker(SYMBOL)
    assert (ticker["last"], ticker["bid"], ticker["ask"]) == (3002, 2990, 3010)
    assert ticker["baseVolume"] >= 0.6 and ticker["high"] >= 3002
    assert exchange.fetch_tickers([SYMBOL])[SYMBOL]["last"] == 3002
    best = exchange.fetch_bids_asks([SYMBOL])[SYMBOL]
    assert (best["bid"], best["bidVolume"], best["ask"], best["askVolume"]) == (2990, 2, 3010, 3)
    assert exchange.fetch_last_prices([SYMBOL])[SYMBOL]["price"] == 3002


def test_tickers_of_all_symbols_come_at_once(traded):
    exchange, _ = traded
    assert set(exchange.fetch_tickers()) == {"BTC/USDT", "ETH/USDT", "ETH/BTC"}


def test_the_api_table_of_ccxt_has_no_other_venue_left(connect_ccxt, venue):
    exchange = connect_ccxt()
    assert all(root.startswith(venue.url) for root in exchange.urls["api"].values())
    with pytest.raises(ccxt.ExchangeError):
        exchange.fapiPublicGetPing()
