//! The wire types of our own API, `/v1`: JSON in, JSON out, described by `openapi.json`.
//!
//! Field names are camelCase. Amounts are decimal texts, never JSON numbers. Times are integers, milliseconds
//! since 1970-01-01 UTC, and say so in their names. Requests with unknown, missing or doubled fields are
//! refused. Types that hold a secret have no `Debug`.

mod description;
mod error;
mod keys;
mod klines;
mod operator;
mod people;
mod symbols;

pub use description::openapi_json;
pub use error::{Error, ErrorBody, ErrorCode, ErrorDetail};
pub use keys::{AddApiKey, AddedApiKey, ApiKey, ApiKeyList, KeyKind, Permission};
pub use klines::{ImportKlines, ImportedKlineList, ImportedKlineRange, KlineToImport, KlinesImported};
pub use operator::{
    AccountMade, AccountPurpose, AccountRequest, AssetAmount, DepositMade, DepositRequest, DepositState, FirstDeposit,
    UserState, UserStateRequest,
};
pub use people::{Account, AccountState, ChangePassword, LogIn, Me, Session, SignUp};
pub use symbols::{
    AddSymbols, AssetDescription, FeeTier, LotRange, NotionalRange, PercentRange, PriceRange, SymbolDescription,
    SymbolList, SymbolStanding, SymbolStatusRequest, SymbolsAdded,
};
