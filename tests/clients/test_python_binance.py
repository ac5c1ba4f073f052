"""python-binance's REST side, with every kind of key."""

import time
from decimal import Decimal as D

import pytest
from binance.exceptions import BinanceAPIException
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SYMBOL = "ETHBTC"
DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture
def connect_ed25519(open_account, connect_python_binance, tmp_path):
    """Connects a new account that signs with an Ed25519 key; the venue knows only the public half."""

    def connect(**deposits):
        private_key = Ed25519PrivateKey.generate()
        public_file = tmp_path / "public.pem"
        public_file.write_bytes(
            private_key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        pem = private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = open_account(ed25519_public_key=public_file, **deposits)
        return connect_python_binance(account, private_key=pem.decode())

    return connect


@pytest.fixture(params=["hmac", "ed25519"])
def client(request, open_account, connect_python_binance, connect_ed25519):
    """A funded trader, once for each kind of key."""
    funds = {"BTC": "10", "ETH": "100", "USDT": "1000000"}
    if request.param == "hmac":
        yield connect_python_binance(open_account(**funds))
    else:
        ed25519 = connect_ed25519(**funds)
        yield ed25519
        for order in ed25519.get_open_orders():
            ed25519.cancel_order(symbol=order["symbol"], orderId=order["orderId"])


@pytest.fixture
def other(open_account, connect_python_binance):
    """The trader on the other side."""
    return connect_python_binance(open_account(BTC="10", ETH="100", USDT="1000000"))


def trade(maker, taker, quantity, price):
    """One trade on an empty book, bought by the taker."""
    maker.order_limit_sell(symbol=SYMBOL, quantity=quantity, price=price)
    taken = taker.order_limit_buy(symbol=SYMBOL, quantity=quantity, price=price)
    assert taken["status"] == "FILLED"
    return taken


def test_the_public_basics_answer(connect_python_binance):
    client = connect_python_binance()
    assert client.ping() == {}
    assert abs(client.get_server_time()["serverTime"] - time.time() * 1000) < 5_000
    assert client.get_system_status() == {"status": 0, "msg": "normal"}
    assert {each["symbol"] for each in client.get_exchange_info()["symbols"]} == {"BTCUSDT", "ETHUSDT", "ETHBTC"}
    info = client.get_symbol_info(SYMBOL)
    assert {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL"} <= {each["filterType"] for each in info["filters"]}


def test_the_account_shows_what_was_deposited(client):
    account = client.get_account()
    assert account["canTrade"] is True
    assert {each["asset"]: each["free"] for each in account["balances"]} == {
        "BTC": "10.00000000",
        "ETH": "100.00000000",
        "USDT": "1000000.00000000",
    }
    assert client.get_asset_balance("ETH") == {"asset": "ETH", "free": "100.00000000", "locked": "0.00000000"}
    assert client.get_account_status() == {"data": "Normal"}
    assert {each["symbol"] for each in client.get_trade_fee()} == {"BTCUSDT", "ETHUSDT", "ETHBTC"}


def test_an_order_is_placed_found_and_cancelled(client):
    placed = client.order_limit_buy(symbol=SYMBOL, quantity="1", price="0.05", newClientOrderId="mine")
    assert (placed["status"], placed["origQty"], placed["price"]) == ("NEW", "1.00000000", "0.05000000")
    found = client.get_order(symbol=SYMBOL, origClientOrderId="mine")
    assert (found["orderId"], found["isWorking"]) == (placed["orderId"], True)
    assert [each["orderId"] for each in client.get_open_orders(symbol=SYMBOL)] == [placed["orderId"]]
    assert client.get_asset_balance("BTC")["locked"] == "0.05000000"

    # A DELETE whose parameters are a form in its body.
    cancelled = client.cancel_order(symbol=SYMBOL, orderId=placed["orderId"])

    assert (cancelled["status"], cancelled["origClientOrderId"]) == ("CANCELED", "mine")
    assert cancelled["clientOrderId"] != "mine"
    assert client.get_open_orders() == []
    assert client.get_asset_balance("BTC")["locked"] == "0.00000000"


def test_market_orders_fill_and_appear_in_my_trades(client, other):
    other.order_limit_sell(symbol=SYMBOL, quantity="2", price="0.05")
    bought = client.order_market_buy(symbol=SYMBOL, quantity="0.5")
    by_quote = client.order_market_buy(symbol=SYMBOL, quoteOrderQty="0.025")

    assert (bought["status"], bought["cummulativeQuoteQty"]) == ("FILLED", "0.02500000")
    assert (by_quote["status"], by_quote["executedQty"]) == ("FILLED", "0.50000000")
    fills = client.get_my_trades(symbol=SYMBOL)
    assert [each["orderId"] for each in fills] == [bought["orderId"], by_quote["orderId"]]
    assert all(each["isBuyer"] and not each["isMaker"] for each in fills)
    assert [(each["commission"], each["commissionAsset"]) for each in fills] == [("0.00050000", "ETH")] * 2
    assert client.get_my_trades(symbol=SYMBOL, orderId=bought["orderId"])[0]["id"] == fills[0]["id"]


def test_a_test_order_changes_nothing(client):
    assert (
        client.create_test_order(symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="1", price="0.05")
        == {}
    )
    assert client.get_open_orders() == []


def test_open_orders_end_together(client):
    for price in ["0.05", "0.051"]:
        client.order_limit_buy(symbol=SYMBOL, quantity="1", price=price)
    assert {each["status"] for each in client.cancel_all_open_orders(symbol=SYMBOL)} == {"CANCELED"}
    assert [each["status"] for each in client.get_all_orders(symbol=SYMBOL)] == ["CANCELED", "CANCELED"]


def test_order_counts_count_this_accounts_orders(client):
    client.order_limit_buy(symbol=SYMBOL, quantity="1", price="0.05")
    counts = {each["interval"]: each for each in client.get_current_order_count()}
    assert counts["DAY"]["count"] == 1
    assert (counts["SECOND"]["intervalNum"], counts["DAY"]["intervalNum"]) == (10, 1)


def test_refusals_carry_code_and_text(client):
    with pytest.raises(BinanceAPIException) as caught:
        client.order_limit_buy(symbol=SYMBOL, quantity="100000", price="0.05")
    assert (caught.value.status_code, caught.value.code) == (400, -2010)
    assert caught.value.message == "Account has insufficient balance for requested action."
    with pytest.raises(BinanceAPIException) as caught:
        client.cancel_order(symbol=SYMBOL, orderId=999_999_999)
    assert (caught.value.code, caught.value.message) == (-2011, "Unknown order sent.")


def test_klines_are_iterated_from_the_first_trade_on(venue, client, other):
    trade(other, client, "0.5", "0.05")
    venue.settle()
    klines = client.get_historical_klines(SYMBOL, client.KLINE_INTERVAL_1MINUTE, 0)
    first, last = klines[0], klines[-1]
    assert last[4] == "0.05000000"
    assert last[0] + 60_000 - 1 == last[6] and last[0] % 60_000 == 0
    assert D(last[5]) >= D("0.5") and last[11] == "0"
    assert [kline[0] for kline in klines] == list(range(first[0], last[0] + 1, 60_000))
    assert first[8] > 0, "nothing comes before the first trade"
    # The probe for the earliest bar: a start long before the venue is clamped, not refused.
    assert client.get_klines(symbol=SYMBOL, interval="1d", startTime=0, limit=1)[0][0] == first[0] // DAY_MS * DAY_MS


def test_aggregate_trades_are_iterated_without_a_gap(venue, client, other):
    before = client.get_server_time()["serverTime"]
    for price in ["0.050", "0.051", "0.052"]:
        trade(other, client, "0.1", price)
    venue.settle()
    trades = list(client.aggregate_trade_iter(symbol=SYMBOL, start_str=before))
    assert [each["p"] for each in trades] == ["0.05000000", "0.05100000", "0.05200000"]
    assert [each["a"] for each in trades] == list(range(trades[0]["a"], trades[0]["a"] + 3))
    assert list(client.aggregate_trade_iter(symbol=SYMBOL, last_id=trades[0]["a"])) == trades[1:]


def test_market_data_show_book_tape_and_prices(venue, client, other):
    trade(other, client, "0.1", "0.05")
    other.order_limit_sell(symbol=SYMBOL, quantity="1", price="0.06")
    other.order_limit_buy(symbol=SYMBOL, quantity="2", price="0.04")
    venue.settle()
    book = client.get_order_book(symbol=SYMBOL, limit=5)
    assert book["bids"] == [["0.04000000", "2.00000000"]] and book["asks"] == [["0.06000000", "1.00000000"]]
    assert client.get_orderbook_ticker(symbol=SYMBOL)["bidPrice"] == "0.04000000"
    assert client.get_symbol_ticker(symbol=SYMBOL) == {"symbol": SYMBOL, "price": "0.05000000"}
    assert client.get_ticker(symbol=SYMBOL)["lastPrice"] == "0.05000000"
    assert SYMBOL in {each["symbol"] for each in client.get_all_tickers()}
    assert SYMBOL in {each["symbol"] for each in client.get_orderbook_tickers()}
    last = client.get_recent_trades(symbol=SYMBOL)[-1]
    assert (last["price"], last["qty"], last["isBuyerMaker"]) == ("0.05000000", "0.10000000", False)
    assert client.get_historical_trades(symbol=SYMBOL, fromId=last["id"], limit=1) == [last]
    assert client.get_avg_price(symbol=SYMBOL)["mins"] == 5
    assert client.get_ui_klines(symbol=SYMBOL, interval="1m")[-1][4] == "0.05000000"


def test_times_come_in_microseconds_to_who_asks_so(open_account, connect_python_binance):
    client = connect_python_binance(open_account(BTC="1"), time_unit="MICROSECOND")
    assert abs(client.get_server_time()["serverTime"] - time.time() * 1_000_000) < 5_000_000
    placed = client.order_limit_buy(symbol=SYMBOL, quantity="1", price="0.05")
    assert abs(placed["transactTime"] - time.time() * 1_000_000) < 5_000_000
