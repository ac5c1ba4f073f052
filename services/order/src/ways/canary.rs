//! The canary: one harmless command a second over the lanes, another lane each time, so that a way that is seldom used
//! is known to work, and the backlog is measured while nobody else measures it.
//!
//! The command cancels an order of an account that does not exist: the journal gets a reject (in place of the second's
//! tick, where nothing else happens), no account, order, book or stream changes, and the engine forgets it a minute
//! after its deadline. What must not live here: what follows from a canary that does not come back.

use super::message::lane_of;
use super::sender::{Leaving, Parcel};
use super::two_ways::TwoWays;
use emporion_model::{AccountId, Action, CancelOrder, Command, CommandId, Origin, SymbolId};
use emporion_ports::orders::SessionId;
use emporion_ports::sealed::GatewayCommand;
use rand::RngCore;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often one is sent.
const EVERY: Duration = Duration::from_secs(1);

/// How long one may take before the lanes count as degraded: longer than the visibility of a message, as whoever
/// received it may have died with it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Nobody's account: the venue's own begin at 1.
const NOBODY: AccountId = AccountId(0);

/// What the canary says of the lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum LaneHealth {
    /// None has come back yet, and none is late.
    #[default]
    Unproven,
    /// The last one came back after so long.
    Works(Duration),
    /// The last one did not come back in time.
    Degraded,
}

/// Sends canaries.
pub struct Canary {
    ways: TwoWays,
    health: watch::Sender<LaneHealth>,
    sent: u64,
}

impl TwoWays {
    /// A canary for the lanes of these ways; [`Canary::run`] sends it.
    pub fn canary(&self) -> Canary {
        Canary { ways: self.clone(), health: watch::Sender::default(), sent: 0 }
    }
}

impl Canary {
    /// What the lanes are like.
    pub fn health(&self) -> watch::Receiver<LaneHealth> {
        self.health.subscribe()
    }

    /// Sends a canary a second, for ever. One that is late is waited for before the next is sent, up to its patience.
    pub async fn run(mut self) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let health = match self.send().await {
                Some(round_trip) => {
                    metrics::histogram!("canary_round_trip_seconds").record(round_trip.as_secs_f64());
                    LaneHealth::Works(round_trip)
                }
                None => {
                    metrics::counter!("canary_lost_total").increment(1);
                    LaneHealth::Degraded
                }
            };
            if health == LaneHealth::Degraded && *self.health.borrow() != health {
                tracing::error!("A canary did not come back over the lanes: commands that need them are late.");
            }
            self.health.send_replace(health);
        }
    }

    /// Sends one; how long it took, if it came back in time.
    async fn send(&mut self) -> Option<Duration> {
        let ways = &self.ways.0;
        let now = ways.clock.now();
        let mut id = [0; 16];
        rand::rng().fill_bytes(&mut id);
        let (command_id, deadline) = (CommandId(id), now.plus_us(PATIENCE.as_micros() as u64));
        let mut expected = ways.answers.expect(command_id)?;
        let cancel_id = "canary".parse().expect("letters are a legal client order id");
        let cancel = CancelOrder {
            account: NOBODY,
            symbol: SymbolId(0),
            order_id: None,
            client_order_id: Some(cancel_id),
            cancel_id,
            restriction: None,
        };
        let command = Command { origin: Origin::Client(command_id, deadline), action: Action::CancelOrder(cancel) };
        let session = SessionId(u64::from_le_bytes(id[..8].try_into().expect("eight bytes")));
        let sealed = ways.keys.seal(&GatewayCommand { session, taken_at: now, command });
        let leaving = Arc::new(Leaving::default());
        let parcel = Parcel { sealed, command_id, deadline, leaving: Arc::clone(&leaving) };
        self.sent += 1;
        let lane = lane_of(AccountId(self.sent), ways.options.lanes);
        ways.backlog.sent(lane, command_id);
        ways.sender.push(lane, parcel);
        let started = tokio::time::Instant::now();
        let came_back = tokio::time::timeout(PATIENCE, expected.outcome()).await.is_ok();
        leaving.take_back();
        ways.backlog.settled(command_id, came_back);
        came_back.then(|| started.elapsed())
    }
}
