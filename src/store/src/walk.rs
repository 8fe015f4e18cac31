//! Finds the folder and the name that a path leads to, judging each folder and symbolic link on the way.
//!
//! The walk is done by hand, one component at a time, on handles: the folder that is judged is the very one in which the
//! next component is looked up, so that nothing can be swapped between the judgement and the use. Symbolic links are
//! expanded as the kernel does (path_resolution(7)), which makes the walk cover the path as it is written and the path
//! that is really reached. O_PATH handles need no read permission and open neither FIFOs nor devices.

use crate::found::PathStatus;
use crate::refusal::Refusal;
use crate::users::ServerUser;
use rustix::fs::{CWD, FileType, Mode, OFlags, StatVfsMountFlags, fstat, fstatvfs, openat, readlinkat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// How many symbolic links the kernel follows before it says ELOOP (path_resolution(7)).
const MAX_LINKS: u32 = 40;

/// PATH_MAX of Linux. The kernel would refuse a longer path at once; a walk by hand would go on for a million folders.
const MAX_PATH_BYTES: usize = 4096;

/// What a path leads to: something that is neither a folder nor a symbolic link, in a folder that may be trusted.
pub(crate) struct WalkTarget {
    /// The folder, judged.
    pub folder: OwnedFd,
    /// What is known of it, with the symbolic links before it resolved.
    at: PathStatus,
    shared: bool,
    /// The name in that folder.
    pub name: OsString,
    /// What had that name when the walk came by. Not judged.
    pub found: PathStatus,
}

/// Walks `path` from the root.
pub(crate) fn find(path: &Path, user: ServerUser) -> Result<WalkTarget, Refusal> {
    Walk::start(path, user)?.run()
}

/// Walks `path` from the root to a folder that nobody but root and `user` can put a file into.
pub(crate) fn find_folder(path: &Path, user: ServerUser) -> Result<Walked<'_>, Refusal> {
    Walk::start(path, user)?.run_to_folder()
}

/// As [`find_folder`], right after a walk to a file: where the folder stands beside that, what led there is not walked again.
pub(crate) fn find_folder_after(target: WalkTarget, path: &Path, user: ServerUser) -> Result<Walked<'_>, Refusal> {
    let WalkTarget { folder, at, shared, .. } = target;
    match path.file_name() {
        // That path has no symbolic link in it, so it leads where the walk has been.
        Some(name) if path.parent() == Some(&at.path) => {
            let pending = vec![name.to_owned()];
            Walk { asked: path, user, folder, at, shared, pending, links: 0 }.run_to_folder()
        }
        _ => find_folder(path, user),
    }
}

/// A folder at the end of a path, judged.
pub(crate) struct Walked<'a>(Walk<'a>);

impl Walked<'_> {
    pub(crate) fn handle(&self) -> &OwnedFd {
        &self.0.folder
    }

    /// The path with the symbolic links before it resolved.
    pub(crate) fn path(&self) -> &Path {
        &self.0.at.path
    }

    pub(crate) fn unreadable(&self, why: String) -> Refusal {
        self.0.unreadable(&self.0.at, why)
    }

    /// What a name in this folder leads to; `asked` is how messages call it.
    pub(crate) fn find(&self, asked: &Path, name: &OsStr) -> Result<WalkTarget, Refusal> {
        let why = |error: std::io::Error| self.unreadable(error.to_string());
        let folder = self.0.folder.try_clone().map_err(why)?;
        let at = self.0.at.clone();
        let walk =
            Walk { asked, user: self.0.user, folder, at, shared: false, pending: vec![name.to_owned()], links: 0 };
        walk.run()
    }
}

struct Walk<'a> {
    asked: &'a Path,
    user: ServerUser,
    folder: OwnedFd,
    at: PathStatus,
    /// Somebody else may add entries to the current folder, but only remove their own: /tmp.
    shared: bool,
    /// Components still to come, the next one last.
    pending: Vec<OsString>,
    links: u32,
}

impl<'a> Walk<'a> {
    fn start(asked: &'a Path, user: ServerUser) -> Result<Self, Refusal> {
        let unreadable = |why: String| Refusal::Unreadable { asked: asked.to_owned(), found: None, server: user, why };
        if asked.as_os_str().is_empty() {
            return Err(Refusal::NotFound { asked: asked.to_owned(), missing: asked.to_owned() });
        }
        if asked.as_os_str().len() >= MAX_PATH_BYTES {
            return Err(unreadable(std::io::Error::from(Errno::NAMETOOLONG).to_string()));
        }
        let mut path = PathBuf::new();
        if asked.is_relative() {
            path = std::env::current_dir().map_err(|e| unreadable(format!("no working directory: {e}")))?;
        }
        path.push(asked);

        let folder = open_root().map_err(|e| unreadable(std::io::Error::from(e).to_string()))?;
        let stat = fstat(&folder).map_err(|e| unreadable(std::io::Error::from(e).to_string()))?;
        let at = PathStatus::new(PathBuf::from("/"), &stat);
        let mut walk = Self { asked, user, folder, at, shared: false, pending: Vec::new(), links: 0 };
        walk.shared = walk.judge_folder(&walk.folder, &walk.at)?;
        walk.expect(&path);
        Ok(walk)
    }

