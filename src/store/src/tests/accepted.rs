//! Files that look odd and are fine.

use super::*;
use crate::resolve;
use std::ffi::OsStr;

#[track_caller]
fn assert_read(result: Result<Vec<u8>, Refusal>) {
    match result {
        Ok(contents) => assert_eq!(contents, SECRET.as_bytes()),
        Err(refusal) => panic!("{refusal}"),
    }
}

#[test]
fn modes_in_which_only_the_owner_writes() {
    let place = TestFolder::new();
    for mode in [0o600, 0o400, 0o640, 0o644, 0o444, 0o755] {
        assert_read(read(&place.file(&format!("{mode:o}"), mode)));
    }
}

#[test]
fn a_file_of_roots_that_the_servers_group_may_read() {
    if !needs_root("a_file_of_roots_that_the_servers_group_may_read") {
        return;
    }
    // A user that has a group of its own on every Debian: daemon, or whatever this machine calls uid 1.
    let (Some(_), Some(group)) = (crate::users::user_name(1), crate::users::primary_group(1)) else {
        println!("skipped: a_file_of_roots_that_the_servers_group_may_read needs a user with uid 1");
        return;
    };
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o640);
    give(&path, 0, group);
    assert_read(read_as(&path, ServerUser { uid: 1 }));
    give(&path, 0, STRANGER);
    assert_refused(read_as(&path, ServerUser { uid: 1 }), "unreadable", &path, &["mode 0640"]);
}

#[test]
fn a_file_and_folder_of_the_servers_own_judged_by_root() {
    if !needs_root("a_file_and_folder_of_the_servers_own_judged_by_root") {
        return;
    }
    let place = TestFolder::new();
    let folder = place.folder("data", 0o700);
    let path = place.file("data/config.toml", 0o400);
    give(&folder, STRANGER, STRANGER);
    give(&path, STRANGER, STRANGER);
    assert_read(read_as(&path, ServerUser { uid: STRANGER }));
}

#[test]
fn exactly_the_cap_and_an_empty_file() {
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o600);
    assert_read(read_trusted(&path, SECRET.len(), ServerUser::current()));
    fs::write(&path, "").unwrap();
    assert!(read_trusted(&path, 0, ServerUser::current()).unwrap().is_empty());
}

#[test]
fn a_sticky_folder() {
    let place = TestFolder::new();
    place.folder("sticky", 0o1777);
    assert_read(read(&place.file("sticky/config.toml", 0o600)));
    let file = place.file("config.toml", 0o600);
    assert_read(read(&place.link("sticky/link", file)));
}

#[test]
fn a_strangers_symbolic_link_where_only_the_owner_places_links() {
    const TEST: &str = "a_strangers_symbolic_link_where_only_the_owner_places_links";
    if !needs_root(TEST) {
        return;
    }
    let place = TestFolder::new();
    let link = place.link("link", place.file("config.toml", 0o600));
    give(&link, STRANGER, STRANGER);
    assert_read(read(&link));
}

#[test]
fn paths_with_spaces_and_beyond_ascii() {
    let place = TestFolder::new();
    place.folder("Grüße an 東京", 0o755);
    assert_read(read(&place.file("Grüße an 東京/mein Prüfer.toml", 0o600)));
    let latin1 = place.folder.path().join(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xfcber"));
    fs::write(&latin1, SECRET).unwrap();
    set_mode(&latin1, 0o600);
    assert_read(read(&latin1));
}

#[test]
fn paths_that_go_up_and_down_and_through_links() {
    let place = TestFolder::new();
    place.folder("a", 0o755);
    place.folder("a/b", 0o711);
    place.file("a/config.toml", 0o600);
    place.link("a/b/up", "../..");
    place.link("first", "second");
    place.link("second", place.path("a/b/up/a/./b"));
    assert_read(read(&place.path("first/../config.toml")));
    assert_read(read(&place.path("first/up//a/b/../config.toml")));
    let from_above = PathBuf::from(format!("/../..{}", place.path("a/config.toml").display()));
    assert_read(read(&from_above));
}

#[test]
fn a_relative_path_starts_at_the_working_directory() {
    // `cargo test` starts in the package's folder; an ordinary user's run starts in "/".
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o600);
    let depth = std::env::current_dir().unwrap().components().count() - 1;
    let relative = PathBuf::from("../".repeat(depth)).join(path.strip_prefix("/").unwrap());
    assert!(relative.is_relative());
    assert_read(read(&relative));
}

