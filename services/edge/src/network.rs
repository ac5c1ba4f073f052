//! Who is calling, as far as addresses tell: the client's address behind proxies, and the network whose
//! requests are counted together.

use http::HeaderMap;
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

/// The client's address: the peer's, or, behind `trusted_proxies` proxies that each append to
/// `X-Forwarded-For`, the one that the outermost of them saw. What a client wrote there itself is ignored.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted_proxies: usize) -> IpAddr {
    if trusted_proxies == 0 {
        return peer;
    }
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let outermost = forwarded.len().saturating_sub(trusted_proxies);
    forwarded.get(outermost).and_then(|text| parse_address(text.trim())).unwrap_or(peer)
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
    fn check(forwarded: &[&'static str], trusted_proxies: usize, expected: &str) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", http::HeaderValue::from_static(value));
        }
        assert_eq!(client_address(address("10.0.0.1"), &headers, trusted_proxies), address(expected), "{forwarded:?}");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        check(&["203.0.113.7"], 0, "10.0.0.1");
        check(&["203.0.113.7"], 1, "203.0.113.7");
        check(&["1.1.1.1, 203.0.113.7"], 1, "203.0.113.7");
        check(&["1.1.1.1", "203.0.113.7"], 1, "203.0.113.7");
        check(&["1.1.1.1, 203.0.113.7, 10.0.0.2"], 2, "203.0.113.7");
        check(&["203.0.113.7"], 2, "203.0.113.7");
        check(&[], 1, "10.0.0.1");
        check(&["1.1.1.1, nonsense"], 1, "10.0.0.1");
        check(&["203.0.113.7:4711"], 1, "203.0.113.7");
        check(&["[2001:db8::7]:443"], 1, "2001:db8::7");
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
