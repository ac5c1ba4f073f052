//! Processes that lead one after the other, the journal's head that says who may write, a network that delays and loses,
//! and a queue that delivers a command again and again to whoever believes to lead.
//!
//! A process may stop for any time between any two steps, so nothing here knows how long anything takes: a lease that
//! looks stale is only somebody's wish to lead. What must not live here: what must hold ([`super::explore`] is told).

/// How far the world goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) processes: usize,
    /// At most 8.
    pub(crate) commands: u8,
    /// How often each command is delivered.
    pub(crate) deliveries: u8,
    /// How often somebody takes over.
    pub(crate) takeovers: u8,
    /// How many requests to commit may be on their way.
    pub(crate) requests: usize,
}

/// A mistake that the model must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A commit compares where the journal ends, but not who leads.
    NoEpochCheck,
    /// A commit compares who leads, but not where the journal ends.
    NoEndCheck,
    /// Commands are acknowledged when their commit is sent.
    AcknowledgeBeforeCommit,
    /// What is in doubt is put into a new row behind whatever is there.
    RetryWithoutReading,
    /// What is in doubt is taken for committed.
    DoubtIsCommitted,
    /// A leader does not know the commands of the rows that it follows.
    NoDeduplication,
    /// A leader forgets which commands are in the batch that it commits.
    NoDeduplicationInFlight,
}

/// Commands of a row in order; at most two.
pub(crate) type Commands = [Option<u8>; 2];

/// A batch: the chain of a real row stands for its contents and all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) epoch: u8,
    /// How many rows it follows.
    pub(crate) after: u8,
    pub(crate) commands: Commands,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Committed {
    pub(crate) row: Row,
    /// The head's epoch when it was committed.
    pub(crate) under: u8,
}

/// What a leader knows of the row that it commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Answer {
    Awaited,
    /// It came, and says whether the head moved.
    There(bool),
    /// It was lost, or its time is over.
    InDoubt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct InFlight {
    row: Row,
    answer: Answer,
    /// It was sent before, so that "not moved" no longer says that it is not there.
    was_sent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Process {
    /// Follows, or has just started.
    Waiting,
    /// Has raised the epoch, and has yet to read the rows up to the head that it was given.
    Loading { epoch: u8, rows: u8 },
    Leading {
        epoch: u8,
        /// How many rows it knows to be committed.
        rows: u8,
        /// The commands in its engine's memory, committed or not; a bit each.
        seen: u8,
        open: Commands,
        in_flight: Option<InFlight>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) journal: Vec<Committed>,
    /// The head's.
    pub(crate) epoch: u8,
    /// In order: they are alike.
    pub(crate) processes: Vec<Process>,
    /// Commits that reach the database some time, or never; in order.
    pub(crate) requests: Vec<Row>,
    pub(crate) deliveries: Vec<u8>,
    /// What clients were told to be done; a bit each.
    pub(crate) acknowledged: u8,
}

/// One step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    TakeOver(usize),
    /// The epoch is raised, and who asked for it never hears of it.
    TakeOverUnanswered,
    Load(usize),
    Deliver(usize, u8),
    Send(usize),
    /// The database executes a request to commit.
    Execute(usize),
    /// A request is lost with its connection.
    Lose(usize),
    /// No answer comes, or it came too late.
    GiveUp(usize),
    Receive(usize),
    Resolve(usize),
    /// The process is killed, or stops leading.
    Stop(usize),
}

/// The rules of the world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model {
    pub(crate) bounds: Bounds,
    pub(crate) bug: Option<Bug>,
}

impl World {
    pub(crate) fn start(bounds: &Bounds) -> Self {
        Self {
            journal: Vec::new(),
            epoch: 0,
            processes: vec![Process::Waiting; bounds.processes],
            requests: Vec::new(),
            deliveries: vec![0; bounds.commands.into()],
            acknowledged: 0,
        }
    }

    /// The commands of the first rows; a bit each.
    pub(crate) fn commands_of(&self, rows: usize) -> u8 {
        self.journal.iter().take(rows).flat_map(|committed| committed.row.commands).flatten().fold(0, with)
    }

    /// Worlds that differ only in who is who are one.
    fn normal(mut self) -> Self {
        self.processes.sort_unstable();
        self.requests.sort_unstable();
        self
    }
}

pub(crate) fn with(bits: u8, command: u8) -> u8 {
    bits | 1 << command
}

impl Model {
    /// Every step that can come next, and where it leads.
    pub(crate) fn next(&self, world: &World, mut found: impl FnMut(Step, World)) {
        let mut try_step = |step| {
            if let Some(next) = self.step(world.clone(), step) {
                found(step, next.normal());
            }
        };
        try_step(Step::TakeOverUnanswered);
        for place in 0..world.processes.len() {
            if place > 0 && world.processes[place] == world.processes[place - 1] {
                continue;
            }
            let steps =
                [Step::TakeOver, Step::Load, Step::Send, Step::GiveUp, Step::Receive, Step::Resolve, Step::Stop];
            steps.into_iter().for_each(|step| try_step(step(place)));
            (0..self.bounds.commands).for_each(|command| try_step(Step::Deliver(place, command)));
        }
        (0..world.requests.len()).for_each(|place| {
            try_step(Step::Execute(place));
            try_step(Step::Lose(place));
        });
    }

