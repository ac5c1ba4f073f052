"""CCXT places, sees and ends orders, and every balance adds up to the last digit."""

import ccxt
import pytest

SYMBOL = "BTC/USDT"


def balance(exchange, asset):
    """Free and locked."""
    of_asset = exchange.fetch_balance()[asset]
    return of_asset["free"], of_asset["used"]


def test_a_limit_order_rests_holds_its_cost_and_is_cancelled(connect_ccxt, alice):
    exchange = connect_ccxt(alice)

    placed = exchange.create_order(SYMBOL, "limit", "buy", "0.5", "20000")
    assert (placed["status"], placed["filled"], placed["remaining"]) == ("open", 0, 0.5)
    assert balance(exchange, "USDT") == (990_000, 10_000)
    assert [order["id"] for order in exchange.fetch_open_orders(SYMBOL)] == [placed["id"]]

    cancelled = exchange.cancel_order(placed["id"], SYMBOL)
    assert (cancelled["id"], cancelled["status"]) == (placed["id"], "canceled")
    assert exchange.fetch_order(placed["id"], SYMBOL)["status"] == "canceled"
    assert exchange.fetch_open_orders(SYMBOL) == []
    assert balance(exchange, "USDT") == (1_000_000, 0)


def test_a_trade_moves_both_assets_and_takes_the_fee_out_of_what_is_received(connect_ccxt, alice, bob):
    maker, taker = connect_ccxt(alice), connect_ccxt(bob)
    offer = maker.create_order(SYMBOL, "limit", "sell", "0.5", "30000")

    bought = taker.create_order(SYMBOL, "limit", "buy", "0.2", "30000")

    assert (bought["status"], bought["filled"], bought["cost"], bought["average"]) == (
        "closed",
        0.2,
        6_000,
        30_000,
    )
    assert [(fee["currency"], fee["cost"]) for fee in bought["fees"]] == [("BTC", 0.0002)]
    assert balance(taker, "BTC") == (10.1998, 0)
    assert balance(taker, "USDT") == (994_000, 0)
    assert balance(maker, "BTC") == (9.5, 0.3)
    assert balance(maker, "USDT") == (1_005_994, 0)
    resting = maker.fetch_order(offer["id"], SYMBOL)
    assert (resting["status"], resting["filled"], resting["remaining"]) == ("open", 0.2, 0.3)


def test_both_sides_see_their_fill(connect_ccxt, alice, bob):
    maker, taker = connect_ccxt(alice), connect_ccxt(bob)
    offer = maker.create_order(SYMBOL, "limit", "sell", "0.1", "30000")
    bid = taker.create_order(SYMBOL, "limit", "buy", "0.1", "30000")

    [sold], [bought] = maker.fetch_my_trades(SYMBOL), taker.fetch_my_trades(SYMBOL)
    assert sold["id"] == bought["id"]
    assert (sold["order"], sold["side"], sold["takerOrMaker"]) == (offer["id"], "sell", "maker")
    assert (bought["order"], bought["side"], bought["takerOrMaker"]) == (bid["id"], "buy", "taker")
    assert sold["fee"] == {"currency": "USDT", "cost": 3}
    assert bought["fee"] == {"currency": "BTC", "cost": 0.0001}
    assert taker.fetch_order_trades(bid["id"], SYMBOL)[0]["id"] == bought["id"]


def test_a_market_order_by_quantity_takes_the_best_prices_first(connect_ccxt, alice, bob):
    maker, taker = connect_ccxt(alice), connect_ccxt(bob)
    maker.create_order(SYMBOL, "limit", "sell", "0.1", "30010")
    maker.create_order(SYMBOL, "limit", "sell", "0.1", "30000")

    bought = taker.create_order(SYMBOL, "market", "buy", "0.15")

    assert (bought["status"], bought["filled"], bought["cost"]) == ("closed", 0.15, 4500.5)
    assert [(fill["price"], fill["amount"]) for fill in bought["trades"]] == [
        (30_000, 0.1),
        (30_010, 0.05),
    ]


def test_a_market_order_by_quote_cost_spends_at_most_that(connect_ccxt, alice, bob):
    maker, taker = connect_ccxt(alice), connect_ccxt(bob)
    maker.create_order(SYMBOL, "limit", "sell", "1", "30000")

    bought = taker.create_market_buy_order_with_cost(SYMBOL, "100")

    # 100 / 30000 in steps of 0.00001.
    assert (bought["filled"], bought["cost"]) == (0.00333, 99.9)
    assert balance(taker, "USDT") == (999900.1, 0)


def test_a_market_order_beyond_the_book_keeps_what_it_got_and_expires(connect_ccxt, alice, bob):
    maker, taker = connect_ccxt(alice), connect_ccxt(bob)
    maker.create_order(SYMBOL, "limit", "buy", "0.1", "30000")

    sold = taker.create_order(SYMBOL, "market", "sell", "0.3")

    assert (sold["status"], sold["filled"], sold["remaining"]) == ("expired", 0.1, 0.2)
    assert balance(taker, "BTC") == (9.9, 0)


