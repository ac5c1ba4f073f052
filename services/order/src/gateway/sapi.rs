//! The `/sapi/v1` answers about one account that clients ask for by default.

use super::account::{account_row, shown_balances};
use super::reads::answered;
use super::{Gateway, ListedSymbol};
use emporion_api::wire::{AccountStatus, CoinInfo, Decimal, TradeFee};
use emporion_api::{ApiError, paths};
use emporion_edge::{Caller, Json, Request, Routes};
use emporion_model::SymbolName;
use std::sync::Arc;

/// Adds the endpoints.
pub(super) fn routes(gateway: &Gateway, routes: Routes) -> Routes {
    routes.signed(&paths::SAPI_COINS, gateway, coins).signed(&paths::SAPI_TRADE_FEE, gateway, trade_fee).signed(
        &paths::SAPI_ACCOUNT_STATUS,
        gateway,
        account_status,
    )
}

/// Every asset with the caller's balance. None has a network: nothing moves on any chain.
async fn coins(gateway: Gateway, caller: Caller, request: Request) -> Result<Json<Vec<CoinInfo>>, ApiError> {
    request.read(|_| Ok(()))?;
    let balances = answered(gateway.0.reads.tables().await?.balances(caller.account).await)?;
    let listings = gateway.0.directory.listings_at(balances.seq).await?;
    let coin = |balance: emporion_api::wire::Balance| CoinInfo {
        coin: balance.asset,
        deposit_all_enable: false,
        free: balance.free,
        freeze: Decimal::ZERO,
        ipoable: Decimal::ZERO,
        ipoing: Decimal::ZERO,
        is_legal_money: false,
        locked: balance.locked,
        name: balance.asset,
        network_list: Vec::new(),
        storage: Decimal::ZERO,
        trading: true,
        withdraw_all_enable: false,
        withdrawing: Decimal::ZERO,
    };
    Ok(Json(shown_balances(&listings, &balances.value, false).into_iter().map(coin).collect()))
}

/// What the caller pays on one symbol or on each.
async fn trade_fee(gateway: Gateway, caller: Caller, request: Request) -> Result<Json<Vec<TradeFee>>, ApiError> {
    let wanted = request.read(|reader| reader.optional::<SymbolName>("symbol"))?;
    let tier = account_row(gateway.0.reads.tables().await?, caller.account).await?.fee_tier;
    let symbols: Vec<Arc<ListedSymbol>> = match wanted {
        Some(name) => vec![gateway.symbol(name).await?],
        None => gateway.0.directory.listings().symbols().to_vec(),
    };
    let fee = |symbol: &Arc<ListedSymbol>| {
        let rates = symbol.spec.rules.fee_rates(tier);
        TradeFee {
            symbol: symbol.spec.name.into(),
            maker_commission: Decimal::rate(rates.maker),
            taker_commission: Decimal::rate(rates.taker),
        }
    };
    Ok(Json(symbols.iter().map(fee).collect()))
}

/// Whether the caller is frozen.
async fn account_status(gateway: Gateway, caller: Caller, request: Request) -> Result<Json<AccountStatus>, ApiError> {
    request.read(|_| Ok(()))?;
    let account = account_row(gateway.0.reads.tables().await?, caller.account).await?;
    Ok(Json(AccountStatus { data: if account.frozen { "Locked" } else { "Normal" }.to_owned() }))
}
