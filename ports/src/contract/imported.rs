//! What every [`ImportedKlines`] must do.
//!
//! An adapter's test module says `emporion_ports::imported_klines_contract!(open);`, where `open()` is an async
//! function that returns a guard and a fresh store: `(guard, impl ImportedKlines)`. The guard (a folder, say)
//! lives as long as the case.

use emporion_model::event::Bucket;
use emporion_model::{Amount, Interval, Price, Quantity, SymbolId, TimeUs, TradeId};

use crate::imported::{ImportedKlines, ImportedRange, KlineImport};

/// One test per case of the contract on the store that `$open` makes.
#[macro_export]
macro_rules! imported_klines_contract {
    ($open:path) => {
        $crate::imported_klines_contract!(@cases $open:
            an_empty_store_has_nothing,
            imported_klines_come_back_as_they_went_in,
            klines_are_read_from_a_start_in_portions,
            the_newest_before_a_time_is_found,
            a_kline_with_the_same_start_is_replaced,
            symbols_and_intervals_are_kept_apart,
        );
    };
    (@cases $open:path: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (_guard, store) = $open().await;
                $crate::contract::imported::$case(&store).await;
            }
        )+
    };
}

const BTCUSDT: SymbolId = SymbolId(0);
const ETHBTC: SymbolId = SymbolId(1);

/// A kline with this start and close; the rest follows from them.
fn kline(second: u64, close: u64) -> Bucket {
    let amount = i128::from(close);
    Bucket {
        symbol: BTCUSDT,
        second,
        open: Price(close - 1),
        high: Price(close + 2),
        low: Price(close - 2),
        close: Price(close),
        last_quantity: Quantity::ZERO,
        last_time: TimeUs::default(),
        base: Amount(amount * 3),
        quote: Amount(amount * 7),
        taker_buy_base: Amount(amount),
        taker_buy_quote: Amount(amount * 2),
        trades: close * 5,
        first_trade_id: TradeId::default(),
        last_trade_id: TradeId::default(),
    }
}

fn minutes(source: &str, klines: &[Bucket]) -> KlineImport {
    KlineImport {
        symbol: BTCUSDT,
        interval: Interval::Minute1,
        source: source.to_owned(),
        klines: klines.to_vec(),
        at: TimeUs(1),
    }
}

fn range(first: u64, last: u64, klines: u64, source: &str) -> ImportedRange {
    let (symbol, interval, source) = (BTCUSDT, Interval::Minute1, source.to_owned());
    ImportedRange { symbol, interval, first, last, klines, source }
}

/// The minutes that are read, less what stores need not keep.
async fn read(store: &dyn ImportedKlines, from: u64, until: u64, limit: u32) -> Vec<Bucket> {
    let klines = store.klines(BTCUSDT, Interval::Minute1, from, until, limit).await.unwrap();
    klines.into_iter().map(meaning).collect()
}

/// A bucket without the fields that mean nothing in an imported kline.
fn meaning(bucket: Bucket) -> Bucket {
    let (last_quantity, last_time) = (Quantity::ZERO, TimeUs::default());
    Bucket { last_quantity, last_time, first_trade_id: TradeId::default(), last_trade_id: TradeId::default(), ..bucket }
}

/// Every question has an empty answer.
pub async fn an_empty_store_has_nothing(store: &dyn ImportedKlines) {
    assert_eq!(store.ranges().await.unwrap(), []);
    assert_eq!(store.intervals(BTCUSDT).await.unwrap(), []);
    assert_eq!(read(store, 0, u64::MAX, 10).await, []);
    assert_eq!(store.newest(BTCUSDT, Interval::Minute1, u64::MAX).await.unwrap(), None);
    store.import(minutes("nothing", &[])).await.unwrap();
    assert_eq!((store.ranges().await.unwrap(), store.intervals(BTCUSDT).await.unwrap()), (vec![], vec![]));
}

/// Small and very large numbers alike.
pub async fn imported_klines_come_back_as_they_went_in(store: &dyn ImportedKlines) {
    let large = Bucket {
        open: Price(u64::MAX),
        high: Price(u64::MAX),
        low: Price(1),
        close: Price(u64::MAX - 1),
        base: Amount(i128::MAX),
        quote: Amount(i128::MAX - 1),
        taker_buy_base: Amount(i128::MAX),
        taker_buy_quote: Amount(0),
        trades: u64::MAX,
        ..kline(180, 9)
    };
    let klines = [kline(60, 5), kline(120, 6), large];
    store.import(minutes("a file", &klines)).await.unwrap();
    assert_eq!(read(store, 0, u64::MAX, 10).await, klines);
    assert_eq!(store.ranges().await.unwrap(), [range(60, 180, 3, "a file")]);
    assert_eq!(store.intervals(BTCUSDT).await.unwrap(), [Interval::Minute1]);
}

