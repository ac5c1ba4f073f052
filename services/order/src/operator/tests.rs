//! The operator's requests on a real engine, without a store.

use super::*;
use async_trait::async_trait;
use emporion_api::v1::{AssetDescription, FeeTier, LotRange, NotionalRange, PriceRange, SymbolDescription};
use emporion_engine::Engine;
use emporion_model::event::Event;
use emporion_model::{AssetCode, AssetId, Command, Genesis, Mode, Options, Origin, Seq, SourceId, Symbol, TimeUs};
use emporion_ports::orders::Committed;
use emporion_ports::tables::{Answer, At, BookSnapshot, ProjectedHead, TableDigest, Venue};
use parking_lot::Mutex;
use tokio::sync::watch;

/// An engine that answers at once, and loses as many answers as a test asks for.
struct OneEngine {
    engine: Mutex<Engine>,
    answers_lost: Mutex<usize>,
}

impl OneEngine {
    fn begun() -> Arc<Self> {
        let mut engine = Engine::new(0);
        let genesis = Genesis {
            rules_version: 1,
            mode: Mode::Sandbox,
            assets: vec![],
            symbols: vec![],
            options: Options::default(),
        };
        let command = Command { origin: Origin::Sequencer, action: Action::Genesis(Box::new(genesis)) };
        engine.apply(Seq(1), TimeUs(1), &command, &mut Vec::new());
        Arc::new(Self { engine: Mutex::new(engine), answers_lost: Mutex::new(0) })
    }

    fn at<T>(&self, value: T) -> Answer<T> {
        let engine = self.engine.lock();
        Ok(At { seq: engine.seq(), time: engine.time(), value })
    }
}

#[async_trait]
impl EngineCommands for OneEngine {
    async fn submit(&self, source: SourceId, n: u64, action: Action) -> Result<ServiceOutcome, SubmitError> {
        let mut engine = self.engine.lock();
        let command = Command { origin: Origin::Service(source, n), action };
        let is_new = engine.admit(TimeUs(2), &command) == emporion_engine::Admission::New;
        let mut events = Vec::new();
        if is_new {
            let seq = engine.seq().next();
            engine.apply(seq, TimeUs(2), &command, &mut events);
        }
        let mut lost = self.answers_lost.lock();
        if *lost > 0 {
            *lost -= 1;
            return Err(SubmitError::Unknown("a test lost the answer".to_owned()));
        }
        match events.last() {
            Some(Event::Rejected(reject)) => Ok(ServiceOutcome::Rejected(*reject)),
            _ => Ok(ServiceOutcome::Done),
        }
    }

    async fn last_n(&self, source: SourceId) -> Result<u64, SubmitError> {
        Ok(self.engine.lock().source_n(source))
    }

    async fn asset(&self, _: AssetCode) -> Result<Option<(AssetId, Asset)>, SubmitError> {
        Ok(None)
    }
}

#[async_trait]
impl Projection for OneEngine {
    async fn projected(&self) -> Result<ProjectedHead, StoreError> {
        Ok(ProjectedHead::default())
    }

    async fn wait_projected(&self, _: Seq, _: Duration) -> Result<Waited, StoreError> {
        Ok(Waited::Reached)
    }

    async fn digests(&self) -> Answer<Vec<TableDigest>> {
        self.at(Vec::new())
    }
}

#[async_trait]
impl VenueQueries for OneEngine {
    async fn venue(&self) -> Answer<Option<Venue>> {
        self.at(None)
    }

    async fn assets(&self) -> Answer<Vec<(AssetId, Asset)>> {
        let assets = self.engine.lock().assets().to_vec();
        self.at(assets.into_iter().enumerate().map(|(place, asset)| (AssetId(place as u16), asset)).collect())
    }

    async fn symbols(&self) -> Answer<Vec<Symbol>> {
        let symbols = self.engine.lock().symbols().collect();
        self.at(symbols)
    }

    async fn book_snapshots(&self) -> Answer<Vec<BookSnapshot>> {
        self.at(Vec::new())
    }
}

