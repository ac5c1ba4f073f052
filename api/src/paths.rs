//! The table of every public path: who serves it, who may call it, what it costs.
//!
//! Services register their handlers by these entries, the edge takes limits and security from them, and
//! load-balancer rules are generated from them.

use crate::Params;
use crate::params::{Param, Symbols};

/// An HTTP method that some path takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes something.
    Post,
    /// Replaces something.
    Put,
    /// Ends something.
    Delete,
}

impl Method {
    /// The method's name in HTTP.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// The service that answers a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The Order Service: orders, and everything about one account.
    Order,
    /// The Market Data Service: everything that is the same for all.
    MarketData,
    /// The User Service: people, sessions, keys.
    User,
    /// Every process, about itself.
    Process,
}

/// What a caller has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// Nothing.
    None,
    /// A signature with a key that may trade.
    Trade,
    /// A signature with a key that may read.
    UserData,
    /// A session token; the User Service checks it.
    Session,
    /// The operator's token; the User Service checks it.
    Operator,
}

impl Security {
    /// Whether requests are signed with an API key.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Trade | Self::UserData)
    }
}

/// The request weight of a call.
#[derive(Clone, Copy)]
pub enum Weight {
    /// Always this much.
    Fixed(u32),
    /// Nothing when the call succeeds, this much when it fails: the order-changing calls.
    OnFailure(u32),
    /// By what the call asks for. Ill-formed parameters weigh as much as the smallest request: the call
    /// fails for them anyway.
    By(fn(&Params) -> u32),
}

/// One public path under one method.
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path; a segment in braces stands for any text.
    pub path: &'static str,
    /// Who answers it.
    pub role: Role,
    /// What the caller has to show.
    pub security: Security,
    /// What it costs.
    pub weight: Weight,
    /// By how much a successful call raises the account's count of unfilled orders.
    pub orders: u32,
}

impl Endpoint {
    /// Whether this is our own API, with JSON in bodies and errors of its own shape.
    pub fn is_v1(&self) -> bool {
        self.path.starts_with("/v1/")
    }

    /// Whether a body holds form parameters, as in the Binance API, or JSON, as in ours.
    pub fn takes_form(&self) -> bool {
        !self.is_v1()
    }
}

macro_rules! endpoints {
    ($($name:ident: $method:ident $path:literal, $role:ident, $security:ident, $weight:expr, $orders:literal;)*) => {
        $(
            #[doc = concat!("`", stringify!($method), " ", $path, "`")]
            pub static $name: Endpoint = Endpoint {
                method: Method::$method,
                path: $path,
                role: Role::$role,
                security: Security::$security,
                weight: $weight,
                orders: $orders,
            };
        )*

        /// Every endpoint.
        pub static ALL: &[&Endpoint] = &[$(&$name,)*];
    };
}

use Weight::{By, Fixed, OnFailure};

