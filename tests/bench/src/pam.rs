//! A user of the operating system, and a PAM service, that one server alone sees.
//!
//! The server gets a mount namespace, and in it /etc/passwd with one user more, an /etc/shadow that has nobody else, and an
//! /etc/pam.d for it alone. So that nothing of the system is ever changed, however this ends, and nobody's hash is copied.
//! As the server may not read the system's own /etc/shadow, it is given this one: what an administrator does by taking it
//! into the group `shadow`. pam_unix has unix_chkpwd read it, for the password and again for the account.

use crate::files::Files;
use std::fs;
use std::io::Result;
use std::path::PathBuf;

/// The user, who is also the role.
pub const USER: &str = "oauth-validator-bench";

/// The service.
pub const SERVICE: &str = "oauth-validator-bench";

/// The password `password`, as Debian's `passwd` writes it: yescrypt at its default cost.
const HASH: &str = "$y$j9T$oauthvalidatorbenchAA.$pogd.YgPXVg37SzXizoP1TG1HbaV/YzIGAf.cjdEwK0";

/// A wrong password is refused at once, as otherwise whoever measures waits for seconds.
const RULES: &str = "auth required pam_unix.so nodelay\naccount required pam_unix.so\n";

/// What a service without a file gets.
const OTHERS: &str = "auth required pam_deny.so\naccount required pam_deny.so\n";

/// The files that the server sees.
pub struct Pam(Files);

impl Pam {
    /// Writes them, in a folder of their own.
    ///
    /// # Errors
    /// When that is not possible, or there is no /etc/passwd.
    pub fn new() -> Result<Self> {
        let files = Files::new()?;
        let users = fs::read_to_string("/etc/passwd")?;
        let users = users.trim_end();
        files.file("passwd", &format!("{users}\n{USER}:x:64999:64999::/nonexistent:/usr/sbin/nologin\n"))?;
        files.file("shadow", &format!("{USER}:{HASH}:20000:0:99999:7:::\n"))?;
        files.folder("pam.d")?;
        files.file(&format!("pam.d/{SERVICE}"), RULES)?;
        files.file("pam.d/other", OTHERS)?;
        Ok(Self(files))
    }

    /// What the server sees in whose place.
    pub fn mounts(&self) -> Vec<(PathBuf, PathBuf)> {
        ["passwd", "shadow", "pam.d"].map(|name| (self.0.path(name), PathBuf::from("/etc").join(name))).into()
    }

    /// Its line of pg_hba.conf.
    pub fn line() -> String {
        format!("local all {USER} pam pamservice={SERVICE}")
    }
}

#[cfg(test)]
mod tests {
    use super::{HASH, Pam, USER};
    use std::fs;

    #[test]
    fn the_system_is_left_as_it_is() {
        let pam = Pam::new().unwrap();
        let [(passwd, _), (shadow, place), (folder, _)] = pam.mounts().try_into().unwrap();
        let (system, seen) = (fs::read_to_string("/etc/passwd").unwrap(), fs::read_to_string(passwd).unwrap());
        assert!(seen.starts_with(system.trim_end()) && !system.contains(USER), "{system}");
        assert_eq!(seen.lines().count(), system.trim_end().lines().count() + 1);
        assert_eq!(place.to_str(), Some("/etc/shadow"));
        // Nobody else's hash.
        assert_eq!(fs::read_to_string(shadow).unwrap(), format!("{USER}:{HASH}:20000:0:99999:7:::\n"));
        assert!(fs::read_to_string(folder.join("other")).unwrap().contains("auth required pam_deny.so"));
        drop(pam);
        assert!(!folder.exists());
    }
}
