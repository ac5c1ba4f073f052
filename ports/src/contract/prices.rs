//! What every [`PriceCache`] must do.
//!
//! An adapter's test module says `emporion_ports::prices_contract!(open);`, where `open()` is an async function that
//! returns an empty cache.

use std::sync::Arc;

use emporion_model::event::Bucket;
use emporion_model::{Amount, History, Price, Quantity, Seq, SymbolId, TimeUs, TradeId};

use crate::prices::{LEVELS_KEPT, LastTrade, LivePrice, PriceCache};
use crate::tables::Level;

/// One test per case of the contract on the cache that `$open` makes.
#[macro_export]
macro_rules! prices_contract {
    ($open:path) => {
        $crate::prices_contract!(@cases $open:
            a_price_comes_back_whole,
            an_older_price_changes_nothing,
            prices_come_in_the_order_asked_for,
            many_writers_leave_the_newest,
        );
    };
    (@cases $open:path: $($case:ident,)+) => {
        $(#[tokio::test]
        async fn $case() {
            $crate::contract::prices::$case($open().await).await;
        })+
    };
}

/// A price with something in every field, or nothing in most.
pub fn price(symbol: u16, history: u32, seq: u64) -> LivePrice {
    let level = |at: usize| Level { price: Price(seq + at as u64), quantity: Quantity(u64::MAX - at as u64) };
    let is_full = !seq.is_multiple_of(2);
    let levels: Vec<Level> = if is_full { (0..LEVELS_KEPT).map(level).collect() } else { Vec::new() };
    LivePrice {
        symbol: SymbolId(symbol),
        history: History(history),
        seq: Seq(seq),
        time: TimeUs(seq * 1_000),
        depth_id: Seq(seq / 2),
        last: is_full.then_some(LastTrade { price: Price(seq), quantity: Quantity(1), time: TimeUs(seq) }),
        bids: levels.clone(),
        asks: levels,
        has_more_levels: is_full,
        day: is_full.then(|| bucket(symbol, seq)),
    }
}

fn bucket(symbol: u16, seq: u64) -> Bucket {
    Bucket {
        symbol: SymbolId(symbol),
        second: seq,
        open: Price(1),
        high: Price(u64::MAX),
        low: Price(2),
        close: Price(3),
        last_quantity: Quantity(seq),
        last_time: TimeUs(seq),
        base: Amount(i128::MAX),
        quote: Amount(4),
        taker_buy_base: Amount(5),
        taker_buy_quote: Amount(6),
        trades: seq,
        first_trade_id: TradeId(7),
        last_trade_id: TradeId(seq),
    }
}

async fn expect(cache: &dyn PriceCache, expected: LivePrice) {
    assert_eq!(cache.get(&[expected.symbol]).await.unwrap(), [Some(expected)]);
}

/// What was put is what is got.
pub async fn a_price_comes_back_whole(cache: Arc<dyn PriceCache>) {
    for seq in [1, 2, 7, 1 << 40, u64::MAX / 1_000] {
        cache.put(vec![price(3, 0, seq)]).await.unwrap();
        expect(&*cache, price(3, 0, seq)).await;
    }
}

/// Neither a lower seq nor a lower history replaces what is kept, and nor does the same version again.
pub async fn an_older_price_changes_nothing(cache: Arc<dyn PriceCache>) {
    let steps = [
        ((0, 9), (0, 9)),
        ((0, 8), (0, 9)),
        ((0, 10), (0, 10)),
        ((1, 5), (1, 5)),
        ((0, 99), (1, 5)),
        ((1, 4), (1, 5)),
        ((1, 10_000_000_019), (1, 10_000_000_019)),
        ((1, 9_000_000_019), (1, 10_000_000_019)),
        ((10, 1), (10, 1)),
        ((9, 3), (10, 1)),
    ];
    for ((history, seq), (kept_history, kept_seq)) in steps {
        cache.put(vec![price(1, history, seq)]).await.unwrap();
        expect(&*cache, price(1, kept_history, kept_seq)).await;
    }
    let mut same_version = price(1, 10, 1);
    same_version.has_more_levels = false;
    cache.put(vec![same_version]).await.unwrap();
    expect(&*cache, price(1, 10, 1)).await;
}

/// Symbols without a price are in their place too.
pub async fn prices_come_in_the_order_asked_for(cache: Arc<dyn PriceCache>) {
    assert_eq!(cache.get(&[]).await.unwrap(), []);
    cache.put(Vec::new()).await.unwrap();
    cache.put((0..100).step_by(2).map(|symbol| price(symbol, 0, 5)).collect()).await.unwrap();
    let asked: Vec<SymbolId> = (0..100).rev().chain([7, 7, 8, 8]).map(SymbolId).collect();
    let expected: Vec<Option<LivePrice>> =
        asked.iter().map(|symbol| symbol.0.is_multiple_of(2).then(|| price(symbol.0, 0, 5))).collect();
    assert_eq!(cache.get(&asked).await.unwrap(), expected);
}

/// Whatever the order in which writers get there, the newest stays.
pub async fn many_writers_leave_the_newest(cache: Arc<dyn PriceCache>) {
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let cache = cache.clone();
            tokio::spawn(async move {
                for seq in 0..50 {
                    cache.put((0..4).map(|symbol| price(symbol, 0, 4 * seq + writer)).collect()).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    for symbol in 0..4 {
        expect(&*cache, price(symbol, 0, 199)).await;
    }
}
