"""python-binance (version in requirements.txt) over the venue's sockets: streams, depth cache, user socket, orders."""

from decimal import Decimal

import binance
from sockets import connected_async_binance, run, soon

SYMBOL = "BTCUSDT"


def check(venue, account, use):
    async def connected():
        async with connected_async_binance(venue, account) as (client, sockets):
            await use(client, sockets)

    run(connected())


def test_single_and_combined_streams(demo_venue):
    async def use(_, sockets):
        async with sockets.trade_socket(SYMBOL) as stream:
            ids = [(await soon(stream.recv()))["t"] for _ in range(5)]
            assert ids == list(range(ids[0], ids[0] + 5))
        async with sockets.kline_socket(SYMBOL, "1s") as stream:
            kline = (await soon(stream.recv()))["k"]
            assert kline["i"] == "1s"
        async with sockets.symbol_ticker_socket(SYMBOL) as stream:
            assert (await soon(stream.recv()))["e"] == "24hrTicker"
        async with sockets.symbol_book_ticker_socket(SYMBOL) as stream:
            best = await soon(stream.recv())
            assert Decimal(best["b"]) < Decimal(best["a"])
        async with sockets.depth_socket(SYMBOL, depth="5") as stream:
            depth = await soon(stream.recv())
            assert 1 <= len(depth["bids"]) <= 5
        async with sockets.multiplex_socket(["btcusdt@aggTrade", "ethusdt@bookTicker"]) as stream:
            names = set()
            while len(names) < 2:
                names.add((await soon(stream.recv()))["stream"])
            assert names == {"btcusdt@aggTrade", "ethusdt@bookTicker"}
        async with sockets.miniticker_socket() as stream:
            assert all(ticker["e"] == "24hrMiniTicker" for ticker in await soon(stream.recv()))

    check(demo_venue, None, use)


def test_the_depth_cache_stays_the_book(demo_venue):
    async def use(client, sockets):
        class Manager(binance.DepthCacheManager):
            def _get_socket(self):
                return sockets.depth_socket(self._symbol, interval=self._ws_interval)

        manager = Manager(client, SYMBOL, bm=sockets, limit=1000, ws_interval=100, conv_type=Decimal)
        async with manager as stream:
            for _ in range(10):
                cache = await soon(stream.recv())
            bids, asks = cache.get_bids(), cache.get_asks()
            assert Decimal(bids[0][0]) < Decimal(asks[0][0])
            assert len(bids) > 5 and len(asks) > 5

    check(demo_venue, None, use)


def test_the_user_socket_and_orders_over_the_websocket_api(venue, alice):
    async def use(client, sockets):
        async with sockets.user_socket() as stream:
            order = await soon(
                client.ws_create_order(
                    symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="20000"
                )
            )
            report = await soon(stream.recv())
            assert (report["e"], report["x"], report["X"], report["i"]) == (
                "executionReport",
                "NEW",
                "NEW",
                order["orderId"],
            )
            position = await soon(stream.recv())
            assert position["e"] == "outboundAccountPosition"
            usdt = next(balance for balance in position["B"] if balance["a"] == "USDT")
            assert Decimal(usdt["l"]) == Decimal("200")
            canceled = await soon(client.ws_cancel_order(symbol=SYMBOL, orderId=order["orderId"]))
            assert canceled["status"] == "CANCELED"
            report = await soon(stream.recv())
            assert (report["x"], report["C"]) == ("CANCELED", order["clientOrderId"])
        assert (await soon(client.ws_get_order_book(symbol=SYMBOL, limit=5)))["lastUpdateId"] > 0

    check(venue, alice, use)