endpoints! {
    PING: Get "/api/v3/ping", MarketData, None, Fixed(1), 0;
    TIME: Get "/api/v3/time", MarketData, None, Fixed(1), 0;
    EXCHANGE_INFO: Get "/api/v3/exchangeInfo", MarketData, None, Fixed(20), 0;
    DEPTH: Get "/api/v3/depth", MarketData, None, By(depth_weight), 0;
    TRADES: Get "/api/v3/trades", MarketData, None, Fixed(25), 0;
    HISTORICAL_TRADES: Get "/api/v3/historicalTrades", MarketData, None, Fixed(25), 0;
    AGG_TRADES: Get "/api/v3/aggTrades", MarketData, None, Fixed(4), 0;
    KLINES: Get "/api/v3/klines", MarketData, None, Fixed(2), 0;
    UI_KLINES: Get "/api/v3/uiKlines", MarketData, None, Fixed(2), 0;
    AVG_PRICE: Get "/api/v3/avgPrice", MarketData, None, Fixed(2), 0;
    TICKER_24HR: Get "/api/v3/ticker/24hr", MarketData, None, By(ticker_24hr_weight), 0;
    TICKER_TRADING_DAY: Get "/api/v3/ticker/tradingDay", MarketData, None, By(windowed_ticker_weight), 0;
    TICKER: Get "/api/v3/ticker", MarketData, None, By(windowed_ticker_weight), 0;
    TICKER_PRICE: Get "/api/v3/ticker/price", MarketData, None, By(ticker_weight), 0;
    TICKER_BOOK: Get "/api/v3/ticker/bookTicker", MarketData, None, By(ticker_weight), 0;

    PLACE_ORDER: Post "/api/v3/order", Order, Trade, OnFailure(1), 1;
    TEST_ORDER: Post "/api/v3/order/test", Order, Trade, By(test_order_weight), 0;
    CANCEL_ORDER: Delete "/api/v3/order", Order, Trade, OnFailure(1), 0;
    CANCEL_OPEN_ORDERS: Delete "/api/v3/openOrders", Order, Trade, OnFailure(1), 0;
    QUERY_ORDER: Get "/api/v3/order", Order, UserData, Fixed(4), 0;
    OPEN_ORDERS: Get "/api/v3/openOrders", Order, UserData, By(open_orders_weight), 0;
    ALL_ORDERS: Get "/api/v3/allOrders", Order, UserData, Fixed(20), 0;
    ACCOUNT: Get "/api/v3/account", Order, UserData, Fixed(20), 0;
    MY_TRADES: Get "/api/v3/myTrades", Order, UserData, By(my_trades_weight), 0;
    COMMISSION: Get "/api/v3/account/commission", Order, UserData, Fixed(20), 0;
    ORDER_COUNT: Get "/api/v3/rateLimit/order", Order, UserData, Fixed(40), 0;

    RAW_STREAMS: Get "/ws", MarketData, None, Fixed(0), 0;
    NAMED_RAW_STREAMS: Get "/ws/{*streams}", MarketData, None, Fixed(0), 0;
    COMBINED_STREAMS: Get "/stream", MarketData, None, Fixed(0), 0;
    WS_API: Get "/ws-api/v3", Order, None, Fixed(2), 0;

    SAPI_COINS: Get "/sapi/v1/capital/config/getall", Order, UserData, Fixed(1), 0;
    SAPI_MARGIN_PAIRS: Get "/sapi/v1/margin/allPairs", MarketData, None, Fixed(1), 0;
    SAPI_ISOLATED_PAIRS: Get "/sapi/v1/margin/isolated/allPairs", MarketData, None, Fixed(1), 0;
    SAPI_TRADE_FEE: Get "/sapi/v1/asset/tradeFee", Order, UserData, Fixed(1), 0;
    SAPI_SYSTEM_STATUS: Get "/sapi/v1/system/status", MarketData, None, Fixed(1), 0;
    SAPI_ACCOUNT_STATUS: Get "/sapi/v1/account/status", Order, UserData, Fixed(1), 0;

    IMPORTED_KLINES: Get "/v1/operator/klines", MarketData, Operator, Fixed(1), 0;
    IMPORT_KLINES: Post "/v1/operator/klines", MarketData, Operator, Fixed(1), 0;

    SIGN_UP: Post "/v1/users", User, None, Fixed(10), 0;
    ME: Get "/v1/me", User, Session, Fixed(1), 0;
    CHANGE_PASSWORD: Put "/v1/me/password", User, Session, Fixed(10), 0;
    LOG_IN: Post "/v1/sessions", User, None, Fixed(10), 0;
    LOG_OUT: Delete "/v1/sessions/current", User, Session, Fixed(1), 0;
    ADD_API_KEY: Post "/v1/api-keys", User, Session, Fixed(1), 0;
    API_KEYS: Get "/v1/api-keys", User, Session, Fixed(1), 0;
    REVOKE_API_KEY: Delete "/v1/api-keys/{apiKey}", User, Session, Fixed(1), 0;

    MAKE_ACCOUNT: Post "/v1/operator/accounts", User, Operator, Fixed(1), 0;
    DEPOSIT: Post "/v1/operator/deposits", User, Operator, Fixed(1), 0;
    SET_USER_STATE: Put "/v1/operator/user-state", User, Operator, Fixed(1), 0;
    OPERATOR_SYMBOLS: Get "/v1/operator/symbols", Order, Operator, Fixed(1), 0;
    ADD_SYMBOLS: Post "/v1/operator/symbols", Order, Operator, Fixed(1), 0;
    SET_SYMBOL_STATUS: Put "/v1/operator/symbols/{symbol}/status", Order, Operator, Fixed(1), 0;

    PAGE: Get "/", Process, None, Fixed(0), 0;
    PAGE_SCRIPT: Get "/page.js", Process, None, Fixed(0), 0;
    PAGE_STYLE: Get "/page.css", Process, None, Fixed(0), 0;
    HEALTH: Get "/healthz", Process, None, Fixed(0), 0;
    READY: Get "/readyz", Process, None, Fixed(0), 0;
    METRICS: Get "/metrics", Process, None, Fixed(0), 0;
}

