//! What people use in place of tokens, and logins over TLS, each beside the validator that does nothing, at servers of their
//! own: so that the rows without are measured at servers that know nothing of it.
//!
//! Over TLS: by TCP at the loopback, as nobody has TLS on a Unix socket; its floor is the no-op over TLS. PAM and LDAP have
//! the client's password in clear text, over the Unix socket; their floor is the no-op of the same server. A way that lets
//! somebody in who has not the proof for it is an error, never a measurement.

use crate::client::{Credential, RepeatedLogin};
use crate::hosts;
use crate::measure::{RoundSample, Subject, round};
use crate::pam::{Pam, USER};
use crate::servers::{BY_PASSWORD, BenchIssuers, More, SETTLED, Servers, by_token, server};
use crate::slapd::Slapd;
use crate::stream::{PORT, Way};
use crate::tls::BenchTls;
use crate::variant::{BASE, Variant};
use oauth_validator_server_tests::{Postgres, may_mount};
use std::io::{Error, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;

/// The role that shows a certificate.
const BY_CERTIFICATE: &str = "certified";
/// The roles that are bound by their names, and searched for.
const SIMPLE: &str = "ldap-simple";
const SEARCHED: &str = "ldap-searched";

/// What a server has to be built with, and a system to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TLS, and certificates of clients.
    Tls,
    /// Users of the operating system.
    Pam,
    /// A directory.
    Ldap,
}

impl Kind {
    /// In the order of the table.
    pub const ALL: [Self; 3] = [Self::Tls, Self::Pam, Self::Ldap];

    /// As the report calls it where it was not measured.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls => "cert, and logins over TLS",
            Self::Pam => "PAM (pam_unix)",
            Self::Ldap => "LDAP (slapd)",
        }
    }

    /// As the table calls its rows.
    pub fn rows(self) -> &'static [&'static str] {
        match self {
            Self::Tls => &[
                "no-op, TLS",
                "RS256, 3 profiles, TLS",
                "scram-sha-256, TLS",
                "cert, TLS",
                "no-op, preloaded, TLS",
                "RS256, 3 profiles, preloaded, TLS",
            ],
            Self::Pam => &["PAM (pam_unix)"],
            Self::Ldap => &["LDAP (slapd), simple bind", "LDAP (slapd), search and bind"],
        }
    }

    /// Options of PostgreSQL's configure, of which one has it.
    fn options(self) -> [&'static str; 2] {
        match self {
            Self::Tls => ["--with-openssl", "--with-ssl"],
            Self::Pam => ["--with-pam"; 2],
            Self::Ldap => ["--with-ldap"; 2],
        }
    }

    /// Why it cannot be measured, as far as that is known without a try.
    fn missing(self, configured: &str) -> Option<String> {
        if !self.options().into_iter().any(|option| configured.contains(option)) {
            return Some(format!("this server is built without {}", self.options()[0]));
        }
        match self {
            // Also where a server of the system's listens at all addresses.
            Self::Tls => free_addresses::<4>().err().map(|error| error.to_string()),
            Self::Pam => may_mount().err(),
            Self::Ldap if Slapd::program().is_none() => Some("slapd is not installed".to_owned()),
            Self::Ldap => hosts::missing(),
        }
    }
}

/// What can be measured.
#[derive(Default)]
pub struct Usable {
    /// All of that.
    pub kinds: Vec<Kind>,
    /// The others, and why not.
    pub not_measured: Vec<(String, String)>,
}

/// Those of these that can be measured, and why the others cannot: each is tried once.
///
/// # Errors
/// When there is no server, or none over TLS where it is built with it.
pub fn usable(noop: &Path, wanted: &[Kind]) -> Result<Usable> {
    let postgres = Postgres::find_or_install().map_err(Error::other)?;
    let configured = Command::new(postgres.pg_config()).arg("--configure").output()?.stdout;
    let configured = String::from_utf8_lossy(&configured).into_owned();
    let mut usable = Usable::default();
    for kind in wanted {
        match kind.missing(&configured) {
            None => usable.kinds.push(*kind),
            Some(why) => usable.not_measured.push((kind.name().to_owned(), why)),
        }
    }
    // What a system lets a server do is found out by doing it.
    let asking: Vec<Kind> = usable.kinds.iter().copied().filter(|kind| *kind != Kind::Tls).collect();
    if !asking.is_empty() && by_clear_text(noop, &asking, 1).is_err() {
        for kind in asking {
            if let Err(error) = by_clear_text(noop, &[kind], 1) {
                usable.kinds.retain(|one| *one != kind);
                usable.not_measured.push((kind.name().to_owned(), in_a_line(&error)));
            }
        }
    }
    Ok(usable)
}

fn in_a_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// One way to log in, in one round.
pub struct Measured {
    /// As the table calls it.
    pub name: &'static str,
    /// What was measured.
    pub own: RoundSample,
    /// The validator that does nothing, by the same way.
    pub noop: RoundSample,
}

