//! The vocabulary of the venue: ids, quantities, assets, symbols, commands, events, rejects, and the
//! durable codec that alone writes them down.
//!
//! Nothing here decides anything: no matching, no balances, no clock, no I/O. Every other crate speaks
//! in these types, so a change here is a change of the journal's format (see [`codec`]).

pub mod asset;
pub mod codec;
pub mod command;
pub mod decimal;
pub mod event;
pub mod genesis;
pub mod ids;
pub mod interval;
pub mod journal;
pub mod options;
pub mod order;
pub mod quantity;
pub mod reject;
pub mod symbol;
pub mod text;
pub mod time;

pub use asset::Asset;
pub use command::{Action, CancelAll, CancelOrder, Command, Origin, PlaceOrder, Transfer, TransferReason};
pub use event::Event;
pub use genesis::{Genesis, Mode};
pub use ids::{
    AccountId, AggTradeId, AssetId, CommandId, Epoch, ExecutionId, History, OrderId, PreventedMatchId, Seq, SourceId,
    SymbolId, TradeGroupId, TradeId,
};
pub use interval::{Calendar, Interval};
pub use options::{ClientOrderIdReuse, Options, OrderCountLimits};
pub use order::{
    AccountKind, CancelRestriction, CloseReason, ExpiryReason, MarketSize, OrderKind, OrderStatus, OrderType, Side,
    StpMode, Strategy, TimeInForce,
};
pub use quantity::{Amount, Price, Quantity, Rate};
pub use reject::Reject;
pub use symbol::{Scales, Symbol, SymbolRules, SymbolSpec, SymbolStatus};
pub use text::{AssetCode, ClientOrderId, Reference, SymbolName};
pub use time::TimeUs;
