#!/usr/bin/env python3
"""Buys for a fixed sum at intervals, then reports the average price.

python examples/saver.py [SYMBOL] [SUM] [ROUNDS]
"""

import sys
import time
from decimal import Decimal

import binance

PAUSE_S = 1


def connect():
    demo = dict(line.strip().split("=", 1) for line in open("demo.env"))

    class Client(binance.Client):
        API_URL = demo["DEMO_URL"] + "/api"
        MARGIN_API_URL = demo["DEMO_URL"] + "/sapi"

    return Client(demo["DEMO_API_KEY"], demo["DEMO_SECRET_KEY"])


def main():
    symbol = sys.argv[1] if len(sys.argv) > 1 else "BTCUSDT"
    sum_ = sys.argv[2] if len(sys.argv) > 2 else "50"
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    client = connect()
    bought = spent = Decimal(0)
    for round_ in range(rounds):
        if round_ > 0:
            time.sleep(PAUSE_S)
        order = client.order_market_buy(symbol=symbol, quoteOrderQty=sum_)
        bought += Decimal(order["executedQty"])
        spent += Decimal(order["cummulativeQuoteQty"])
        print(f"{order['status'].lower()}: {order['executedQty']} for {order['cummulativeQuoteQty']}")
    if bought:
        print(f"{bought} bought for {spent}: {spent / bought:.2f} on average")


if __name__ == "__main__":
    main()
