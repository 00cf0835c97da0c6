//! Where a request comes from: its peer, or what proxies that are trusted say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// What counts as one address: an IPv6 host has at least a /64 of them to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Network {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

impl Network {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = Ipv6Addr::segments(&address);
                Self::V6([a, b, c, d])
            }
        }
    }
}

/// Where a request comes from. Only what a trusted proxy says of `X-Forwarded-For` is believed: each
/// appends who spoke to it, so the right-most one that is no trusted proxy is the client.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let entries = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    let mut nearest = peer;
    for entry in entries {
        // What cannot be read may stand for anybody: the proxy that passed it on answers for it.
        let Some(address) = parse(entry.trim()) else { return nearest };
        nearest = address;
        if !is_trusted(&address) {
            break;
        }
    }
    nearest
}

/// An address, with or without a port.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| entry.parse::<SocketAddr>().ok().map(|entry| entry.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", axum::http::HeaderValue::from_static(line));
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn spec_sy7_nobody_is_believed_who_is_not_a_trusted_proxy() {
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn spec_sy7_the_right_most_untrusted_address_is_the_client() {
        let proxies = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"], &proxies), "198.51.100.1");
        // The left one is whatever the client wrote itself.
        assert_eq!(
            seen("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.7"], &proxies),
            "198.51.100.1"
        );
        assert_eq!(
            seen("10.0.0.1", &["1.1.1.1", "198.51.100.1", "10.0.0.7"], &proxies),
            "198.51.100.1"
        );
        assert_eq!(seen("fd00::1", &["198.51.100.1:4711"], &proxies), "198.51.100.1");
        assert_eq!(seen("fd00::1", &["[2001:db8::5]:4711"], &proxies), "2001:db8::5");
        assert_eq!(seen("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], &proxies), "198.51.100.1");
        // All of them are proxies: the farthest is the best that is known.
        assert_eq!(seen("10.0.0.1", &["10.0.0.3, 10.0.0.2"], &proxies), "10.0.0.3");
        assert_eq!(seen("10.0.0.1", &[], &proxies), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], &proxies), "10.0.0.2");
    }

    #[test]
    fn spec_sy7_ipv6_addresses_count_by_their_network() {
        let of = |address: &str| Network::of(address.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
