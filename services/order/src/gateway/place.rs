//! `POST order`: placing an order.

use super::params::long;
use super::placed::Placed;
use super::{Gateway, ListedSymbol, ids};
use emporion_api::names::{OrderType, ResponseType};
use emporion_api::params::{NumberText, Reader};
use emporion_api::wire::NewOrder;
use emporion_api::{ApiError, Code, Refused, TimeUnit};
use emporion_edge::{Caller, OrderCounts};
use emporion_model::{
    AccountId, Action, ClientOrderId, MarketSize, OrderKind, PlaceOrder, Price, Quantity, Side, StpMode, Strategy,
    SymbolName, TimeInForce,
};

/// The least `strategyType`; those below are the venue's own.
const STRATEGY_TYPE_MIN: u32 = 1_000_000;

/// An order as its client describes it: complete and free of contradictions, its numbers still texts because
/// their scale is the symbol's.
#[derive(Clone, Debug)]
pub struct PlaceOrderRequest<'p> {
    pub(super) symbol: SymbolName,
    pub(super) side: Side,
    order_type: OrderType,
    terms: Terms<'p>,
    client_order_id: Option<ClientOrderId>,
    strategy: Option<Strategy>,
    stp: Option<StpMode>,
    response: ResponseType,
}

/// What the order asks for.
#[derive(Clone, Debug)]
enum Terms<'p> {
    Limit {
        price: NumberText<'p>,
        quantity: NumberText<'p>,
        time_in_force: TimeInForce,
    },
    LimitMaker {
        price: NumberText<'p>,
        quantity: NumberText<'p>,
    },
    MarketByBase(NumberText<'p>),
    MarketByQuote(NumberText<'p>),
    /// What no symbol of this venue takes, and what its client is told.
    Unsupported(ApiError),
}

/// What a placement answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementAnswer {
    /// The body.
    pub order: NewOrder,
    /// The account's order counts afterwards.
    pub counts: Option<OrderCounts>,
}

impl Gateway {
    /// Places an order for the caller and says what became of it.
    pub async fn place(
        &self,
        caller: &Caller,
        order: &PlaceOrderRequest<'_>,
        unit: TimeUnit,
    ) -> Result<PlacementAnswer, ApiError> {
        let symbol = self.symbol(order.symbol).await?;
        let action = Action::PlaceOrder(order.place_order(caller.account, &symbol)?);
        let outcome = self.submit(caller, action, order.refused()).await?;
        let placed = Placed::read(&outcome)?;
        Ok(PlacementAnswer { order: placed.answer(&symbol, order.response, unit), counts: placed.counts() })
    }
}

impl<'p> PlaceOrderRequest<'p> {
    /// Reads the parameters of a placement. Which ones are mandatory and which are refused depends on the
    /// order type, by the documentation's table of "additional mandatory parameters".
    pub fn read(reader: &mut Reader<'p>) -> Result<Self, ApiError> {
        let symbol = reader.required("symbol")?;
        let side = reader.required("side")?;
        let order_type: OrderType = reader.required("type")?;
        Ok(Self {
            symbol,
            side,
            order_type,
            terms: Terms::read(order_type, reader)?,
            client_order_id: reader.optional("newClientOrderId")?,
            strategy: read_strategy(reader)?,
            stp: reader.optional("selfTradePreventionMode")?,
            response: reader.optional("newOrderRespType")?.unwrap_or(order_type.default_response()),
        })
    }

    /// What a reject of it would refuse.
    pub(super) fn refused(&self) -> Refused {
        Refused::Order(self.order_type)
    }

    /// The order in the symbol's integers.
    pub(super) fn place_order(&self, account: AccountId, symbol: &ListedSymbol) -> Result<PlaceOrder, ApiError> {
        Ok(PlaceOrder {
            account,
            symbol: symbol.id,
            side: self.side,
            client_order_id: self.client_order_id.unwrap_or_else(ids::client_order_id),
            kind: self.terms.kind(symbol)?,
            stp: self.stp,
            strategy: self.strategy,
        })
    }
}

impl<'p> Terms<'p> {
    fn read(order_type: OrderType, reader: &mut Reader<'p>) -> Result<Self, ApiError> {
        match order_type {
            OrderType::Limit => Self::read_limit(reader),
            OrderType::LimitMaker => Self::read_limit_maker(reader),
            OrderType::Market => Self::read_market(reader),
            OrderType::StopLoss | OrderType::TakeProfit => Self::read_stop_market(order_type, reader),
            OrderType::StopLossLimit | OrderType::TakeProfitLimit => Self::read_stop_limit(order_type, reader),
        }
    }

    fn read_limit(reader: &mut Reader<'p>) -> Result<Self, ApiError> {
        forbid(reader, &["quoteOrderQty", "stopPrice", "trailingDelta"])?;
        let time_in_force = reader.required("timeInForce")?;
        let quantity = reader.required("quantity")?;
        Self::with_price(reader, |price| Self::Limit { price, quantity, time_in_force })
    }

    fn read_limit_maker(reader: &mut Reader<'p>) -> Result<Self, ApiError> {
        forbid(reader, &["timeInForce", "quoteOrderQty", "stopPrice", "trailingDelta"])?;
        let quantity = reader.required("quantity")?;
        Self::with_price(reader, |price| Self::LimitMaker { price, quantity })
    }