/// The methods of the WebSocket API that are the same call as an endpoint, by their names there.
pub static WS_METHODS: &[(&str, &Endpoint)] = &[
    ("ping", &PING),
    ("time", &TIME),
    ("exchangeInfo", &EXCHANGE_INFO),
    ("depth", &DEPTH),
    ("trades.recent", &TRADES),
    ("trades.historical", &HISTORICAL_TRADES),
    ("trades.aggregate", &AGG_TRADES),
    ("klines", &KLINES),
    ("uiKlines", &UI_KLINES),
    ("avgPrice", &AVG_PRICE),
    ("ticker.24hr", &TICKER_24HR),
    ("ticker.tradingDay", &TICKER_TRADING_DAY),
    ("ticker", &TICKER),
    ("ticker.price", &TICKER_PRICE),
    ("ticker.book", &TICKER_BOOK),
    ("order.place", &PLACE_ORDER),
    ("order.test", &TEST_ORDER),
    ("order.cancel", &CANCEL_ORDER),
    ("order.status", &QUERY_ORDER),
    ("openOrders.status", &OPEN_ORDERS),
    ("openOrders.cancelAll", &CANCEL_OPEN_ORDERS),
    ("allOrders", &ALL_ORDERS),
    ("myTrades", &MY_TRADES),
    ("account.status", &ACCOUNT),
    ("account.rateLimits.orders", &ORDER_COUNT),
    ("account.commission", &COMMISSION),
];

/// 5, 25, 50 or 250 by the number of levels asked for.
fn depth_weight(params: &Params) -> u32 {
    match params.get("limit").and_then(|text| u64::read("limit", text).ok()).unwrap_or(100) {
        0..=100 => 5,
        101..=500 => 25,
        501..=1000 => 50,
        _ => 250,
    }
}

/// 2 for up to 20 symbols, 40 for up to 100, 80 for more and for all.
fn ticker_24hr_weight(params: &Params) -> u32 {
    let symbols = match (params.get("symbol"), params.get("symbols")) {
        (Some(_), _) => 1,
        (None, Some(list)) => Symbols::read("symbols", list).map_or(1, |symbols| symbols.0.len()),
        (None, None) => return 80,
    };
    match symbols {
        0..=20 => 2,
        21..=100 => 40,
        _ => 80,
    }
}

/// 4 for each symbol, at most 200.
fn windowed_ticker_weight(params: &Params) -> u32 {
    let symbols = match (params.get("symbol"), params.get("symbols")) {
        (None, Some(list)) => Symbols::read("symbols", list).map_or(1, |symbols| symbols.0.len()),
        _ => 1,
    };
    u32::try_from(symbols).map_or(200, |symbols| symbols.saturating_mul(4).min(200))
}

