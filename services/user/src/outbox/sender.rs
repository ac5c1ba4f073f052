//! The sender: submits the outbox's rows to the engine in the order of their numbers, one at a time, and
//! records what came of each.
//!
//! One at a time, because the engine repeats the outcome of its last number only: were several under way, a
//! crash between their commit and their recording would lose the earlier outcomes for good. For the same reason
//! one process at a time, by its turn. Two that both think it is theirs, one of them late, do no harm: each records
//! the answer to a row before it submits the next, and the engine takes each number once.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use emporion_edge::Clock;
use emporion_model::{AccountId, Action, Reject, SourceId, codec};
use emporion_ports::commands::{EngineCommands, ServiceOutcome, SubmitError};
use emporion_ports::users::{Actor, Answer, OutboxHead, OutboxRow, OutboxTurn, Payload, Recorded, Stamp, UserStore};

use super::{Outbox, OutboxFault, OutboxState, Trouble, actions};

const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// How often a process without the turn looks how far the one with it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A fault must be found so many times one after the other to be believed.
const LOOKS_AT_FAULT: u32 = 2;

/// Sends the outbox. One per process; those of one venue take turns.
pub struct OutboxSender {
    store: Arc<dyn UserStore>,
    engine: Arc<dyn EngineCommands>,
    clock: Clock,
    outbox: Arc<Outbox>,
}

impl OutboxSender {
    /// A sender that has not begun.
    pub fn new(store: Arc<dyn UserStore>, engine: Arc<dyn EngineCommands>, clock: Clock, outbox: Arc<Outbox>) -> Self {
        Self { store, engine, clock, outbox }
    }

    /// Waits for its turn, compares the outbox with the engine, then sends what is in it and what comes into it, from
    /// whichever process. Until its turn it follows what the other one sends. Ends only with a fault, after which
    /// [`Outbox`] refuses new commands; stopping the task in between is always safe.
    pub async fn run(self) -> OutboxFault {
        let Err(fault) = self.follow().await;
        tracing::error!(%fault, "the outbox stopped: accounts and deposits wait until this is mended");
        self.outbox.set(OutboxState::Stopped(fault.clone()));
        fault
    }

    async fn follow(&self) -> Result<Infallible, OutboxFault> {
        let (mut pause, mut faults) = (Pause::default(), 0);
        loop {
            let Err(trouble) = self.take_turn_and_send(&mut pause).await;
            match trouble {
                // What was read while another process finished its turn may not fit together.
                Trouble::Fault(fault) if faults + 1 >= LOOKS_AT_FAULT => return Err(fault),
                Trouble::Fault(fault) => {
                    tracing::warn!(%fault, "the outbox and the engine do not fit; looking again");
                    faults += 1;
                }
                Trouble::Passing(_) | Trouble::OutOfStep | Trouble::TurnLost => {
                    tracing::warn!(%trouble, "the outbox could not be sent on; trying again");
                    faults = 0;
                }
            }
            pause.wait().await;
        }
    }

    async fn take_turn_and_send(&self, pause: &mut Pause) -> Result<Infallible, Trouble> {
        let mut turn = self.wait_for_turn().await?;
        self.send_from_here(&mut *turn, pause).await
    }

    /// Waits for the turn and meanwhile lets this process see what the one that has it does.
    async fn wait_for_turn(&self) -> Result<Box<dyn OutboxTurn>, Trouble> {
        let mut turn = pin!(self.store.outbox_turn());
        loop {
            tokio::select! {
                biased;
                turn = &mut turn => return Ok(turn?),
                () = rest(LOOK_EVERY) => {}
            }
            if let Err(trouble) = self.look().await {
                tracing::warn!(%trouble, "it could not be seen how far the outbox is; trying again");
            }
        }
    }