/// The start counts, the end does not; the first ones come first.
pub async fn klines_are_read_from_a_start_in_portions(store: &dyn ImportedKlines) {
    let klines: Vec<Bucket> = [60, 120, 240, 300].map(|second| kline(second, second)).to_vec();
    store.import(minutes("a file", &klines)).await.unwrap();
    for (from, until, limit, part) in [
        (0, u64::MAX, 10, 0..4),
        (0, u64::MAX, 2, 0..2),
        (120, u64::MAX, 2, 1..3),
        (121, 300, 10, 2..3),
        (60, 61, 10, 0..1),
        (60, 60, 10, 0..0),
        (300, 60, 10, 0..0),
        (301, u64::MAX, 10, 0..0),
        (0, u64::MAX, 0, 0..0),
    ] {
        assert_eq!(read(store, from, until, limit).await, klines[part], "{from}..{until} {limit}");
    }
}

/// Told by its start.
pub async fn the_newest_before_a_time_is_found(store: &dyn ImportedKlines) {
    store.import(minutes("a file", &[kline(60, 5), kline(240, 6)])).await.unwrap();
    for (before, second) in [(60, None), (61, Some(60)), (240, Some(60)), (241, Some(240)), (u64::MAX, Some(240))] {
        let newest = store.newest(BTCUSDT, Interval::Minute1, before).await.unwrap();
        assert_eq!(newest.map(|kline| kline.second), second, "before {before}");
    }
}

/// Also in its source; the others stay.
pub async fn a_kline_with_the_same_start_is_replaced(store: &dyn ImportedKlines) {
    store.import(minutes("first", &[kline(60, 5), kline(120, 6)])).await.unwrap();
    store.import(minutes("second", &[kline(0, 4), kline(60, 50)])).await.unwrap();
    assert_eq!(read(store, 0, u64::MAX, 10).await, [kline(0, 4), kline(60, 50), kline(120, 6)]);
    assert_eq!(store.ranges().await.unwrap(), [range(0, 120, 3, "first")]);
    store.import(minutes("third", &[kline(120, 7)])).await.unwrap();
    assert_eq!(store.ranges().await.unwrap(), [range(0, 120, 3, "third")]);
}

/// What is told is told by symbol and by interval, the shortest first.
pub async fn symbols_and_intervals_are_kept_apart(store: &dyn ImportedKlines) {
    let of = |symbol, interval, second| KlineImport {
        symbol,
        interval,
        klines: vec![Bucket { symbol, ..kline(second, 9) }],
        ..minutes("a file", &[])
    };
    for interval in [Interval::Month1, Interval::Day1, Interval::Minute1] {
        store.import(of(BTCUSDT, interval, 86_400)).await.unwrap();
    }
    store.import(of(ETHBTC, Interval::Hour1, 7_200)).await.unwrap();
    let (minute, day, month) = (Interval::Minute1, Interval::Day1, Interval::Month1);
    assert_eq!(store.intervals(BTCUSDT).await.unwrap(), [minute, day, month]);
    assert_eq!(store.intervals(ETHBTC).await.unwrap(), [Interval::Hour1]);
    assert_eq!(store.intervals(SymbolId(2)).await.unwrap(), []);
    assert_eq!(store.klines(ETHBTC, Interval::Minute1, 0, u64::MAX, 10).await.unwrap(), []);
    let hours = store.klines(ETHBTC, Interval::Hour1, 0, u64::MAX, 10).await.unwrap();
    assert_eq!(hours.into_iter().map(meaning).collect::<Vec<_>>(), [Bucket { symbol: ETHBTC, ..kline(7_200, 9) }]);
    let ranges = store.ranges().await.unwrap();
    let told: Vec<_> = ranges.iter().map(|range| (range.symbol, range.interval, range.first)).collect();
    let expected =
        [(BTCUSDT, minute, 86_400), (BTCUSDT, day, 86_400), (BTCUSDT, month, 86_400), (ETHBTC, Interval::Hour1, 7_200)];
    assert_eq!(told, expected);
}
