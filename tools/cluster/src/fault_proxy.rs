//! A TCP proxy on 127.0.0.1 that breaks connections on demand: slow, narrow, cut at a byte, half-open, reset, refused.
//! It is also a switch: where it leads to can be changed while it runs.
//!
//! Everything can be changed from any thread, also from inside an async runtime; the proxies of a process share one
//! small runtime of their own. What must not live here: knowledge of what travels through it.

mod connection;
mod translation;

use anyhow::{Context, Result};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use translation::Translation;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From who connected to where the proxy leads.
    ToServer,
    /// Back.
    ToClient,
}

/// What is wrong with the network. The default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How much later bytes arrive, in each direction.
    pub latency: Duration,
    /// How many bytes a second pass in each direction of a connection; `None` for as many as come.
    pub bytes_per_second: Option<u32>,
    /// Bytes to the server are no longer taken, and nobody is told.
    pub to_server_stuck: bool,
    /// Bytes to the client are no longer taken, and nobody is told.
    pub to_client_stuck: bool,
    /// New connections are reset at once; present ones go on.
    pub refuse: bool,
}

impl Faults {
    /// Nothing passes in either direction, and no connection is closed: as when a machine has vanished.
    pub const HALF_OPEN: Self = Self {
        latency: Duration::ZERO,
        bytes_per_second: None,
        to_server_stuck: true,
        to_client_stuck: true,
        refuse: false,
    };

    fn is_stuck(&self, direction: Direction) -> bool {
        match direction {
            Direction::ToServer => self.to_server_stuck,
            Direction::ToClient => self.to_client_stuck,
        }
    }
}

/// A proxy; it and its connections end when this is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: AbortHandle,
}

/// What the connections of a proxy look at.
#[derive(Debug)]
struct Shared {
    state: watch::Sender<State>,
    cut: Mutex<Option<Cut>>,
    cuts: AtomicU64,
    passed: [AtomicU64; 2],
    open: AtomicUsize,
    translation: Option<Translation>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    target: Option<SocketAddr>,
    faults: Faults,
    /// Connections of an older generation are reset.
    generation: u64,
}

/// The connection that carries the last of so many further bytes is closed behind it.
#[derive(Clone, Copy, Debug)]
struct Cut {
    direction: Direction,
    bytes_left: u64,
}

impl FaultProxy {
    /// A proxy on a free port that leads to `target`; `None` refuses connections until [`Self::switch_to`].
    pub fn start(target: Option<SocketAddr>) -> Result<Self> {
        Self::open((Ipv4Addr::LOCALHOST, crate::parts::free_port()?).into(), target, None)
    }

    /// A proxy on another loopback address than its target, at the same port. In what comes back, the target's address
    /// is replaced by the proxy's, so that servers which tell their clients of one another lead to proxies, too.
    ///
    /// # Errors
    /// The port is taken there.
    pub fn start_on(host: Ipv4Addr, target: SocketAddr) -> Result<Self> {
        let translation = Translation::new(&target.ip().to_string(), &host.to_string());
        Self::open((host, target.port()).into(), Some(target), Some(translation))
    }

    fn open(listen: SocketAddr, target: Option<SocketAddr>, translation: Option<Translation>) -> Result<Self> {
        let socket = TcpListener::bind(listen).context("a proxy cannot listen")?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let state = State { target, faults: Faults::default(), generation: 0 };
        let shared = Arc::new(Shared {
            state: watch::Sender::new(state),
            cut: Mutex::new(None),
            cuts: AtomicU64::new(0),
            passed: [AtomicU64::new(0), AtomicU64::new(0)],
            open: AtomicUsize::new(0),
            translation,
        });
        let runtime = runtime()?;
        let _inside = runtime.enter();
        let socket = tokio::net::TcpListener::from_std(socket)?;
        let listener = runtime.spawn(connection::accept_all(socket, Arc::clone(&shared))).abort_handle();
        Ok(Self { address, shared, listener })
    }

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes `faults` count from now on, for present connections too.
    pub fn set(&self, faults: Faults) {
        self.shared.state.send_modify(|state| state.faults = faults);
    }

    /// Takes all faults away. Bytes that were stuck go on their way; an armed cut is forgotten.
    pub fn heal(&self) {
        *self.shared.cut() = None;
        self.set(Faults::default());
    }

    /// Leads to `target` from now on and resets the connections that led elsewhere.
    pub fn switch_to(&self, target: Option<SocketAddr>) {
        self.shared.state.send_modify(|state| {
            state.target = target;
            state.generation += 1;
        });
    }

    /// Resets every present connection.
    pub fn reset(&self) {
        self.shared.state.send_modify(|state| state.generation += 1);
    }

    /// Once, `bytes` further bytes in this direction pass, counted over all connections from now on; then the
    /// connection that carried the last of them is closed in both directions. With 0, nothing of the next bytes passes.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        *self.shared.cut() = Some(Cut { direction, bytes_left: bytes });
    }

    /// How many connections [`Self::cut_after`] has closed.
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::SeqCst)
    }

    /// How many bytes have passed in this direction since the proxy started.
    pub fn passed(&self, direction: Direction) -> u64 {
        self.shared.passed[direction as usize].load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.reset();
    }
}

impl Shared {
    fn cut(&self) -> MutexGuard<'_, Option<Cut>> {
        self.cut.lock().expect("nobody panics while he holds it")
    }

    /// How much of `len` bytes may pass, and whether the connection ends behind them.
    fn admit(&self, direction: Direction, len: usize) -> (usize, bool) {
        let mut cut = self.cut();
        let Some(armed) = cut.as_mut().filter(|armed| armed.direction == direction) else { return (len, false) };
        let admitted = usize::try_from(armed.bytes_left).unwrap_or(usize::MAX).min(len);
        armed.bytes_left -= admitted as u64;
        if armed.bytes_left > 0 {
            return (len, false);
        }
        *cut = None;
        self.cuts.fetch_add(1, Ordering::SeqCst);
        (admitted, true)
    }
}

fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let own = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("proxies").enable_all().build();
    Ok(RUNTIME.get_or_init(|| own.expect("a process may have a thread more")))
}
