//! Addresses that strangers give us, for calendars to read and for receivers to call: which of them are called at all.
//!
//! The first look at an address, where it is given and again before each call. The second one is at what its name
//! resolves to, in the connection itself; only processes that call have it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};
use url::{Host, Url};

/// How far calls go to addresses that strangers give us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Over HTTPS to addresses of the public internet.
    #[default]
    Public,
    /// The same, and to this one listener over plain HTTP too: for tests.
    PublicAnd(SocketAddr),
    /// Anywhere, over plain HTTP too: for development.
    Everywhere,
}

/// Why an address is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not `https://`.
    NotHttps,
    /// It names a user or a password.
    Credentials,
    /// It names no host.
    NoHost,
    /// Its port is one of the system's, and not that of HTTPS.
    Port,
    /// It is, names or leads to an address that is not of the public internet.
    NotPublic,
}

impl Refused {
    /// The stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotHttps => "not_https",
            Self::Credentials => "credentials_in_address",
            Self::NoHost => "no_host",
            Self::Port => "port_refused",
            Self::NotPublic => "not_public",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttps => "must begin with https://",
            Self::Credentials => "must not name a user or a password",
            Self::NoHost => "must name a host",
            Self::Port => "must be on port 443 or on one from 1024",
            Self::NotPublic => "must be on the public internet",
        })
    }
}

impl std::error::Error for Refused {}

impl FromStr for Reach {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "false" => Ok(Self::Public),
            "true" => Ok(Self::Everywhere),
            one => one
                .parse()
                .map(Self::PublicAnd)
                .map_err(|_| "must be false, true or an address and port"),
        }
    }
}

impl Reach {
    /// Whether `url` may be called, as far as can be told without asking for the addresses of its host.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(self, url: &Url) -> Result<(), Refused> {
        let eased = self.eases(url);
        match url.scheme() {
            "https" => {}
            "http" if eased => {}
            _ => return Err(Refused::NotHttps),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let port = url.port_or_known_default().ok_or(Refused::NoHost)?;
        if port != 443 && port < 1_024 && !eased {
            return Err(Refused::Port);
        }
        let reach = if eased { self } else { Self::Public };
        let public = match url.host().ok_or(Refused::NoHost)? {
            Host::Ipv4(address) => reach.includes(address.into()),
            Host::Ipv6(address) => reach.includes(address.into()),
            Host::Domain(name) => eased || may_be_public(name),
        };
        if public { Ok(()) } else { Err(Refused::NotPublic) }
    }

    /// Whether a connection may go to `address`, on a port to which more is allowed where that is so.
    #[must_use]
    pub fn includes(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::PublicAnd(listener) => listener.ip() == address || is_public(address),
            Self::Everywhere => true,
        }
    }

    /// Whether more than the public internet is allowed to `url`.
    #[must_use]
    pub fn eases(self, url: &Url) -> bool {
        match self {
            Self::Public => false,
            Self::PublicAnd(listener) => url.port_or_known_default() == Some(listener.port()),
            Self::Everywhere => true,
        }
    }
}

/// Whether an address is one of the public internet: reachable by all, of one machine, and not by way of another address.
///
/// # Source
/// The IANA special-purpose address registries of IPv4 and IPv6, and the metadata services of clouds.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4
            .iter()
            .any(|(net, length)| within_v4(address, *net, *length)),
        // Outside of 2000::/3 lie loopback, link-local, unique local, multicast, and the addresses that stand for IPv4
        // ones: mapped and compatible, and those of NAT64.
        IpAddr::V6(address) => {
            within_v6(address, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
                && !NOT_PUBLIC_V6
                    .iter()
                    .any(|(net, length)| within_v6(address, *net, *length))
        }
    }
}

const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 18] = [
    // This network.
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    // Private.
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Shared by customers of a provider, and clouds' own services.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    // Loopback.
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local, and the metadata service of most clouds.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    // The metadata service of a cloud that gave it an address among the public ones.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    // Protocol assignments, DNS64's among them.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation.
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Relays into IPv6 and of multicast.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    // Benchmarks.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved, and broadcast.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::new(255, 255, 255, 255), 32),
];

const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments: Teredo, benchmarks, ORCHID.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // 6to4, which stands for IPv4 addresses.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

fn within_v4(address: Ipv4Addr, net: Ipv4Addr, length: u32) -> bool {
    (address.to_bits() ^ net.to_bits()).leading_zeros() >= length
}

fn within_v6(address: Ipv6Addr, net: Ipv6Addr, length: u32) -> bool {
    (address.to_bits() ^ net.to_bits()).leading_zeros() >= length
}

