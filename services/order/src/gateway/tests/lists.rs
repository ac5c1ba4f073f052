//! Lists: which part of the orders and trades comes back.

use super::support::{ALICE, Answer, BOB, NOW_MS, Venue};

/// Six orders a minute apart, of which every second is filled by Bob: trades 1 to 3.
async fn with_history() -> Venue {
    let venue = Venue::start().await;
    for number in 0..6 {
        venue.limit(ALICE, "BUY", "100", "1").await;
        if number % 2 == 0 {
            venue.limit(BOB, "SELL", "100", "1").await;
        } else {
            venue.send(ALICE, "DELETE openOrders symbol=BTCUSDT").await.ok();
        }
        venue.sleep_ms(60_000);
    }
    venue.queue.tick().await;
    venue
}

#[track_caller]
fn check(answer: &Answer, key: &str, expected: &[u64]) {
    let rows = answer.ok();
    let ids: Vec<u64> = rows.as_array().unwrap().iter().map(|row| row[key].as_u64().unwrap()).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn all_orders_keep_the_range_rule() {
    let venue = with_history().await;
    let minute = |n: u64| NOW_MS + n * 60_000;
    for (params, ids) in [
        (String::new(), &[1, 3, 4, 6, 7, 9][..]),
        ("&limit=2".to_owned(), &[7, 9]),
        ("&limit=1000000".to_owned(), &[1, 3, 4, 6, 7, 9]),
        ("&orderId=4".to_owned(), &[4, 6, 7, 9]),
        ("&orderId=4&limit=2".to_owned(), &[4, 6]),
        ("&orderId=5&limit=1".to_owned(), &[6]),
        ("&startTime=0".to_owned(), &[1, 3, 4, 6, 7, 9]),
        ("&startTime=0&limit=2".to_owned(), &[1, 3]),
        (format!("&startTime={}", minute(1)), &[3, 4, 6, 7, 9]),
        (format!("&startTime={}&limit=2", minute(1)), &[3, 4]),
        (format!("&endTime={}", minute(4)), &[1, 3, 4, 6, 7]),
        (format!("&endTime={}&limit=2", minute(4)), &[6, 7]),
        (format!("&startTime={}&endTime={}", minute(1), minute(3)), &[3, 4, 6]),
        (format!("&startTime={}&endTime={}&limit=2", minute(1), minute(3)), &[3, 4]),
        (format!("&startTime={0}&endTime={0}", minute(2)), &[4]),
        (format!("&startTime={}&endTime={}", minute(3), minute(1)), &[]),
        (format!("&startTime={}000&endTime={}000", minute(1), minute(2)), &[3, 4]),
        (format!("&orderId=9&startTime={}", minute(4)), &[7, 9]),
        ("&startTime=99999999999999".to_owned(), &[]),
    ] {
        check(&venue.send(ALICE, &format!("GET allOrders symbol=BTCUSDT{params}")).await, "orderId", ids);
    }
}

#[tokio::test]
async fn my_trades_keep_the_range_rule() {
    let venue = with_history().await;
    let minute = |n: u64| NOW_MS + n * 60_000;
    for (params, ids) in [
        (String::new(), &[1, 2, 3][..]),
        ("&limit=2".to_owned(), &[2, 3]),
        ("&orderId=4".to_owned(), &[2]),
        ("&orderId=3".to_owned(), &[]),
        ("&orderId=4&fromId=2".to_owned(), &[2]),
        ("&orderId=4&fromId=3".to_owned(), &[]),
        ("&fromId=2".to_owned(), &[2, 3]),
        ("&fromId=1&limit=1".to_owned(), &[1]),
        (format!("&startTime={}", minute(1)), &[2, 3]),
        ("&startTime=0&limit=1".to_owned(), &[1]),
        (format!("&endTime={}", minute(2)), &[1, 2]),
        (format!("&endTime={}&limit=1", minute(2)), &[2]),
        (format!("&startTime={}&endTime={}", minute(1), minute(4)), &[2, 3]),
    ] {
        check(&venue.send(ALICE, &format!("GET myTrades symbol=BTCUSDT{params}")).await, "id", ids);
    }
}

#[tokio::test]
async fn spans_and_combinations_are_bounded() {
    let venue = with_history().await;
    let day = format!("startTime={}&endTime={}", NOW_MS - 86_400_000, NOW_MS);
    let longer = format!("startTime={}&endTime={}", NOW_MS - 86_400_001, NOW_MS);
    for list in ["allOrders", "myTrades"] {
        venue.send(ALICE, &format!("GET {list} symbol=BTCUSDT&{day}")).await.ok();
        venue.send(ALICE, &format!("GET {list} symbol=BTCUSDT&{longer}")).await.refuses(
            400,
            -1127,
            "More than 24 hours between startTime and endTime.",
        );
    }
    for params in [
        "orderId=1&startTime=1",
        "orderId=1&endTime=1",
        "orderId=1&startTime=1&endTime=1",
        "fromId=1&startTime=1",
        "fromId=1&endTime=1",
        "fromId=1&startTime=1&endTime=1",
        "orderId=1&fromId=1&startTime=1",
        "orderId=1&fromId=1&endTime=1",
        "orderId=1&fromId=1&startTime=1&endTime=1",
    ] {
        venue.send(ALICE, &format!("GET myTrades symbol=BTCUSDT&{params}")).await.refuses(
            400,
            -1128,
            "Combination of optional parameters invalid.",
        );
    }
}

#[tokio::test]
async fn a_trade_is_answered_with_all_keys() {
    let venue = with_history().await;
    venue.send(ALICE, "GET myTrades symbol=BTCUSDT&fromId=1&limit=1").await.is(concat!(
        r#"[{"symbol":"BTCUSDT","id":1,"orderId":1,"orderListId":-1,"price":"100.00000000","qty":"1.00000000","#,
        r#""quoteQty":"100.00000000","commission":"0.00100000","commissionAsset":"BTC","time":1700000000000,"#,
        r#""isBuyer":true,"isMaker":true,"isBestMatch":true}]"#,
    ));
    venue.send(BOB, "GET myTrades symbol=BTCUSDT&fromId=1&limit=1").await.is(concat!(
        r#"[{"symbol":"BTCUSDT","id":1,"orderId":2,"orderListId":-1,"price":"100.00000000","qty":"1.00000000","#,
        r#""quoteQty":"100.00000000","commission":"0.20000000","commissionAsset":"USDT","time":1700000000000,"#,
        r#""isBuyer":false,"isMaker":false,"isBestMatch":true}]"#,
    ));
}

#[tokio::test]
async fn both_halves_of_a_trade_with_oneself_are_listed() {
    let venue = Venue::start().await;
    venue.limit(ALICE, "BUY", "100", "1").await;
    venue.limit(ALICE, "SELL", "100", "1").await;
    let trades = venue.send(ALICE, "GET myTrades symbol=BTCUSDT").await.ok();
    let halves: Vec<_> =
        trades.as_array().unwrap().iter().map(|row| (row["id"].as_u64(), row["isMaker"].as_bool())).collect();
    assert_eq!(halves, [(Some(1), Some(true)), (Some(1), Some(false))]);
}
