//! The address of a pg_hba.conf line: which connections it is for.
//!
//! Nothing is looked up: whether a host name, `samehost` or `samenet` fits an address is for the server to know.

use super::names::FileMatch;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where clients may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `all`: anywhere.
    All,
    /// `samehost`: the server's own addresses.
    SameHost,
    /// `samenet`: the server's own networks.
    SameNet,
    /// A host name, or a suffix of some that begins with a dot.
    Host(String),
    /// A network.
    Net {
        /// An address in it.
        address: IpAddr,
        /// Its bits that count; of the same family.
        mask: IpAddr,
    },
}

impl Address {
    /// Whether it is for clients from `client`.
    #[must_use]
    pub fn matches(&self, client: IpAddr) -> FileMatch {
        match self {
            Self::All => FileMatch::Yes,
            Self::SameHost => FileMatch::Unknown(format!("whether {client} is an address of the server (samehost)")),
            Self::SameNet => FileMatch::Unknown(format!("whether {client} is in a network of the server (samenet)")),
            Self::Host(name) => FileMatch::Unknown(format!("whether {client} is \"{name}\" by the server's resolver")),
            Self::Net { address, mask } => FileMatch::from(bits(*address).agrees(bits(client), bits(*mask))),
        }
    }

    /// Whether it is for every client that `other` is for; what cannot be known counts as no.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Net { address, mask }, Self::Net { address: inner, mask: narrower }) => {
                let (mask, narrower) = (bits(*mask), bits(*narrower));
                bits(*address).agrees(bits(*inner), mask)
                    && mask.width == narrower.width
                    && mask.value & narrower.value == mask.value
            }
            _ => self == other,
        }
    }

    /// Whether it is for this machine alone, so that nobody can listen on the way.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::SameHost => true,
            Self::Net { address: IpAddr::V4(address), mask: IpAddr::V4(mask) } => {
                address.is_loopback() && mask.octets().first() == Some(&u8::MAX)
            }
            Self::Net { address: IpAddr::V6(address), mask: IpAddr::V6(mask) } => {
                address.is_loopback() && mask.to_bits() == u128::MAX
            }
            _ => false,
        }
    }
}

/// An address as a number of its family's bits.
#[derive(Clone, Copy)]
struct Bits {
    value: u128,
    width: u32,
}

impl Bits {
    /// Whether both are equal where the mask counts (`pg_range_sockaddr`).
    fn agrees(self, other: Self, mask: Self) -> bool {
        self.width == other.width && (self.value ^ other.value) & mask.value == 0
    }
}

fn bits(address: IpAddr) -> Bits {
    match address {
        IpAddr::V4(address) => Bits { value: address.to_bits().into(), width: 32 },
        IpAddr::V6(address) => Bits { value: address.to_bits(), width: 128 },
    }
}

/// A numeric address as getaddrinfo(3) takes it: that of inet_aton(3), too, such as `10.1` or `0x7f.1`.
pub(super) fn numeric(text: &str) -> Option<IpAddr> {
    let unscoped = text.split_once('%').map_or(text, |(address, _)| if address.contains(':') { address } else { text });
    unscoped.parse::<Ipv6Addr>().map(IpAddr::V6).ok().or_else(|| ipv4(text).map(IpAddr::V4))
}

/// One to four numbers, decimal, octal or hexadecimal; the last one fills what is left.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, leading) = parts.split_last()?;
    if leading.len() > 3 || leading.iter().any(|part| *part > 255) {
        return None;
    }
    let left = 32 - 8 * u32::try_from(leading.len()).ok()?;
    if left < 32 && *last >= 1 << left {
        return None;
    }
    let high = leading.iter().enumerate().map(|(at, part)| part << (24 - 8 * at)).sum::<u32>();
    Some(Ipv4Addr::from(high | last))
}

fn number(part: &str) -> Option<u32> {
    let digits = |text: &str, radix| {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plain.then(|| u32::from_str_radix(text, radix).ok()).flatten()
    };
    match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
        Some(hexadecimal) => digits(hexadecimal, 16),
        None if part.len() > 1 && part.starts_with('0') => digits(part, 8),
        None => digits(part, 10),
    }
}

/// The mask of that many leading bits (`pg_sockaddr_cidr_mask`).
pub(super) fn cidr_mask(address: IpAddr, length: &str) -> Option<IpAddr> {
    // strtol(3) skips white space and takes a sign.
    let length: u32 = length.trim_start().parse::<i64>().ok()?.try_into().ok()?;
    match address {
        IpAddr::V4(_) if length <= 32 => Some(Ipv4Addr::from(u32::MAX.checked_shl(32 - length).unwrap_or(0)).into()),
        IpAddr::V6(_) if length <= 128 => Some(Ipv6Addr::from(u128::MAX.checked_shl(128 - length).unwrap_or(0)).into()),
        _ => None,
    }
}
