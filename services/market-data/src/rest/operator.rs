//! `/v1/operator/klines`: history that the venue did not trade itself.
//!
//! What must not live here: how the operator's token is kept; who wires this up says which tokens are his.

use crate::MarketData;
use crate::klines::{Rules, first_trade};
use emporion_api::paths;
use emporion_api::v1::{Error, ErrorCode, ImportKlines, ImportedKlineList, ImportedKlineRange, KlinesImported};
use emporion_edge::{Json, Request, Routes};
use emporion_model::{Interval, Mode, SymbolName, TimeUs};
use emporion_ports::imported::{ImportedRange, KlineImport};
use std::sync::Arc;

/// The longest text that says where klines come from.
const SOURCE_BYTES_MAX: usize = 255;

/// Tells whether a token is the operator's.
type IsOperator = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The service and who may change it.
#[derive(Clone)]
struct Operator {
    data: MarketData,
    is_operator: IsOperator,
}

impl MarketData {
    /// A body that is large enough for every sensible request to the operator's endpoints: thousands of klines.
    pub const OPERATOR_BODY_BYTES_MAX: usize = 1 << 20;

    /// Adds the operator's endpoints of the role `market-data`, which belong on a listener of their own whose largest
    /// body is [`MarketData::OPERATOR_BODY_BYTES_MAX`].
    pub fn add_operator_routes(&self, routes: Routes, is_operator: Arc<dyn Fn(&str) -> bool + Send + Sync>) -> Routes {
        let operator = Operator { data: self.clone(), is_operator };
        routes.v1(&paths::IMPORTED_KLINES, &operator, list).v1(&paths::IMPORT_KLINES, &operator, import)
    }
}

async fn list(operator: Operator, request: Request) -> Result<Json<ImportedKlineList>, Error> {
    require_operator(&operator, &request)?;
    request.refuse_query()?;
    let data = &operator.data;
    let view = data.current().await.map_err(|error| Error::from(&error))?;
    let ranges = data.imported.ranges().await.map_err(failed)?;
    let told = |range: ImportedRange| {
        let symbol = view.venue.listing(range.symbol).map_err(failed)?.symbol.spec.name.to_string();
        Ok(ImportedKlineRange {
            symbol,
            interval: range.interval.as_str().to_owned(),
            first_open_time: TimeUs::from_second(range.first).millis(),
            last_open_time: TimeUs::from_second(range.last).millis(),
            klines: range.klines,
            source: range.source,
        })
    };
    Ok(Json(ImportedKlineList { ranges: ranges.into_iter().map(told).collect::<Result<_, Error>>()? }))
}

async fn import(operator: Operator, request: Request) -> Result<Json<KlinesImported>, Error> {
    require_operator(&operator, &request)?;
    let wish: ImportKlines = request.v1_body()?;
    let data = &operator.data;
    refuse_live(data).await?;
    let import = checked(data, &wish, request.received_at).await?;
    let checked = import.klines.len() as u64;
    if wish.check_only {
        return Ok(Json(KlinesImported { checked, imported: 0 }));
    }
    data.imported.import(import).await.map_err(failed)?;
    Ok(Json(KlinesImported { checked, imported: checked }))
}

/// Where the money is real, nobody may see a price that nobody paid.
async fn refuse_live(data: &MarketData) -> Result<(), Error> {
    let venue = data.tables.venue.venue().await.map_err(failed)?.value;
    match venue.map(|venue| venue.mode) {
        Some(Mode::Sandbox) => Ok(()),
        Some(Mode::Live) => {
            Err(Error::new(ErrorCode::Conflict, "The money of this venue is real: it shows no klines but its own."))
        }
        None => Err(Error::new(ErrorCode::Busy, "The venue has not begun yet.").with_retry_after_s(1)),
    }
}

/// What is asked for, in the venue's terms.
async fn checked(data: &MarketData, wish: &ImportKlines, now: TimeUs) -> Result<KlineImport, Error> {
    let invalid = |sentence: String| Error::new(ErrorCode::InvalidField, sentence);
    let interval = Interval::named(&wish.interval).ok_or_else(|| {
        let names: Vec<_> = Interval::ALL.iter().map(|interval| interval.as_str()).collect();
        invalid(format!("interval must be one of {}.", names.join(", ")))
    })?;
    if wish.source.is_empty() || wish.source.len() > SOURCE_BYTES_MAX || wish.source.chars().any(char::is_control) {
        return Err(invalid(format!("source must be 1 to {SOURCE_BYTES_MAX} bytes of text in one line.")));
    }
    let view = data.current().await.map_err(|error| Error::from(&error))?;
    let name = wish.symbol.parse::<SymbolName>().ok();
    let listing = name.and_then(|name| view.venue.named(&name));
    let listing = listing.ok_or_else(|| Error::new(ErrorCode::NotFound, "There is no such symbol."))?;
    let symbol = listing.symbol.id;
    let first_trade = first_trade(&data.tables, view.seq, symbol, &listing.market).await.map_err(failed)?;
    let rules = Rules { listing, interval, now, first_trade };
    let klines = rules.buckets(&wish.klines).map_err(|sentence| invalid(format!("{sentence}.")))?;
    Ok(KlineImport { symbol, interval, source: wish.source.clone(), klines, at: now })
}

/// Refuses who does not carry the operator's token.
fn require_operator(operator: &Operator, request: &Request) -> Result<(), Error> {
    if request.bearer_token().is_some_and(|token| (operator.is_operator)(token)) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::Unauthenticated, "The token is missing, unknown or has run out."))
}

fn failed(error: impl std::fmt::Display) -> Error {
    tracing::error!(%error, "an operator's request for klines failed");
    Error::new(ErrorCode::Internal, "Something failed inside; the request may be repeated.")
}
