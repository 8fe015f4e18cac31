//! What is wrong with the folder of key files: a stable code, one sentence, and a command to paste.
//!
//! Says names, owners, modes and the system's reason; must never hold or print a byte of a file's contents. Paths are
//! quoted and escaped, so that no name can forge a line of the server's log. No command adopts, or removes as a whole, a
//! folder that a wrong setting may have named.

use crate::found::PathStatus;
use crate::refusal::{self, shell_word};
use crate::users::{self, ServerUser};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why the folder of key files, or a file in it, cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum CacheTrouble {
    /// Nothing has the folder's name, or it cannot be made because the folder above it is missing, too.
    FolderMissing {
        /// The folder.
        path: PathBuf,
        /// Who has to own it.
        server: ServerUser,
    },
    /// A symbolic link, also one that leads to a folder, or something else.
    NotAFolder {
        /// What has the folder's name.
        found: PathStatus,
        /// Who has to own it.
        server: ServerUser,
    },
    /// The folder belongs to somebody else than the server's user; root is somebody else.
    FolderWrongOwner {
        /// The folder.
        found: PathStatus,
        /// Who has to own it.
        server: ServerUser,
    },
    /// The group or others may replace what is in the folder.
    FolderWritable {
        /// The folder.
        found: PathStatus,
    },
    /// A file's name leads to a symbolic link, folder, FIFO, socket or device.
    NotRegular {
        /// What has the file's name.
        found: PathStatus,
    },
    /// A file belongs to somebody else than the server's user; root is somebody else.
    WrongOwner {
        /// The file.
        found: PathStatus,
        /// Who has to own it.
        server: ServerUser,
    },
    /// The group or others may write to a file.
    Writable {
        /// The file.
        found: PathStatus,
    },
    /// More bytes than a key file may have.
    TooLarge {
        /// The file.
        found: PathStatus,
        /// The limit, in bytes.
        max_bytes: usize,
    },
    /// This process would make files that the server cannot use.
    WrongUser {
        /// The folder.
        folder: PathBuf,
        /// Who has to own what is in it.
        server: ServerUser,
        /// Who runs this process.
        process: ServerUser,
    },
    /// Somebody removed or replaced the lock file.
    LockLost {
        /// The lock file.
        path: PathBuf,
    },
    /// No file of the folder can have this name.
    ProfileName {
        /// The beginning of the name.
        name: String,
    },
    /// The system refused something: a full disk, a read-only mount, a mode.
    Io {
        /// What was refused.
        operation: Operation,
        /// The folder or file.
        path: PathBuf,
        /// The system's reason; its `raw_os_error` is the errno.
        error: io::Error,
        /// The folder, if it came to be opened.
        folder: Option<PathStatus>,
        /// For whom it was tried.
        server: ServerUser,
    },
}

/// What the system refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// To open, or to look up, the folder or a file.
    Open,
    /// To make the folder.
    CreateFolder,
    /// To list the folder.
    List,
    /// To read a file.
    Read,
    /// To write to the folder at all.
    WriteTo,
    /// To make a file.
    Create,
    /// To remove what an earlier process left.
    Remove,
    /// To write a file, or to have it on the disk.
    Write,
    /// To put a new file in the place of the old one.
    Rename,
    /// To lock the lock file.
    Lock,
    /// To set the lock file's time.
    Note,
    /// To set the lock file's mode.
    Protect,
}

impl Operation {
    fn verb(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::CreateFolder => "make the folder",
            Self::List => "list",
            Self::Read => "read",
            Self::WriteTo => "write to the folder",
            Self::Create => "make",
            Self::Remove => "remove",
            Self::Write => "write",
            Self::Rename => "replace",
            Self::Lock => "lock",
            Self::Note => "set the time of",
            Self::Protect => "set the mode of",
        }
    }
}

impl CacheTrouble {
    pub(crate) fn io(
        operation: Operation,
        path: &Path,
        error: impl Into<io::Error>,
        folder: Option<&PathStatus>,
        server: ServerUser,
    ) -> Self {
        Self::Io { operation, path: path.to_owned(), error: error.into(), folder: folder.cloned(), server }
    }

