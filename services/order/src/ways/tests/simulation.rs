//! Many seeds of one simulated venue: faults on both ways, a takeover, and what clients were told held against the
//! journal.

use super::support::{FaultyDirect, SimSequencer, clock, command, keys, sleep_ms, twin};
use crate::testing::MemoryJournal;
use crate::ways::{Answers, ConsumerOptions, LaneConsumer, QueueMode, TwoWays, WaysOptions, WaysParts};
use emporion_edge::Clock;
use emporion_model::{CommandId, Origin, Reject, Seq, event::Event};
use emporion_ports::feed::{Feed, InProcessFeed};
use emporion_ports::lanes::{FifoFaults, InProcessLanes, Lanes};
use emporion_ports::orders::{OrderQueue, QueueError, SessionId};
use emporion_ports::signals::InProcessSignals;
use emporion_ports::store::Journal;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const ACCOUNTS: u64 = 4;
const COMMANDS: u64 = 40;
const SEEDS: u64 = 25;

/// What a client was told of each of its commands, in the order in which it submitted them.
type Told = Vec<(CommandId, Result<Seq, QueueError>)>;

fn consume(lanes: &Arc<InProcessLanes>, leader: &SimSequencer, clock: &Clock) -> watch::Sender<bool> {
    let (stop, stopped) = watch::channel(false);
    let consumer = LaneConsumer {
        lanes: Arc::clone(lanes) as Arc<dyn Lanes>,
        aside: None,
        queue: Arc::new(leader.clone()),
        keys: keys(),
        clock: clock.clone(),
        options: ConsumerOptions { visibility: Duration::from_secs(3), ..ConsumerOptions::default() },
    };
    tokio::spawn(consumer.run(stopped));
    stop
}

async fn client(ways: TwoWays, account: u64, clock: Clock, mut random: StdRng) -> Told {
    let mut submitted = Vec::new();
    for number in 0..COMMANDS {
        let deadline = clock.now().plus_us(random.random_range(500_000..6_000_000));
        let (ways, command) = (ways.clone(), command(account, number, deadline));
        let Origin::Client(id, _) = command.origin else { unreachable!() };
        submitted.push((id, tokio::spawn(async move { ways.submit(SessionId(account), command).await })));
        tokio::task::yield_now().await;
        if random.random_bool(0.7) {
            sleep_ms(random.random_range(0..120)).await;
        }
    }
    let mut told = Vec::new();
    for (id, answer) in submitted {
        told.push((id, answer.await.unwrap().map(|outcome| outcome.seq())));
    }
    told
}

async fn simulate(seed: u64, mode: QueueMode) -> [usize; 3] {
    let (clock, journal, feed) = (clock(), Arc::new(MemoryJournal::new()), Arc::new(InProcessFeed::new(64)));
    let lanes = twin(&clock, seed);
    lanes.set_faults(FifoFaults {
        deliveries_max: 1 + (seed % 5) as u32,
        is_shuffled: true,
        sends_unanswered_permille: 100,
        sends_lost_permille: 100,
        receives_lost_permille: 5,
        deletes_unanswered_permille: 100,
        latency: Duration::from_millis(5),
        ..FifoFaults::default()
    });
    let first = SimSequencer::start(Arc::clone(&journal), Arc::clone(&feed), clock.clone(), seed);
    let direct = FaultyDirect::start(first.clone(), seed, 150);
    let answers = Arc::new(Answers::new(10_000));
    let parts = WaysParts {
        direct: Arc::clone(&direct) as _,
        lanes: Arc::clone(&lanes) as _,
        answers: Arc::clone(&answers),
        keys: keys(),
        signals: Arc::new(InProcessSignals::default()),
        clock: clock.clone(),
    };
    let ways = TwoWays::new(parts, WaysOptions { mode, lanes: 3, ..WaysOptions::default() });
    let (running, follow_journal, follow_feed) = (ways.clone(), Arc::clone(&journal), Arc::clone(&feed));
    tokio::spawn(async move { running.run().await });
    tokio::spawn(async move { answers.run(follow_journal as Arc<dyn Journal>, follow_feed as Arc<dyn Feed>).await });
    let stop = consume(&lanes, &first, &clock);

    let clients: Vec<_> = (0..ACCOUNTS)
        .map(|account| {
            let random = StdRng::seed_from_u64(seed * 1_000 + account);
            tokio::spawn(client(ways.clone(), 2_000 + account, clock.clone(), random))
        })
        .collect();
    sleep_ms(800 + seed * 10).await;
    direct.connected.send_replace(false);
    *direct.leader.lock() = None;
    stop.send_replace(true);
    drop(first);
    journal.take_over().await.unwrap();
    sleep_ms(600).await;
    // A new leadership's rows follow the head of the journal, whose epoch it has raised.
    let second = SimSequencer::start(Arc::clone(&journal), Arc::clone(&feed), clock.clone(), seed + 1);
    *direct.leader.lock() = Some(second.clone());
    let _stop = consume(&lanes, &second, &clock);
    direct.connected.send_replace(true);

    let mut told = Vec::new();
    for client in clients {
        told.push(client.await.unwrap());
    }
    sleep_ms(10_000).await;
    check(&journal, told, seed)
}

/// Holds what clients were told against the journal; counts executed, busy and unknown ones.
fn check(journal: &MemoryJournal, told: Vec<Told>, seed: u64) -> [usize; 3] {
    let (mut seqs, mut executed): (HashMap<CommandId, Seq>, HashMap<CommandId, Seq>) = Default::default();
    for row in journal.rows() {
        for (seq, entry) in row.entries().unwrap() {
            let Origin::Client(id, deadline) = entry.command.origin else { continue };
            assert_eq!(seqs.insert(id, seq), None, "seed {seed}: {id:?} is in the journal twice");
            if entry.events.last() != Some(&Event::Rejected(Reject::DeadlinePassed)) {
                assert!(row.time <= deadline, "seed {seed}: {id:?} was executed after its deadline");
                executed.insert(id, seq);
            }
        }
    }
    let mut counts = [0; 3];
    for client in told {
        let mut last = Seq::ZERO;
        for (id, answer) in client {
            match answer {
                Ok(seq) => {
                    assert_eq!(seqs.get(&id), Some(&seq), "seed {seed}: {id:?} was acknowledged");
                    counts[0] += 1;
                }
                Err(QueueError::Unknown) => counts[2] += 1,
                Err(_) => {
                    assert_eq!(executed.get(&id), None, "seed {seed}: {id:?} was told not to be executed");
                    counts[1] += 1;
                }
            }
            if let Some(seq) = executed.get(&id) {
                assert!(*seq > last, "seed {seed}: {id:?} at {seq} overtook the one at {last}");
                last = *seq;
            }
        }
    }
    counts
}

async fn check_mode(mode: QueueMode) {
    let mut sums = [0; 3];
    for seed in 0..SEEDS {
        let counts = simulate(seed, mode).await;
        (0..3).for_each(|place| sums[place] += counts[place]);
    }
    let all = (SEEDS * ACCOUNTS * COMMANDS) as usize;
    assert_eq!(sums.iter().sum::<usize>(), all);
    assert!(sums[0] > all / 4, "executed, busy, unknown: {sums:?}");
}

#[tokio::test(start_paused = true)]
async fn spilling_keeps_every_promise() {
    check_mode(QueueMode::Spill).await;
}

#[tokio::test(start_paused = true)]
async fn always_over_the_lanes_keeps_every_promise() {
    check_mode(QueueMode::Always).await;
}
