//! Requests and their answers, byte by byte.

use super::super::session::STREAMS_MAX;
use super::*;

/// Expects these answers, one after the other, on one connection.
async fn check(address: &str, dialogue: &[(&str, &str)]) {
    let mut client = Client::new(&Hub::default(), address);
    for (request, answer) in dialogue {
        assert_eq!(client.ask(request).await, *answer, "{request}");
    }
}

/// Expects an error in both shapes.
async fn check_error(request: &str, id: &str, code: u8, message: &str) {
    let mut client = Client::new(&Hub::default(), "/ws");
    let id = if id.is_empty() { String::new() } else { format!(r#""id":{id},"#) };
    let error = format!(r#""code":{code},"msg":"{message}""#);
    assert_eq!(client.ask(request).await, format!(r#"{{{error},{id}"error":{{{error}}}}}"#), "{request}");
}

#[tokio::test]
async fn streams_are_subscribed_listed_and_left() {
    check(
        "/ws/ethusdt@trade",
        &[
            (r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#, r#"{"result":["ethusdt@trade"],"id":3}"#),
            (
                r#"{"method": "SUBSCRIBE", "params": ["btcusdt@aggTrade", "btcusdt@depth"], "id": 1}"#,
                r#"{"result":null,"id":1}"#,
            ),
            (
                r#"{"method":"LIST_SUBSCRIPTIONS","params":[],"id":3}"#,
                r#"{"result":["btcusdt@aggTrade","btcusdt@depth","ethusdt@trade"],"id":3}"#,
            ),
            (r#"{"method":"SUBSCRIBE","params":["btcusdt@depth"],"id":2}"#, r#"{"result":null,"id":2}"#),
            (
                r#"{"method":"UNSUBSCRIBE","params":["btcusdt@depth","ethusdt@trade"],"id":312}"#,
                r#"{"result":null,"id":312}"#,
            ),
            (r#"{"method":"UNSUBSCRIBE","params":["btcusdt@depth","what","",""],"id":4}"#, r#"{"result":null,"id":4}"#),
            (r#"{"method":"LIST_SUBSCRIPTIONS","params":null,"id":3}"#, r#"{"result":["btcusdt@aggTrade"],"id":3}"#),
            (r#"{"method":"SUBSCRIBE","params":[],"id":5}"#, r#"{"result":null,"id":5}"#),
        ],
    )
    .await;
}

#[tokio::test]
async fn names_of_no_stream_are_subscribed_to_in_silence() {
    check(
        "/stream",
        &[
            (
                r#"{"method":"SUBSCRIBE","params":["ethbtc@depth20@0ms","what","btcusdt@trade"],"id":1}"#,
                r#"{"result":null,"id":1}"#,
            ),
            (r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#, r#"{"result":["btcusdt@trade"],"id":2}"#),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_shape_is_a_property() {
    for (address, is_combined) in [("/ws", false), ("/ws/btcusdt@trade", false), ("/stream", true)] {
        let (before, after) = (format!(r#"{{"result":{is_combined},"id":1}}"#), !is_combined);
        let set = format!(r#"{{"method":"SET_PROPERTY","params":["combined",{after}],"id":5}}"#);
        let after = format!(r#"{{"result":{after},"id":1}}"#);
        let get = r#"{"method":"GET_PROPERTY","params":["combined"],"id":1}"#;
        check(address, &[(get, &before), (&set, r#"{"result":null,"id":5}"#), (get, &after)]).await;
    }
}

#[tokio::test]
async fn an_answer_has_the_id_of_its_request() {
    for id in [
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "null",
        r#""a""#,
        r#""0123456789abcdefghijklmnopqrstuvwxyZ""#,
        r#""187d3cb2-942d-484c-8271-4e2141bbadb1""#,
    ] {
        let request = format!(r#"{{"id":{id},"method":"SUBSCRIBE","params":["btcusdt@trade"]}}"#);
        check("/ws", &[(&request, &format!(r#"{{"result":null,"id":{id}}}"#))]).await;
    }
    let message = "Invalid request: request ID must be an unsigned integer";
    check_error(r#"{"method":"LIST_SUBSCRIPTIONS"}"#, "", 2, message).await;
    for id in [
        "9223372036854775808",
        "-9223372036854775809",
        "1.0",
        "1e3",
        "true",
        "[1]",
        r#"{"a":1}"#,
        r#""""#,
        r#""a b""#,
        r#""ä""#,
        r#""0123456789abcdefghijklmnopqrstuvwxyz0""#,
    ] {
        check_error(&format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{id}}}"#), "", 2, message).await;
    }
}

#[tokio::test]
async fn requests_that_are_none_are_told_why() {
    for (request, id, code, message) in [
        ("", "", 3, "Invalid JSON: EOF while parsing a value at line 1 column 0"),
        ("x", "", 3, "Invalid JSON: expected value at line 1 column 1"),
        (
            r#"{"method":"LIST_SUBSCRIPTIONS","id":1"#,
            "",
            3,
            "Invalid JSON: EOF while parsing an object at line 1 column 37",
        ),
        (r#"{"id":1} {"#, "", 3, "Invalid JSON: trailing characters at line 1 column 10"),
        ("5", "", 2, "Invalid request: expected an object"),
        (r#"["SUBSCRIBE",["btcusdt@trade"],1]"#, "", 2, "Invalid request: expected an object"),
        (r#"{"id":1,"id":2}"#, "", 2, "Invalid request: duplicate field `id` at line 1 column 12"),
        (r#"{"id":1}"#, "1", 2, "Invalid request: missing field `method` at line 1 column 8"),
        (
            r#"{"method":"SUBSCRIBES","id":1}"#,
            "1",
            2,
            "Invalid request: unknown variant `SUBSCRIBES`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, \
             `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 22",
        ),
        (
            r#"{"method":{"SUBSCRIBE":null},"id":1}"#,
            "1",
            2,
            "Invalid request: invalid type: map, expected a string at line 1 column 10",
        ),
        (r#"{"method":"SUBSCRIBE","id":1}"#, "1", 2, "Invalid request: missing field `params` at line 1 column 29"),
        (
            r#"{"method":"SUBSCRIBE","params":"btcusdt@trade","id":1}"#,
            "1",
            2,
            r#"Invalid request: invalid type: string \"btcusdt@trade\", expected a sequence at line 1 column 46"#,
        ),
        (
            r#"{"method":"UNSUBSCRIBE","params":[5],"id":1}"#,
            "1",
            2,
            "Invalid request: invalid type: integer `5`, expected a string at line 1 column 35",
        ),
        (
            r#"{"method":"SUBSCRIBE","params":["btcusdt@trade","a b"],"id":1}"#,
            "1",
            2,
            "Invalid request: invalid stream",
        ),
        (r#"{"method":"SUBSCRIBE","params":[""],"id":"x"}"#, r#""x""#, 2, "Invalid request: invalid stream"),
        (r#"{"method":"LIST_SUBSCRIPTIONS","params":[1],"id":1}"#, "1", 2, "Invalid request: too many parameters"),
    ] {
        check_error(request, id, code, message).await;
    }
}

#[tokio::test]
async fn properties_that_are_none_are_told_why() {
    let (name, unknown) = ("Invalid request: property name must be a string", "Unknown property");
    for (request, code, message) in [
        (r#"{"method":"GET_PROPERTY","id":7}"#, 2, name),
        (r#"{"method":"GET_PROPERTY","params":[],"id":7}"#, 2, name),
        (r#"{"method":"GET_PROPERTY","params":[1],"id":7}"#, 2, name),
        (r#"{"method":"GET_PROPERTY","params":["Combined"],"id":7}"#, 0, unknown),
        (r#"{"method":"GET_PROPERTY","params":["combined",1],"id":7}"#, 2, "Invalid request: too many parameters"),
        (r#"{"method":"SET_PROPERTY","id":7}"#, 2, name),
        (r#"{"method":"SET_PROPERTY","params":[null,true],"id":7}"#, 2, name),
        (r#"{"method":"SET_PROPERTY","params":["x",true],"id":7}"#, 0, unknown),
        (r#"{"method":"SET_PROPERTY","params":["combined"],"id":7}"#, 1, "Invalid value type: expected Boolean"),
        (r#"{"method":"SET_PROPERTY","params":["combined","true"],"id":7}"#, 1, "Invalid value type: expected Boolean"),
        (r#"{"method":"SET_PROPERTY","params":["combined",1],"id":7}"#, 1, "Invalid value type: expected Boolean"),
        (r#"{"method":"SET_PROPERTY","params":["combined",true,1],"id":7}"#, 2, "Invalid request: too many parameters"),
    ] {
        check_error(request, "7", code, message).await;
    }
}

#[tokio::test]
async fn what_is_repeated_of_a_request_is_bounded() {
    let mut client = Client::new(&Hub::default(), "/ws");
    let request = format!(r#"{{"method":"{}","id":1}}"#, "é".repeat(50_000));
    assert!(client.ask(&request).await.len() < 2_000);
}

#[tokio::test]
async fn a_connection_has_so_many_streams_and_gets_all_of_a_request_or_nothing() {
    let hub = Hub::default();
    let mut client = Client::new(&hub, "/ws");
    let names: Vec<_> = (0..STREAMS_MAX).map(|n| format!("a{n}@trade")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    client.subscribe(&names).await;
    let refused = r#"{"code":2,"msg":"Invalid request: too many parameters","id":1,"error":{"code":2,"msg":"Invalid request: too many parameters"}}"#;
    let request = |names: &[&str]| {
        format!(r#"{{"method":"SUBSCRIBE","params":{},"id":1}}"#, serde_json::to_string(names).unwrap())
    };
    assert_eq!(client.ask(&request(&["b@trade"])).await, refused);
    client.subscribe(&["a0@trade", "unknown"]).await;
    client.send(r#"{"method":"UNSUBSCRIBE","params":["a0@trade"],"id":1}"#).await;
    client.check(&[r#"{"result":null,"id":1}"#]).await;
    assert_eq!(client.ask(&request(&["b@trade", "c@trade"])).await, refused);
    assert!(!hub.is_wanted(stream("b@trade")) && !hub.is_wanted(stream("c@trade")));
    client.subscribe(&["b@trade"]).await;
    assert!(hub.is_wanted(stream("b@trade")));
}
