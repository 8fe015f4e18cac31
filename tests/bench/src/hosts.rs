//! The machine's own name in the /etc/hosts that a server sees.
//!
//! libldap asks for the address of that name when a process first uses it, which is at each login. Where /etc/hosts has no
//! answer, DNS is asked, and what is measured is the network. The system's own file is never changed.

use crate::files::Files;
use oauth_validator_server_tests::may_mount;
use std::fs;
use std::io::Result;
use std::path::PathBuf;

const PATH: &str = "/etc/hosts";

/// The system's file, with one name more.
pub struct Hosts(Files);

impl Hosts {
    /// Writes it, if the name is not in the system's.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn new() -> Result<Option<Self>> {
        let (name, hosts) = (own_name()?, fs::read_to_string(PATH).unwrap_or_default());
        if has(&hosts, &name) || may_mount().is_err() || fs::metadata(PATH).is_err() {
            return Ok(None);
        }
        let files = Files::new()?;
        files.file("hosts", &format!("{}\n127.0.1.1 {name}\n", hosts.trim_end()))?;
        Ok(Some(Self(files)))
    }

    /// What a server sees in whose place.
    pub fn mount(&self) -> (PathBuf, PathBuf) {
        (self.0.path("hosts"), PATH.into())
    }
}

/// Why a server would ask DNS, if it would.
pub fn missing() -> Option<String> {
    let (name, hosts) = (own_name().ok()?, fs::read_to_string(PATH).unwrap_or_default());
    (!has(&hosts, &name) && may_mount().is_err())
        .then(|| format!("{PATH} lacks {name}, which libldap would ask DNS for at each login"))
}

fn own_name() -> Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/hostname")?.trim().to_owned())
}

/// hosts(5).
fn has(hosts: &str, name: &str) -> bool {
    let lines = hosts.lines().map(|line| line.split_once('#').map_or(line, |(before, _)| before));
    lines.into_iter().any(|line| line.split_whitespace().skip(1).any(|word| word.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::has;

    #[test]
    fn a_name_is_a_word_behind_an_address() {
        let hosts = "127.0.0.1\tlocalhost\n127.0.1.1 db.corp.example  DB # old\n# 10.0.0.1 gone\nvm\n";
        for name in ["localhost", "db", "db.corp.example"] {
            assert!(has(hosts, name), "{name}");
        }
        for name in ["old", "gone", "vm", "127.0.0.1", "db.corp", ""] {
            assert!(!has(hosts, name), "{name}");
        }
    }
}