    /// Notes how far the outbox is sent, once this process has seen that outbox and engine belong together. A fault
    /// is left to the one that sends: it finds the same and gives the turn to the next.
    async fn look(&self) -> Result<(), Trouble> {
        let head = if self.outbox.require_running().is_ok() {
            self.store.outbox_head().await?
        } else {
            let (engine_n, head) = self.where_it_stands().await?;
            resume_at(engine_n, head)?;
            head
        };
        self.outbox.set(OutboxState::Running { answered_n: head.answered_n });
        Ok(())
    }

    /// The engine's last number, then the outbox. In this order another sender that goes on in between only makes the
    /// outbox look further ahead, which is no fault.
    async fn where_it_stands(&self) -> Result<(u64, OutboxHead), Trouble> {
        let engine_n = self.engine.last_n(SourceId::USERS).await;
        let engine_n = engine_n.map_err(|error| Trouble::Passing(error.to_string()))?;
        Ok((engine_n, self.store.outbox_head().await?))
    }

    /// Finds where to go on, then sends row after row until something goes wrong.
    async fn send_from_here(&self, turn: &mut dyn OutboxTurn, pause: &mut Pause) -> Result<Infallible, Trouble> {
        let (engine_n, head) = self.where_it_stands().await?;
        let mut n = resume_at(engine_n, head)?;
        loop {
            if !turn.is_held().await {
                return Err(Trouble::TurnLost);
            }
            let Some(row) = self.store.outbox_row(n).await? else {
                self.outbox.set(OutboxState::Running { answered_n: n - 1 });
                tokio::select! {
                    () = self.outbox.wait_for_row() => {}
                    () = turn.wait_for_others() => {}
                }
                continue;
            };
            let outcome = self.submit_in_turn(&row, turn).await?;
            self.record(&row, outcome).await?;
            self.outbox.set(OutboxState::Running { answered_n: n });
            pause.reset();
            n += 1;
        }
    }

    /// Submits `row` and gives up waiting when the turn is lost meanwhile: whoever has it then submits it again.
    async fn submit_in_turn(&self, row: &OutboxRow, turn: &mut dyn OutboxTurn) -> Result<ServiceOutcome, Trouble> {
        let mut outcome = pin!(self.submit(row));
        loop {
            tokio::select! {
                biased;
                outcome = &mut outcome => return outcome,
                () = turn.wait_for_others() => {}
            }
            if !turn.is_held().await {
                return Err(Trouble::TurnLost);
            }
        }
    }

    async fn submit(&self, row: &OutboxRow) -> Result<ServiceOutcome, Trouble> {
        let n = row.n;
        let bad_row = |error: codec::CodecError| OutboxFault::BadRow { n, problem: error.to_string() };
        let action = actions::action(&row.payload).map_err(bad_row)?;
        let opens_account = matches!(action, Action::CreateAccount(_));
        match self.engine.submit(SourceId::USERS, n, action).await {
            Ok(ServiceOutcome::Rejected(Reject::SourceGap)) | Err(SubmitError::OutOfOrder { .. }) => {
                Err(Trouble::OutOfStep)
            }
            Ok(ServiceOutcome::Rejected(Reject::SourceConflict)) | Err(SubmitError::OtherAction) => {
                Err(OutboxFault::OtherCommand { n }.into())
            }
            Ok(outcome) if does_not_fit(opens_account, &outcome) => {
                Err(OutboxFault::BadRow { n, problem: format!("the engine answered it with {outcome:?}") }.into())
            }
            Ok(outcome) => Ok(outcome),
            Err(error @ (SubmitError::Unknown(_) | SubmitError::Busy(_))) => Err(Trouble::Passing(error.to_string())),
        }
    }

