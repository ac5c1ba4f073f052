//! What holds of the demo's past, for several seeds and ends.

use super::pieces::{BEGINNING, KLINES_MAX};
use super::*;
use crate::demo::prices::{FINE, price_of};
use crate::genesis::demo;
use emporion_model::decimal::pow10;
use emporion_model::event::Bucket;
use emporion_model::{Calendar, Options, SymbolId};

/// A Monday at noon, the first second of a year, a leap day, and soon after the beginning.
const ENDS: [u64; 4] = [1_795_435_200, 1_798_761_600, 1_835_404_321, 1_483_400_000];

fn shape(seed: u64) -> Shape {
    Shape { seed, volatility_bps: 60, turnover_per_minute: 18_000 }
}

fn demo_markets() -> Vec<Market> {
    let genesis = demo(Options::default());
    let asset = |id: AssetId| {
        let asset = genesis.assets[usize::from(id.0)].clone();
        (asset.code.to_string(), asset)
    };
    let symbols = genesis.symbols.iter().zip(0..);
    let market = |(spec, id): (&emporion_model::SymbolSpec, u16)| Market {
        symbol: Symbol { id: SymbolId(id), spec: spec.clone() },
        base: asset(spec.base),
        quote: asset(spec.quote),
    };
    symbols.map(market).collect()
}

fn market(name: &str) -> Market {
    demo_markets().into_iter().find(|market| market.symbol.spec.name.as_str() == name).unwrap()
}

/// Looks at the past of BTCUSDT and of a symbol between two moving assets, for every end.
fn for_each_past(look: impl Fn(&Market, u64, &BTreeMap<Interval, Vec<Bucket>>)) {
    for (end, seed) in ENDS.into_iter().zip(1..) {
        let past = Past::new(shape(seed), end);
        for name in ["BTCUSDT", "SOLBTC"] {
            let market = market(name);
            look(&market, end, &past.klines(&market).into_iter().collect());
        }
    }
}

#[test]
fn klines_tile_the_calendar_up_to_now_and_are_not_too_many() {
    for_each_past(|market, end, past| {
        for (interval, klines) in past {
            let calendar = Calendar::utc(*interval);
            let starts: Vec<_> = klines.iter().map(|kline| kline.second as i64).collect();
            assert!(starts.iter().all(|start| calendar.start_of(*start) == *start), "{interval:?}");
            assert!(starts.windows(2).all(|pair| calendar.shift(pair[0], 1) == pair[1]), "{interval:?}");
            assert_eq!(starts.last(), Some(&calendar.start_of(end as i64 - 1)), "{interval:?}");
            assert!(starts.len() <= KLINES_MAX as usize && starts[0] >= BEGINNING, "{interval:?}");
            let is_first = calendar.shift(starts[0], -1) < BEGINNING;
            assert!(starts.len() == KLINES_MAX as usize || is_first, "{interval:?} {}", starts.len());
            assert!(klines.iter().all(|kline| kline.symbol == market.symbol.id));
        }
        if end > ENDS[3] {
            assert_eq!(past.len(), Interval::ALL.len());
        }
    });
}

#[test]
fn every_kline_is_possible() {
    for_each_past(|market, end, past| {
        let spec = &market.symbol.spec;
        let scales = spec.scales(&market.base.1, &market.quote.1);
        for (interval, kline) in past.iter().flat_map(|(interval, klines)| klines.iter().map(move |k| (interval, k))) {
            let prices = [kline.open, kline.high, kline.low, kline.close];
            assert!(prices.iter().all(|price| price.0 > 0 && price.0 % spec.rules.price.tick.0 == 0));
            assert!(prices.iter().all(|price| (kline.low..=kline.high).contains(price)), "{interval:?} {kline:?}");
            assert!(prices.iter().all(|price| (spec.rules.price.min..=spec.rules.price.max).contains(price)));
            assert!(kline.trades > 0 && kline.base.0 > 0 && kline.quote.0 > 0);
            let units = kline.base.0 / scales.base_factor;
            let cost = |price: emporion_model::Price| i128::from(price.0) * units * scales.quote_factor;
            assert!((cost(kline.low)..=cost(kline.high)).contains(&kline.quote.0), "{interval:?} {kline:?}");
            let step = i128::from(spec.rules.lot.step.0) * scales.base_factor;
            assert!([kline.base, kline.taker_buy_base].iter().all(|amount| amount.0 % step == 0));
            assert!(kline.taker_buy_base <= kline.base && kline.taker_buy_quote <= kline.quote);
            assert!(kline.taker_buy_base.0 >= 0 && kline.taker_buy_quote.0 >= 0);
            assert!(kline.last_quantity.0 > 0 && i128::from(kline.last_quantity.0) <= units);
            let calendar_end = Calendar::utc(*interval).shift(kline.second as i64, 1) as u64;
            assert!(
                (kline.second..calendar_end.min(end)).contains(&kline.last_time.second()),
                "{interval:?} {kline:?}"
            );
        }
    });
}

