//! Why a file was refused: a stable code, one sentence, and what to do next.
//!
//! Says names, owners, modes and limits. Must never hold or print a byte of the file's contents, since a refusal ends up
//! in the server's log. Paths are quoted and escaped, so that no name can forge a line of that log.

use crate::found::PathStatus;
use crate::users::{self, ServerUser};
use rustix::fs::FileType;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a file was refused. Its text is one sentence that names path, owner, mode and what is wanted; never the contents.
///
/// In each, `asked` is the path as it was given, and `found` is what was at fault: the file, or a folder or symbolic link
/// on the way to it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing has that name.
    NotFound {
        /// The path as it was given.
        asked: PathBuf,
        /// The first part that does not exist, with the symbolic links before it resolved.
        missing: PathBuf,
    },
    /// A folder, FIFO, socket or device.
    NotRegular {
        /// The path as it was given.
        asked: PathBuf,
        /// What it leads to.
        found: PathStatus,
    },
    /// No folder, where one is wanted.
    NotFolder {
        /// The path as it was given.
        asked: PathBuf,
        /// What is there.
        found: PathStatus,
    },
    /// More files than a folder may have.
    TooMany {
        /// The folder.
        asked: PathBuf,
        /// The limit.
        max_files: usize,
    },
    /// The files before it in the folder leave no room for it.
    NoRoom {
        /// The path as it was given.
        asked: PathBuf,
        /// The limit of all together, in bytes.
        max_bytes: usize,
    },
    /// More bytes than such a file may have.
    TooLarge {
        /// The path as it was given.
        asked: PathBuf,
        /// The file.
        found: PathStatus,
        /// The limit, in bytes.
        max_bytes: usize,
    },
    /// The file, or a symbolic link in a folder that others may write to, belongs neither to root nor to the server.
    WrongOwner {
        /// The path as it was given.
        asked: PathBuf,
        /// The file or symbolic link.
        found: PathStatus,
        /// Who may own it, besides root.
        server: ServerUser,
    },
    /// The group or others may write to the file.
    Writable {
        /// The path as it was given.
        asked: PathBuf,
        /// The file.
        found: PathStatus,
    },
    /// A folder on the way belongs neither to root nor to the server.
    FolderWrongOwner {
        /// The path as it was given.
        asked: PathBuf,
        /// The folder.
        found: PathStatus,
        /// Who may own it, besides root.
        server: ServerUser,
    },
    /// The group or others may replace what is in a folder on the way.
    FolderWritable {
        /// The path as it was given.
        asked: PathBuf,
        /// The folder.
        found: PathStatus,
    },
    /// The server's user cannot execute the file.
    NotExecutable {
        /// The path as it was given.
        asked: PathBuf,
        /// The file.
        found: PathStatus,
        /// Who must be able to execute it.
        server: ServerUser,
    },
    /// The file, or a folder on the way, cannot be read by the server's user, or reading failed.
    Unreadable {
        /// The path as it was given.
        asked: PathBuf,
        /// What could not be read or searched, when the walk came that far.
        found: Option<PathStatus>,
        /// Who could not read it.
        server: ServerUser,
        /// The system's reason.
        why: String,
    },
}

impl Refusal {
    /// The stable code, in snake_case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::NotRegular { .. } => "not_regular",
            Self::NotFolder { .. } => "not_folder",
            Self::TooMany { .. } => "too_many",
            Self::NoRoom { .. } => "no_room",
            Self::TooLarge { .. } => "too_large",
            Self::WrongOwner { .. } => "wrong_owner",
            Self::Writable { .. } => "writable",
            Self::FolderWrongOwner { .. } => "folder_wrong_owner",
            Self::FolderWritable { .. } => "folder_writable",
            Self::NotExecutable { .. } => "not_executable",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// What to do next, often a command that can be pasted into a root shell.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotFound { asked, missing } if asked == missing => "Create the file, or correct the path.".into(),
            Self::NotFound { missing, .. } => {
                format!("Create {missing:?}, or correct the path or the symbolic link that leads there.")
            }
            Self::NotRegular { .. } => "Name a regular file, or a symbolic link to one.".into(),
            Self::NotFolder { .. } => "Name a folder, or a symbolic link to one.".into(),
            Self::TooMany { .. } => {
                "Check that this is the right folder, and put several profiles into one file.".into()
            }
            Self::NoRoom { .. } => {
                "Check what the files before it have, and say once what profiles have in common.".into()
            }
            Self::TooLarge { .. } => "Check that this is the right file.".into(),
            Self::WrongOwner { found, .. } if found.kind == FileType::Symlink => {
                format!("chown -h root {}, or name the file itself.", shell_word(&found.path))
            }
            Self::WrongOwner { found, server, .. } => hand_over(found, *server),
            Self::Writable { found, .. } => {
                format!("Check what it says, then: chmod go-w {}", shell_word(&found.path))
            }
            Self::FolderWrongOwner { found, server, .. } => {
                let owner = if server.uid == 0 { "root" } else { "root or the server's user" };
                elsewhere(format!("chown root {}", shell_word(&found.path)), found, &format!("a folder of {owner}"))
            }
            Self::FolderWritable { found, .. } => {
                let command = format!("chmod go-w {}", shell_word(&found.path));
                elsewhere(command, found, "a folder that nobody else can write to")
            }
            Self::NotExecutable { found, server, .. } => {
                format!("If this is the right file: {}", grant(found, *server, 'x'))
            }
            Self::Unreadable { found, server, .. } => let_in(found.as_ref(), *server),
        }
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { asked, missing } if asked == missing => {
                write!(f, "{asked:?} does not exist")
            }
            Self::NotFound { asked, missing } => {
                write!(f, "{asked:?} does not exist: there is no {missing:?}")
            }
            Self::NotRegular { asked, found } => {
                write!(f, "{}, a {}; it must be a regular file", RefusedFile(asked, found), found.what())
            }
            Self::NotFolder { asked, found } => {
                write!(f, "{}, a {}; it must be a folder", RefusedFile(asked, found), found.what())
            }
            Self::TooMany { asked, max_files } => {
                write!(f, "{asked:?} has more than the {max_files} files allowed")
            }
            Self::NoRoom { asked, max_bytes } => write!(
                f,
                "{asked:?} was not read: with the files before it, there are more than the {max_bytes} bytes allowed"
            ),
            Self::TooLarge { asked, found, max_bytes } => {
                write!(f, "{}, and has more than the {max_bytes} bytes allowed", RefusedFile(asked, found))
            }
            Self::WrongOwner { asked, found, server } | Self::FolderWrongOwner { asked, found, server } => {
                write!(f, "{}; it must be owned by {}", RefusedFile(asked, found), Owners(*server))
            }
            Self::Writable { asked, found } => {
                write!(f, "{}; it must not be writable by group or others", RefusedFile(asked, found))
            }
            Self::FolderWritable { asked, found } => write!(
                f,
                "{}; it must not be writable by group or others, unless it is sticky or mounted read-only",
                RefusedFile(asked, found)
            ),
            Self::NotExecutable { asked, found, server } => {
                write!(f, "{}; it must be executable by {}", RefusedFile(asked, found), NamedUser(server.uid))
            }
            Self::Unreadable { asked, found: Some(found), server, why } => write!(
                f,
                "{}; it must be {} by {}, but: {why}",
                RefusedFile(asked, found),
                if found.kind == FileType::Directory { "searchable" } else { "readable" },
                NamedUser(server.uid)
            ),
            Self::Unreadable { asked, found: None, server, why } => {
                write!(f, "{asked:?} must be readable by {}, but: {why}", NamedUser(server.uid))
            }
        }
    }
}

