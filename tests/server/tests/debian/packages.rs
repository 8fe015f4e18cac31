//! apt, dpkg and the system's trust store, as an administrator uses them.
//!
//! Only local packages are installed: the folder has no network by then.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The configuration, which is the packages' only file under /etc.
pub const CONFFILE: &str = "/etc/postgresql/oauth-validator.toml";

/// What is built from this source.
pub const PACKAGES: [&str; 4] = [
    "oauth-validator-common",
    "oauth-validator-client",
    "postgresql-18-oauth-validator",
    "postgresql-19-oauth-validator",
];

/// The major releases that they are for.
pub const MAJORS: [u32; 2] = [18, 19];

/// The packages of one build: `old`, or `new`, whose version is higher and whose sample configuration is another.
pub fn debs(build: &str) -> Vec<PathBuf> {
    let folder = env::var_os("OAUTH_VALIDATOR_DEBS").expect("make test-debian runs these tests, and nobody else");
    let entries = fs::read_dir(Path::new(&folder).join(build)).expect("a folder of packages");
    let debs: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(debs.len(), PACKAGES.len(), "{debs:?}");
    debs
}

/// As unattended upgrades do it: a configuration that was edited is kept.
pub fn apt(arguments: &[&str], debs: &[PathBuf]) -> Output {
    let mut command = Command::new("apt-get");
    command.args(["--yes", "--quiet", "-o", "DPkg::Options::=--force-confold"]);
    command.args(arguments).args(debs).env("DEBIAN_FRONTEND", "noninteractive");
    command.output().expect("apt-get runs")
}

/// Runs apt-get, which must succeed.
#[track_caller]
pub fn apt_does(arguments: &[&str], debs: &[PathBuf]) {
    let output = apt(arguments, debs);
    assert!(output.status.success(), "apt-get {arguments:?}: {}", said(&output));
}

/// All that a program printed.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a program that must succeed, and returns what it printed.
#[track_caller]
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// `installed`, `config-files`, or `not-installed`, as dpkg calls it.
pub fn state(package: &str) -> String {
    let output = Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]).output();
    let output = output.expect("dpkg-query runs");
    if output.status.success() { String::from_utf8(output.stdout).expect("UTF-8") } else { "not-installed".into() }
}

/// The version that is installed.
pub fn version(package: &str) -> String {
    run("dpkg-query", &["--show", "--showformat=${Version}", package])
}

/// The files of all packages that are there; not the folders, which other packages have as well.
pub fn files() -> Vec<PathBuf> {
    let listed = run("dpkg-query", &[&["--listfiles"], &PACKAGES[..]].concat());
    listed.lines().map(PathBuf::from).filter(|path| path.is_file()).collect()
}

/// `user:group mode` of a file.
pub fn ownership(path: impl AsRef<Path>) -> String {
    run("stat", &["--format=%U:%G %a", path.as_ref().to_str().expect("UTF-8")]).trim().to_owned()
}

/// Edits the configuration in place, as an editor does that keeps owner and mode.
pub fn configure(toml: &str) {
    let before = fs::metadata(CONFFILE).expect("the configuration");
    fs::write(CONFFILE, toml).expect("the configuration");
    let after = fs::metadata(CONFFILE).expect("the configuration");
    assert_eq!((before.ino(), before.mode(), before.gid()), (after.ino(), after.mode(), after.gid()));
}

/// Has every program of this system trust these CAs, until the next call.
pub fn trust(cas: &[&str]) {
    assert!(env::var_os("OAUTH_VALIDATOR_DEBS").is_some(), "not on a real machine");
    for (number, ca_pem) in cas.iter().enumerate() {
        fs::write(format!("/usr/local/share/ca-certificates/test-{number}.crt"), ca_pem).expect("a certificate");
    }
    run("update-ca-certificates", &["--fresh"]);
}
