//! Visits every world that steps can lead to, nearest first, and asks of each whether all promises hold.

use super::model::{Model, Process, Step, World, with};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// How many different worlds were visited.
    pub(crate) worlds: usize,
    /// How many steps away the farthest of them is.
    pub(crate) depth: usize,
    /// Whether there are more of them beyond the depth that was asked for.
    pub(crate) is_cut: bool,
    /// The first broken promise, and the steps to it.
    pub(crate) violation: Option<(&'static str, Vec<Step>)>,
    /// How many worlds there are in which all commands are acknowledged.
    pub(crate) all_acknowledged: usize,
    /// The most leaderships that have rows in one journal.
    pub(crate) leaderships: usize,
    /// The most processes that believed to lead at a time.
    pub(crate) leaders: usize,
}

/// Visits what is at most `depth` steps away.
pub(crate) fn explore(model: &Model, depth: usize) -> Found {
    let mut found = Found::default();
    let start = World::start(&model.bounds);
    let mut known = HashSet::from([fingerprint(&start)]);
    // How each world was reached: from which one, by which step.
    let mut ways: Vec<(usize, Step)> = Vec::new();
    let mut frontier = vec![(start, usize::MAX)];
    for distance in 0..=depth {
        found.depth = distance;
        let mut next_frontier = Vec::new();
        for (world, way) in &frontier {
            found.worlds += 1;
            note(&mut found, world, model);
            if let Some(broken) = broken_promise(world) {
                found.violation = Some((broken, steps_to(&ways, *way)));
                return found;
            }
            model.next(world, |step, next| {
                if known.insert(fingerprint(&next)) {
                    ways.push((*way, step));
                    next_frontier.push((next, ways.len() - 1));
                }
            });
        }
        frontier = next_frontier;
        if frontier.is_empty() {
            return found;
        }
    }
    found.is_cut = true;
    found
}

fn broken_promise(world: &World) -> Option<&'static str> {
    let mut seen = 0;
    let mut epoch = 0;
    for (place, committed) in world.journal.iter().enumerate() {
        if usize::from(committed.row.after) != place {
            return Some("a row does not follow the one before it");
        }
        if committed.row.epoch < epoch {
            return Some("an epoch is older than the one before it");
        }
        if committed.row.epoch != committed.under {
            return Some("a deposed leader committed");
        }
        epoch = committed.row.epoch;
        for command in committed.row.commands.into_iter().flatten() {
            if seen & 1 << command != 0 {
                return Some("a command is in the journal twice");
            }
            seen = with(seen, command);
        }
    }
    (world.acknowledged & !seen != 0).then_some("what was acknowledged is not in the journal")
}

/// That worlds worth checking were among those visited.
fn note(found: &mut Found, world: &World, model: &Model) {
    let all = world.acknowledged.count_ones() == u32::from(model.bounds.commands);
    found.all_acknowledged += usize::from(all);
    let epochs: HashSet<u8> = world.journal.iter().map(|committed| committed.row.epoch).collect();
    found.leaderships = found.leaderships.max(epochs.len());
    let leaders = world.processes.iter().filter(|process| matches!(process, Process::Leading { .. })).count();
    found.leaders = found.leaders.max(leaders);
}

fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

fn steps_to(ways: &[(usize, Step)], mut way: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Some((before, step)) = ways.get(way) {
        steps.push(*step);
        way = *before;
    }
    steps.reverse();
    steps
}