    fn run(mut self) -> Result<WalkTarget, Refusal> {
        while let Some(name) = self.pending.pop() {
            let (entry, found) = self.look_up(&name)?;
            match found.kind {
                FileType::Symlink => self.follow(&entry, &found)?,
                // The last component: a folder where a file is wanted.
                FileType::Directory if self.pending.is_empty() => {
                    return Err(Refusal::NotRegular { asked: self.asked.to_owned(), found });
                }
                FileType::Directory => self.enter(entry, found)?,
                _ if self.pending.is_empty() => {
                    return Ok(WalkTarget { folder: self.folder, at: self.at, shared: self.shared, name, found });
                }
                _ => {
                    let missing = found.path.join(self.pending.pop().unwrap_or_default());
                    return Err(Refusal::NotFound { asked: self.asked.to_owned(), missing });
                }
            }
        }
        Err(Refusal::NotRegular { asked: self.asked.to_owned(), found: self.at })
    }

    /// To a folder that nobody but root and the server's user can put a file into.
    fn run_to_folder(mut self) -> Result<Walked<'a>, Refusal> {
        while let Some(name) = self.pending.pop() {
            let (entry, found) = self.look_up(&name)?;
            match found.kind {
                FileType::Symlink => self.follow(&entry, &found)?,
                FileType::Directory => self.enter(entry, found)?,
                _ => return Err(Refusal::NotFolder { asked: self.asked.to_owned(), found }),
            }
        }
        // In /tmp others cannot replace a file, but a folder of files counts with all that are there.
        if self.shared {
            return Err(Refusal::FolderWritable { asked: self.asked.to_owned(), found: self.at });
        }
        if !self.user.may_read(&self.at) {
            return Err(self.unreadable(&self.at, "its mode does not let the server's user list it".into()));
        }
        Ok(Walked(self))
    }

    /// Puts the components of `path` before those still to come.
    fn expect(&mut self, path: &Path) {
        self.pending.extend(path.components().rev().filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        }));
    }

    fn look_up(&self, name: &OsStr) -> Result<(OwnedFd, PathStatus), Refusal> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = self.path_of(name);
        let entry = openat(&self.folder, name, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => Refusal::NotFound { asked: self.asked.to_owned(), missing: path.clone() },
            other => self.unreadable(&self.at, std::io::Error::from(other).to_string()),
        })?;
        let stat = fstat(&entry).map_err(|e| self.unreadable(&self.at, std::io::Error::from(e).to_string()))?;
        Ok((entry, PathStatus::new(path, &stat)))
    }

    fn path_of(&self, name: &OsStr) -> PathBuf {
        if name == ".." {
            return self.at.path.parent().unwrap_or(Path::new("/")).to_owned();
        }
        self.at.path.join(name)
    }

    fn enter(&mut self, folder: OwnedFd, found: PathStatus) -> Result<(), Refusal> {
        self.shared = self.judge_folder(&folder, &found)?;
        self.folder = folder;
        self.at = found;
        Ok(())
    }

    fn follow(&mut self, link: &OwnedFd, found: &PathStatus) -> Result<(), Refusal> {
        // Elsewhere only the folder's owner could have placed the link, whomever it belongs to.
        if self.shared && !self.user.trusts(found.uid) {
            let (asked, found) = (self.asked.to_owned(), found.clone());
            return Err(Refusal::WrongOwner { asked, found, server: self.user });
        }
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(self.unreadable(found, format!("more than {MAX_LINKS} symbolic links lead to it")));
        }
        let os_error = |errno: Errno| std::io::Error::from(errno).to_string();
        let target = readlinkat(link, "", Vec::new()).map_err(|errno| self.unreadable(found, os_error(errno)))?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if target.as_os_str().as_bytes().starts_with(b"/") {
            let root = open_root().map_err(|errno| self.unreadable(found, os_error(errno)))?;
            let stat = fstat(&root).map_err(|errno| self.unreadable(found, os_error(errno)))?;
            self.enter(root, PathStatus::new(PathBuf::from("/"), &stat))?;
        }
        self.expect(&target);
        Ok(())
    }

    /// Whether only root and the server's user decide what is in this folder. `Ok(true)`: others may add to it, but not
    /// replace what is there.
    fn judge_folder(&self, folder: &OwnedFd, found: &PathStatus) -> Result<bool, Refusal> {
        let asked = || self.asked.to_owned();
        if !self.user.trusts(found.uid) {
            return Err(Refusal::FolderWrongOwner { asked: asked(), found: found.clone(), server: self.user });
        }
        let shared = found.writable_by_others() && !on_read_only_mount(folder);
        if shared && !found.sticky() {
            return Err(Refusal::FolderWritable { asked: asked(), found: found.clone() });
        }
        if !self.user.may_search(found) {
            return Err(self.unreadable(found, "its mode does not let the server's user search it".into()));
        }
        Ok(shared)
    }

    fn unreadable(&self, found: &PathStatus, why: String) -> Refusal {
        Refusal::Unreadable { asked: self.asked.to_owned(), found: Some(found.clone()), server: self.user, why }
    }
}

fn open_root() -> Result<OwnedFd, Errno> {
    openat(CWD, "/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Kubernetes mounts ConfigMaps and Secrets read-only, with folders of mode 0777. An error means "no".
fn on_read_only_mount(folder: &OwnedFd) -> bool {
    fstatvfs(folder).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY))
}