/// 2 for one symbol, 4 for a list and for all.
fn ticker_weight(params: &Params) -> u32 {
    if params.get("symbol").is_some() { 2 } else { 4 }
}

/// 6 for one symbol, 80 for all.
fn open_orders_weight(params: &Params) -> u32 {
    if params.get("symbol").is_some() { 6 } else { 80 }
}

/// 5 for one order's trades, 20 for a symbol's.
fn my_trades_weight(params: &Params) -> u32 {
    if params.get("orderId").is_some() { 5 } else { 20 }
}

/// 20 when the commission is to be computed too.
fn test_order_weight(params: &Params) -> u32 {
    let computes = params.get("computeCommissionRates").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    if computes { 20 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_method_and_path_is_twice_in_the_table() {
        let unique: BTreeSet<_> = ALL.iter().map(|endpoint| (endpoint.method.as_str(), endpoint.path)).collect();
        assert_eq!(unique.len(), ALL.len());
    }

    #[test]
    fn a_path_has_one_role_whatever_the_method() {
        for one in ALL {
            let roles = ALL.iter().filter(|other| other.path == one.path).map(|other| other.role);
            assert!(roles.into_iter().all(|role| role == one.role), "{}", one.path);
        }
    }

    #[test]
    fn a_method_of_the_websocket_api_is_one_endpoint_and_every_endpoint_of_the_exchange_is_one() {
        let names: BTreeSet<_> = WS_METHODS.iter().map(|(name, _)| *name).collect();
        let calls: BTreeSet<_> = WS_METHODS.iter().map(|(_, to)| (to.method.as_str(), to.path)).collect();
        assert_eq!((names.len(), calls.len()), (WS_METHODS.len(), WS_METHODS.len()));
        let rest = ALL.iter().filter(|endpoint| endpoint.path.starts_with("/api/v3/"));
        assert_eq!(rest.map(|endpoint| (endpoint.method.as_str(), endpoint.path)).collect::<BTreeSet<_>>(), calls);
    }

    #[track_caller]
    fn check(endpoint: &Endpoint, query: &str, expected: u32) {
        let params = Params::parse(query.as_bytes(), b"").expect("well-formed");
        let weight = match endpoint.weight {
            Weight::Fixed(weight) | Weight::OnFailure(weight) => weight,
            Weight::By(weight) => weight(&params),
        };
        assert_eq!(weight, expected, "{} {query}", endpoint.path);
    }

    #[test]
    fn weights_follow_what_is_asked_for() {
        for (limit, weight) in [
            ("1", 5),
            ("100", 5),
            ("101", 25),
            ("500", 25),
            ("501", 50),
            ("1000", 50),
            ("1001", 250),
            ("99999", 250),
            ("x", 5),
        ] {
            check(&DEPTH, &format!("symbol=BTCUSDT&limit={limit}"), weight);
        }
        check(&DEPTH, "symbol=BTCUSDT", 5);
        for (count, weight) in [(1, 2), (20, 2), (21, 40), (100, 40), (101, 80)] {
            let symbols: Vec<String> = (0..count).map(|n| format!("%22S{n}%22")).collect();
            check(&TICKER_24HR, &format!("symbols=%5B{}%5D", symbols.join(",")), weight);
        }
        check(&TICKER_24HR, "symbol=BTCUSDT", 2);
        check(&TICKER_24HR, "", 80);
        check(&TICKER_24HR, "symbols=nonsense", 2);
        check(&TICKER_PRICE, "symbol=BTCUSDT", 2);
        check(&TICKER_BOOK, "", 4);
        check(&OPEN_ORDERS, "", 80);
        check(&OPEN_ORDERS, "symbol=BTCUSDT", 6);
        check(&MY_TRADES, "symbol=BTCUSDT", 20);
        check(&MY_TRADES, "symbol=BTCUSDT&orderId=1", 5);
        check(&TEST_ORDER, "", 1);
        check(&TEST_ORDER, "computeCommissionRates=true", 20);
        check(&PLACE_ORDER, "", 1);
    }
}