    /// The stable code, in snake_case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::FolderMissing { .. } => "folder_missing",
            Self::NotAFolder { .. } => "not_a_folder",
            Self::FolderWrongOwner { .. } => "folder_wrong_owner",
            Self::FolderWritable { .. } => "folder_writable",
            Self::NotRegular { .. } => "not_regular",
            Self::WrongOwner { .. } => "wrong_owner",
            Self::Writable { .. } => "writable",
            Self::TooLarge { .. } => "too_large",
            Self::WrongUser { .. } => "wrong_user",
            Self::LockLost { .. } => "lock_lost",
            Self::ProfileName { .. } => "profile_name",
            Self::Io { .. } => "io",
        }
    }

    /// What to do next, with a command that can be pasted into a root shell.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::FolderMissing { path, server } => make_it(path, *server),
            Self::NotAFolder { found, .. } if found.kind == FileType::Symlink => format!(
                "Name the folder itself in oauth_validator.cache_directory; to see where the link leads: readlink -f {}",
                shell_word(&found.path)
            ),
            Self::NotAFolder { found, server } => {
                let mut old = found.path.clone().into_os_string();
                old.push(".old");
                let aside = format!("mv {} {}", shell_word(&found.path), shell_word(Path::new(&old)));
                format!("{aside} && {}", make_it(&found.path, *server))
            }
            Self::FolderWrongOwner { found, server } => format!(
                "Check that it is the right folder, then: chown {} {}",
                account(*server),
                shell_word(&found.path)
            ),
            Self::FolderWritable { found } => {
                format!("Check that it is the right folder, then: chmod go-w {}", shell_word(&found.path))
            }
            Self::NotRegular { found } => format!("The server makes it anew after: rm -d {}", shell_word(&found.path)),
            Self::WrongOwner { found, .. } | Self::Writable { found } | Self::TooLarge { found, .. } => {
                format!("The server makes it anew after: rm {}", shell_word(&found.path))
            }
            Self::WrongUser { server, .. } => {
                format!("Run it as that user: runuser -u {} -- COMMAND", account(*server))
            }
            Self::LockLost { path } => {
                format!("Leave the lock files in place; to see what is there: ls -la {}", shell_word(parent(path)))
            }
            Self::ProfileName { .. } => "Correct the name; to see those in use: oauth-validator check".into(),
            Self::Io { path, error, server, .. } => look_at(path, error, *server),
        }
    }
}

impl std::error::Error for CacheTrouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for CacheTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FolderMissing { path, server } => {
                write!(
                    f,
                    "{path:?} does not exist; it must be a folder owned by {}, mode 0700",
                    refusal::NamedUser(server.uid)
                )
            }
            Self::NotAFolder { found, server } => {
                write!(
                    f,
                    "{}; it must be a folder itself, owned by {}, mode 0700",
                    FoundFile(found),
                    refusal::NamedUser(server.uid)
                )
            }
            Self::FolderWrongOwner { found, server } | Self::WrongOwner { found, server } => {
                write!(f, "{}; it must be owned by {}", FoundFile(found), refusal::NamedUser(server.uid))
            }
            Self::FolderWritable { found } | Self::Writable { found } => {
                write!(f, "{}; it must not be writable by group or others", FoundFile(found))
            }
            Self::NotRegular { found } => write!(f, "{}; it must be a regular file", FoundFile(found)),
            Self::TooLarge { found, max_bytes } => {
                write!(f, "{}, and has more than the {max_bytes} bytes allowed", FoundFile(found))
            }
            Self::WrongUser { folder, server, process } => write!(
                f,
                "{folder:?} must be written to by {} alone, but this process runs as {}",
                refusal::NamedUser(server.uid),
                refusal::NamedUser(process.uid)
            ),
            Self::LockLost { path } => {
                write!(f, "{path:?} was removed or replaced while it was locked; it must stay where it is")
            }
            Self::ProfileName { name } => write!(
                f,
                "{name:?} is no name of a profile; it must be up to 63 of a-z, 0-9, _ and -, beginning with a letter or \
                 digit"
            ),
            Self::Io { operation, path, error, folder, server } => {
                write!(f, "cannot {} {path:?}: {error}", operation.verb())?;
                match folder {
                    Some(folder) if folder.path == *path => {
                        write!(
                            f,
                            "; it is owned by {}, mode {:04o}, and",
                            refusal::NamedUser(folder.uid),
                            folder.mode
                        )?;
                    }
                    Some(folder) => {
                        let (path, owner, mode) = (&folder.path, refusal::NamedUser(folder.uid), folder.mode);
                        write!(f, "; the folder {path:?} is owned by {owner}, mode {mode:04o}, and")?;
                    }
                    None => write!(f, "; the folder")?,
                }
                write!(f, " must be readable and writable by {}", refusal::NamedUser(server.uid))
            }
        }
    }
}

/// `"/x/corp.json" is a file owned by mallory (uid 1001), mode 0666`
struct FoundFile<'a>(&'a PathStatus);

impl fmt::Display for FoundFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(found) = self;
        let what = match found.kind {
            FileType::RegularFile => "file",
            FileType::Directory => "folder",
            FileType::Symlink => "symbolic link",
            FileType::Fifo => "FIFO",
            FileType::Socket => "socket",
            _ => "device",
        };
        write!(f, "{:?} is a {what} owned by {}, mode {:04o}", found.path, refusal::NamedUser(found.uid), found.mode)
    }
}

fn make_it(path: &Path, server: ServerUser) -> String {
    format!("install -d -o {} -m 0700 {}", account(server), shell_word(path))
}

/// A command that shows what the system did not like.
fn look_at(path: &Path, error: &io::Error, server: ServerUser) -> String {
    let folder = shell_word(parent(path));
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC) => format!("Free some space: df -h {folder} && df -i {folder}"),
        Some(Errno::DQUOT) => format!("Raise the quota, or free some space: quota -u {}", account(server)),
        Some(Errno::ROFS) => format!("Mount it for writing, or name another folder: findmnt -T {folder}"),
        Some(Errno::ACCESS | Errno::PERM) => format!("To see whose each part is: namei -l {}", shell_word(path)),
        _ => format!("To see what is there: ls -la {folder}"),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The user as a command takes it.
fn account(server: ServerUser) -> String {
    match users::user_name(server.uid) {
        Some(name) if shell_word(Path::new(&name)) == name => name,
        _ => server.uid.to_string(),
    }
}
