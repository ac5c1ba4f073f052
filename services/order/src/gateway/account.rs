//! `GET account` and `GET rateLimit/order`: an account's balances and its order counts.

use super::numbers::{basis_points, shown_amount, shown_units};
use super::reads::answered;
use super::{Gateway, Listings};
use emporion_api::names::{LimitInterval, RateLimitType};
use emporion_api::params::Reader;
use emporion_api::wire::{Account, Balance, CommissionRates, Decimal, OrderCount};
use emporion_api::{ApiError, Code, TimeUnit};
use emporion_edge::{Caller, OrderLimits};
use emporion_model::event::{self, WindowCount};
use emporion_model::symbol::FeeRates;
use emporion_model::time::SECOND_US;
use emporion_model::{AccountId, Amount, OrderCountLimits, Rate, TimeUs};
use emporion_ports::tables::{AccountRow, BalanceRow, Queries};

/// The windows of order counts, in microseconds.
const TEN_SECONDS_US: u64 = 10 * SECOND_US;
const DAY_US: u64 = 86_400 * SECOND_US;

/// What is wanted of an account.
#[derive(Clone, Copy, Debug)]
pub struct AccountQuery {
    omit_zero_balances: bool,
}

impl AccountQuery {
    /// Reads the parameters.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ApiError> {
        Ok(Self { omit_zero_balances: reader.optional("omitZeroBalances")?.unwrap_or(false) })
    }
}

impl Gateway {
    /// The caller's account: fees, what it may do, and what it has of each asset of the venue.
    pub async fn account(&self, caller: &Caller, query: &AccountQuery, unit: TimeUnit) -> Result<Account, ApiError> {
        let tables = self.0.reads.tables().await?;
        let account = account_row(tables, caller.account).await?;
        let balances = answered(tables.balances(caller.account).await)?;
        let listings = self.0.directory.listings_at(balances.seq).await?;
        let rates = highest_rates(&listings, account.fee_tier);
        let last_change = balances.value.iter().map(|row| row.updated_at).max();
        Ok(Account {
            maker_commission: basis_points(rates.maker),
            taker_commission: basis_points(rates.taker),
            buyer_commission: 0,
            seller_commission: 0,
            commission_rates: commission_rates(rates),
            can_trade: !account.frozen,
            can_withdraw: !account.frozen,
            can_deposit: true,
            brokered: false,
            require_self_trade_prevention: false,
            prevent_sor: false,
            update_time: unit.of(last_change.unwrap_or(account.created_at)),
            account_type: "SPOT".to_owned(),
            balances: shown_balances(&listings, &balances.value, query.omit_zero_balances),
            permissions: vec!["SPOT".to_owned()],
            uid: account.account.0,
        })
    }

    /// How many orders the caller has placed in the windows of now, and how many it may. A window without a
    /// limit is left out.
    pub async fn order_rate_limits(&self, caller: &Caller) -> Result<Vec<OrderCount>, ApiError> {
        let now = self.0.clock.now();
        let tables = self.0.reads.tables().await?;
        let limits = self.order_count_limits(tables, caller.account).await?;
        let counts = answered(tables.order_counts(caller.account).await)?.value;
        let count = |window: fn(&event::OrderCounts) -> WindowCount, length_us| {
            counts.as_ref().map_or(0, |counts| count_at(window(counts), length_us, now))
        };
        let ten_seconds = limits.per_ten_seconds.map(|limit| {
            order_count(LimitInterval::Second, 10, limit, count(|counts| counts.ten_seconds, TEN_SECONDS_US))
        });
        let day =
            limits.per_day.map(|limit| order_count(LimitInterval::Day, 1, limit, count(|counts| counts.day, DAY_US)));
        Ok(ten_seconds.into_iter().chain(day).collect())
    }

    /// The order-count limits in force for the caller as the tables have them now, for answers that tell them by the
    /// way; none when the tables cannot be read.
    pub(super) async fn order_limits(&self, caller: &Caller) -> Option<OrderLimits> {
        let limits = self.order_count_limits(self.0.reads.tables_of_now(), caller.account).await.ok()?;
        Some(OrderLimits { ten_seconds: limits.per_ten_seconds, day: limits.per_day })
    }

    async fn order_count_limits(&self, tables: &dyn Queries, account: AccountId) -> Result<OrderCountLimits, ApiError> {
        let account = account_row(tables, account).await?;
        Ok(account.order_count_limits.unwrap_or(self.0.directory.listings().options().order_counts))
    }
}

/// The engine's account; -1002 while there is none.
pub(super) async fn account_row(tables: &dyn Queries, account: AccountId) -> Result<AccountRow, ApiError> {
    answered(tables.account(account).await)?.value.ok_or_else(|| Code::Unauthorized.into())
}

/// Rates on nothing but maker and taker: this venue has none for buyers and sellers.
pub(super) fn commission_rates(rates: FeeRates) -> CommissionRates {
    CommissionRates {
        maker: Decimal::rate(rates.maker),
        taker: Decimal::rate(rates.taker),
        buyer: Decimal::ZERO,
        seller: Decimal::ZERO,
    }
}

/// What an account of this tier pays at most: fees belong to symbols, and one number for all of them must not
/// promise too little.
fn highest_rates(listings: &Listings, tier: u8) -> FeeRates {
    let rates = || listings.symbols().iter().map(|symbol| symbol.spec.rules.fee_rates(tier));
    let highest = |rate: fn(FeeRates) -> Rate| rates().map(rate).max().unwrap_or_default();
    FeeRates { maker: highest(|rates| rates.maker), taker: highest(|rates| rates.taker) }
}

/// One balance of each asset, in the order of the venue; without those that show as zero, if so asked.
pub(super) fn shown_balances(listings: &Listings, rows: &[BalanceRow], omit_zero: bool) -> Vec<Balance> {
    let mut balances = Vec::with_capacity(listings.assets().len());
    for (place, asset) in listings.assets().iter().enumerate() {
        let row = rows.binary_search_by_key(&place, |row| usize::from(row.balance.asset.0));
        let (free, locked) =
            row.map_or((Amount::ZERO, Amount::ZERO), |at| (rows[at].balance.free, rows[at].balance.locked));
        let is_zero = shown_units(asset, free) == 0 && shown_units(asset, locked) == 0;
        if !(omit_zero && is_zero) {
            let (free, locked) = (shown_amount(asset, free), shown_amount(asset, locked));
            balances.push(Balance { asset: asset.code.into(), free, locked });
        }
    }
    balances
}

/// The count of a window at `now`: nothing, once the window is over.
fn count_at(window: WindowCount, length_us: u64, now: TimeUs) -> u32 {
    if now.0 / length_us == window.start.0 / length_us { window.count } else { 0 }
}

fn order_count(interval: LimitInterval, interval_num: u32, limit: u32, count: u32) -> OrderCount {
    OrderCount { rate_limit_type: RateLimitType::Orders.into(), interval: interval.into(), interval_num, limit, count }
}
