//! Every parameter of every endpoint: missing, empty, doubled, over-long, ill-formed, unknown. Each gets its
//! documented code, status and text, and nothing reaches the queue.

use super::support::{ALICE, Venue};

/// What a parameter's text must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Symbol,
    Side,
    OrderType,
    TimeInForce,
    Decimal,
    Long,
    StrategyType,
    ClientOrderId,
    Response,
    Stp,
    Restriction,
    Flag,
    Limit,
    Time,
    /// Of a feature that is not there; any text is refused later.
    Any,
}

use Kind::{
    Any, ClientOrderId, Decimal, Flag, Limit, Long, OrderType, Response, Restriction, Side, Stp, StrategyType, Symbol,
    Time, TimeInForce,
};

/// An endpoint with a request that is well-formed, and a good value of each further parameter.
struct Case {
    request: &'static str,
    good: &'static [(&'static str, &'static str, Kind)],
    more: &'static [(&'static str, &'static str, Kind)],
    /// Parameters of `good` that may be left out.
    optional: &'static [&'static str],
}

const LIMIT_ORDER: &[(&str, &str, Kind)] = &[
    ("symbol", "BTCUSDT", Symbol),
    ("side", "BUY", Side),
    ("type", "LIMIT", OrderType),
    ("timeInForce", "GTC", TimeInForce),
    ("quantity", "1", Decimal),
    ("price", "100", Decimal),
];

const ORDER_OPTIONS: &[(&str, &str, Kind)] = &[
    ("newClientOrderId", "mine", ClientOrderId),
    ("strategyId", "1", Long),
    ("strategyType", "1000000", StrategyType),
    ("icebergQty", "1", Decimal),
    ("newOrderRespType", "ACK", Response),
    ("selfTradePreventionMode", "NONE", Stp),
    ("pegPriceType", "PRIMARY_PEG", Any),
    ("pegOffsetType", "PRICE_LEVEL", Any),
    ("pegOffsetValue", "1", Any),
];

const CASES: &[Case] = &[
    Case { request: "POST order", good: LIMIT_ORDER, more: ORDER_OPTIONS, optional: &[] },
    Case {
        request: "POST order",
        good: &[
            ("symbol", "BTCUSDT", Symbol),
            ("side", "SELL", Side),
            ("type", "MARKET", OrderType),
            ("quoteOrderQty", "100", Decimal),
        ],
        more: &[("newClientOrderId", "mine", ClientOrderId)],
        optional: &["quoteOrderQty"],
    },
    Case {
        request: "POST order",
        good: &[
            ("symbol", "BTCUSDT", Symbol),
            ("side", "SELL", Side),
            ("type", "STOP_LOSS_LIMIT", OrderType),
            ("timeInForce", "GTC", TimeInForce),
            ("quantity", "1", Decimal),
            ("price", "100", Decimal),
            ("stopPrice", "100", Decimal),
        ],
        more: &[("trailingDelta", "100", Long)],
        optional: &["stopPrice"],
    },
    Case {
        request: "POST order/test",
        good: LIMIT_ORDER,
        more: &[("computeCommissionRates", "true", Flag), ("newClientOrderId", "mine", ClientOrderId)],
        optional: &[],
    },
    Case {
        request: "DELETE order",
        good: &[("symbol", "BTCUSDT", Symbol), ("orderId", "1", Long)],
        more: &[
            ("origClientOrderId", "mine", ClientOrderId),
            ("newClientOrderId", "cancel", ClientOrderId),
            ("cancelRestrictions", "ONLY_NEW", Restriction),
        ],
        optional: &["orderId"],
    },
    Case { request: "DELETE openOrders", good: &[("symbol", "BTCUSDT", Symbol)], more: &[], optional: &[] },
    Case {
        request: "GET order",
        good: &[("symbol", "BTCUSDT", Symbol), ("orderId", "1", Long)],
        more: &[("origClientOrderId", "mine", ClientOrderId)],
        optional: &["orderId"],
    },
    Case { request: "GET openOrders", good: &[("symbol", "BTCUSDT", Symbol)], more: &[], optional: &["symbol"] },
    Case {
        request: "GET allOrders",
        good: &[("symbol", "BTCUSDT", Symbol)],
        more: &[("orderId", "1", Long), ("startTime", "1", Time), ("endTime", "1", Time), ("limit", "1", Limit)],
        optional: &[],
    },
    Case {
        request: "GET myTrades",
        good: &[("symbol", "BTCUSDT", Symbol)],
        more: &[
            ("orderId", "1", Long),
            ("fromId", "1", Long),
            ("startTime", "1", Time),
            ("endTime", "1", Time),
            ("limit", "1", Limit),
        ],
        optional: &[],
    },
    Case { request: "GET account", good: &[], more: &[("omitZeroBalances", "true", Flag)], optional: &[] },
    Case { request: "GET account/commission", good: &[("symbol", "BTCUSDT", Symbol)], more: &[], optional: &[] },
    Case { request: "GET rateLimit/order", good: &[], more: &[], optional: &[] },
    Case { request: "GET /sapi/v1/capital/config/getall", good: &[], more: &[], optional: &[] },
    Case {
        request: "GET /sapi/v1/asset/tradeFee",
        good: &[("symbol", "BTCUSDT", Symbol)],
        more: &[],
        optional: &["symbol"],
    },
    Case { request: "GET /sapi/v1/account/status", good: &[], more: &[], optional: &[] },
];

