//! Whose address a request comes from.

use ipnet::IpNet;
use poem::{
    Request,
    http::{HeaderMap, header::FORWARDED},
};
use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// The proxies before this process: what they say about their own callers is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

impl FromStr for Proxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
        let networks = networks.map(|network| {
            let one = network.parse::<IpAddr>().map(IpNet::from);
            one.or_else(|_| network.parse())
                .map_err(|_| format!("{network:?} is no network such as 10.0.0.0/8"))
        });
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }
}

impl Proxies {
    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of whoever sent `request`; nothing where the connection has none.
    #[must_use]
    pub fn client(&self, request: &Request) -> Option<IpAddr> {
        let peer = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
        Some(self.behind(peer?.to_canonical(), request.headers()))
    }

    /// The first address, from `peer` towards the client, that is no proxy of ours: whatever stands before it may have
    /// been made up.
    fn behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer;
        if !self.trusts(peer) {
            return nearest;
        }
        for told in told(headers).into_iter().rev() {
            let Some(address) = told else { return nearest };
            nearest = address;
            if !self.trusts(address) {
                break;
            }
        }
        nearest
    }
}

/// The addresses that proxies have added, the nearest one last; nothing stands for what is none.
fn told(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    // What is no text is none of an address and keeps its place: left out, it would make room for what a stranger says.
    let list = |name: &str| {
        let lines = headers.get_all(name).iter();
        let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        (!lines.is_empty()).then(|| lines.join(","))
    };
    if let Some(plain) = list("x-forwarded-for") {
        return plain.split(',').map(address).collect();
    }
    let Some(standard) = list(FORWARDED.as_str()) else {
        return Vec::new();
    };
    let of = |element: &str| {
        let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
        let (_, node) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
        address(node.trim_matches('"'))
    };
    standard.split(',').map(of).collect()
}

/// An address as proxies write it: with or without brackets and port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = text.parse().ok();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    plain
        .or_else(bracketed)
        .or_else(with_port)
        .map(|address: IpAddr| address.to_canonical())
}

/// What counts as one caller: an IPv6 network of 64 bits is one customer's.
#[must_use]
pub fn subject(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Proxies, subject};
    use poem::http::{HeaderMap, HeaderName, HeaderValue};

    fn client(proxies: &str, peer: &str, headers: &[(&str, &str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let proxies: Proxies = proxies.parse().unwrap();
        proxies.behind(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let xff = "x-forwarded-for";
        for (proxies, peer, told, expected) in [
            ("", "9.9.9.9", "1.1.1.1", "9.9.9.9"),
            ("10.0.0.0/8", "9.9.9.9", "1.1.1.1", "9.9.9.9"),
            ("10.0.0.0/8", "10.0.0.1", "1.1.1.1", "1.1.1.1"),
            // What the client itself has sent stands to the left.
            ("10.0.0.0/8", "10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
            ("10.0.0.0/8", "10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
            ("10.0.0.0/8", "10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
            ("10.0.0.0/8", "10.0.0.1", "1.1.1.1, nonsense", "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1", "1.1.1.1:4711", "1.1.1.1"),
            ("10.0.0.1", "10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
            ("10.0.0.1", "10.0.0.1", "::ffff:1.1.1.1", "1.1.1.1"),
            ("::1", "::1", "2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(
                client(proxies, peer, &[(xff, told)]),
                expected,
                "{proxies} {peer} {told}"
            );
        }
        // Several lines are one list.
        let lines = [(xff, "6.6.6.6"), (xff, "1.1.1.1")];
        assert_eq!(client("10.0.0.1", "10.0.0.1", &lines), "1.1.1.1");
        assert_eq!(client("10.0.0.1", "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_where_the_other_is_absent() {
        for (told, expected) in [
            ("for=1.1.1.1;proto=https, for=10.0.0.2", "1.1.1.1"),
            ("For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=unknown", "10.0.0.1"),
        ] {
            assert_eq!(
                client("10.0.0.0/8", "10.0.0.1", &[("forwarded", told)]),
                expected,
                "{told}"
            );
        }
    }

    #[test]
    fn a_customer_of_ipv6_has_a_network() {
        let of = |address: &str| subject(address.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("1.2.3.4"), "1.2.3.4");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        assert!("10.0.0.0/8, nonsense".parse::<Proxies>().is_err());
        assert!(" 10.0.0.0/8 ,::1, ".parse::<Proxies>().is_ok());
    }
}
