//! Files that must not be trusted.

use super::*;
use std::os::unix::net::UnixListener;

#[test]
fn a_file_that_others_may_write_to() {
    let place = TestFolder::new();
    for (name, mode, shown) in [
        ("world", 0o646, "mode 0646"),
        ("group", 0o664, "mode 0664"),
        ("both", 0o666, "mode 0666"),
        ("write-only", 0o602, "mode 0602"),
    ] {
        let path = place.file(name, mode);
        assert_refused(read(&path), "writable", &path, &[shown, "must not be writable by group or others"]);
    }
}

#[test]
fn a_file_that_the_servers_own_group_may_write_to() {
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o660);
    let group = rustix::process::getegid().as_raw();
    assert_eq!(std::os::unix::fs::MetadataExt::gid(&fs::metadata(&path).unwrap()), group);
    assert_refused(read(&path), "writable", &path, &["mode 0660"]);
}

#[test]
fn a_file_of_another_user() {
    if !needs_root("a_file_of_another_user") {
        return;
    }
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o644);
    give(&path, STRANGER, STRANGER);
    assert_refused(read(&path), "wrong_owner", &path, &["owned by uid 12345, mode 0644", "must be owned by root"]);
    // Nor one of the user that runs the check, when it is judged for the server's.
    give(&path, STRANGER + 1, STRANGER);
    assert_refused(read_as(&path, ServerUser { uid: STRANGER }), "wrong_owner", &path, &["root or uid 12345"]);
}

#[test]
fn a_file_of_this_user_judged_for_another() {
    if is_root() {
        println!("skipped: a_file_of_this_user_judged_for_another needs an ordinary user");
        return;
    }
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o644);
    let folder = place.folder.path();
    // The folder comes first: who owns it can replace the file.
    let result = read_as(&path, ServerUser { uid: STRANGER + 1 });
    assert_refused(result, "folder_wrong_owner", folder, &["mode 0755", "root or uid 12346"]);
}

#[test]
fn a_symbolic_link_to_a_writable_file() {
    let place = TestFolder::new();
    let file = place.file("writable", 0o666);
    let link = place.link("config.toml", "writable");
    assert_refused(read(&link), "writable", &file, &[link.to_str().unwrap(), "leads to", "mode 0666"]);
}

#[test]
fn a_symbolic_link_into_a_writable_folder() {
    let place = TestFolder::new();
    let folder = place.folder("open", 0o777);
    place.file("open/config.toml", 0o600);
    for link in [
        place.link("absolute", folder.join("config.toml")),
        place.link("relative", "open/config.toml"),
        place.link("roundabout", "open/../open/./config.toml"),
    ] {
        assert_refused(read(&link), "folder_writable", &folder, &["mode 0777", link.to_str().unwrap()]);
    }
}

#[test]
fn a_path_that_only_passes_through_a_writable_folder() {
    let place = TestFolder::new();
    let open = place.folder("open", 0o777);
    let file = place.file("config.toml", 0o600);
    // The link could be replaced, although what it leads to could not.
    let link = place.link("open/link", &file);
    assert_refused(read(&link), "folder_writable", &open, &["mode 0777"]);
    let dots = place.path("open/../config.toml");
    assert_refused(read(&dots), "folder_writable", &open, &["mode 0777"]);
}

#[test]
fn a_folder_that_a_group_may_write_to_far_above() {
    let place = TestFolder::new();
    let group = place.folder("group", 0o775);
    fs::create_dir_all(place.path("group/a/b")).unwrap();
    let path = place.file("group/a/b/config.toml", 0o600);
    assert_refused(read(&path), "folder_writable", &group, &["mode 0775", "unless it is sticky or mounted read-only"]);
}

#[test]
fn a_folder_of_another_user() {
    if !needs_root("a_folder_of_another_user") {
        return;
    }
    let place = TestFolder::new();
    for (name, mode, shown) in [("plain", 0o755, "mode 0755"), ("sticky", 0o1777, "mode 1777")] {
        let folder = place.folder(name, mode);
        let path = place.file(&format!("{name}/config.toml"), 0o644);
        give(&folder, STRANGER, STRANGER);
        assert_refused(read(&path), "folder_wrong_owner", &folder, &["uid 12345", shown]);
    }
}

#[test]
fn a_strangers_symbolic_link_or_folder_or_file_in_a_sticky_folder() {
    if !needs_root("a_strangers_symbolic_link_or_folder_or_file_in_a_sticky_folder") {
        return;
    }
    let place = TestFolder::new();
    place.folder("sticky", 0o1777);
    place.file("config.toml", 0o600);
    let link = place.link("sticky/link", place.path("config.toml"));
    give(&link, STRANGER, STRANGER);
    let result = read(&link);
    assert!(result.as_ref().unwrap_err().hint().starts_with("chown -h root "));
    assert_refused(result, "wrong_owner", &link, &["uid 12345", "mode 0777"]);

    let folder = place.folder("sticky/folder", 0o755);
    let inside = place.file("sticky/folder/config.toml", 0o600);
    give(&folder, STRANGER, STRANGER);
    assert_refused(read(&inside), "folder_wrong_owner", &folder, &["mode 0755"]);

    let file = place.file("sticky/config.toml", 0o644);
    give(&file, STRANGER, STRANGER);
    assert_refused(read(&file), "wrong_owner", &file, &["mode 0644"]);
}

