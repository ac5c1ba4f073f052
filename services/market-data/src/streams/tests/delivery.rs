//! Who gets which event, and how.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const TRADE: &str = "btcusdt@trade";
const BEST: &str = "btcusdt@bookTicker";
const KLINE: &str = "btcusdt@kline_1m";

#[tokio::test]
async fn events_reach_who_subscribed_while_he_did() {
    let hub = Hub::default();
    let mut client = Client::new(&hub, "/ws");
    hub.publish(note(TRADE, "early"));
    client.subscribe(&[TRADE]).await;
    hub.publish(note(TRADE, "1"));
    hub.publish(note("ethusdt@trade", "other"));
    hub.publish(note("btcusdt@aggTrade", "other"));
    hub.publish(note(TRADE, "2"));
    client.send(&format!(r#"{{"method":"UNSUBSCRIBE","params":["{TRADE}"],"id":2}}"#)).await;
    hub.publish(note(TRADE, "late"));
    client.check(&[r#""1""#, r#""2""#, r#"{"result":null,"id":2}"#]).await;
}

#[tokio::test]
async fn only_the_latest_value_waits_and_no_trade_is_left_out() {
    let hub = Hub::default();
    let client = Client::new(&hub, &format!("/ws/{TRADE}/{BEST}/btcusdt@ticker"));
    for (name, text) in [
        (TRADE, "trade 1"),
        (BEST, "best 1"),
        ("btcusdt@ticker", "ticker 1"),
        (TRADE, "trade 2"),
        (BEST, "best 2"),
        (TRADE, "trade 3"),
        (BEST, "best 3"),
    ] {
        hub.publish(note(name, text));
    }
    client.check(&[r#""trade 1""#, r#""best 3""#, r#""ticker 1""#, r#""trade 2""#, r#""trade 3""#]).await;
    hub.publish(note(BEST, "best 4"));
    client.check(&[r#""best 4""#]).await;
}

#[tokio::test]
async fn a_final_kline_is_kept_and_what_comes_next_stands_behind_it() {
    let hub = Hub::default();
    let client = Client::new(&hub, &format!("/ws/{KLINE}"));
    for text in ["open 1", "open 2"] {
        hub.publish(note(KLINE, text));
    }
    hub.publish(note(KLINE, "final").lossless());
    for text in ["next 1", "next 2"] {
        hub.publish(note(KLINE, text));
    }
    hub.publish(note(KLINE, "final again").lossless());
    client.check(&[r#""open 2""#, r#""final""#, r#""next 2""#, r#""final again""#]).await;
}

#[tokio::test]
async fn a_change_of_shape_stands_between_the_old_and_the_new() {
    let hub = Hub::default();
    let mut client = Client::new(&hub, &format!("/ws/{TRADE}/{BEST}"));
    let publish = |texts: [&'static str; 2]| {
        hub.publish(note(TRADE, texts[0]));
        hub.publish(note(BEST, texts[1]));
    };
    publish(["trade 1", "best 1"]);
    client.send(r#"{"method":"SET_PROPERTY","params":["combined",true],"id":1}"#).await;
    publish(["trade 2", "best 2"]);
    client.send(r#"{"method":"SET_PROPERTY","params":["combined",false],"id":2}"#).await;
    hub.publish(note(TRADE, "trade 3"));
    let expected = [
        r#""trade 1""#,
        r#""best 1""#,
        r#"{"result":null,"id":1}"#,
        r#"{"stream":"btcusdt@trade","data":"trade 2"}"#,
        r#"{"stream":"btcusdt@bookTicker","data":"best 2"}"#,
        r#"{"result":null,"id":2}"#,
        r#""trade 3""#,
    ];
    client.check(&expected).await;
}

#[tokio::test]
async fn combined_events_carry_the_name_of_their_stream() {
    let hub = Hub::default();
    let client = Client::new(&hub, "/stream?streams=btcusdt@depth@1000ms/!ticker@arr/btcusdt@kline_1M@+08:00");
    hub.publish(note("btcusdt@depth", "depth"));
    hub.publish(note("!ticker@arr", "tickers"));
    hub.publish(note("btcusdt@kline_1M@+08:00", "month"));
    let expected = [
        r#"{"stream":"btcusdt@depth","data":"depth"}"#,
        r#"{"stream":"!ticker@arr","data":"tickers"}"#,
        r#"{"stream":"btcusdt@kline_1M@+08:00","data":"month"}"#,
    ];
    client.check(&expected).await;
}

#[tokio::test]
async fn an_event_is_encoded_once_for_each_unit_and_only_if_somebody_wants_it() {
    let hub = Hub::default();
    let encoded = Arc::new(AtomicUsize::new(0));
    let counted = || {
        let encoded = encoded.clone();
        StreamEvent::new(stream(TRADE), move |_| {
            encoded.fetch_add(1, Ordering::Relaxed);
            "{}".to_owned()
        })
    };
    hub.publish(counted());
    assert_eq!(encoded.load(Ordering::Relaxed), 0);
    let addresses = ["/ws/btcusdt@trade", "/stream?streams=btcusdt@trade", "/ws/btcusdt@trade?timeUnit=microsecond"];
    let clients: Vec<_> = addresses.iter().cycle().take(12).map(|address| Client::new(&hub, address)).collect();
    hub.publish(counted());
    assert_eq!(encoded.load(Ordering::Relaxed), 2);
    let mut texts = Vec::new();
    for client in clients.iter().step_by(3) {
        client.outbox.take(&mut texts).await.unwrap();
    }
    assert!(texts.iter().all(|text| std::ptr::eq(text.as_str(), texts[0].as_str())), "all share one text");
}

#[tokio::test]
async fn a_slow_client_is_cut_and_the_others_are_not() {
    let hub = Hub::default();
    let few = OutboxLimits { messages_max: 3, bytes_max: 1_000 };
    let slow = Client::with_limits(&hub, "/ws/btcusdt@trade", few);
    let quick = Client::with_limits(&hub, "/ws/btcusdt@trade", few);
    let patient = Client::with_limits(&hub, "/ws/btcusdt@bookTicker", few);
    for _ in 0..100 {
        hub.publish(note(TRADE, "trade"));
        hub.publish(note(BEST, "best"));
        quick.check(&[r#""trade""#]).await;
    }
    assert_eq!(slow.taken().await, Err(Cut::SLOW));
    patient.check(&[r#""best""#]).await;
}

#[tokio::test]
async fn everybody_is_cut_when_all_must_synchronise_again() {
    let hub = Hub::default();
    let clients =
        ["/ws", "/ws/btcusdt@trade", "/stream?streams=btcusdt@trade"].map(|address| Client::new(&hub, address));
    hub.publish(note(TRADE, "trade"));
    hub.cut_all(Cut::RESTART);
    for client in clients {
        assert_eq!(client.taken().await, Err(Cut::RESTART));
    }
    let again = Client::new(&hub, "/ws/btcusdt@trade");
    hub.publish(note(TRADE, "trade"));
    again.check(&[r#""trade""#]).await;
}

#[tokio::test]
async fn the_hub_knows_once_which_streams_somebody_came_to() {
    let hub = Hub::default();
    let names = |streams: std::collections::BTreeSet<Stream>| -> Vec<String> {
        streams.iter().map(Stream::to_string).collect()
    };
    let first = Client::new(&hub, "/ws/btcusdt@trade/btcusdt@kline_1m/btcusdt@depth/btcusdt@bookTicker/!ticker@arr");
    assert_eq!(names(hub.take_newcomers()), ["btcusdt@bookTicker", "!ticker@arr"]);
    assert_eq!(names(hub.take_kline_newcomers()), ["btcusdt@kline_1m"]);
    let mut second = Client::new(&hub, "/ws/btcusdt@bookTicker");
    second.subscribe(&["btcusdt@bookTicker", "btcusdt@kline_1m"]).await;
    assert_eq!(names(hub.take_newcomers()), ["btcusdt@bookTicker"]);
    // Nobody new: the stream was subscribed to already.
    second.subscribe(&["btcusdt@bookTicker"]).await;
    assert_eq!(names(hub.take_newcomers()), [""; 0]);
    drop(first);
    let third = Client::new(&hub, "/ws/btcusdt@depth5/btcusdt@kline_1s");
    drop((second, third));
    assert!(hub.is_empty());
}

#[tokio::test]
async fn the_hub_forgets_who_is_gone() {
    let hub = Hub::default();
    let klines = || -> Vec<String> {
        let mut klines = hub.wanted_klines();
        klines.sort_unstable();
        klines.into_iter().map(|(symbol, interval, east)| format!("{symbol} {} {east}", interval.as_str())).collect()
    };
    let first = Client::new(&hub, "/ws/btcusdt@trade/btcusdt@kline_1m/btcusdt@kline_1d@+08:00");
    let mut second = Client::new(&hub, "/ws/btcusdt@trade/btcusdt@kline_1m/btcusdt@depth");
    second.subscribe(&["ethusdt@trade", "ethusdt@kline_1M"]).await;
    assert_eq!(klines(), ["BTCUSDT 1m 0", "BTCUSDT 1d 480", "ETHUSDT 1M 0"]);
    drop(first);
    assert!(hub.is_wanted(stream(TRADE)) && hub.is_wanted(stream(KLINE)));
    drop(second);
    assert!(!hub.is_wanted(stream(TRADE)) && klines().is_empty());
    assert!(hub.is_empty());
}