@pytest.mark.parametrize(
    ("time_in_force", "status", "filled"),
    [("GTC", "open", 0.1), ("IOC", "expired", 0.1), ("FOK", "expired", 0)],
)
def test_time_in_force_says_what_becomes_of_the_rest(connect_ccxt, alice, bob, time_in_force, status, filled):
    maker, taker = connect_ccxt(alice), connect_ccxt(bob)
    maker.create_order(SYMBOL, "limit", "sell", "0.1", "30000")

    bid = taker.create_order(SYMBOL, "limit", "buy", "0.3", "30000", {"timeInForce": time_in_force})

    assert (bid["status"], bid["filled"]) == (status, filled)


def test_a_post_only_order_rests_or_is_refused(connect_ccxt, alice, bob):
    maker, taker = connect_ccxt(alice), connect_ccxt(bob)
    resting = maker.create_order(SYMBOL, "limit", "sell", "0.1", "30000", {"postOnly": True})
    assert maker.fetch_order(resting["id"], SYMBOL)["status"] == "open"

    with pytest.raises(ccxt.OrderImmediatelyFillable):
        taker.create_order(SYMBOL, "limit", "buy", "0.1", "30000", {"postOnly": True})
    assert taker.fetch_open_orders(SYMBOL) == []


def test_cancel_all_ends_every_order_of_the_symbol_and_no_other(connect_ccxt, alice):
    exchange = connect_ccxt(alice)
    on_btc = [exchange.create_order(SYMBOL, "limit", "buy", "0.01", str(20_000 + n))["id"] for n in range(5)]
    on_eth = exchange.create_order("ETH/USDT", "limit", "buy", "1", "1000")["id"]

    assert sorted(order["id"] for order in exchange.cancel_all_orders(SYMBOL)) == sorted(on_btc)

    assert exchange.fetch_open_orders(SYMBOL) == []
    assert [order["id"] for order in exchange.fetch_open_orders("ETH/USDT")] == [on_eth]


def test_orders_are_listed_by_what_became_of_them(connect_ccxt, alice, bob):
    maker, taker = connect_ccxt(alice), connect_ccxt(bob)
    maker.create_order(SYMBOL, "limit", "sell", "0.1", "30000")
    filled = taker.create_order(SYMBOL, "limit", "buy", "0.1", "30000")["id"]
    cancelled = taker.create_order(SYMBOL, "limit", "buy", "0.1", "20000")["id"]
    taker.cancel_order(cancelled, SYMBOL)
    open_ = taker.create_order(SYMBOL, "limit", "buy", "0.1", "20001")["id"]

    def ids(orders):
        return [order["id"] for order in orders]

    assert ids(taker.fetch_orders(SYMBOL)) == [filled, cancelled, open_]
    assert ids(taker.fetch_closed_orders(SYMBOL)) == [filled]
    assert ids(taker.fetch_canceled_orders(SYMBOL)) == [cancelled]
    assert ids(taker.fetch_open_orders(SYMBOL)) == [open_]


def test_a_client_order_id_finds_its_newest_order(connect_ccxt, alice):
    exchange = connect_ccxt(alice)
    named = {"newClientOrderId": "my-order-1"}
    first = exchange.create_order(SYMBOL, "limit", "buy", "0.01", "20000", named)
    assert first["clientOrderId"] == "my-order-1"
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
        exchange.create_order(SYMBOL, "limit", "buy", "0.01", "20001", named)

    exchange.cancel_order(first["id"], SYMBOL)
    second = exchange.create_order(SYMBOL, "limit", "buy", "0.01", "20002", named)

    assert exchange.fetch_order(None, SYMBOL, {"origClientOrderId": "my-order-1"})["id"] == second["id"]


def test_amounts_cut_by_the_precision_helpers_are_accepted(connect_ccxt, alice):
    exchange = connect_ccxt(alice)
    amount = exchange.amount_to_precision(SYMBOL, "0.0123456789")
    price = exchange.price_to_precision(SYMBOL, "20000.123456")
    assert (amount, price) == ("0.01234", "20000.12")

    placed = exchange.create_order(SYMBOL, "limit", "buy", amount, price)

    assert (placed["amount"], placed["price"]) == (float(amount), float(price))


def test_all_that_was_bought_can_be_sold_again(connect_ccxt, alice, bob):
    maker, taker = connect_ccxt(alice), connect_ccxt(bob)
    maker.create_order(SYMBOL, "limit", "sell", "1", "30000")
    maker.create_order(SYMBOL, "limit", "buy", "20", "29000")
    taker.create_order(SYMBOL, "market", "buy", "0.1")

    free, _ = balance(taker, "BTC")
    sold = taker.create_order(SYMBOL, "market", "sell", taker.amount_to_precision(SYMBOL, free))

    assert sold["status"] == "closed"
    assert balance(taker, "BTC") == (0, 0)


def test_a_test_order_is_checked_and_changes_nothing(connect_ccxt, alice):
    exchange = connect_ccxt(alice)
    exchange.create_order(SYMBOL, "limit", "buy", "0.5", "20000", {"test": True})
    assert exchange.fetch_open_orders(SYMBOL) == []
    assert balance(exchange, "USDT") == (1_000_000, 0)


def test_fees_are_those_that_fills_are_charged(connect_ccxt, alice):
    exchange = connect_ccxt(alice)
    for fee in [exchange.fetch_trading_fee(SYMBOL), exchange.fetch_trading_fees()[SYMBOL]]:
        assert (fee["maker"], fee["taker"]) == (0.001, 0.001)
