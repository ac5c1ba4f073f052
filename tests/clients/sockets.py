"""The third-party clients' sockets, set up as the README tells users to."""

import asyncio
import atexit
import contextlib
import re

import binance
import ccxt.pro

TIMEOUT_S = 30

# python-binance's constructors take the thread's event loop, and make one that nobody closes where there is none.
spare_loop = asyncio.new_event_loop()
atexit.register(spare_loop.close)


def run(coroutine):
    """Runs a test's coroutine to its end."""
    try:
        asyncio.run(coroutine)
    finally:
        asyncio.set_event_loop(spare_loop)


@contextlib.asynccontextmanager
async def connected_ccxt_pro(venue, account=None):
    """CCXT pro with every address replaced, so that nothing can reach another venue by mistake."""
    exchange = ccxt.pro.binance(
        {
            "apiKey": account.api_key if account else None,
            "secret": account.secret_key if account else None,
            "enableRateLimit": False,
            "options": {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False, "fetchCurrencies": False},
        }
    )
    api = exchange.urls["api"]
    exchange.urls["api"] = {
        name: re.sub(r"^https://[^/]+", venue.url, root) for name, root in api.items() if isinstance(root, str)
    }
    # CCXT tells spot from futures by "/stream" in the address, and adds a number to it.
    exchange.urls["api"]["ws"] = {
        "spot": venue.ready["ws"] + "/ws/stream",
        "ws-api": {"spot": venue.ready["wsApi"]},
    }
    try:
        await exchange.load_markets()
        yield exchange
    finally:
        await exchange.close()


@contextlib.asynccontextmanager
async def connected_async_binance(venue, account=None):
    """python-binance's asynchronous client and socket manager with their class attributes replaced."""

    class Client(binance.AsyncClient):
        API_URL = f"{venue.url}/api"
        MARGIN_API_URL = f"{venue.url}/sapi"
        WS_API_URL = venue.ready["wsApi"]

    class Sockets(binance.BinanceSocketManager):
        STREAM_URL = venue.ready["ws"] + "/"

    key, secret = (account.api_key, account.secret_key) if account else (None, None)
    client = await Client.create(key, secret)
    try:
        yield client, Sockets(client)
    finally:
        await client.close_connection()


async def soon(awaitable, timeout_s=TIMEOUT_S):
    """The result, or a failure that says that it did not come."""
    return await asyncio.wait_for(awaitable, timeout_s)


async def until(watch, is_expected, timeout_s=TIMEOUT_S):
    """Watches until what comes is as expected."""

    async def watch_on():
        while not is_expected(seen := await watch()):
            pass
        return seen

    return await soon(watch_on(), timeout_s)
