//! OpenLDAP's server at the loopback, with a database of its own that is gone with the value.
//!
//! It has the access rules of Debian's: whoever is not logged in may search, and may compare a password, but reads none. Its
//! log is off. It never reads or writes the system's own directory.

use crate::files::{Files, Running};
use std::fmt::Write;
use std::io::{Error, Result};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A start on a machine that does something else meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where people are.
const PEOPLE: &str = "ou=people,dc=bench,dc=example";

/// A running one.
pub struct Slapd {
    // Dropped in this order: the process first.
    _process: Running,
    _files: Files,
    port: u16,
}

impl Slapd {
    /// Where it is, if it is installed.
    pub fn program() -> Option<PathBuf> {
        first(&["/usr/sbin/slapd", "/usr/libexec/slapd", "/usr/lib/openldap/slapd"])
    }

    /// Its name and release.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn version(program: &Path) -> Result<String> {
        let output = Command::new(program).arg("-VV").output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let release = text.split_once("slapd ").and_then(|(_, rest)| rest.split_whitespace().next());
        Ok(format!("OpenLDAP {}", release.unwrap_or("of no release")))
    }

    /// Starts it, with users who have this password.
    ///
    /// # Errors
    /// With what it says, when it does not start.
    pub fn start(program: &Path, users: &[&str], password: &str) -> Result<Self> {
        let files = Files::new()?;
        files.folder("db")?;
        let conf = files.file("slapd.conf", &conf(&files)?)?;
        let tool = |name: &str, arguments: &[&str]| -> Result<Output> {
            let output = files.command(program).args(["-T", name]).args(arguments).output()?;
            match output.status.success() {
                true => Ok(output),
                false => Err(Error::other(format!("slapd -T {name}: {}", String::from_utf8_lossy(&output.stderr)))),
            }
        };
        let hash = tool("passwd", &["-n", "-h", "{SSHA}", "-s", password])?.stdout;
        let ldif = files.file("people.ldif", &ldif(users, String::from_utf8_lossy(&hash).trim()))?;
        tool("add", &["-f", &conf.to_string_lossy(), "-l", &ldif.to_string_lossy()])?;

        // Given back before slapd takes it.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = files.command(program);
        // In the foreground, and silent.
        command.args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port}"), "-f"]).arg(&conf);
        let mut process = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        let give_up = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = process.0.try_wait()? {
                return Err(Error::other(format!("slapd ended: {status}")));
            }
            if Instant::now() > give_up {
                return Err(Error::other("slapd takes no connections"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Self { _process: process, _files: files, port })
    }

    /// A line of pg_hba.conf by which a user's name is all of theirs in the directory.
    pub fn simple_bind(&self, user: &str) -> String {
        format!("{} ldapprefix=\"uid=\" ldapsuffix=\",{PEOPLE}\"", self.line(user))
    }

    /// A line by which the user is searched for first.
    pub fn search_and_bind(&self, user: &str) -> String {
        format!("{} ldapbasedn=\"{PEOPLE}\" ldapsearchattribute=uid", self.line(user))
    }

    fn line(&self, user: &str) -> String {
        format!("local all {user} ldap ldapserver=127.0.0.1 ldapport={}", self.port)
    }
}

/// slapd.conf(5).
fn conf(files: &Files) -> Result<String> {
    let schema = first(&["/etc/ldap/schema/core.schema", "/etc/openldap/schema/core.schema"]);
    let schema = schema.ok_or_else(|| Error::other("core.schema is not installed"))?;
    let mut conf = format!("include {}\npidfile {}\nloglevel 0\n", schema.display(), files.path("pid").display());
    // Where there is none, it is part of slapd.
    if let Some(module) = first(&["/usr/lib/ldap/back_mdb.so", "/usr/lib64/openldap/back_mdb.so"]) {
        let _ = writeln!(conf, "moduleload {}", module.display());
    }
    let _ = write!(
        conf,
        "database mdb\nmaxsize 16777216\nsuffix \"dc=bench,dc=example\"\ndirectory {}\n\
         index objectClass,uid eq\naccess to attrs=userPassword by anonymous auth by * none\naccess to * by * read\n",
        files.path("db").display()
    );
    Ok(conf)
}

fn ldif(users: &[&str], hash: &str) -> String {
    let mut ldif = format!(
        "dn: dc=bench,dc=example\nobjectClass: dcObject\nobjectClass: organization\ndc: bench\no: bench\n\n\
         dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n\n"
    );
    for user in users {
        let _ = write!(
            ldif,
            "dn: uid={user},{PEOPLE}\nobjectClass: person\nobjectClass: uidObject\nuid: {user}\ncn: {user}\nsn: {user}\n\
             userPassword: {hash}\n\n"
        );
    }
    ldif
}

fn first(paths: &[&str]) -> Option<PathBuf> {
    paths.iter().map(PathBuf::from).find(|path| path.is_file())
}

#[cfg(test)]
mod tests;