/// `"/etc/x" is owned by mallory (uid 1001), mode 0666`, with the place at fault where that is another one.
struct RefusedFile<'a>(&'a Path, &'a PathStatus);

impl fmt::Display for RefusedFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(asked, found) = self;
        if found.path == **asked {
            write!(f, "{asked:?} is ")?;
        } else if found.kind == FileType::Directory || found.kind == FileType::Symlink {
            write!(f, "{asked:?} cannot be trusted: the {} {:?} is ", found.what(), found.path)?;
        } else {
            write!(f, "{asked:?} leads to {:?}, which is ", found.path)?;
        }
        write!(f, "owned by {}, mode {:04o}", NamedUser(found.uid), found.mode)
    }
}

/// The user's name and number.
pub(crate) struct NamedUser(pub(crate) u32);

impl fmt::Display for NamedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match users::user_name(self.0) {
            Some(name) => write!(f, "{} (uid {})", name.escape_debug(), self.0),
            None => write!(f, "uid {}", self.0),
        }
    }
}

struct Owners(ServerUser);

impl fmt::Display for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.uid {
            0 => write!(f, "root"),
            uid => write!(f, "root or {}", NamedUser(uid)),
        }
    }
}

/// Where a configuration is at home.
const HOME: &str = "/etc/postgresql";

/// A command for the folder at fault, or another folder to go to. Where the usual one is at fault, or lies in it, going
/// there is no way out.
fn elsewhere(command: String, found: &PathStatus, wanted: &str) -> String {
    if Path::new(HOME).starts_with(&found.path) {
        return format!("{command}.");
    }
    format!("{command}, or keep the file in {wanted}, such as {HOME}.")
}

/// How to make a file root's, and readable by the server alone.
fn hand_over(found: &PathStatus, server: ServerUser) -> String {
    let file = shell_word(&found.path);
    // A program stays one.
    let (for_group, for_owner) = if found.executable_by_some() { ("0750", "0700") } else { ("0640", "0600") };
    match group_of(server) {
        Some(group) => {
            format!("Check what it says, then: chown root:{group} {file} && chmod {for_group} {file}")
        }
        None => format!("Check what it says, then: chown {} {file} && chmod {for_owner} {file}", server.uid),
    }
}

fn let_in(found: Option<&PathStatus>, server: ServerUser) -> String {
    let Some(found) = found else {
        return "Correct the path.".into();
    };
    let bit = if found.kind == FileType::Directory { 'x' } else { 'r' };
    format!("If its mode is the reason: {}", grant(found, server, bit))
}

/// The command that gives the server this bit of the mode, and as few others as can be.
fn grant(found: &PathStatus, server: ServerUser, bit: char) -> String {
    let place = shell_word(&found.path);
    match group_of(server) {
        Some(group) if found.uid != server.uid => format!("chgrp {group} {place} && chmod g+{bit} {place}"),
        _ if found.uid == server.uid => format!("chmod u+{bit} {place}"),
        _ => format!("chmod o+{bit} {place}"),
    }
}

/// The name of the server's primary group, where both files know it and it is one.
fn group_of(server: ServerUser) -> Option<String> {
    users::group_name(users::primary_group(server.uid)?)
}

/// The path as one word of a shell command.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,".contains(c);
    if text.chars().all(plain) {
        return text.into_owned();
    }
    if text.chars().any(char::is_control) {
        // Such a command cannot be pasted, but it cannot forge a line of the log either.
        return format!("{path:?}");
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