/// Puts the shorter klines within each longer one together and expects the longer one, wherever all are there.
#[test]
fn longer_klines_say_what_the_shorter_ones_in_them_say() {
    for_each_past(|_, _, past| {
        let mut compared = 0;
        for (shorter, parts) in past {
            for (longer, klines) in past.iter().filter(|(longer, _)| *longer > shorter) {
                let calendar = Calendar::utc(*longer);
                let parts_fit = |part: &Bucket| {
                    let end = Calendar::utc(*shorter).shift(part.second as i64, 1) - 1;
                    calendar.start_of(part.second as i64) == calendar.start_of(end)
                };
                if !parts.iter().all(parts_fit) {
                    continue;
                }
                for kline in klines.iter().filter(|kline| kline.second >= parts[0].second) {
                    let end = calendar.shift(kline.second as i64, 1) as u64;
                    let mut inside = parts.iter().filter(|part| (kline.second..end).contains(&part.second));
                    let mut sum = *inside.next().unwrap();
                    inside.for_each(|part| sum.append(part));
                    assert_eq!(sum, *kline, "{shorter:?} in {longer:?}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 500, "{compared}");
    });
}

#[test]
fn the_past_ends_where_the_bots_begin() {
    let past = Past::new(shape(3), ENDS[0]);
    for market in demo_markets() {
        let worth = |code: &str| first_worth(code).unwrap() * FINE;
        let unit = pow10(market.symbol.spec.price_scale);
        let begins = price_of(worth(&market.base.0), worth(&market.quote.0), unit);
        for (interval, klines) in past.klines(&market) {
            let close = klines.last().unwrap().close.0;
            let tick = market.symbol.spec.rules.price.tick.0;
            assert!(close.abs_diff(begins) <= tick, "{} {interval:?}: {close} {begins}", market.symbol.spec.name);
            let mut joints = klines.windows(2);
            assert!(joints.all(|pair| pair[0].close == pair[1].open), "no kline begins with a jump");
        }
    }
}

#[test]
fn symbols_that_share_assets_agree() {
    let past = Past::new(shape(5), ENDS[0]);
    let days = |name: &str| past.klines(&market(name)).into_iter().find(|(i, _)| *i == Interval::Day1).unwrap().1;
    let of = |name: &str| (days(name), pow10(market(name).symbol.spec.price_scale), market(name));
    let ((eth, eth_unit, _), (btc, btc_unit, _), (both, unit, ethbtc)) = (of("ETHUSDT"), of("BTCUSDT"), of("ETHBTC"));
    let tick = u128::from(ethbtc.symbol.spec.rules.price.tick.0);
    for ((eth, btc), both) in eth.iter().zip(&btc).zip(&both) {
        let expected = u128::from(eth.close.0) * btc_unit * unit / (u128::from(btc.close.0) * eth_unit);
        assert!(expected.abs_diff(both.close.0.into()) <= 2 * tick, "{expected} {}", both.close.0);
    }
}

#[test]
fn the_seed_fixes_the_past() {
    let klines = |seed, end| Past::new(shape(seed), end).klines(&market("ETHUSDT"));
    assert_eq!(klines(1, ENDS[0]), klines(1, ENDS[0]));
    assert_ne!(klines(1, ENDS[0]), klines(2, ENDS[0]));
}

#[test]
fn it_looks_like_a_market() {
    let past = Past::new(shape(1), ENDS[0]);
    let klines: BTreeMap<_, _> = past.klines(&market("BTCUSDT")).into_iter().collect();
    let hours = &klines[&Interval::Hour1];
    let volumes: Vec<_> = hours.iter().map(|kline| kline.quote.0).collect();
    let (least, most) = (volumes.iter().min().unwrap(), volumes.iter().max().unwrap());
    assert!(most > &(5 * least), "volume varies: {least} {most}");
    for interval in [Interval::Second1, Interval::Minute1, Interval::Hour1, Interval::Day1] {
        let sizes: Vec<_> = klines[&interval].iter().map(|kline| kline.high.0 - kline.low.0).collect();
        let mean = sizes.iter().sum::<u64>() / sizes.len() as u64;
        assert!(sizes.iter().any(|size| *size > 3 * mean), "some klines are large: {interval:?}");
    }
    let (rising, all) = (hours.iter().filter(|kline| kline.close > kline.open).count(), hours.len());
    assert!((all / 3..=all * 2 / 3).contains(&rising));
}

#[test]
fn without_volatility_prices_stand_still() {
    let still = Shape { volatility_bps: 0, ..shape(1) };
    for (_, klines) in Past::new(still, ENDS[0]).klines(&market("BTCUSDT")) {
        assert!(klines.iter().all(|kline| kline.high == kline.low));
    }
}

#[test]
fn the_wildest_past_keeps_its_bounds() {
    let wild = Shape { volatility_bps: 500, ..shape(2) };
    let past = Past::new(wild, ENDS[0]);
    for market in demo_markets() {
        let filter = market.symbol.spec.rules.price;
        for kline in past.klines(&market).iter().flat_map(|(_, klines)| klines) {
            assert!(kline.low >= filter.min && kline.high <= filter.max && kline.low.0 > 0);
            assert!(kline.low <= kline.open && kline.high >= kline.close);
        }
    }
}
