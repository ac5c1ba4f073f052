//! Opening a connection: TCP, TLS, the greeting. What must not live here: when and where to.

use super::session::{Session, frames};
use crate::metrics;
use crate::options::LinkOptions;
use crate::tls::{INTERNAL_NAME, LinkTls, internal_name};
use crate::wire::{Frame, FrameError, FrameReader, Greeting, Hello, Kind};
use emporion_model::codec::CodecError;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

type Stream = TlsStream<TcpStream>;

/// Why there is no connection: a sentence without the address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct ConnectError(String);

/// A connection that was greeted and waits to be run.
pub(super) struct Opened {
    pub(super) session: Arc<Session>,
    pub(super) leads: bool,
    /// Who leads instead, if this peer does not and knows it.
    pub(super) leader: Option<String>,
    frames: FrameReader<ReadHalf<Stream>>,
    writer: WriteHalf<Stream>,
}

impl Opened {
    pub(super) async fn run(self) {
        self.session.run(self.frames, self.writer).await;
    }
}

pub(super) async fn open(
    address: &str,
    link: [u8; 16],
    tls: &LinkTls,
    options: &LinkOptions,
) -> Result<Opened, ConnectError> {
    let opening = async {
        let stream = secure(address, tls).await?;
        let (reader, mut writer) = tokio::io::split(stream);
        let mut frames = frames(reader);
        let greeting = greet(&mut frames, &mut writer, link)
            .await
            .map_err(|error| ConnectError(format!("the peer did not greet, or refused our certificate: {error}")))?;
        let (leads, leader) = match greeting {
            Greeting::Leads(_) => (true, None),
            Greeting::Follows(_, leader) => (false, leader.map(|leader| leader.0)),
            Greeting::Refused(why) => return Err(ConnectError(format!("the peer refused: {}", why.0))),
        };
        Ok(Opened { session: Session::new(options.clone()), leads, leader, frames, writer })
    };
    timeout(options.connect_max, opening)
        .await
        .unwrap_or_else(|_| Err(ConnectError("it took too long to connect".to_owned())))
}

async fn secure(address: &str, tls: &LinkTls) -> Result<Stream, ConnectError> {
    let unreachable = |error: io::Error| ConnectError(format!("the peer cannot be reached: {error}"));
    let socket = TcpStream::connect(address).await.map_err(unreachable)?;
    socket.set_nodelay(true).map_err(unreachable)?;
    TlsConnector::from(tls.client()).connect(internal_name(), socket).await.map_err(|error| {
        if error.kind() == io::ErrorKind::InvalidData {
            metrics::refused_peer("certificate");
        }
        ConnectError(format!("the TLS handshake failed (the peer must be {INTERNAL_NAME} of our authority): {error}"))
    })
}

async fn greet(
    frames: &mut FrameReader<ReadHalf<Stream>>,
    writer: &mut WriteHalf<Stream>,
    link: [u8; 16],
) -> Result<Greeting, FrameError> {
    writer.write_all(&Frame::of(Kind::Hello, 0, &Hello::new(link)).to_bytes()).await?;
    writer.flush().await?;
    let frame = frames.next().await?;
    match frame.kind {
        Kind::Greeting => Ok(frame.read()?),
        _ => Err(FrameError::Malformed(CodecError::Invalid)),
    }
}
