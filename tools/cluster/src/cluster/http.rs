//! The smallest HTTP client: one request, one connection, for health, metrics and the emulator's own API.

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names and values, as they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The first header of this name, whatever its letters' case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Asks for `path` with GET.
pub fn get(server: SocketAddr, path: &str) -> Result<Answer> {
    request(server, "GET", path, &[], "")
}

/// Sends a request and reads the answer to its end. Waits for at most 10 s at each step.
pub fn request(server: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    exchange(TcpStream::connect_timeout(&server, TIMEOUT)?, server, method, path, headers, body)
}

/// The same from a loopback address of one's own: all of 127.0.0.0/8 are this machine.
pub fn request_from(
    source: Ipv4Addr,
    server: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect_timeout(&server.into(), TIMEOUT)?;
    exchange(socket.into(), server, method, path, headers, body)
}

fn exchange(
    mut stream: TcpStream,
    server: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    // 1.0, so that the answer ends where the connection does.
    let mut text = format!("{method} {path} HTTP/1.0\r\nHost: {server}\r\nContent-Length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    stream.write_all(format!("{text}\r\n{body}").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    read(&String::from_utf8_lossy(&answer)).with_context(|| format!("{server} does not answer in HTTP"))
}

fn read(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    Some(Answer { status, headers, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = read("HTTP/1.1 404 Not Found\r\nX-Served-By: a\r\nA: b: c\r\n\r\none\r\n\r\ntwo").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (404, "one\r\n\r\ntwo"));
        assert_eq!((answer.header("x-served-by"), answer.header("a")), (Some("a"), Some("b: c")));
        assert_eq!(answer.header("none"), None);
        assert_eq!(read("nonsense"), None);
    }
}