    fn step(&self, mut world: World, step: Step) -> Option<World> {
        match step {
            Step::TakeOver(place) if world.processes[place] == Process::Waiting => {
                self.raise(&mut world)?;
                let (epoch, rows) = (world.epoch, world.journal.len() as u8);
                world.processes[place] = Process::Loading { epoch, rows };
            }
            Step::TakeOverUnanswered if world.processes.contains(&Process::Waiting) => self.raise(&mut world)?,
            Step::Load(place) => {
                let Process::Loading { epoch, rows } = world.processes[place] else { return None };
                let is_blind = self.bug == Some(Bug::NoDeduplication);
                let seen = if is_blind { 0 } else { world.commands_of(rows.into()) };
                world.processes[place] = Process::Leading { epoch, rows, seen, open: [None; 2], in_flight: None };
            }
            Step::Deliver(place, command) => self.deliver(&mut world, place, command)?,
            Step::Send(place) => self.send(&mut world, place)?,
            Step::Execute(place) => self.execute(&mut world, place),
            Step::Lose(place) => drop(world.requests.remove(place)),
            Step::GiveUp(place) => {
                let Process::Leading { in_flight: Some(flight), .. } = &mut world.processes[place] else { return None };
                if flight.answer == Answer::InDoubt {
                    return None;
                }
                flight.answer = Answer::InDoubt;
            }
            Step::Receive(place) => self.receive(&mut world, place)?,
            Step::Resolve(place) => self.resolve(&mut world, place)?,
            Step::Stop(place) if world.processes[place] != Process::Waiting => {
                world.processes[place] = Process::Waiting;
            }
            _ => return None,
        }
        Some(world)
    }

    fn raise(&self, world: &mut World) -> Option<()> {
        world.epoch += 1;
        (world.epoch <= self.bounds.takeovers).then_some(())
    }

    /// The queue hands a command to somebody who leads, as far as he knows.
    fn deliver(&self, world: &mut World, place: usize, command: u8) -> Option<()> {
        let count = world.deliveries.get_mut(usize::from(command)).filter(|count| **count < self.bounds.deliveries)?;
        *count += 1;
        let Process::Leading { rows, seen, open, in_flight, .. } = &mut world.processes[place] else { return None };
        let rows = usize::from(*rows);
        let is_forgotten = self.bug == Some(Bug::NoDeduplicationInFlight)
            && in_flight.is_some_and(|flight| flight.row.commands.contains(&Some(command)));
        if *seen & 1 << command == 0 || is_forgotten {
            *seen = with(*seen, command);
            *open.iter_mut().find(|slot| slot.is_none())? = Some(command);
        } else if world.commands_of(rows) & 1 << command != 0 {
            world.acknowledged = with(world.acknowledged, command);
        }
        Some(())
    }

    fn send(&self, world: &mut World, place: usize) -> Option<()> {
        let room = world.requests.len() < self.bounds.requests;
        let Process::Leading { epoch, rows, open, in_flight, .. } = &mut world.processes[place] else { return None };
        if *open == [None; 2] || in_flight.is_some() || !room {
            return None;
        }
        let row = Row { epoch: *epoch, after: *rows, commands: std::mem::take(open) };
        *in_flight = Some(InFlight { row, answer: Answer::Awaited, was_sent: false });
        world.requests.push(row);
        if self.bug == Some(Bug::AcknowledgeBeforeCommit) {
            world.acknowledged = row.commands.into_iter().flatten().fold(world.acknowledged, with);
        }
        Some(())
    }

    /// Compare and swap. The answer goes to whoever still waits for it.
    fn execute(&self, world: &mut World, place: usize) {
        let row = world.requests.remove(place);
        let leads = row.epoch == world.epoch || self.bug == Some(Bug::NoEpochCheck);
        let follows = usize::from(row.after) == world.journal.len() || self.bug == Some(Bug::NoEndCheck);
        if leads && follows {
            world.journal.push(Committed { row, under: world.epoch });
        }
        for process in &mut world.processes {
            if let Process::Leading { in_flight: Some(flight), .. } = process
                && flight.row == row
                && flight.answer == Answer::Awaited
            {
                flight.answer = Answer::There(leads && follows);
            }
        }
    }

    fn receive(&self, world: &mut World, place: usize) -> Option<()> {
        let Process::Leading { in_flight: Some(flight), .. } = &mut world.processes[place] else { return None };
        match flight.answer {
            Answer::There(true) => committed(world, place),
            Answer::There(false) if flight.was_sent => flight.answer = Answer::InDoubt,
            Answer::There(false) => world.processes[place] = Process::Waiting,
            _ => return None,
        }
        Some(())
    }

    /// Asks the head what became of a row in doubt.
    fn resolve(&self, world: &mut World, place: usize) -> Option<()> {
        let (head_epoch, end) = (world.epoch, world.journal.len() as u8);
        let Process::Leading { epoch, rows, in_flight: Some(flight), .. } = &mut world.processes[place] else {
            return None;
        };
        if flight.answer != Answer::InDoubt {
            return None;
        }
        if self.bug == Some(Bug::RetryWithoutReading) {
            *rows = end;
            flight.row.after = end;
        } else {
            let there = world.journal.get(usize::from(flight.row.after));
            if there.is_some_and(|there| there.row == flight.row) || self.bug == Some(Bug::DoubtIsCommitted) {
                committed(world, place);
                return Some(());
            }
            if (head_epoch, end) != (*epoch, *rows) {
                world.processes[place] = Process::Waiting;
                return Some(());
            }
        }
        if world.requests.len() >= self.bounds.requests {
            return None;
        }
        *flight = InFlight { row: flight.row, answer: Answer::Awaited, was_sent: true };
        world.requests.push(flight.row);
        Some(())
    }
}

/// The process knows that its row is committed, and says so.
fn committed(world: &mut World, place: usize) {
    let Process::Leading { rows, in_flight, .. } = &mut world.processes[place] else { return };
    let Some(flight) = in_flight.take() else { return };
    *rows += 1;
    world.acknowledged = flight.row.commands.into_iter().flatten().fold(world.acknowledged, with);
}
