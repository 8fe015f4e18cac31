//! The files of a configuration: which are read, which are refused, and what is told of those that were opened.

use super::*;
use crate::{ConfigurationFiles, MAX_FOLDER_FILE_BYTES, MAX_FOLDER_FILES, read_configuration};
use std::os::unix::fs::MetadataExt;

/// A main file, and a folder with `a.toml` and `b.toml`.
fn place() -> TestFolder {
    let place = TestFolder::new();
    place.file("main.toml", 0o644);
    place.folder("main.d", 0o755);
    place.file("main.d/b.toml", 0o600);
    place.file("main.d/a.toml", 0o644);
    place
}

fn all(place: &TestFolder) -> ConfigurationFiles {
    all_as(place, ServerUser::current())
}

fn all_as(place: &TestFolder, user: ServerUser) -> ConfigurationFiles {
    let (main, folder) = (place.path("main.toml"), place.path("main.d"));
    at_once(move || read_configuration(&main, Some(&folder), user)).expect("a main file")
}

/// The names of the files, each with `+` in front if it was read.
fn names(files: &ConfigurationFiles) -> Vec<String> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = files.folder.files.iter();
    files.map(|file| format!("{}{}", if file.text.is_ok() { "+" } else { "-" }, name(&file.path))).collect()
}

#[track_caller]
fn why(files: &ConfigurationFiles, at: usize) -> String {
    let why = files.folder.files[at].text.as_ref().expect_err("a refusal");
    assert!(!why.hint.is_empty() && why.why.ends_with('.'), "{why:?}");
    assert!(!format!("{why:?}").contains(SECRET));
    why.why.clone()
}

#[test]
fn files_come_in_byte_order_and_others_are_left_out() {
    let place = place();
    for name in [".hidden.toml", "c.toml.new", "c.toml~", "d", "Z.toml", "\u{e4}.toml"] {
        place.file(&format!("main.d/{name}"), 0o600);
    }
    let files = all(&place);
    assert_eq!(names(&files), ["+Z.toml", "+a.toml", "+b.toml", "+\u{e4}.toml"]);
    assert_eq!(files.main, SECRET.as_bytes());
    assert_eq!(files.folder.path, Some(place.path("main.d")));
}

#[test]
fn no_folder_and_an_empty_one() {
    let place = TestFolder::new();
    place.file("main.toml", 0o644);
    assert_eq!(names(&all(&place)), [""; 0]);
    assert_eq!(all(&place).opened.len(), 1, "the main file alone");
    place.folder("main.d", 0o755);
    assert_eq!(names(&all(&place)), [""; 0]);
    assert_eq!(all(&place).opened.len(), 2, "the folder went in, empty as it is");
    // By a path that is another one in truth, as with a link above it.
    place.link("alias", place.folder.path());
    let by_link = place.path("alias/none.d");
    let files =
        read_configuration(&place.path("main.toml"), Some(&by_link), ServerUser::current()).expect("a main file");
    assert_eq!(names(&files), [""; 0], "a folder that is not there, whatever links lead to its place");
    let main = read_configuration(&place.path("main.toml"), None, ServerUser::current()).expect("a main file");
    assert!(main.folder.path.is_none() && main.folder.files.is_empty());
    assert!(read_configuration(&place.path("none.toml"), Some(&place.path("main.d")), ServerUser::current()).is_err());
}

#[test]
fn what_was_opened_is_told_as_fstat_has_it() {
    let place = place();
    let opened = all(&place).opened;
    let paths = ["main.toml", "main.d", "main.d/a.toml", "main.d/b.toml"].map(|name| place.path(name));
    assert_eq!(
        opened.iter().map(|stamp| stamp.path.clone()).collect::<Vec<_>>(),
        paths.map(|path| path.canonicalize().unwrap())
    );
    for stamp in &opened {
        let found = fs::metadata(&stamp.path).expect("it is there");
        assert_eq!((stamp.device, stamp.inode, stamp.size), (found.dev(), found.ino(), found.size()));
        assert_eq!((stamp.modified.0, i64::try_from(stamp.modified.1)), (found.mtime(), Ok(found.mtime_nsec())));
        assert_eq!((stamp.changed.0, i64::try_from(stamp.changed.1)), (found.ctime(), Ok(found.ctime_nsec())));
    }
    assert_eq!(all(&place).opened, opened, "nothing has changed");
    place.file("main.d/c.toml", 0o600);
    assert_ne!(all(&place).opened, opened);
}

#[test]
fn one_file_that_is_refused_leaves_the_others_alone() {
    let place = place();
    set_mode(&place.path("main.d/a.toml"), 0o666);
    place.folder("main.d/c.toml", 0o755);
    place.link("main.d/d.toml", "nowhere");
    fs::write(place.file("main.d/e.toml", 0o600), vec![b'#'; MAX_FOLDER_FILE_BYTES + 1]).expect("a large file");
    place.link("main.d/f.toml", "b.toml");
    let files = all(&place);
    assert_eq!(names(&files), ["-a.toml", "+b.toml", "-c.toml", "-d.toml", "-e.toml", "+f.toml"]);
    assert!(why(&files, 0).contains("must not be writable by group or others"));
    assert!(why(&files, 2).contains("it must be a regular file"));
    assert!(why(&files, 3).contains("does not exist"));
    assert!(why(&files, 4).contains("more than the 1048576 bytes allowed"));
}

