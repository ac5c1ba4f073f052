//! One connection through a proxy, and the loop that takes new ones.

use super::translation::Translator;
use super::{Direction, Shared, State};
use socket2::SockRef;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

/// How much is read at once, in bytes.
const CHUNK_BYTES: usize = 16 * 1024;
/// How many chunks may be on their way in one direction; behind them the sender waits.
const CHUNKS_MAX: usize = 256;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Takes connections for as long as the proxy lives.
pub(super) async fn accept_all(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // A connection that broke before it was taken concerns nobody.
        let Ok((client, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            shared.open.fetch_add(1, Ordering::SeqCst);
            carry(client, &shared).await;
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

async fn carry(mut client: TcpStream, shared: &Shared) {
    let mut state = shared.state.subscribe();
    let State { target, faults, generation } = *state.borrow_and_update();
    let Some(target) = target.filter(|_| !faults.refuse) else { return reset(&client) };
    let Ok(Ok(mut server)) = timeout(CONNECT_TIMEOUT, TcpStream::connect(target)).await else {
        return reset(&client);
    };
    // Without it bytes would wait for each other, which is a fault that nobody asked for.
    let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
    let is_reset = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            // First, so that what comes after a reset is not passed any more.
            biased;
            _ = state.wait_for(|state| state.generation != generation) => true,
            _ = async {
                tokio::try_join!(
                    pump(from_client, to_server, Direction::ToServer, shared),
                    pump(from_server, to_client, Direction::ToClient, shared),
                )
            } => false,
        }
    };
    if is_reset {
        reset(&client);
        reset(&server);
    }
}

/// Makes the close of a connection one without farewell.
fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Passes bytes on until the sender says that there are no more; an error ends the connection.
async fn pump(from: ReadHalf<'_>, to: WriteHalf<'_>, direction: Direction, shared: &Shared) -> io::Result<()> {
    let (chunks, waiting) = mpsc::channel(CHUNKS_MAX);
    tokio::try_join!(
        read(from, chunks, direction, shared),
        write(waiting, to, direction, shared, shared.state.subscribe()),
    )?;
    Ok(())
}

type Chunk = (Instant, Vec<u8>);

async fn read(
    mut from: ReadHalf<'_>,
    chunks: mpsc::Sender<Chunk>,
    direction: Direction,
    shared: &Shared,
) -> io::Result<()> {
    let mut state = shared.state.subscribe();
    let mut translator = Translator::new(shared.translation.clone().filter(|_| direction == Direction::ToClient));
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let unstuck = state.wait_for(|state| !state.faults.is_stuck(direction)).await;
        let latency = unstuck.map_err(io::Error::other)?.faults.latency;
        let count = from.read(&mut buffer).await?;
        let chunk = translator.pass(buffer.get(..count).unwrap_or_default());
        let is_over = !chunk.is_empty() && chunks.send((Instant::now() + latency, chunk)).await.is_err();
        if is_over || count == 0 {
            return Ok(());
        }
    }
}

async fn write(
    mut chunks: mpsc::Receiver<Chunk>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    shared: &Shared,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    while let Some((due, chunk)) = chunks.recv().await {
        sleep_until(due).await;
        let unstuck = state.wait_for(|state| !state.faults.is_stuck(direction)).await;
        let bytes_per_second = unstuck.map_err(io::Error::other)?.faults.bytes_per_second;
        let (admitted, is_cut) = shared.admit(direction, chunk.len());
        let begun = Instant::now();
        shared.passed[direction as usize].fetch_add(admitted as u64, Ordering::SeqCst);
        to.write_all(chunk.get(..admitted).unwrap_or_default()).await?;
        if is_cut {
            return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
        }
        if let Some(rate) = bytes_per_second {
            let nanos = admitted as u64 * 1_000_000_000 / u64::from(rate.max(1));
            sleep_until(begun + Duration::from_nanos(nanos)).await;
        }
    }
    to.shutdown().await
}
