//! What a cluster can be asked for.

use std::path::PathBuf;

/// How a cluster is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its folder, which is made.
    pub dir: PathBuf,
    /// The `emporion` binary.
    pub binary: PathBuf,
    /// How orders reach the sequencer.
    pub queue: Queue,
    /// How much clients may ask for.
    pub rate_limits: RateLimits,
    /// What stands for SQS.
    pub lanes: Lanes,
    /// Whether each sequencer has a network of its own, which can be cut: see [`super::Cluster::network`]. Everything
    /// of theirs goes through proxies then, which costs time.
    pub networks: bool,
}

impl Options {
    /// The defaults of the venue, without limits, on MiniStack.
    pub fn new(dir: impl Into<PathBuf>, binary: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            binary: binary.into(),
            queue: Queue::Spill,
            rate_limits: RateLimits::Off,
            lanes: Lanes::MiniStack,
            networks: false,
        }
    }
}

/// See `queue.mode` in the venue's config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Queue {
    /// Directly, and over the queue what cannot be taken at once.
    #[default]
    Spill,
    /// Always over the queue.
    Always,
}

impl Queue {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Spill => "spill",
            Self::Always => "always",
        }
    }
}

/// See `limits.profile` in the venue's config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum RateLimits {
    /// As on the live venue of that name.
    Binance,
    /// A hundred times as much.
    Relaxed,
    /// None.
    #[default]
    Off,
}

impl RateLimits {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Relaxed => "relaxed",
            Self::Off => "off",
        }
    }
}

/// What stands for SQS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Lanes {
    /// The emulator from PyPI, which is installed on first need.
    #[default]
    #[value(name = "ministack")]
    MiniStack,
    /// Our own queues in memory, served by the program `lanes` beside the venue's binary.
    Twin,
    /// The same within the process that starts the cluster, where they can be made to misbehave: see
    /// [`super::Cluster::lanes`]. Only outside of async runtimes.
    #[value(skip)]
    Within,
}