#[test]
fn a_fifo_is_not_waited_for() {
    let place = place();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.path("main.d/c.toml"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("a FIFO");
    assert_eq!(names(&all(&place)), ["+a.toml", "+b.toml", "-c.toml"]);
}

#[test]
fn a_folder_that_others_can_add_to() {
    let place = place();
    for mode in [0o777, 0o775, 0o1777] {
        set_mode(&place.path("main.d"), mode);
        let files = all(&place);
        assert_eq!(names(&files), ["-main.d"], "{mode:o}");
        assert!(why(&files, 0).contains("must not be writable by group or others"), "{mode:o}");
        assert_eq!(files.opened.len(), 1);
    }
}

#[test]
fn no_folder_where_one_is_wanted() {
    let place = TestFolder::new();
    place.file("main.toml", 0o644);
    place.file("main.d", 0o644);
    assert!(why(&all(&place), 0).contains("it must be a folder"));
    fs::remove_file(place.path("main.d")).expect("removed");
    place.link("main.d", "nowhere");
    assert!(why(&all(&place), 0).contains("does not exist"), "a link that leads nowhere is no empty folder");
    fs::remove_file(place.path("main.d")).expect("removed");
    place.folder("real", 0o755);
    place.file("real/x.toml", 0o600);
    place.link("main.d", "real");
    assert_eq!(names(&all(&place)), ["+x.toml"]);
}

#[test]
fn files_and_folders_of_a_stranger() {
    if !needs_root("files_and_folders_of_a_stranger") {
        return;
    }
    let place = place();
    give(&place.path("main.d/a.toml"), STRANGER, STRANGER);
    assert_eq!(names(&all(&place)), ["-a.toml", "+b.toml"]);
    assert!(why(&all(&place), 0).contains("it must be owned by root"));
    assert_eq!(
        names(&all_as(&place, ServerUser { uid: STRANGER })),
        ["+a.toml", "-b.toml"],
        "the server cannot read b"
    );
    give(&place.path("main.d"), STRANGER, STRANGER);
    assert_eq!(names(&all(&place)), ["-main.d"]);
}

#[test]
fn too_many_files_and_too_much_in_all() {
    let place = TestFolder::new();
    place.file("main.toml", 0o644);
    place.folder("main.d", 0o755);
    for at in 0..5 {
        fs::write(place.file(&format!("main.d/{at}.toml"), 0o600), vec![b'#'; MAX_FOLDER_FILE_BYTES]).expect("a file");
    }
    let files = all(&place);
    assert_eq!(names(&files), ["+0.toml", "+1.toml", "+2.toml", "+3.toml", "-4.toml"]);
    assert!(why(&files, 4).contains("with the files before it"));
    for at in 5..MAX_FOLDER_FILES {
        fs::write(place.path(&format!("main.d/{at}.toml")), "").expect("a file");
    }
    assert_eq!(all(&place).folder.files.len(), MAX_FOLDER_FILES);
    fs::write(place.path("main.d/one-more.toml"), "").expect("a file");
    let files = all(&place);
    assert_eq!(names(&files), ["-main.d"]);
    assert!(why(&files, 0).contains("more than the 1000 files allowed"));
}

/// A login walks to the folder from where the main file was found. That must make no difference.
#[test]
fn a_folder_beside_the_main_file_is_judged_as_if_walked_to_from_the_root() {
    let place = place();
    place.folder("elsewhere", 0o755);
    place.file("elsewhere/main.toml", 0o644);
    place.link("by-link.toml", place.path("elsewhere/main.toml"));
    place.link("by-link.d", place.path("main.d"));
    place.link("alias", place.folder.path());
    place.link("nowhere.d", Path::new("nothing"));
    place.folder("open.d", 0o777);
    place.folder("sticky", 0o1777);
    place.file("sticky/main.toml", 0o644);
    place.folder("sticky/main.d", 0o755);
    place.folder("sticky/open.d", 0o1777);
    place.folder("elsewhere/main.d", 0o755);
    let user = ServerUser::current();
    let said = |walked: Result<crate::walk::Walked<'_>, Refusal>| match walked {
        Ok(folder) => format!("{}", folder.path().display()),
        Err(refusal) => format!("{refusal:?}"),
    };
    let mut refused = 0;
    for main in ["main.toml", "by-link.toml", "alias/main.toml", "sticky/main.toml", "./elsewhere/../main.toml"] {
        for folder in [
            "main.d",
            "main.d/",
            "./main.d",
            "elsewhere/../main.d",
            "by-link.d",
            "alias/main.d",
            "elsewhere/main.d",
            "main.toml",
            "none.d",
            "nowhere.d",
            "open.d",
            "sticky/main.d",
            "sticky/open.d",
            "sticky/none.d",
            "main.d/..",
            "",
        ] {
            let (main, folder) = (place.path(main), place.path(folder));
            let target = crate::walk::find(&main, user).expect("a main file");
            let after = said(crate::walk::find_folder_after(target, &folder, user));
            assert_eq!(
                after,
                said(crate::walk::find_folder(&folder, user)),
                "{} after {}",
                folder.display(),
                main.display()
            );
            refused += usize::from(!after.starts_with('/'));
        }
    }
    assert_eq!(refused, 5 * 6, "of sixteen folders each");
}
