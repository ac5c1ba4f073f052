//! What the address of a connection opens.

use super::super::session::STREAMS_MAX;
use super::*;

async fn opened(address: &str) -> String {
    Client::new(&Hub::default(), address).streams().await
}

#[track_caller]
fn check_refused(address: &str, code: i32) {
    let opened = Client::open(&Hub::default(), address.parse().unwrap(), OutboxLimits::default());
    assert_eq!(opened.map(drop).map_err(|error| error.code.number()), Err(code), "{address}");
}

#[tokio::test]
async fn addresses_name_streams() {
    for (address, streams) in [
        ("/ws", ""),
        ("/ws/btcusdt@trade", "btcusdt@trade"),
        ("/ws/btcusdt@trade/btcusdt@trade/ethusdt@depth5@100ms", "btcusdt@trade,ethusdt@depth5@100ms"),
        ("/ws/btcusdt%40trade%2Fethusdt%40trade", "btcusdt@trade,ethusdt@trade"),
        ("/ws/btcusdt@kline_1d@+08:00", "btcusdt@kline_1d@+08:00"),
        ("/ws/btcusdt@kline_1d@%2B08:00", "btcusdt@kline_1d@+08:00"),
        ("/ws/!miniTicker@arr", "!miniTicker@arr"),
        ("/stream", ""),
        ("/stream?streams=", ""),
        ("/stream?streams=btcusdt@trade", "btcusdt@trade"),
        ("/stream?streams=btcusdt@trade/ethusdt@bookTicker", "btcusdt@trade,ethusdt@bookTicker"),
        ("/stream?streams=btcusdt%40trade%2Fethusdt%40trade", "btcusdt@trade,ethusdt@trade"),
        ("/stream?streams=btcusdt@kline_1d@+08:00/btcusdt@trade", "btcusdt@kline_1d@+08:00,btcusdt@trade"),
        ("/stream?timeUnit=microsecond&streams=btcusdt@trade", "btcusdt@trade"),
    ] {
        let (mut got, mut expected): (Vec<_>, Vec<_>) = (Vec::new(), streams.split(',').collect());
        let text = opened(address).await;
        got.extend(text.split(','));
        got.sort_unstable();
        expected.sort_unstable();
        assert_eq!(got, expected, "{address}");
    }
}

#[tokio::test]
async fn names_of_no_stream_are_passed_over() {
    for address in ["/ws/0", "/ws/stream/0", "/ws/BTCUSDT@trade", "/ws/%E2%82%BF@trade", "/ws/?", "/stream?streams=0/1"]
    {
        assert_eq!(opened(address).await, "", "{address}");
    }
    assert_eq!(opened("/ws/0/btcusdt@trade//x").await, "btcusdt@trade");
    assert_eq!(opened("/stream?streams=0/btcusdt@trade&more=1").await, "btcusdt@trade");
}

#[test]
fn what_cannot_be_read_is_refused() {
    for unit in ["", "Microsecond", "us", "NANOSECOND"] {
        check_refused(&format!("/ws/btcusdt@trade?timeUnit={unit}"), -1194);
        check_refused(&format!("/stream?timeUnit={unit}"), -1194);
    }
    check_refused("/ws/%FF", -1100);
    check_refused("/stream?streams=%GG", -1100);
}

#[test]
fn an_address_opens_no_more_streams_than_a_connection_may_have() {
    let names = |count: usize| (0..count).map(|n| format!("a{n}@trade")).collect::<Vec<_>>().join("/");
    for path in ["/ws/", "/stream?streams="] {
        Client::new(&Hub::default(), &format!("{path}{}", names(STREAMS_MAX)));
        check_refused(&format!("{path}{}", names(STREAMS_MAX + 1)), -1101);
    }
}

#[tokio::test]
async fn times_come_in_the_unit_that_was_asked_for() {
    let hub = Hub::default();
    let clients = [
        ("/ws/btcusdt@trade", r#"{"E":1}"#),
        ("/ws/btcusdt@trade?timeUnit=MILLISECOND", r#"{"E":1}"#),
        ("/ws/btcusdt@trade?timeUnit=MICROSECOND", r#"{"E":1234}"#),
        ("/ws/btcusdt@trade?timeUnit=microsecond", r#"{"E":1234}"#),
        ("/stream?streams=btcusdt@trade", r#"{"stream":"btcusdt@trade","data":{"E":1}}"#),
        ("/stream?streams=btcusdt@trade&timeUnit=MICROSECOND", r#"{"stream":"btcusdt@trade","data":{"E":1234}}"#),
    ]
    .map(|(address, text)| (Client::new(&hub, address), text));
    hub.publish(event("btcusdt@trade", 1_234));
    for (client, text) in &clients {
        client.check(&[text]).await;
    }
}
