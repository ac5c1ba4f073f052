#!/usr/bin/env python3
"""Keeps one bid and one ask around the middle of the book for some rounds, then reports what the fills earned.

python examples/quoter.py [SYMBOL] [ROUNDS]
"""

import re
import sys
import time

import ccxt

HALF_SPREAD = 0.0005
PAUSE_S = 1


def connect():
    demo = dict(line.strip().split("=", 1) for line in open("demo.env"))
    exchange = ccxt.binance(
        {
            "apiKey": demo["DEMO_API_KEY"],
            "secret": demo["DEMO_SECRET_KEY"],
            "options": {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False, "fetchCurrencies": False},
        }
    )
    roots = exchange.urls["api"].items()
    exchange.urls["api"] = {name: re.sub("^https://[^/]+", demo["DEMO_URL"], root) for name, root in roots}
    exchange.load_markets()
    return exchange


def quote(exchange, symbol):
    """Places a bid and an ask at the same distance from the middle; what cannot rest is left out."""
    book = exchange.fetch_order_book(symbol, 5)
    middle = (book["bids"][0][0] + book["asks"][0][0]) / 2
    amount = smallest_amount(exchange.market(symbol), middle)
    for side, factor in [("buy", 1 - HALF_SPREAD), ("sell", 1 + HALF_SPREAD)]:
        try:
            exchange.create_order(symbol, "limit", side, amount, middle * factor, {"postOnly": True})
        except ccxt.OrderImmediatelyFillable:
            print(f"the book moved: no {side} this round")


def smallest_amount(market, price):
    """Twice what the symbol's filters ask for."""
    limits = market["limits"]
    return 2 * max(limits["amount"]["min"], limits["cost"]["min"] / price)


def main():
    symbol = sys.argv[1] if len(sys.argv) > 1 else "BTC/USDT"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    exchange = connect()
    since = exchange.fetch_time()
    try:
        for _ in range(rounds):
            quote(exchange, symbol)
            time.sleep(PAUSE_S)
            if exchange.fetch_open_orders(symbol):
                exchange.cancel_all_orders(symbol)
    finally:
        if exchange.fetch_open_orders(symbol):
            exchange.cancel_all_orders(symbol)

    fills = exchange.fetch_my_trades(symbol, since)
    earned = sum(fill["cost"] if fill["side"] == "sell" else -fill["cost"] for fill in fills)
    moved = sum(fill["amount"] if fill["side"] == "buy" else -fill["amount"] for fill in fills)
    market = exchange.market(symbol)
    print(f"{len(fills)} fills: {earned:+.2f} {market['quote']}, {moved:+.8g} {market['base']}, before fees")


if __name__ == "__main__":
    main()
