"""The sockets without a client library: what the documents print, byte by byte."""

import hashlib
import hmac
import json
import time

from websockets.sync.client import connect

TIMEOUT_S = 20


def ask(socket, method, **params):
    request_id = method.replace(".", "-")
    socket.send(json.dumps({"id": request_id, "method": method, "params": params}))
    answer = json.loads(socket.recv(TIMEOUT_S))
    assert answer["id"] == request_id
    return answer


def signed(account, **params):
    params = {**params, "apiKey": account.api_key, "timestamp": int(time.time() * 1000)}
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    signature = hmac.new(account.secret_key.encode(), payload.encode(), hashlib.sha256).hexdigest()
    return {**params, "signature": signature}


def test_a_placement_tells_what_is_left_of_every_limit(venue, alice):
    order = dict(symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="20000")
    with connect(venue.ready["wsApi"]) as socket:
        placed = ask(socket, "order.place", **signed(alice, **order))
        assert placed["status"] == 200
        limits = {(each["rateLimitType"], each["interval"], each["intervalNum"]) for each in placed["rateLimits"]}
        assert limits == {("REQUEST_WEIGHT", "MINUTE", 1), ("ORDERS", "SECOND", 10), ("ORDERS", "DAY", 1)}
        assert all(each["count"] <= each["limit"] for each in placed["rateLimits"])
        info = ask(socket, "exchangeInfo", symbol="BTCUSDT")["result"]
        assert [each["rateLimitType"] for each in info["rateLimits"]] == [
            "REQUEST_WEIGHT",
            "ORDERS",
            "ORDERS",
            "CONNECTIONS",
        ]
        quiet = ask(socket, "order.cancel", **signed(alice, symbol="BTCUSDT", orderId=placed["result"]["orderId"]))
        assert quiet["result"]["status"] == "CANCELED"


def test_a_log_on_saves_signatures_and_events_follow_in_order(venue, alice):
    order = dict(symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="20000")

    def now():
        return int(time.time() * 1000)

    with connect(venue.ready["wsApi"] + "?returnRateLimits=false") as socket:
        assert ask(socket, "session.logon", **signed(alice))["result"]["apiKey"] == alice.api_key
        subscription = ask(socket, "userDataStream.subscribe")["result"]["subscriptionId"]
        socket.send(json.dumps({"id": 1, "method": "order.place", "params": {**order, "timestamp": now()}}))
        socket.send(
            json.dumps({"id": 2, "method": "openOrders.cancelAll", "params": {"symbol": "BTCUSDT", "timestamp": now()}})
        )
        messages = [json.loads(socket.recv(TIMEOUT_S)) for _ in range(6)]
        answers = {each["id"]: each for each in messages if "id" in each}
        assert answers[1]["result"]["status"] == "NEW" and answers[2]["result"][0]["status"] == "CANCELED"
        events = [each["event"] for each in messages if each.get("subscriptionId") == subscription]
        assert [(each["e"], each.get("x")) for each in events] == [
            ("executionReport", "NEW"),
            ("outboundAccountPosition", None),
            ("executionReport", "CANCELED"),
            ("outboundAccountPosition", None),
        ]


def test_streams_that_nobody_knows_are_taken_and_silent(venue):
    with connect(venue.ready["ws"] + "/ws/0") as socket:
        socket.send('{"method":"SUBSCRIBE","params":["nothing@here","btcusdt@trade"],"id":"a1"}')
        assert json.loads(socket.recv(TIMEOUT_S)) == {"result": None, "id": "a1"}
        socket.send('{"method":"LIST_SUBSCRIPTIONS","id":2}')
        assert json.loads(socket.recv(TIMEOUT_S)) == {"result": ["btcusdt@trade"], "id": 2}