    async fn record(&self, row: &OutboxRow, outcome: ServiceOutcome) -> Result<(), Trouble> {
        let (answer, follow_ups) = match outcome {
            ServiceOutcome::Done => (Answer::Done, Vec::new()),
            ServiceOutcome::AccountOpened(account) => {
                (Answer::AccountOpened(account), self.waiting_credits(row.n, account).await?)
            }
            // The name of the reject, which is documented and stable.
            ServiceOutcome::Rejected(reject) => (Answer::Refused(format!("{reject:?}")), Vec::new()),
        };
        let stamp = Stamp { at: self.clock.now(), actor: Actor::Venue, from: None };
        match self.store.record_answer(row.n, &answer, &follow_ups, &stamp).await? {
            Recorded::Now | Recorded::Before => Ok(()),
            Recorded::Differs(table) => {
                let (engine, table) = (format!("{answer:?}"), format!("{table:?}"));
                Err(OutboxFault::OtherAnswer { n: row.n, engine, table }.into())
            }
        }
    }

    /// The commands of the deposits that waited for the account just opened.
    async fn waiting_credits(&self, n: u64, account: AccountId) -> Result<Vec<(String, Payload)>, Trouble> {
        let deposits = self.store.deposits_waiting_for(n).await?;
        let credit = |deposit| actions::credit(account, &deposit);
        Ok(deposits.into_iter().map(|deposit| (deposit.reference.clone(), credit(deposit))).collect())
    }
}

/// Whether the outcome is one that such a command cannot have.
fn does_not_fit(opens_account: bool, outcome: &ServiceOutcome) -> bool {
    match outcome {
        ServiceOutcome::AccountOpened(_) => !opens_account,
        ServiceOutcome::Done => opens_account,
        ServiceOutcome::Rejected(_) => false,
    }
}

/// The row to begin with, or why there is none.
///
/// It is the engine's last one where that is kept: sent again, it repeats its outcome, or shows that the engine
/// took another command under its number.
fn resume_at(engine_n: u64, head: OutboxHead) -> Result<u64, OutboxFault> {
    let OutboxHead { last_n, pruned_n, answered_n } = head;
    if engine_n > last_n {
        return Err(OutboxFault::EngineAhead { engine_n, table_n: last_n });
    }
    if engine_n < pruned_n {
        return Err(OutboxFault::RowsPruned { engine_n, pruned_n });
    }
    if engine_n > answered_n + 1 {
        return Err(OutboxFault::OutcomesLost { first_n: answered_n + 1, last_n: engine_n - 1 });
    }
    Ok(engine_n.max(pruned_n + 1))
}

/// Growing pauses between tries.
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(PAUSE_MIN)
    }
}

impl Pause {
    async fn wait(&mut self) {
        rest(self.0).await;
        self.0 = (self.0 * 2).min(PAUSE_MAX);
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause itself is meant: it spares what is in trouble, or is asked")]
async fn rest(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(engine_n: u64, (pruned_n, answered_n, last_n): (u64, u64, u64), expected: Result<u64, OutboxFault>) {
        let head = OutboxHead { last_n, pruned_n, answered_n };
        assert_eq!(resume_at(engine_n, head), expected, "engine {engine_n}, {head:?}");
    }

    #[test]
    fn the_sender_resumes_with_the_engines_last_row() {
        check(0, (0, 0, 0), Ok(1));
        check(0, (0, 0, 5), Ok(1));
        check(3, (0, 3, 5), Ok(3));
        check(4, (0, 3, 5), Ok(4));
        check(5, (0, 5, 5), Ok(5));
        check(5, (5, 5, 5), Ok(6));
        check(2, (0, 5, 9), Ok(2));
        check(2, (2, 5, 9), Ok(3));
        check(0, (0, 5, 9), Ok(1));
    }

    #[test]
    fn what_does_not_belong_together_is_named() {
        check(6, (0, 5, 5), Err(OutboxFault::EngineAhead { engine_n: 6, table_n: 5 }));
        check(1, (2, 5, 9), Err(OutboxFault::RowsPruned { engine_n: 1, pruned_n: 2 }));
        check(8, (0, 5, 9), Err(OutboxFault::OutcomesLost { first_n: 6, last_n: 7 }));
        check(7, (0, 5, 9), Err(OutboxFault::OutcomesLost { first_n: 6, last_n: 6 }));
    }
}
