"""CCXT pro (version in requirements.txt) over the venue's sockets: public streams, private events, orders."""

import asyncio

import pytest
from sockets import connected_ccxt_pro, run, soon, until

SYMBOL = "BTC/USDT"


def check(venue, account, watch):
    """Runs `watch(exchange)` with a connected client."""

    async def connected():
        async with connected_ccxt_pro(venue, account) as exchange:
            await watch(exchange)

    run(connected())


async def started():
    """Lets tasks that were just made run until each waits for the venue."""
    for _ in range(50):
        await asyncio.sleep(0)


def test_a_watched_book_equals_rest(demo_venue):
    async def watch(exchange):
        for symbol in (SYMBOL, "ETH/USDT"):
            for _ in range(5):
                book = await soon(exchange.watch_order_book(symbol))
            # Both of one moment: the book and a snapshot that has the book's id.
            async def same_moment(symbol=symbol):
                book = await exchange.watch_order_book(symbol)
                rest = await exchange.fetch_order_book(symbol, 1000)
                return book["nonce"] == rest["nonce"] and (book["bids"], book["asks"]), (rest["bids"], rest["asks"])

            watched, shown = await until(same_moment, lambda pair: pair[0] is not False)
            assert [list(side) for side in watched] == [list(side) for side in shown]
            assert book["bids"] and book["asks"]

    check(demo_venue, None, watch)


def test_watched_trades_follow_each_other_without_a_gap(demo_venue):
    async def watch(exchange):
        exchange.options["tradesLimit"] = 1000
        seen = []
        while len(seen) < 8:
            trades = await soon(exchange.watch_trades(SYMBOL))
            ids = [int(trade["id"]) for trade in trades]
            seen = sorted(set(seen) | set(ids))
        assert seen == list(range(seen[0], seen[-1] + 1))
        last = (await exchange.fetch_trades(SYMBOL, limit=1, params={"fetchTradesMethod": "publicGetTrades"}))[-1]
        assert int(last["id"]) >= seen[-1]

    check(demo_venue, None, watch)


def test_watched_klines_and_tickers_are_those_of_rest(demo_venue):
    async def watch(exchange):
        candles = await soon(exchange.watch_ohlcv(SYMBOL, "1m"))
        rest = await exchange.fetch_ohlcv(SYMBOL, "1m", limit=2)
        assert candles[-1][0] in [row[0] for row in rest]
        ticker = await soon(exchange.watch_ticker(SYMBOL))
        assert ticker["low"] <= ticker["last"] <= ticker["high"]
        best = await soon(exchange.watch_bids_asks([SYMBOL]))
        assert best[SYMBOL]["bid"] < best[SYMBOL]["ask"]
        tickers = await soon(exchange.watch_tickers([SYMBOL, "ETH/USDT"]))
        assert set(tickers) <= {SYMBOL, "ETH/USDT"}

    check(demo_venue, None, watch)


def test_own_orders_trades_and_balances_are_watched(venue, alice, bob):
    async def watch(exchange):
        async with connected_ccxt_pro(venue, bob) as other:
            await soon(exchange.authenticate({"type": "spot"}))
            orders, trades, balances = [
                asyncio.create_task(watch)
                for watch in (exchange.watch_orders(SYMBOL), exchange.watch_my_trades(SYMBOL), exchange.watch_balance())
            ]
            await started()
            placed = await exchange.create_order(SYMBOL, "limit", "sell", 0.1, 31000)
            seen = (await soon(orders))[-1]
            assert (seen["id"], seen["status"], seen["amount"]) == (placed["id"], "open", 0.1)
            await other.create_order(SYMBOL, "limit", "buy", 0.04, 31000)
            fill = (await soon(trades))[-1]
            assert (fill["order"], fill["amount"], fill["takerOrMaker"]) == (placed["id"], 0.04, "maker")
            await soon(balances)
            rest = await exchange.fetch_balance()
            if exchange.balance["spot"]["BTC"] != rest["BTC"]:
                await until(exchange.watch_balance, lambda balance: balance["BTC"] == rest["BTC"])
            canceling = asyncio.create_task(
                until(lambda: exchange.watch_orders(SYMBOL), lambda orders: orders[-1]["status"] == "canceled")
            )
            await started()
            await exchange.cancel_order(placed["id"], SYMBOL)
            last = (await soon(canceling))[-1]
            assert (last["filled"], last["remaining"]) == (0.04, pytest.approx(0.06))

    check(venue, alice, watch)


def test_orders_over_the_websocket_api(venue, alice):
    async def watch(exchange):
        placed = await soon(exchange.create_order_ws(SYMBOL, "limit", "buy", 0.01, 20000))
        assert placed["status"] == "open"
        read = await soon(exchange.fetch_order_ws(placed["id"], SYMBOL))
        assert (read["id"], read["price"], read["amount"]) == (placed["id"], 20000, 0.01)
        assert [order["id"] for order in await soon(exchange.fetch_open_orders_ws(SYMBOL))] == [placed["id"]]
        canceled = await soon(exchange.cancel_order_ws(placed["id"], SYMBOL))
        assert canceled["status"] == "canceled"
        # This version of CCXT reads no balance out of the answer, which is that of `GET account`.
        account = (await soon(exchange.fetch_balance_ws()))["info"]
        assert {each["asset"]: each["locked"] for each in account["balances"]}["USDT"] == "0.00000000"

    check(venue, alice, watch)
