//! Who is calling, as far as addresses tell: the client's address behind proxies, and the network whose
//! requests are counted together.

use emporion_ports::users::IpRule;
use http::HeaderMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The other end of the connection; the accept loop puts it into each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What is limited as one: an IPv4 address, or an IPv6 /64, which one subscriber commonly holds whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of `address`; an IPv4 address in IPv6 clothes counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The client's address. It is the peer's, unless the peer is a trusted proxy: then the hop of `X-Forwarded-For` that
/// the last trusted proxy saw, that is the rightmost one that is no trusted proxy itself. What a client wrote there is
/// further left and ignored. When that hop is no address, or all hops are trusted, the peer's address counts.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpRule]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted_proxies.iter().any(|rule| rule.allows(address));
    if !is_trusted(peer) {
        return peer;
    }
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().ok()).collect();
    let hops = lines.iter().rev().flat_map(|line| line.unwrap_or("?").rsplit(','));
    for hop in hops {
        match parse_address(hop.trim()) {
            Some(address) if is_trusted(address) => {}
            Some(address) => return address,
            None => return peer,
        }
    }
    peer
}

/// An address, with or without a port.
fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[track_caller]
    fn check(forwarded: &[&'static str], trusted_proxies: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", http::HeaderValue::from_static(value));
        }
        let rules: Vec<_> = trusted_proxies.iter().map(|text| IpRule::parse(text).expect("a rule")).collect();
        assert_eq!(client_address(address("10.0.0.1"), &headers, &rules), address(expected), "{forwarded:?}");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let (one, all) = (["10.0.0.1"].as_slice(), ["10.0.0.0/8", "fd00::/8"].as_slice());
        check(&["203.0.113.7"], &[], "10.0.0.1");
        check(&["203.0.113.7"], &["10.0.0.2"], "10.0.0.1");
        check(&["203.0.113.7"], one, "203.0.113.7");
        check(&["1.1.1.1, 203.0.113.7"], one, "203.0.113.7");
        check(&["1.1.1.1", "203.0.113.7"], one, "203.0.113.7");
        check(&["1.1.1.1, 203.0.113.7, 10.0.0.2"], all, "203.0.113.7");
        check(&["1.1.1.1, 203.0.113.7, 10.0.0.2"], one, "10.0.0.2");
        check(&["203.0.113.7,fd00::2", "10.9.9.9"], all, "203.0.113.7");
        check(&["10.1.1.1, 10.0.0.2"], all, "10.0.0.1");
        check(&[], all, "10.0.0.1");
        check(&["1.1.1.1, nonsense"], all, "10.0.0.1");
        check(&["1.1.1.1, "], all, "10.0.0.1");
        check(&["203.0.113.7:4711"], all, "203.0.113.7");
        check(&["[2001:db8::7]:443"], all, "2001:db8::7");
        check(&["::ffff:10.0.0.2"], all, "10.0.0.1");
    }

    #[test]
    fn an_ipv6_subscriber_is_one_network() {
        let network = |text| Network::of(address(text));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