#[test]
fn what_is_no_regular_file() {
    let place = TestFolder::new();
    let fifo = place.path("fifo");
    let made = Command::new("mkfifo").args(["-m", "0600"]).arg(&fifo).status().expect("mkfifo");
    assert!(made.success());
    assert_refused(read(&fifo), "not_regular", &fifo, &["a FIFO", "mode 0600", "must be a regular file"]);

    let folder = place.folder("folder", 0o777);
    assert_refused(read(&folder), "not_regular", &folder, &["a folder", "mode 0777"]);
    let link = place.link("link", "folder");
    assert_refused(read(&link), "not_regular", &folder, &["a folder"]);
    assert_refused(read(Path::new("/")), "not_regular", Path::new("/"), &["a folder"]);

    let socket = place.path("socket");
    let listener = UnixListener::bind(&socket).expect("a socket");
    set_mode(&socket, 0o600);
    assert_refused(read(&socket), "not_regular", &socket, &["a socket", "mode 0600"]);
    drop(listener);

    assert_refused(read(Path::new("/dev/zero")), "not_regular", Path::new("/dev/zero"), &["a device", "mode 0666"]);
}

#[test]
fn what_is_not_there() {
    let place = TestFolder::new();
    let path = place.path("none/config.toml");
    assert_refused(read(&path), "not_found", &place.path("none"), &[path.to_str().unwrap()]);
    let path = place.path("config.toml");
    assert_refused(read(&path), "not_found", &path, &["does not exist"]);

    let link = place.link("dangling", "gone/config.toml");
    assert_refused(read(&link), "not_found", &place.path("gone"), &[link.to_str().unwrap()]);

    let file = place.file("file", 0o600);
    assert_refused(read(&file.join("config.toml")), "not_found", &file.join("config.toml"), &[]);
    assert_refused(read(Path::new("")), "not_found", Path::new(""), &[]);
}

#[test]
fn symbolic_links_without_end() {
    let place = TestFolder::new();
    let one = place.link("one", "two");
    place.link("two", "one");
    assert_refused(read(&one), "unreadable", &one, &["more than 40 symbolic links", "mode 0777"]);
    let itself = place.link("itself", "itself/config.toml");
    assert_refused(read(&itself), "unreadable", &itself, &["more than 40 symbolic links"]);
}

#[test]
fn paths_that_no_system_takes() {
    let long_name = PathBuf::from(format!("/{}", "n".repeat(300)));
    assert_eq!(read(&long_name).unwrap_err().code(), "unreadable");
    let long_path = PathBuf::from("/..".repeat(100_000));
    assert_eq!(read(&long_path).unwrap_err().code(), "unreadable");
    assert_eq!(read(Path::new("/etc/with\0nul")).unwrap_err().code(), "unreadable");
}

#[test]
fn one_byte_more_than_the_cap() {
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o600);
    let refused = read_trusted(&path, SECRET.len() - 1, ServerUser::current());
    assert_refused(refused, "too_large", &path, &["mode 0600", &format!("more than the {} bytes", SECRET.len() - 1)]);
    assert_refused(read_trusted(&path, 0, ServerUser::current()), "too_large", &path, &["0 bytes"]);

    let huge = place.file("huge", 0o600);
    fs::File::options().write(true).open(&huge).unwrap().set_len(10_000_000).unwrap();
    let refused = read_trusted(&huge, crate::MAX_CONFIG_BYTES, ServerUser::current());
    assert_refused(refused, "too_large", &huge, &["4194304 bytes"]);
}

#[test]
fn a_file_that_is_larger_than_it_says() {
    // Linux gives it a size of 0.
    let path = Path::new("/proc/version");
    assert_eq!(fs::metadata(path).expect("procfs").len(), 0);
    assert_refused(read_trusted(path, 8, ServerUser::current()), "too_large", path, &["8 bytes"]);
}

#[test]
fn a_file_that_the_server_cannot_read() {
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o000);
    if !is_root() {
        // The kernel's own answer.
        let result = read(&path);
        assert!(result.as_ref().unwrap_err().hint().contains("chmod u+r"));
        assert_refused(result, "unreadable", &path, &["mode 0000", "Permission denied"]);
        return;
    }
    for (mode, shown) in [(0o000, "mode 0000"), (0o400, "mode 0400"), (0o640, "mode 0640")] {
        set_mode(&path, mode);
        let result = read_as(&path, ServerUser { uid: STRANGER });
        assert!(result.as_ref().unwrap_err().hint().contains("chmod o+r"));
        assert_refused(result, "unreadable", &path, &[shown, "readable by uid 12345"]);
    }
    // The owner's bits alone count for the owner.
    give(&path, STRANGER, STRANGER);
    set_mode(&path, 0o044);
    let result = read_as(&path, ServerUser { uid: STRANGER });
    assert!(result.as_ref().unwrap_err().hint().contains("chmod u+r"));
    assert_refused(result, "unreadable", &path, &["mode 0044"]);
}

#[test]
fn a_folder_that_the_server_cannot_search() {
    let place = TestFolder::new();
    let folder = place.folder("closed", 0o700);
    let path = place.file("closed/config.toml", 0o644);
    let result = if is_root() {
        read_as(&path, ServerUser { uid: STRANGER })
    } else {
        set_mode(&folder, 0o600);
        let result = read(&path);
        set_mode(&folder, 0o700);
        result
    };
    assert_refused(result, "unreadable", &folder, &["searchable by", path.to_str().unwrap()]);
}
