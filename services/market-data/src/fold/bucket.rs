//! Putting the trades of a stretch of time into one bucket.

use emporion_model::event::Bucket;
use emporion_model::{Amount, Side};
use emporion_ports::tables::TradeRow;

/// The bucket of one trade, whose quantity is `base` in ledger units.
pub(crate) fn of_trade(trade: &TradeRow, base: Amount) -> Bucket {
    let taker_buys = trade.taker_side == Side::Buy;
    Bucket {
        symbol: trade.symbol,
        second: trade.time.second(),
        open: trade.price,
        high: trade.price,
        low: trade.price,
        close: trade.price,
        last_quantity: trade.quantity,
        last_time: trade.time,
        base,
        quote: trade.notional,
        taker_buy_base: if taker_buys { base } else { Amount::ZERO },
        taker_buy_quote: if taker_buys { trade.notional } else { Amount::ZERO },
        trades: 1,
        first_trade_id: trade.trade_id,
        last_trade_id: trade.trade_id,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use emporion_model::{AggTradeId, Price, Quantity, SymbolId, TimeUs, TradeId};

    /// A bucket of one trade that opens at `low` and closes at `high`.
    pub(crate) fn bucket(second: u64, low: u64, high: u64) -> Bucket {
        Bucket { high: Price(high), close: Price(high), ..of_trade(&trade(second, low, Side::Buy), Amount(1)) }
    }

    fn trade(id: u64, price: u64, taker_side: Side) -> TradeRow {
        TradeRow {
            symbol: SymbolId(0),
            trade_id: TradeId(id),
            agg_trade_id: AggTradeId(id),
            price: Price(price),
            quantity: Quantity(id),
            notional: Amount(10 * i128::from(id)),
            taker_side,
            time: TimeUs::from_second(id),
        }
    }

    #[test]
    fn trades_become_one_bucket() {
        let mut bucket = of_trade(&trade(1, 50, Side::Buy), Amount(100));
        bucket.append(&of_trade(&trade(2, 70, Side::Sell), Amount(200)));
        bucket.append(&of_trade(&trade(3, 60, Side::Buy), Amount(300)));
        let expected = Bucket {
            symbol: SymbolId(0),
            second: 1,
            open: Price(50),
            high: Price(70),
            low: Price(50),
            close: Price(60),
            last_quantity: Quantity(3),
            last_time: TimeUs::from_second(3),
            base: Amount(600),
            quote: Amount(60),
            taker_buy_base: Amount(400),
            taker_buy_quote: Amount(40),
            trades: 3,
            first_trade_id: TradeId(1),
            last_trade_id: TradeId(3),
        };
        assert_eq!(bucket, expected);
    }
}