    /// Terms with a price. Icebergs and pegged orders, which alone may come without a price, are not
    /// supported.
    fn with_price(reader: &mut Reader<'p>, terms: impl FnOnce(NumberText<'p>) -> Self) -> Result<Self, ApiError> {
        let price = reader.optional("price")?;
        let is_iceberg = reader.optional::<NumberText<'_>>("icebergQty")?.is_some();
        let is_pegged = read_peg(reader)?;
        match price {
            _ if is_pegged => Ok(Self::Unsupported(refusal("Pegged orders are not supported for this symbol."))),
            _ if is_iceberg => Ok(Self::Unsupported(refusal("Iceberg orders are not supported for this symbol."))),
            Some(price) => Ok(terms(price)),
            None => Err(ApiError::mandatory("price")),
        }
    }

    fn read_market(reader: &mut Reader<'p>) -> Result<Self, ApiError> {
        forbid(reader, &["timeInForce", "price", "stopPrice", "trailingDelta", "icebergQty"])?;
        let quantity = reader.optional("quantity")?;
        let quote_quantity = reader.optional("quoteOrderQty")?;
        let is_pegged = read_peg(reader)?;
        match (quantity, quote_quantity) {
            (None, None) => Err(ApiError::either_mandatory("quantity", "quoteOrderQty")),
            (Some(_), Some(_)) => Err(ApiError::not_required("quoteOrderQty")),
            _ if is_pegged => Ok(Self::Unsupported(refusal("This order type may not use pegged price."))),
            (Some(quantity), None) => Ok(Self::MarketByBase(quantity)),
            (None, Some(quote_quantity)) => Ok(Self::MarketByQuote(quote_quantity)),
        }
    }

    fn read_stop_market(order_type: OrderType, reader: &mut Reader<'p>) -> Result<Self, ApiError> {
        forbid(reader, &["timeInForce", "price", "quoteOrderQty", "icebergQty"])?;
        reader.required::<NumberText<'_>>("quantity")?;
        read_trigger(reader)?;
        read_peg(reader)?;
        Ok(Self::Unsupported(order_type.not_supported()))
    }

    fn read_stop_limit(order_type: OrderType, reader: &mut Reader<'p>) -> Result<Self, ApiError> {
        forbid(reader, &["quoteOrderQty"])?;
        reader.required::<TimeInForce>("timeInForce")?;
        reader.required::<NumberText<'_>>("quantity")?;
        read_trigger(reader)?;
        Self::with_price(reader, |_| Self::Unsupported(order_type.not_supported()))
    }

    /// The order's kind in the symbol's integers. Too many decimals are refused before anything that a filter
    /// would say.
    fn kind(&self, symbol: &ListedSymbol) -> Result<OrderKind, ApiError> {
        match self {
            Self::Limit { price, quantity, time_in_force } => {
                let (price, quantity) = read_pair(symbol, *price, *quantity)?;
                Ok(OrderKind::Limit(price, quantity, *time_in_force))
            }
            Self::LimitMaker { price, quantity } => {
                let (price, quantity) = read_pair(symbol, *price, *quantity)?;
                Ok(OrderKind::LimitMaker(price, quantity))
            }
            Self::MarketByBase(quantity) => {
                symbol.check_base_precision(*quantity)?;
                Ok(OrderKind::Market(MarketSize::Base(symbol.read_quantity(*quantity)?)))
            }
            Self::MarketByQuote(amount) => {
                symbol.check_quote_precision(*amount)?;
                Ok(OrderKind::Market(MarketSize::Quote(symbol.read_quote(*amount)?)))
            }
            Self::Unsupported(error) => Err(error.clone()),
        }
    }
}

fn read_pair(
    symbol: &ListedSymbol,
    price: NumberText<'_>,
    quantity: NumberText<'_>,
) -> Result<(Price, Quantity), ApiError> {
    symbol.check_base_precision(quantity)?;
    symbol.check_quote_precision(price)?;
    Ok((symbol.read_price(price)?, symbol.read_quantity(quantity)?))
}

fn forbid(reader: &mut Reader<'_>, names: &[&'static str]) -> Result<(), ApiError> {
    names.iter().try_for_each(|name| reader.forbidden(name))
}

/// What sets a stop order off: one of the two is needed.
fn read_trigger(reader: &mut Reader<'_>) -> Result<(), ApiError> {
    let stop_price = reader.optional::<NumberText<'_>>("stopPrice")?;
    let trailing_delta = long(reader, "trailingDelta")?;
    if stop_price.is_none() && trailing_delta.is_none() {
        return Err(ApiError::either_mandatory("stopPrice", "trailingDelta"));
    }
    Ok(())
}

/// Whether any parameter of a pegged order was sent.
fn read_peg(reader: &mut Reader<'_>) -> Result<bool, ApiError> {
    let mut is_pegged = false;
    for name in ["pegPriceType", "pegOffsetType", "pegOffsetValue"] {
        match reader.text(name) {
            None => {}
            Some("") => return Err(ApiError::empty_parameter(name)),
            Some(_) => is_pegged = true,
        }
    }
    Ok(is_pegged)
}

fn read_strategy(reader: &mut Reader<'_>) -> Result<Option<Strategy>, ApiError> {
    let id = long(reader, "strategyId")?;
    let kind = reader.optional::<u32>("strategyType")?;
    if kind.is_some_and(|kind| kind < STRATEGY_TYPE_MIN) {
        return Err(Code::BadStrategyType.into());
    }
    Ok((id.is_some() || kind.is_some()).then_some(Strategy { id, kind }))
}

/// -2010: an order of a feature that the symbol does not have.
fn refusal(text: &'static str) -> ApiError {
    ApiError::new(Code::NewOrderRejected, text)
}
