//! Frames as bytes. What must not live here: the meaning of a body.

use bytes::{Buf, Bytes, BytesMut};
use emporion_model::codec::{self, CodecError, Durable, Reader, Writer, durable_enum};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

const VERSION: u8 = 1;
const LENGTH_BYTES: usize = 4;
const READ_BYTES: usize = 16 * 1_024;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The client's first word.
    Hello,
    /// The server's first word.
    Greeting,
    /// Are you there?
    Ping,
    /// I am.
    Pong,
    /// The server takes nothing new on this connection.
    Farewell,
    /// A client's request.
    Request,
    /// The answer to the request of the same number.
    Answer,
}

durable_enum!(Kind { Hello = 1, Greeting = 2, Ping = 3, Pong = 4, Farewell = 5, Request = 6, Answer = 7 });

/// Why a connection cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("the peer closed the connection")]
    Closed,
    #[error("a frame of {0} bytes is larger than allowed")]
    TooLarge(usize),
    #[error("a frame has version {0}, which this build does not know")]
    Version(u8),
    #[error("a frame cannot be read: {0}")]
    Malformed(#[from] CodecError),
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    /// The request's number; 0 where there is none.
    pub(crate) number: u64,
    pub(crate) body: Bytes,
}

impl Frame {
    /// A frame that holds nothing but its kind.
    pub(crate) fn bare(kind: Kind) -> Self {
        Self { kind, number: 0, body: Bytes::new() }
    }

    /// A frame that holds `body` in durable form.
    pub(crate) fn of(kind: Kind, number: u64, body: &impl Durable) -> Self {
        Self { kind, number, body: codec::to_bytes(body).into() }
    }

    /// The body, which is all of it.
    pub(crate) fn read<T: Durable>(&self) -> Result<T, CodecError> {
        codec::from_bytes(&self.body)
    }

    /// Its bytes, the length included.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.raw(&[0; LENGTH_BYTES]);
        writer.raw(&[VERSION]);
        self.kind.encode(&mut writer);
        self.number.encode(&mut writer);
        writer.raw(&self.body);
        let mut bytes = writer.into_bytes();
        let length = u32::try_from(bytes.len() - LENGTH_BYTES).expect("bodies are bounded far below 4 GiB");
        bytes[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    /// The frame without its length.
    fn parse(bytes: Bytes) -> Result<Self, FrameError> {
        let (&version, rest) = bytes.split_first().ok_or(CodecError::Truncated)?;
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        let mut counted = Counted(rest);
        let kind = Kind::decode(&mut Reader::new(counted.varint()?))?;
        let number = u64::decode(&mut Reader::new(counted.varint()?))?;
        let body = bytes.slice(bytes.len() - counted.0.len()..);
        Ok(Self { kind, number, body })
    }
}

/// Cuts varints off the front and knows what is left.
struct Counted<'a>(&'a [u8]);

impl<'a> Counted<'a> {
    fn varint(&mut self) -> Result<&'a [u8], CodecError> {
        let length = self.0.iter().position(|byte| byte & 0x80 == 0).ok_or(CodecError::Truncated)? + 1;
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(taken)
    }
}

/// Takes frames off a stream.
pub(crate) struct FrameReader<R> {
    stream: R,
    buffer: BytesMut,
    bytes_max: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Of frames of at most `bytes_max` bytes.
    pub(crate) fn new(stream: R, bytes_max: usize) -> Self {
        Self { stream, buffer: BytesMut::new(), bytes_max }
    }

    /// The next frame. May be dropped while it waits; nothing is lost. Memory grows with what came, never with what a
    /// length claims.
    pub(crate) async fn next(&mut self) -> Result<Frame, FrameError> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(frame);
            }
            self.buffer.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(FrameError::Closed);
            }
        }
    }

    fn take(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(length) = self.buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > self.bytes_max {
            return Err(FrameError::TooLarge(length));
        }
        if self.buffer.len() - LENGTH_BYTES < length {
            return Ok(None);
        }
        self.buffer.advance(LENGTH_BYTES);
        Frame::parse(self.buffer.split_to(length).freeze()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn read_all(bytes: &[u8], bytes_max: usize) -> (Vec<Frame>, FrameError) {
        let mut reader = FrameReader::new(bytes, bytes_max);
        let mut frames = Vec::new();
        loop {
            match reader.next().await {
                Ok(frame) => frames.push(frame),
                Err(error) => return (frames, error),
            }
        }
    }

    fn frames() -> impl Strategy<Value = Vec<Frame>> {
        let frame = (0..Kind::ALL.len(), any::<u64>(), prop::collection::vec(any::<u8>(), 0..200))
            .prop_map(|(kind, number, body)| Frame { kind: Kind::ALL[kind], number, body: body.into() });
        prop::collection::vec(frame, 0..20)
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in(frames in frames()) {
            let bytes = frames.iter().flat_map(Frame::to_bytes).collect::<Vec<u8>>();
            let (read, error) = block_on(read_all(&bytes, 1_000));
            prop_assert_eq!(read, frames);
            prop_assert!(matches!(error, FrameError::Closed));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            block_on(read_all(&bytes, 1_000));
        }

        #[test]
        fn no_changed_byte_panics(frames in frames(), place in any::<prop::sample::Index>(), value in any::<u8>()) {
            let mut bytes = frames.iter().flat_map(Frame::to_bytes).collect::<Vec<u8>>();
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            block_on(read_all(&bytes, 1_000));
        }
    }

    #[tokio::test]
    async fn a_length_beyond_the_bound_is_refused_before_it_is_read() {
        let (frames, error) = read_all(&[0, 0, 4, 0], 1_000).await;
        assert!(frames.is_empty());
        assert!(matches!(error, FrameError::TooLarge(1_024)));
    }

    #[tokio::test]
    async fn versions_and_kinds_that_nobody_knows_end_the_reading() {
        assert!(matches!(read_all(&[0, 0, 0, 3, 2, 3, 0], 100).await.1, FrameError::Version(2)));
        assert!(matches!(read_all(&[0, 0, 0, 3, 1, 99, 0], 100).await.1, FrameError::Malformed(CodecError::Invalid)));
        assert!(matches!(read_all(&[0, 0, 0, 0], 100).await.1, FrameError::Malformed(CodecError::Truncated)));
    }
}