#[test]
fn forty_links_and_not_one_more() {
    let place = TestFolder::new();
    place.file("0", 0o600);
    for number in 1..=41 {
        place.link(&number.to_string(), (number - 1).to_string());
    }
    assert_read(read(&place.path("40")));
    assert_eq!(read(&place.path("41")).unwrap_err().code(), "unreadable");
}

#[test]
fn relative_paths_in_a_configuration_start_at_its_folder() {
    let config = Path::new("/etc/postgresql/oauth-validator.toml");
    assert_eq!(resolve(config, "keys/corp.json"), Path::new("/etc/postgresql/keys/corp.json"));
    assert_eq!(resolve(config, "/srv/corp.json"), Path::new("/srv/corp.json"));
    assert_eq!(resolve(Path::new("oauth-validator.toml"), "corp.json"), Path::new("corp.json"));
}

/// A read-only bind mount, gone when it goes out of scope, also after a panic.
struct ReadOnlyMount {
    at: PathBuf,
}

impl ReadOnlyMount {
    /// `None` where root may not mount, as in most containers.
    fn new(from: &Path, at: PathBuf) -> Option<Self> {
        let mount = |arguments: &[&str]| Command::new("mount").args(arguments).output().expect("mount");
        let target = at.to_str().expect("a path in UTF-8").to_owned();
        let bound = mount(&["--bind", from.to_str().expect("a path in UTF-8"), &target]);
        if !bound.status.success() {
            println!("{}", String::from_utf8_lossy(&bound.stderr));
            return None;
        }
        let mounted = Self { at };
        assert!(mount(&["-o", "remount,bind,ro", &target]).status.success());
        Some(mounted)
    }
}

impl Drop for ReadOnlyMount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.at).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.at.display());
        }
    }
}

/// The layout of a Kubernetes ConfigMap: mode 0777, a folder of the version, `..data` that leads to it, and a link per
/// key. Read-only it is fine; the same tree where it can be written to is refused.
#[test]
fn a_kubernetes_config_map() {
    const TEST: &str = "a_kubernetes_config_map";
    if !needs_root(TEST) {
        return;
    }
    let place = TestFolder::new();
    let source = place.folder("source", 0o777);
    place.folder("source/..2025_11_21", 0o777);
    place.file("source/..2025_11_21/oauth-validator.toml", 0o644);
    place.link("source/..data", "..2025_11_21");
    let writable = place.link("source/oauth-validator.toml", "..data/oauth-validator.toml");
    let user = ServerUser { uid: STRANGER };
    assert_refused(read_as(&writable, user), "folder_writable", &source, &["mode 0777"]);

    let at = place.folder("config", 0o755);
    let Some(_mounted) = ReadOnlyMount::new(&source, at.clone()) else {
        println!("skipped: {TEST} needs leave to mount");
        return;
    };
    assert!(fs::write(at.join("new"), "").is_err(), "the mount is not read-only");
    assert_read(read_as(&at.join("oauth-validator.toml"), user));

    // Read-only does not make a stranger's folder or file any better.
    give(&place.path("source/..2025_11_21/oauth-validator.toml"), STRANGER + 1, 0);
    let file = at.join("..2025_11_21/oauth-validator.toml");
    assert_refused(read_as(&at.join("oauth-validator.toml"), user), "wrong_owner", &file, &["uid 12346, mode 0644"]);
}
