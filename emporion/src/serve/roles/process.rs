//! A process of one role that is wired up: it says that it is ready, waits for a reason to stop, and drains.

use super::super::listeners::Listeners;
use super::super::{Signals, ready};
use crate::Failure;
use crate::config::Config;
use emporion_edge::Readiness;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Something to wait for.
pub(super) type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A process of one role.
pub(super) struct Process {
    pub(super) readiness: Readiness,
    pub(super) listeners: Listeners,
    /// Where it answers other processes, if it does.
    pub(super) internal: Option<Internal>,
    /// Done when it can serve.
    pub(super) is_ready: Waiting,
    /// What goes on by itself. A task that ends says that the process must stop, and why.
    pub(super) tasks: JoinSet<Failure>,
    /// What must end by itself before the process does, once it was told to stop.
    pub(super) finish: Option<Finish>,
}

/// The internal listener.
pub(super) struct Internal {
    pub(super) address: SocketAddr,
    pub(super) stop: watch::Sender<bool>,
    pub(super) serving: JoinHandle<()>,
}

/// A part that is told to stop, and ends.
pub(super) struct Finish {
    pub(super) stop: watch::Sender<bool>,
    pub(super) ended: JoinHandle<Result<(), Failure>>,
}

impl Process {
    /// Serves until a signal, or until a part fails for good.
    pub(super) async fn run(
        mut self,
        config: &Config,
        ready_file: Option<&Path>,
        mut signals: Signals,
    ) -> Result<(), Failure> {
        let is_ready = std::mem::replace(&mut self.is_ready, Box::pin(async {}));
        let begun = tokio::select! {
            () = is_ready => self.begin(config, ready_file).map(|()| true),
            name = signals.next() => {
                tracing::info!(signal = name, "The process stops before it answered.");
                Ok(false)
            }
            failure = self.failed() => Err(failure),
        };
        let watched = match begun {
            Ok(true) => tokio::select! {
                name = signals.next() => {
                    tracing::info!(signal = name, "The process stops as it was told to.");
                    Ok(())
                }
                failure = self.failed() => Err(failure),
            },
            Ok(false) => Ok(()),
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &watched {
            tracing::error!(%failure, "The process stops.");
        }
        let stopped = self.stop(signals).await;
        watched.and(stopped)
    }

    fn begin(&self, config: &Config, ready_file: Option<&Path>) -> Result<(), Failure> {
        self.readiness.ready();
        let at = ready::At {
            role: config.role.name(),
            public: self.listeners.public(),
            operator: self.listeners.operator(),
            internal: self.internal.as_ref().map(|internal| internal.address),
        };
        if let Some(path) = ready_file {
            ready::write(path, &at, &config.data_dir, &[])?;
        }
        tracing::info!(role = at.role, address = %at.public, "The process answers.");
        Ok(())
    }

    /// Waits until a part fails.
    async fn failed(&mut self) -> Failure {
        let finished = async {
            match &mut self.finish {
                Some(finish) => match (&mut finish.ended).await {
                    Ok(Err(failure)) => failure,
                    Ok(Ok(())) => Failure::bug("a part stopped without being asked"),
                    Err(_) => Failure::bug("a part broke one of its own rules"),
                },
                None => std::future::pending().await,
            }
        };
        let failure = tokio::select! {
            failure = finished => Ok(failure),
            Some(failure) = self.tasks.join_next() => {
                return failure.unwrap_or_else(|_| Failure::bug("a task broke one of its own rules"));
            }
        };
        self.finish = None;
        failure.unwrap_or_else(|failure: Failure| failure)
    }

    /// Wants nothing new, finishes what has begun, and ends. A second signal ends it at once.
    async fn stop(mut self, mut signals: Signals) -> Result<(), Failure> {
        self.readiness.draining();
        let drained = async {
            // Who leads hands over first, so that nobody waits for longer than that takes.
            let finished = match self.finish.take() {
                Some(finish) => {
                    finish.stop.send_replace(true);
                    finish.ended.await.unwrap_or_else(|_| Err(Failure::bug("a part broke one of its own rules")))
                }
                None => Ok(()),
            };
            self.listeners.close().await;
            if let Some(internal) = self.internal.take() {
                internal.stop.send_replace(true);
                drop(internal.serving.await);
            }
            finished
        };
        let finished = tokio::select! {
            finished = drained => finished,
            name = signals.next() => {
                tracing::warn!(signal = name, "Requests are cut off: the signal came twice.");
                Ok(())
            }
        };
        self.tasks.shutdown().await;
        tracing::info!("The process is stopped.");
        finished
    }
}
