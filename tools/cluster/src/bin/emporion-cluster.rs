//! `emporion-cluster up|down`: runs the venue as services on this machine, and stops it.
//!
//! `up` stays in the foreground until SIGINT, SIGTERM or SIGHUP, and stops everything before it ends.

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use emporion_cluster::{Cluster, Lanes, Options, Queue, RateLimits, down};
use std::io::{Write, stdout};
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;

/// The venue as services on this machine.
#[derive(Debug, Parser)]
#[command(name = "emporion-cluster")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a cluster and keep it running until SIGINT or SIGTERM.
    Up {
        /// The cluster's folder: empty, or left by a cluster, whose data are removed.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The `emporion` binary.
        #[arg(long, value_name = "FILE")]
        binary: PathBuf,
        /// How orders reach the sequencer.
        #[arg(long, value_enum, default_value_t)]
        queue: Queue,
        /// How much clients may ask for.
        #[arg(long, value_enum, default_value_t)]
        rate_limits: RateLimits,
        /// What stands for SQS.
        #[arg(long, value_enum, default_value_t)]
        lanes: Lanes,
    },
    /// Stop the cluster of a folder, and what a dead one has left.
    Down {
        /// The cluster's folder.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Up { dir, binary, queue, rate_limits, lanes } => {
            up(Options { dir, binary, queue, rate_limits, lanes, networks: false }).await
        }
        Command::Down { dir } => down(&dir),
    }
}

async fn up(options: Options) -> Result<()> {
    // Before the parts start, so that no signal ends this without ending them.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let cluster = spawn_blocking(move || Cluster::start(&options)).await?.context("the cluster does not start")?;
    writeln!(stdout(), "The cluster answers on {}; its files are in {}.", cluster.rest(), cluster.folder().display())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    drop(cluster);
    Ok(())
}
