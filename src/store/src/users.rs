//! Who is who: the user whose reading is judged, and names for the numbers in a refusal.
//!
//! Names come from /etc/passwd and /etc/group alone. The system's own lookup (NSS) may ask LDAP over the network, which
//! must never happen inside a server process; so a user of a directory service is shown by its number. Must never decide
//! that a file is trusted by a name: only numbers count.

use crate::found::PathStatus;
use std::fs::File;
use std::io::Read;

/// How much of /etc/passwd and /etc/group is read, in bytes: some 50 000 users.
const MAX_DATABASE_BYTES: u64 = 4 * 1024 * 1024;

const READ: u32 = 0o4;
const SEARCH: u32 = 0o1;
const EXECUTE: u32 = 0o1;

/// Whose reading is judged: the user the server runs as. Files must be owned by root or this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerUser {
    /// The numeric user ID.
    pub uid: u32,
}

impl ServerUser {
    /// The user that this process runs as (its effective user ID).
    #[must_use]
    pub fn current() -> Self {
        Self { uid: rustix::process::geteuid().as_raw() }
    }

    /// Whether what belongs to `uid` may decide who gets in.
    pub(crate) fn trusts(self, uid: u32) -> bool {
        uid == 0 || uid == self.uid
    }

    /// Whether the mode lets this user read a file.
    pub(crate) fn may_read(self, found: &PathStatus) -> bool {
        self.may(found, READ)
    }

    /// Whether the mode lets this user look up names in a folder.
    pub(crate) fn may_search(self, found: &PathStatus) -> bool {
        self.may(found, SEARCH)
    }

    /// Whether the mode lets this user execute a file: root too needs one of the bits (capabilities(7)).
    pub(crate) fn may_execute(self, found: &PathStatus) -> bool {
        if self.uid == 0 {
            return found.executable_by_some();
        }
        let groups = if self == Self::current() { own_groups() } else { groups_of(self.uid) };
        self.has_bit(found, &groups, EXECUTE)
    }

    /// Whether the mode allows it; `true` where the kernel itself will be asked.
    fn may(self, found: &PathStatus, wanted: u32) -> bool {
        self.uid == 0 || self == Self::current() || self.has_bit(found, &groups_of(self.uid), wanted)
    }

    /// The kernel's rule: the first class that fits decides alone.
    fn has_bit(self, found: &PathStatus, groups: &[u32], wanted: u32) -> bool {
        let shift = if found.uid == self.uid {
            6
        } else if groups.contains(&found.gid) {
            3
        } else {
            0
        };
        (found.mode >> shift) & wanted != 0
    }
}

/// The name of a user in /etc/passwd.
#[must_use]
pub fn user_name(uid: u32) -> Option<String> {
    name_of(&read_database("/etc/passwd"), uid)
}

/// The name of a group in /etc/group.
#[must_use]
pub fn group_name(gid: u32) -> Option<String> {
    name_of(&read_database("/etc/group"), gid)
}

/// The numeric ID of a user in /etc/passwd. Exact, case-sensitive.
#[must_use]
pub fn user_id(name: &str) -> Option<u32> {
    let passwd = read_database("/etc/passwd");
    passwd.lines().find(|line| field(line, 0) == Some(name)).and_then(id)
}

/// The user's primary group in /etc/passwd.
#[must_use]
pub fn primary_group(uid: u32) -> Option<u32> {
    primary_group_in(&read_database("/etc/passwd"), uid)
}

/// The groups that the kernel goes by for this process.
fn own_groups() -> Vec<u32> {
    let mut groups = rustix::process::getgroups().unwrap_or_default();
    groups.push(rustix::process::getegid());
    groups.into_iter().map(rustix::process::Gid::as_raw).collect()
}

/// All groups that /etc/passwd and /etc/group put a user in.
fn groups_of(uid: u32) -> Vec<u32> {
    groups_in(&read_database("/etc/passwd"), &read_database("/etc/group"), uid)
}

fn groups_in(passwd: &str, group: &str, uid: u32) -> Vec<u32> {
    let mut groups: Vec<u32> = primary_group_in(passwd, uid).into_iter().collect();
    if let Some(name) = name_of(passwd, uid) {
        let member = |line: &&str| field(line, 3).is_some_and(|members| members.split(',').any(|m| m == name));
        groups.extend(group.lines().filter(member).filter_map(id));
    }
    groups
}

fn primary_group_in(passwd: &str, uid: u32) -> Option<u32> {
    passwd.lines().find(|line| id(line) == Some(uid)).and_then(|line| field(line, 3)?.parse().ok())
}

/// The first entry wins, as in the C library.
fn name_of(database: &str, wanted: u32) -> Option<String> {
    let line = database.lines().find(|line| id(line) == Some(wanted))?;
    field(line, 0).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// The third field of both databases (passwd(5), group(5)).
fn id(line: &str) -> Option<u32> {
    field(line, 2)?.parse().ok()
}

fn field(line: &str, number: usize) -> Option<&str> {
    line.split(':').nth(number)
}

/// Empty when it cannot be read: then everybody is a number.
fn read_database(path: &str) -> String {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_DATABASE_BYTES).read_to_end(&mut bytes)) {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
                          postgres:x:26:27:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n\
                          +::::::\n\
                          twin:x:26:99::/:/bin/false\n\
                          broken:x:minus:1::/:/bin/false\n\
                          short:x\n";
    const GROUP: &str = "root:x:0:\npostgres:x:27:\nssl-cert:x:113:dovecot,postgres\nnear:x:114:postgres2\n";

    #[test]
    fn the_first_entry_of_an_id_gives_the_name() {
        assert_eq!(name_of(PASSWD, 26).as_deref(), Some("postgres"));
        assert_eq!(name_of(GROUP, 113).as_deref(), Some("ssl-cert"));
    }

    #[test]
    fn unknown_ids_and_broken_lines_have_no_name() {
        assert_eq!(name_of(PASSWD, 12345), None);
        assert_eq!(name_of("+::7:::::\n:x:8:8::/:\n", 8), None);
        assert_eq!(name_of("", 0), None);
        assert_eq!(primary_group_in("a:x:5:x::/:\n", 5), None);
    }

    #[test]
    fn groups_are_the_primary_one_and_those_that_list_the_name() {
        assert_eq!(groups_in(PASSWD, GROUP, 26), [27, 113]);
    }

    #[test]
    fn a_longer_name_is_not_a_member() {
        assert!(!groups_in(PASSWD, GROUP, 26).contains(&114));
        assert_eq!(groups_in(PASSWD, GROUP, 12345), [0u32; 0]);
    }

    #[test]
    fn this_machine_knows_root_and_no_nonsense() {
        assert_eq!(user_id("root"), Some(0));
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert!(group_name(0).is_some());
        assert_eq!(user_id("no such:user"), None);
    }

    #[test]
    fn the_class_that_fits_first_decides_alone() {
        let found = |uid, mode| PathStatus { uid, mode, ..PathStatus::for_tests() };
        let stranger = ServerUser { uid: 54_321 };
        assert!(!stranger.may_read(&found(54_321, 0o044)), "the owner's own bits deny");
        assert!(stranger.may_read(&found(54_321, 0o400)));
        assert!(!stranger.may_read(&found(0, 0o640)));
        assert!(stranger.may_read(&found(0, 0o604)));
        assert!(!stranger.may_search(&found(0, 0o744)));
        assert!(stranger.may_search(&found(0, 0o711)));
    }
}