fn measured(names: &[&'static str], samples: Vec<RoundSample>) -> Vec<Measured> {
    let Some(noop) = samples.first().cloned() else { return Vec::new() };
    let pairs = names.iter().zip(samples);
    pairs.map(|(name, own)| Measured { name, own, noop: noop.clone() }).collect()
}

/// A round over TLS, and how often the provider was asked in it.
///
/// # Errors
/// When a login fails, or one goes through that must not.
pub fn over_tls(noop: &Path, providers: &BenchIssuers, logins: usize) -> Result<(Vec<Measured>, usize)> {
    let tls = BenchTls::new(BY_CERTIFICATE)?;
    let addresses = free_addresses::<4>()?;
    let more = |address: Ipv4Addr| More {
        lines: lines_over_tls(),
        conf: format!("listen_addresses = '{address}'\n{}", tls.conf()),
        mounts: Vec::new(),
    };
    let pair = |preloaded: bool, at: [Ipv4Addr; 2]| Servers::start_with(noop, preloaded, &at.map(more));
    let pairs = [pair(false, [addresses[0], addresses[1]])?, pair(true, [addresses[2], addresses[3]])?];
    for pair in &pairs {
        pair.configure(&base(pair), providers)?;
    }
    std::thread::sleep(SETTLED);

    let (without, with) = (tls.client(false)?, tls.client(true)?);
    let mut all = Vec::new();
    let mut requests = 0;
    for (pair, at) in pairs.iter().zip(addresses.chunks_exact(2)) {
        let [floor, ours] = pair.tried_clients(&base(pair))?;
        let by = |client: RepeatedLogin, number: usize| client.by(Way::Tls(at[number], without.clone()));
        let plain = |role, proof| RepeatedLogin::new(pair.noop.socket_dir(), role, proof);
        let mut subjects = vec![Subject::new(by(floor, 0), &pair.noop), Subject::new(by(ours, 1), &pair.ours)];
        let names: Vec<&str> = if pair.preloaded {
            Kind::Tls.rows()[4..].to_vec()
        } else {
            let scram = |word: &str| by(plain(BY_PASSWORD, Credential::Password(word.to_owned())), 0);
            refused(&scram("wrong"), "scram-sha-256")?;
            let stranger = plain(BY_CERTIFICATE, Credential::Nothing);
            refused(&by(stranger.clone(), 0), "cert")?;
            subjects.push(Subject::new(scram(BY_PASSWORD), &pair.noop));
            subjects.push(Subject::new(stranger.by(Way::Tls(at[0], with.clone())), &pair.noop));
            Kind::Tls.rows()[..4].to_vec()
        };
        let asked = providers.keys.connection_count();
        all.extend(measured(&names, round(&subjects, logins)?));
        requests += providers.keys.connection_count() - asked;
    }
    Ok((all, requests))
}

/// The case that the targets name.
fn base(pair: &Servers) -> Variant {
    Variant { preloaded: pair.preloaded, ..BASE }
}

fn lines_over_tls() -> Vec<(String, String)> {
    let token = format!("oauth issuer=\"{}\" scope=\"openid db.connect\"", BASE.issuer());
    let ways =
        [(BASE.profile(), token), (BY_PASSWORD.into(), "scram-sha-256".into()), (BY_CERTIFICATE.into(), "cert".into())];
    ways.into_iter().map(|(role, how)| (role.clone(), format!("hostssl all {role} 127.0.0.0/8 {how}"))).collect()
}

/// Addresses of the loopback at which nobody listens: the harness has its servers at one port, whatever the address.
fn free_addresses<const COUNT: usize>() -> Result<[Ipv4Addr; COUNT]> {
    let all = (1..=254).map(|number| Ipv4Addr::new(127, 77, 0, number));
    let free = all.filter(|address| TcpListener::bind((*address, PORT)).is_ok()).take(COUNT);
    let none = |_| Error::other(format!("port {PORT} is taken at each of 127.77.0.1 to 127.77.0.254"));
    free.collect::<Vec<_>>().try_into().map_err(none)
}

/// A round of those that have the server ask somebody else about a password: a quarter of the logins, as they take their
/// time.
///
/// # Errors
/// When a login fails, or one goes through that must not.
pub fn by_clear_text(noop: &Path, kinds: &[Kind], logins: usize) -> Result<Vec<Measured>> {
    let mut more = More::default();
    let mut names = vec!["no-op"];
    let pam = kinds.contains(&Kind::Pam).then(Pam::new).transpose()?;
    if let Some(pam) = &pam {
        more.mounts = pam.mounts();
        more.lines.push((USER.to_owned(), Pam::line()));
        names.extend(Kind::Pam.rows());
    }
    let program = Slapd::program().filter(|_| kinds.contains(&Kind::Ldap));
    let slapd = program.map(|program| Slapd::start(&program, &[SIMPLE, SEARCHED], BY_PASSWORD)).transpose()?;
    if let Some(slapd) = &slapd {
        more.lines.push((SIMPLE.to_owned(), slapd.simple_bind(SIMPLE)));
        more.lines.push((SEARCHED.to_owned(), slapd.search_and_bind(SEARCHED)));
        names.extend(Kind::Ldap.rows());
    }
    let hosts = hosts::Hosts::new()?;
    more.mounts.extend(hosts.as_ref().map(hosts::Hosts::mount));
    let server = server(noop, false, &more)?;
    let mut subjects = vec![Subject::new(by_token(&server, &BASE), &server)];
    for (role, line) in &more.lines {
        let client = |word: &str| RepeatedLogin::new(server.socket_dir(), role, Credential::ClearText(word.to_owned()));
        client(BY_PASSWORD).login()?;
        refused(&client("wrong"), line)?;
        subjects.push(Subject::new(client(BY_PASSWORD), &server));
    }
    let mut all = measured(&names, round(&subjects, logins.div_ceil(4))?);
    // Of the no-op at a Unix socket there is a row.
    all.remove(0);
    Ok(all)
}

/// That who lacks the proof is not let in.
fn refused(client: &RepeatedLogin, what: &str) -> Result<()> {
    match client.login() {
        Ok(_) => Err(Error::other(format!("{what}: a login without the proof went through"))),
        Err(error) if error.to_string().starts_with("the server refused: ") => Ok(()),
        Err(error) => Err(Error::other(format!("{what}: a login without the proof ended otherwise: {error}"))),
    }
}

#[cfg(test)]
mod tests;
