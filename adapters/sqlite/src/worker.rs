//! A thread that owns something which must not be shared: the writing connection of a file.

use std::thread;

use emporion_ports::store::StoreError;
use tokio::sync::{mpsc, oneshot};

/// Calls that may wait; further callers wait for room, which slows them and loses nothing.
const CALLS_WAITING_MAX: usize = 64;

/// What a worker owns.
pub(crate) trait Owned: Send + 'static {
    /// Work that need not be done before the answer; called after each one.
    fn tidy(&mut self);
}

type Call<S> = Box<dyn FnOnce(&mut S) + Send>;

/// The handle of the thread. When it is dropped, what was called for is done, then the thread ends.
pub(crate) struct Worker<S> {
    calls: Option<mpsc::Sender<Call<S>>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl<S: Owned> Worker<S> {
    /// Starts a thread that owns `state`.
    pub(crate) fn start(name: &str, mut state: S) -> Result<Self, StoreError> {
        let (calls, mut waiting) = mpsc::channel::<Call<S>>(CALLS_WAITING_MAX);
        let run = move || {
            while let Some(call) = waiting.blocking_recv() {
                call(&mut state);
                state.tidy();
            }
        };
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(|error| StoreError::Failed(format!("a thread for {name} cannot be started: {error}")))?;
        Ok(Self { calls: Some(calls), thread: Some(thread) })
    }

    /// Runs `work` on the thread and waits for what it returns. It is done even if the caller gives up waiting.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let call: Call<S> = Box::new(move |state| {
            // Nobody listens any more when the caller gave up.
            let _ = answer.send(work(state));
        });
        let calls = self.calls.as_ref().expect("the sender is taken only by drop");
        calls.send(call).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())
    }
}

impl<S> Drop for Worker<S> {
    fn drop(&mut self) {
        drop(self.calls.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has already said so on stderr.
            let _ = thread.join();
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Failed("the store's thread has stopped".to_owned())
}