/// Names that mean this machine, its cluster or its local network are refused before anybody is asked for them.
fn may_be_public(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.') && !["localhost", "local", "internal", "localdomain"].contains(&last)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
mod tests {
    use super::*;

    fn check(reach: Reach, url: &str) -> Result<(), &'static str> {
        reach.check(&Url::parse(url).unwrap()).map_err(Refused::code)
    }

    #[test]
    fn every_range_that_is_not_public_is_refused() {
        let cases = [
            ("this network", "0.0.0.0"),
            ("this network", "0.255.255.255"),
            ("private", "10.0.0.1"),
            ("private", "172.16.0.1"),
            ("private", "172.31.255.255"),
            ("private", "192.168.1.1"),
            ("shared by customers", "100.64.0.1"),
            ("shared by customers", "100.127.255.255"),
            ("loopback", "127.0.0.1"),
            ("loopback", "127.255.0.1"),
            ("metadata", "169.254.169.254"),
            ("link-local", "169.254.0.1"),
            ("metadata", "168.63.129.16"),
            ("metadata", "100.100.100.200"),
            ("protocol assignments", "192.0.0.170"),
            ("documentation", "192.0.2.1"),
            ("documentation", "198.51.100.7"),
            ("documentation", "203.0.113.255"),
            ("6to4 relay", "192.88.99.1"),
            ("multicast relay", "192.52.193.1"),
            ("benchmarks", "198.18.0.1"),
            ("benchmarks", "198.19.255.255"),
            ("multicast", "224.0.0.1"),
            ("multicast", "239.255.255.255"),
            ("reserved", "240.0.0.1"),
            ("broadcast", "255.255.255.255"),
            ("unspecified", "::"),
            ("loopback", "::1"),
            ("compatible", "::10.0.0.1"),
            ("compatible", "::8.8.8.8"),
            ("mapped", "::ffff:127.0.0.1"),
            ("mapped", "::ffff:8.8.8.8"),
            ("translated", "::ffff:0:8.8.8.8"),
            ("NAT64", "64:ff9b::7f00:1"),
            ("NAT64", "64:ff9b::808:808"),
            ("NAT64, local", "64:ff9b:1::a00:1"),
            ("discard", "100::1"),
            ("Teredo", "2001::1"),
            ("benchmarks", "2001:2::1"),
            ("ORCHID", "2001:20::1"),
            ("documentation", "2001:db8::1"),
            ("documentation", "3fff::1"),
            ("6to4", "2002:7f00:1::1"),
            ("6to4", "2002:808:808::1"),
            ("segment routing", "5f00::1"),
            ("unique local", "fc00::1"),
            ("unique local, metadata", "fd00:ec2::254"),
            ("link-local", "fe80::1"),
            ("site-local", "fec0::1"),
            ("multicast", "ff02::1"),
        ];
        for (what, address) in cases {
            let address: IpAddr = address.parse().unwrap();
            assert!(!is_public(address), "{what}: {address}");
            let host = match address {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            };
            let literal = format!("https://{host}/calendar.ics");
            assert_eq!(check(Reach::Public, &literal), Err("not_public"), "{what}: {literal}");
        }
    }

    #[test]
    fn what_lies_beside_those_ranges_is_public() {
        let addresses = [
            "1.0.0.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "2606:4700::1111",
            "3ffe::1",
        ];
        for address in addresses {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_address_is_refused_by_what_is_wrong_with_it() {
        let cases = [
            ("https://calendar.example.com/private-abc/basic.ics", Ok(())),
            ("https://calendar.example.com:443/a", Ok(())),
            ("https://calendar.example.com:8443/a", Ok(())),
            ("https://8.8.8.8/a", Ok(())),
            ("http://calendar.example.com/a", Err("not_https")),
            ("ftp://calendar.example.com/a", Err("not_https")),
            ("file:///etc/passwd", Err("not_https")),
            ("https://user@calendar.example.com/a", Err("credentials_in_address")),
            (
                "https://user:word@calendar.example.com/a",
                Err("credentials_in_address"),
            ),
            ("https://calendar.example.com:22/a", Err("port_refused")),
            ("https://calendar.example.com:80/a", Err("port_refused")),
            ("https://localhost/a", Err("not_public")),
            ("https://LOCALHOST./a", Err("not_public")),
            ("https://me.localhost/a", Err("not_public")),
            ("https://postgres/a", Err("not_public")),
            ("https://printer.local/a", Err("not_public")),
            ("https://metadata.google.internal/a", Err("not_public")),
            // Other ways to write an address.
            ("https://0x7f.1/a", Err("not_public")),
            ("https://2130706433/a", Err("not_public")),
            ("https://0177.0.0.1/a", Err("not_public")),
            ("https://127.1/a", Err("not_public")),
            ("https://127.0.0.1./a", Err("not_public")),
            ("https://[::ffff:7f00:1]/a", Err("not_public")),
            ("https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/a", Err("not_public")),
        ];
        for (url, expected) in cases {
            assert_eq!(check(Reach::Public, url), expected, "{url}");
        }
    }

    #[test]
    fn tests_reach_one_listener_more_and_development_everything() {
        let reach = Reach::PublicAnd("127.0.0.1:5000".parse().unwrap());
        assert_eq!(check(reach, "http://127.0.0.1:5000/a"), Ok(()));
        assert_eq!(check(reach, "http://127.0.0.1:5001/a"), Err("not_https"));
        assert_eq!(check(reach, "https://127.0.0.1:5001/a"), Err("not_public"));
        assert_eq!(check(reach, "https://127.0.0.2:5000/a"), Err("not_public"));
        assert_eq!(check(reach, "http://a@127.0.0.1:5000/a"), Err("credentials_in_address"));
        assert_eq!(check(Reach::Everywhere, "http://localhost:80/a"), Ok(()));
    }
}
