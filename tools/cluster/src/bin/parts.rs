//! `parts -- COMMAND…`: runs a command, such as all tests, beside one of each part, which its environment names.
//!
//! Gives the command's exit code, 128 and the signal's number when a signal ended it. Everything is stopped and reaped
//! before, also when this gets SIGINT, SIGTERM or SIGHUP, which are passed on to the command.

use anyhow::{Context, Result};
use clap::Parser;
use emporion_cluster::parts::{
    MiniStack, POSTGRES_ENV, Postgres, REDIS_CLUSTER_ENV, REDIS_ENV, Redis, RedisCluster, SQS_ENV,
};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus};
use tokio::signal::unix::{SignalKind, signal};

/// Runs a command beside one PostgreSQL, one Redis, one Redis cluster and one SQS emulator, which its environment names.
#[derive(Debug, Parser)]
struct Arguments {
    /// The command and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    // Before the parts start, so that no signal ends this without ending them.
    let mut signals = Signals::new()?;
    let postgres = Postgres::start()?;
    let redis = Redis::start(&[])?;
    let cluster = RedisCluster::start(&[])?;
    let sqs = MiniStack::start()?;
    let (program, rest) = arguments.command.split_first().context("there is no command")?;
    let mut command = Command::new(program);
    command.args(rest).env(POSTGRES_ENV, postgres.address()).env(REDIS_ENV, redis.address());
    command.env(REDIS_CLUSTER_ENV, cluster.address()).env(SQS_ENV, sqs.endpoint());
    let status = signals.run(&mut command).await.with_context(|| format!("{program} cannot be run"))?;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// The signals that this heeds.
struct Signals {
    child: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        Ok(Self {
            child: signal(SignalKind::child())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Runs the command to its end, whatever signals come.
    async fn run(&mut self, command: &mut Command) -> Result<ExitStatus> {
        let mut child = command.spawn()?;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            tokio::select! {
                _ = self.child.recv() => {}
                // A terminal sends it to the command as well.
                _ = self.interrupt.recv() => pass_on(&child, Signal::INT),
                _ = self.terminate.recv() => pass_on(&child, Signal::TERM),
                _ = self.hangup.recv() => pass_on(&child, Signal::HUP),
            }
        }
    }
}

fn pass_on(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // A command that has ended already needs no signal.
        let _ = kill_process(pid, signal);
    }
}