fn operator(engine: &Arc<OneEngine>) -> Operator {
    let (_, committed) = watch::channel(Committed::default());
    Operator::new(engine.clone(), engine.clone(), Arc::new(committed), Arc::new(|token| token == "secret"))
}

fn wish(assets: &[&str], symbols: &[(&str, &str, &str)]) -> AddSymbols {
    let text = str::to_owned;
    let asset = |code: &&str| AssetDescription {
        code: text(code),
        ledger_scale: 8,
        display_scale: 8,
        supply_cap: text("1000000"),
    };
    let symbol = |(name, base, quote): &(&str, &str, &str)| SymbolDescription {
        name: text(name),
        base: text(base),
        quote: text(quote),
        price_scale: None,
        quantity_scale: None,
        price: PriceRange { min: text("0.01"), max: text("1000"), tick: text("0.01") },
        lot: LotRange { min: text("0.01"), max: text("1000"), step: text("0.01") },
        market_lot: None,
        notional: NotionalRange {
            min: text("1"),
            max: None,
            min_to_market: true,
            max_to_market: false,
            average_minutes: 5,
        },
        percent_price: None,
        orders_max: 200,
        position_max: None,
        order_types: None,
        quote_quantity_market: true,
        stp_default: None,
        stp_allowed: None,
        fees: vec![FeeTier { maker: text("0.001"), taker: text("0.001") }],
        status: None,
    };
    AddSymbols { assets: assets.iter().map(asset).collect(), symbols: symbols.iter().map(symbol).collect() }
}

#[tokio::test]
async fn symbols_are_added_once_and_listed() {
    let engine = OneEngine::begun();
    let operator = operator(&engine);
    let wish = wish(&["EUR", "XAU"], &[("XAUEUR", "XAU", "EUR")]);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let all = names(&["EUR", "XAU", "XAUEUR"]);
    let first = operator.add(wish.clone()).await.unwrap();
    assert_eq!((first.added, first.existing), (all.clone(), vec![]));
    let second = operator.add(wish).await.unwrap();
    assert_eq!((second.added, second.existing), (vec![], all));
    let listed = operator.symbols().await.unwrap().symbols;
    let expected = SymbolStanding {
        symbol: "XAUEUR".to_owned(),
        base: "XAU".to_owned(),
        quote: "EUR".to_owned(),
        status: "TRADING".to_owned(),
    };
    assert_eq!(listed, [expected]);
}

#[tokio::test]
async fn a_wrong_description_adds_nothing() {
    let engine = OneEngine::begun();
    let refused = operator(&engine).add(wish(&["EUR"], &[("XAUEUR", "XAU", "EUR")])).await;
    assert_eq!(refused, Err(OperatorError::Invalid("symbol XAUEUR: there is no asset XAU".to_owned())));
    assert!(engine.engine.lock().assets().is_empty());
}

#[tokio::test]
async fn a_status_is_set_once_and_repeats_are_harmless() {
    let engine = OneEngine::begun();
    let operator = operator(&engine);
    operator.add(wish(&["EUR", "XAU"], &[("XAUEUR", "XAU", "EUR")])).await.unwrap();
    for _ in 0..2 {
        operator.set_status("XAUEUR", "HALT").await.unwrap();
    }
    assert_eq!(operator.symbols().await.unwrap().symbols[0].status, "HALT");
    assert_eq!(operator.set_status("BTCEUR", "HALT").await, Err(OperatorError::UnknownSymbol));
    let words = "status is \"STOP\" but must be one of TRADING, HALT, BREAK, CANCEL_ONLY";
    assert_eq!(operator.set_status("XAUEUR", "STOP").await, Err(OperatorError::Invalid(words.to_owned())));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_under_the_same_number() {
    let engine = OneEngine::begun();
    *engine.answers_lost.lock() = 2;
    operator(&engine).add(wish(&["EUR"], &[])).await.unwrap();
    let engine = engine.engine.lock();
    assert_eq!((engine.source_n(SourceId::OPERATOR), engine.assets().len()), (1, 1));
}
