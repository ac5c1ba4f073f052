//! Sockets whose every byte is the test's own: what breaks the protocol, and what it allows.

use crate::support::{Folder, Trader, Venue, request};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Only a guard: every wait here is for an event.
const GUARD: Duration = Duration::from_secs(60);

pub(crate) const PING: &str = r#"{"id":1,"method":"ping"}"#;
const PONG: &str = r#"{"id":1,"status":200,"result":{}}"#;
/// The WebSocket API without the limits, which are others at each venue.
const WS_API: &str = "/ws-api/v3?returnRateLimits=false";

/// A socket of which every byte is the test's own.
pub(crate) struct Raw(TcpStream);

/// A frame of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

impl Raw {
    /// Asks for an upgrade with these headers in addition, and gives the status too.
    pub(crate) fn ask(venue: &Venue, path: &str, headers: &str) -> (Self, u16) {
        let mut socket = TcpStream::connect(venue.address()).unwrap();
        socket.set_read_timeout(Some(GUARD)).unwrap();
        let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        write!(socket, "GET {path} HTTP/1.1\r\nhost: {}\r\n{upgrade}{headers}\r\n", venue.address()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let status = std::str::from_utf8(&head[9..12]).unwrap().parse().unwrap();
        (Self(socket), status)
    }

    pub(crate) fn open(venue: &Venue, path: &str) -> Self {
        let (socket, status) = Self::ask(venue, path, "");
        assert_eq!(status, 101);
        socket
    }

    /// Sends bytes; a server that has closed already takes no more of them.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// The next frame, or nothing when the connection is closed.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 2];
        if let Err(error) = self.0.read_exact(&mut head) {
            assert!(matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{error}");
            return None;
        }
        let mut length = usize::from(head[1]);
        if length == 126 {
            let mut long = [0; 2];
            self.0.read_exact(&mut long).unwrap();
            length = u16::from_be_bytes(long).into();
        }
        assert!(length < 126 || head[1] == 126, "longer than any answer here");
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).unwrap();
        Some(Frame { opcode: head[0] & 0xf, payload })
    }

    #[track_caller]
    pub(crate) fn check_text(&mut self, expected: &str) {
        let frame = self.next().expect("not closed");
        assert_eq!((frame.opcode, String::from_utf8(frame.payload).unwrap()), (1, expected.to_owned()));
    }

    /// Whatever comes before, the connection ends with a close frame of this code and reason.
    #[track_caller]
    pub(crate) fn check_end(&mut self, code: u16, reason: &str) {
        let mut last = None;
        while let Some(frame) = self.next() {
            last = Some(frame);
        }
        let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
        assert_eq!(last, Some(Frame { opcode: 8, payload }));
    }
}

/// A client's frame, masked with zeros, which leave the payload as it is.
pub(crate) fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let length = match payload.len() {
        short @ 0..126 => vec![0x80 | u8::try_from(short).unwrap()],
        long @ 126..65_536 => [&[0xfe], &u16::try_from(long).unwrap().to_be_bytes()[..]].concat(),
        huge => [&[0xff], &(huge as u64).to_be_bytes()[..]].concat(),
    };
    [&[head], &length[..], &[0; 4], payload].concat()
}

pub(crate) fn trades_on(folder: &Folder, venue: &Venue) {
    let trader = Trader::open(folder, "after", &["USDT=1000"]);
    trader.limit(venue, "BUY", "0.001", "20000");
}

pub(crate) fn who_breaks_the_protocol_is_told_and_nobody_else_notices(folder: &Folder, venue: &Venue) {
    let mut other = Raw::open(venue, WS_API);
    let text = |payload: &[u8]| frame(0x81, payload);
    let unmasked = [&[0x81, PING.len() as u8], PING.as_bytes()].concat();
    let attacks: [(&[u8], u16, &str); 10] = [
        (&text(&vec![b'x'; 5 << 20]), 1009, "message too big"),
        (&text(&vec![b' '; (64 << 10) + 1]), 1009, "message too big"),
        (&frame(0x82, b"\x00"), 1003, "binary messages are not accepted"),
        (&unmasked, 1002, "protocol error"),
        (&frame(0x89, &[b'x'; 126]), 1002, "protocol error"),
        (&frame(0x09, b"x"), 1002, "protocol error"),
        (&frame(0x80, b"x"), 1002, "protocol error"),
        (&frame(0xc1, b"x"), 1002, "protocol error"),
        (&text(b"\xff\xfe"), 1007, "invalid UTF-8"),
        (b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", 1002, "protocol error"),
    ];
    for path in ["/ws", WS_API] {
        for (bytes, code, reason) in attacks {
            let mut socket = Raw::open(venue, path);
            socket.send(bytes);
            socket.check_end(code, reason);
        }
    }
    other.send(&text(PING.as_bytes()));
    other.check_text(PONG);
    trades_on(folder, venue);
}

pub(crate) fn what_the_protocol_allows_works(_: &Folder, venue: &Venue) {
    let mut socket = Raw::open(venue, WS_API);
    let (first, rest) = PING.as_bytes().split_at(5);
    let (second, third) = rest.split_at(1);
    let parts = [frame(0x01, first), frame(0x89, b"hi"), frame(0x00, second), frame(0x00, b""), frame(0x80, third)];
    for byte in parts.concat() {
        socket.send(&[byte]);
    }
    assert_eq!(socket.next(), Some(Frame { opcode: 10, payload: b"hi".to_vec() }));
    socket.check_text(PONG);
    socket.send(&frame(0x8a, b"nobody asked for this pong"));
    let largest = format!("{PING}{}", " ".repeat((64 << 10) - PING.len()));
    socket.send(&frame(0x81, largest.as_bytes()));
    socket.check_text(PONG);
    socket.send(&frame(0x88, &[&1000_u16.to_be_bytes(), &b"bye"[..]].concat()));
    socket.check_end(1000, "bye");
    for path in ["/ws", WS_API] {
        assert_eq!(request(venue.address(), "GET", path, &[]).0, 400, "{path}");
        assert_eq!(Raw::ask(venue, path, "cookie: a=1\r\norigin: https://evil.example\r\n").1, 403, "{path}");
        assert_eq!(Raw::ask(venue, path, "sec-websocket-version: 12\r\n").1, 400, "{path}");
    }
}
