"""Every refusal reaches a CCXT user as the exception that Binance would cause."""

import ccxt
import pytest
from clients import connected_ccxt
from venue import Account

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "20000",
}

# What is changed in a good order, the exception, and the code and text that it carries.
REFUSED_ORDERS = [
    ({"quantity": "100"}, ccxt.InsufficientFunds, "insufficient balance"),
    ({"quantity": "0.000001"}, ccxt.InvalidOrder, "LOT_SIZE"),
    ({"quantity": "0.010001"}, ccxt.InvalidOrder, "LOT_SIZE"),
    ({"price": "20000.001"}, ccxt.InvalidOrder, "PRICE_FILTER"),
    ({"price": "2000000"}, ccxt.InvalidOrder, "PRICE_FILTER"),
    ({"quantity": "0.0001", "price": "10000"}, ccxt.BadRequest, "NOTIONAL"),
    ({"quantity": "0.0000000001"}, ccxt.BadRequest, '"code":-1111'),
    ({"quantity": "1e-05"}, ccxt.BadRequest, '"code":-1100'),
    ({"quantity": "-1"}, ccxt.BadRequest, '"code":-1100'),
    ({"quantity": ""}, ccxt.BadRequest, '"code":-1105'),
    ({"quantity": None}, ccxt.BadRequest, '"code":-1102.*quantity'),
    ({"symbol": "NOPE"}, ccxt.BadSymbol, '"code":-1121'),
    ({"side": "HOLD"}, ccxt.BadRequest, '"code":-1117'),
    ({"type": "NOPE"}, ccxt.BadRequest, '"code":-1116'),
    ({"timeInForce": "NOPE"}, ccxt.BadRequest, '"code":-1115'),
    ({"shoeSize": "43"}, ccxt.BadRequest, '"code":-110[14]'),
]


@pytest.mark.parametrize(("change", "exception", "text"), REFUSED_ORDERS, ids=lambda value: str(value)[:40])
def test_a_refused_order_changes_nothing(connect_ccxt, alice, change, exception, text):
    exchange = connect_ccxt(alice)
    order = {name: value for name, value in {**ORDER, **change}.items() if value is not None}
    with pytest.raises(exception, match=text) as caught:
        exchange.privatePostOrder(order)
    assert type(caught.value) is exception
    assert exchange.fetch_open_orders("BTC/USDT") == []
    assert exchange.fetch_balance()["USDT"]["used"] == 0


def test_orders_that_do_not_exist_are_not_found(connect_ccxt, alice):
    exchange = connect_ccxt(alice)
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        exchange.fetch_order("999999999", "BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        exchange.cancel_order("999999999", "BTC/USDT")


def test_another_accounts_order_is_not_found(connect_ccxt, alice, bob):
    of_alice, of_bob = connect_ccxt(alice), connect_ccxt(bob)
    order_id = of_alice.create_order("BTC/USDT", "limit", "buy", "0.01", "20000")["id"]
    with pytest.raises(ccxt.OrderNotFound):
        of_bob.fetch_order(order_id, "BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound):
        of_bob.cancel_order(order_id, "BTC/USDT")
    assert of_alice.fetch_order(order_id, "BTC/USDT")["status"] == "open"


@pytest.mark.parametrize("shift_ms", [-20_000, 20_000])
def test_a_clock_that_is_off_is_an_invalid_nonce(connect_ccxt, alice, shift_ms):
    exchange = connect_ccxt(alice)
    nonce = exchange.nonce
    exchange.nonce = lambda: nonce() + shift_ms
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        exchange.fetch_balance()


def test_wrong_keys_and_signatures_are_authentication_errors(venue, alice):
    for account, code in [
        (Account("nobody", "x" * 64, alice.secret_key), "-2015"),
        (Account("ill-formed", "no spaces allowed", alice.secret_key), "-2014"),
        (Account("forger", alice.api_key, "x" * 64), "-1022"),
    ]:
        with connected_ccxt(venue.url, account) as exchange, pytest.raises(ccxt.AuthenticationError, match=code):
            exchange.fetch_balance()


def test_unknown_symbols_and_intervals_are_refused_in_market_data(connect_ccxt):
    exchange = connect_ccxt()
    with pytest.raises(ccxt.BadSymbol, match="-1121"):
        exchange.publicGetDepth({"symbol": "NOPE"})
    with pytest.raises(ccxt.BadRequest, match="-1120"):
        exchange.publicGetKlines({"symbol": "BTCUSDT", "interval": "7m"})