impl Case {
    /// The request with the good values of `good`, and of `name` as well, but `value` for `name`.
    fn with(&self, name: &str, value: &str) -> String {
        let mut params: Vec<String> = self
            .good
            .iter()
            .filter(|(good, ..)| *good != name)
            .map(|(good, value, _)| format!("{good}={value}"))
            .collect();
        params.push(format!("{name}={value}"));
        format!("{} {}", self.request, params.join("&"))
    }

    fn without(&self, name: &str) -> String {
        let kept = self.good.iter().filter(|(good, ..)| *good != name);
        let params: Vec<String> = kept.map(|(good, value, _)| format!("{good}={value}")).collect();
        format!("{} {}", self.request, params.join("&"))
    }

    fn params(&self) -> impl Iterator<Item = (&'static str, &'static str, Kind)> {
        self.good.iter().chain(self.more).copied()
    }
}

fn illegal(name: &str, range: &str) -> (i32, String) {
    (-1100, format!("Illegal characters found in parameter '{name}'; legal range is '{range}'."))
}

fn text(code: i32, message: &str) -> (i32, String) {
    (code, message.to_owned())
}

/// Bad values of a kind, as they stand in a query, with what is said about them.
fn bad_values(kind: Kind, name: &str) -> Vec<(String, (i32, String))> {
    let symbols = illegal(name, r"^[\w\-._&&[^a-z]]{1,50}$");
    let decimals = illegal(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$");
    let integers = illegal(name, "^[0-9]{1,20}$");
    let ids = illegal(name, r"^[\.A-Z\:/a-z0-9_-]{1,36}$");
    let overflow = text(-1108, &format!("Parameter '{name}' overflowed."));
    let invalid = text(-1130, &format!("Data sent for parameter '{name}' is not valid."));
    let long = "9".repeat(21);
    let all = |values: &[&str], expected: &(i32, String)| {
        values.iter().map(|value| ((*value).to_owned(), expected.clone())).collect::<Vec<_>>()
    };
    match kind {
        Symbol => [
            all(&["btcusdt", "BTC%2FUSDT", "%EF%BC%A2", &"A".repeat(51), &"A".repeat(5_000)], &symbols),
            all(&["NOSUCH", "BTC-USDT", &"A".repeat(50)], &text(-1121, "Invalid symbol.")),
        ]
        .concat(),
        Side => all(&["buy", "LONG", &"B".repeat(5_000)], &text(-1117, "Invalid side.")),
        OrderType => all(&["limit", "OCO", &"L".repeat(5_000)], &text(-1116, "Invalid orderType.")),
        TimeInForce => all(&["gtc", "GTX", &"G".repeat(5_000)], &text(-1115, "Invalid timeInForce.")),
        Decimal => all(&["1e-05", "-1", "%2B1", "1.", ".5", "1,5", "NaN", "0x1", "1%20", &long], &decimals),
        Long => [all(&["x", "-1", "1.0", "1e3", &long], &integers), all(&["9223372036854775808"], &overflow)].concat(),
        StrategyType => [
            all(&["x", "-1"], &integers),
            all(&["4294967296"], &overflow),
            all(&["0", "999999"], &text(-1134, "`strategyType` was less than 1000000.")),
        ]
        .concat(),
        ClientOrderId => all(&["a%20b", "%C3%BC", "a%27", &"a".repeat(37), &"a".repeat(5_000)], &ids),
        Response => all(&["ack", "ALL"], &invalid),
        Stp => [
            all(&["none", "EXPIRE"], &invalid),
            all(&["TRANSFER"], &text(-1013, "This symbol does not allow the specified self-trade prevention mode.")),
        ]
        .concat(),
        Restriction => all(&["NEW", "only_new"], &text(-1145, "Invalid cancelRestrictions")),
        Flag => all(&["1", "yes", "null"], &illegal(name, "^(true|false)$")),
        Limit => [all(&["x", "-1", "1.5", &long], &integers), all(&["0"], &invalid)].concat(),
        Time => [all(&["x", "-1", "1.5", &long], &integers), all(&["18446744073709551616"], &overflow)].concat(),
        Any => Vec::new(),
    }
}

async fn check(venue: &Venue, request: &str, (code, message): (i32, String)) {
    let answer = venue.send(ALICE, request).await;
    let shown = &request[..request.len().min(200)];
    let body = serde_json::json!({ "code": code, "msg": message });
    assert_eq!((answer.status, answer.json()), (400, body), "{shown}");
}

#[tokio::test]
async fn a_missing_parameter_is_named() {
    let venue = Venue::start().await;
    for case in CASES {
        for (name, ..) in case.good.iter().filter(|(name, ..)| !case.optional.contains(name)) {
            let message = format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
            check(&venue, &case.without(name), (-1102, message)).await;
        }
    }
    assert_eq!(venue.queue.submitted(), []);
}

#[tokio::test]
async fn one_of_two_parameters_must_be_there() {
    let venue = Venue::start().await;
    let either = |first: &str, second: &str| {
        (-1102, format!("Param '{first}' or '{second}' must be sent, but both were empty/null!"))
    };
    let order = "symbol=BTCUSDT&side=BUY";
    check(&venue, &format!("POST order {order}&type=MARKET"), either("quantity", "quoteOrderQty")).await;
    check(&venue, &format!("POST order {order}&type=STOP_LOSS&quantity=1"), either("stopPrice", "trailingDelta")).await;
    check(&venue, "DELETE order symbol=BTCUSDT", either("origClientOrderId", "orderId")).await;
    check(&venue, "GET order symbol=BTCUSDT", either("origClientOrderId", "orderId")).await;
    assert_eq!(venue.queue.submitted(), []);
}

#[tokio::test]
async fn an_empty_parameter_is_refused() {
    let venue = Venue::start().await;
    for case in CASES {
        for (name, ..) in case.params() {
            check(&venue, &case.with(name, ""), (-1105, format!("Parameter '{name}' was empty."))).await;
        }
    }
    assert_eq!(venue.queue.submitted(), []);
}

#[tokio::test]
async fn a_doubled_parameter_is_refused() {
    let venue = Venue::start().await;
    for case in CASES {
        for (name, value, _) in case.params() {
            let request = format!("{}&{name}={value}", case.with(name, value));
            check(&venue, &request, (-1101, format!("Duplicate values for parameter '{name}'."))).await;
        }
    }
    assert_eq!(venue.queue.submitted(), []);
}

#[tokio::test]
async fn an_ill_formed_or_over_long_parameter_is_refused() {
    let venue = Venue::start().await;
    for case in CASES {
        for (name, _, kind) in case.params() {
            for (value, expected) in bad_values(kind, name) {
                check(&venue, &case.with(name, &value), expected).await;
            }
        }
    }
    assert_eq!(venue.queue.submitted(), []);
}

/// Nothing is ignored in silence.
#[tokio::test]
async fn an_unknown_parameter_is_refused() {
    let venue = Venue::start().await;
    for case in CASES {
        let (read, sent) = (case.good.len() + 2, case.good.len() + 3);
        let message = format!("Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.");
        check(&venue, &case.with("nonsense", "1"), (-1104, message)).await;
    }
    assert_eq!(venue.queue.submitted(), []);
}

#[tokio::test]
async fn a_parameter_of_another_order_type_is_refused() {
    let venue = Venue::start().await;
    let limit = "type=LIMIT&timeInForce=GTC&quantity=1&price=100";
    let maker = "type=LIMIT_MAKER&quantity=1&price=100";
    let market = "type=MARKET&quantity=1";
    let stop = "type=STOP_LOSS&quantity=1&stopPrice=100";
    let stop_limit = "type=TAKE_PROFIT_LIMIT&timeInForce=GTC&quantity=1&price=100&stopPrice=100";
    for (order, name, value) in [
        (limit, "quoteOrderQty", "1"),
        (limit, "stopPrice", "1"),
        (limit, "trailingDelta", "1"),
        (maker, "timeInForce", "GTC"),
        (maker, "quoteOrderQty", "1"),
        (maker, "stopPrice", "1"),
        (maker, "trailingDelta", "1"),
        (market, "timeInForce", "GTC"),
        (market, "price", "1"),
        (market, "stopPrice", "1"),
        (market, "trailingDelta", "1"),
        (market, "icebergQty", "1"),
        (market, "quoteOrderQty", "1"),
        (stop, "timeInForce", "GTC"),
        (stop, "price", "1"),
        (stop, "quoteOrderQty", "1"),
        (stop, "icebergQty", "1"),
        (stop_limit, "quoteOrderQty", "1"),
    ] {
        let request = format!("POST order symbol=BTCUSDT&side=BUY&{order}&{name}={value}");
        check(&venue, &request, (-1106, format!("Parameter '{name}' sent when not required."))).await;
    }
    assert_eq!(venue.queue.submitted(), []);
}

#[tokio::test]
async fn what_no_symbol_takes_is_refused_in_its_own_words() {
    let venue = Venue::start().await;
    let limit = "type=LIMIT&timeInForce=GTC&quantity=1&price=100";
    let pegged = "Pegged orders are not supported for this symbol.";
    for (order, message) in [
        ("type=STOP_LOSS&quantity=1&stopPrice=90", "Stop loss orders are not supported for this symbol."),
        ("type=STOP_LOSS&quantity=1&trailingDelta=90", "Stop loss orders are not supported for this symbol."),
        ("type=TAKE_PROFIT&quantity=1&stopPrice=90", "Take profit orders are not supported for this symbol."),
        (
            "type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=1&price=90&stopPrice=90",
            "Stop loss limit orders are not supported for this symbol.",
        ),
        (
            "type=TAKE_PROFIT_LIMIT&timeInForce=GTC&quantity=1&price=90&stopPrice=90",
            "Take profit limit orders are not supported for this symbol.",
        ),
        (&format!("{limit}&icebergQty=0.5"), "Iceberg orders are not supported for this symbol."),
        (&format!("{limit}&pegPriceType=PRIMARY_PEG"), pegged),
        (&format!("{limit}&pegOffsetType=PRICE_LEVEL&pegOffsetValue=1"), pegged),
        ("type=LIMIT_MAKER&quantity=1&pegPriceType=PRIMARY_PEG", pegged),
        ("type=MARKET&quantity=1&pegPriceType=MARKET_PEG", "This order type may not use pegged price."),
    ] {
        for path in ["order", "order/test"] {
            check(&venue, &format!("POST {path} symbol=BTCUSDT&side=BUY&{order}"), text(-2010, message)).await;
        }
    }
    assert_eq!(venue.queue.submitted(), []);
}

/// Precision comes before every filter, and the filter that decimals break is named.
#[tokio::test]
async fn too_many_decimals_are_told_apart() {
    let venue = Venue::start().await;
    let precision = |name: &str| (-1111, format!("Parameter '{name}' has too much precision."));
    let filter = |name: &str| (-1013, format!("Filter failure: {name}"));
    let limit = |price: &str, quantity: &str| {
        format!("POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price={price}&quantity={quantity}")
    };
    check(&venue, &limit("100", "0.000000001"), precision("quantity")).await;
    check(&venue, &limit("100.000000001", "1"), precision("price")).await;
    check(&venue, &limit("0.001", "0.000000001"), precision("quantity")).await;
    check(&venue, &limit("100.001", "1"), filter("PRICE_FILTER")).await;
    check(&venue, &limit("100.001", "0.000001"), filter("PRICE_FILTER")).await;
    check(&venue, &limit("100", "0.000001"), filter("LOT_SIZE")).await;
    check(&venue, &limit("100", "99999999999999999999"), (-1108, "Parameter 'quantity' overflowed.".to_owned())).await;
    let market = "POST order symbol=BTCUSDT&side=BUY&type=MARKET";
    check(&venue, &format!("{market}&quoteOrderQty=10.000000001"), precision("quoteOrderQty")).await;
    check(&venue, &format!("{market}&quantity=0.000001"), filter("LOT_SIZE")).await;
    assert_eq!(venue.queue.submitted(), []);
}
