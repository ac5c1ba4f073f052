//! What a fault proxy does to real connections.
#![allow(clippy::unwrap_used)]

use emporion_cluster::fault_proxy::{Direction, FaultProxy, Faults};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// A server that sends everything back.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || std::io::copy(&mut stream.try_clone().unwrap(), &mut stream));
        }
    });
    address
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn exchange(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn is_reset(stream: &mut TcpStream) -> bool {
    let result = stream.write_all(b"x").and_then(|()| stream.read_exact(&mut [0]));
    matches!(result.unwrap_err().kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof)
}

#[test]
fn bytes_pass_and_are_counted() {
    let proxy = FaultProxy::start(Some(echo())).unwrap();
    let mut stream = connect(&proxy);
    assert_eq!(exchange(&mut stream, "hello"), "hello");
    assert_eq!((proxy.passed(Direction::ToServer), proxy.connections()), (5, 1));
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(proxy.passed(Direction::ToClient), 5);
}

#[test]
fn a_cut_lets_exactly_so_many_bytes_through() {
    let proxy = FaultProxy::start(Some(echo())).unwrap();
    for direction in [Direction::ToServer, Direction::ToClient] {
        for bytes in 0..=6_u64 {
            let mut stream = connect(&proxy);
            assert_eq!(exchange(&mut stream, "before"), "before");
            let (passed, cuts) = (proxy.passed(direction), proxy.cuts());
            proxy.cut_after(direction, bytes);
            stream.write_all(b"behind").unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
            assert_eq!((proxy.passed(direction) - passed, proxy.cuts() - cuts), (bytes, 1));
            if direction == Direction::ToClient {
                assert_eq!(rest, &b"behind"[..usize::try_from(bytes).unwrap()]);
            }
        }
    }
    assert_eq!(exchange(&mut connect(&proxy), "healed"), "healed");
}

#[test]
fn a_half_open_connection_is_silent_until_it_heals() {
    let proxy = FaultProxy::start(Some(echo())).unwrap();
    let mut stream = connect(&proxy);
    assert_eq!(exchange(&mut stream, "a"), "a");
    proxy.set(Faults::HALF_OPEN);
    stream.write_all(b"b").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(matches!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    proxy.heal();
    assert_eq!(exchange(&mut stream, "c"), "b");
}

#[test]
fn a_switch_resets_what_led_elsewhere() {
    let proxy = FaultProxy::start(None).unwrap();
    assert!(is_reset(&mut connect(&proxy)));
    proxy.switch_to(Some(echo()));
    let mut first = connect(&proxy);
    assert_eq!(exchange(&mut first, "one"), "one");
    proxy.switch_to(Some(echo()));
    assert!(is_reset(&mut first));
    let mut second = connect(&proxy);
    assert_eq!(exchange(&mut second, "two"), "two");
    proxy.set(Faults { refuse: true, ..Faults::default() });
    assert!(is_reset(&mut connect(&proxy)));
    assert_eq!(exchange(&mut second, "still"), "still");
    proxy.reset();
    assert!(is_reset(&mut second));
}

#[test]
fn latency_and_width_make_bytes_late_and_lose_none() {
    let proxy = FaultProxy::start(Some(echo())).unwrap();
    let mut stream = connect(&proxy);
    proxy.set(Faults { latency: Duration::from_millis(50), bytes_per_second: Some(100_000), ..Faults::default() });
    let begun = Instant::now();
    let text = "0123456789".repeat(2_000);
    assert_eq!(exchange(&mut stream, &text), text);
    assert!(begun.elapsed() >= Duration::from_millis(100), "it came sooner than twice the latency");
}
