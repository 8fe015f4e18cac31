//! What a refusal says, and what its hint makes a shell do.

use super::*;
use crate::found::PathStatus;
use rustix::fs::FileType;

#[test]
fn a_hint_gives_the_file_to_root_and_to_the_servers_group() {
    const TEST: &str = "a_hint_gives_the_file_to_root_and_to_the_servers_group";
    let group = crate::users::primary_group(1).and_then(crate::users::group_name);
    let (true, Some(group)) = (needs_root(TEST), group) else {
        println!("skipped: {TEST} needs a user with uid 1 and a named group");
        return;
    };
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o644);
    give(&path, STRANGER, STRANGER);
    let refusal = read_as(&path, ServerUser { uid: 1 }).unwrap_err();
    let file = path.display();
    let commands = format!("chown root:{group} {file} && chmod 0640 {file}");
    assert!(refusal.hint().ends_with(&commands), "{}", refusal.hint());
    // What the hint says, done, is accepted.
    give(&path, 0, crate::users::primary_group(1).unwrap());
    set_mode(&path, 0o640);
    assert!(read_as(&path, ServerUser { uid: 1 }).is_ok());
}

#[test]
fn hints_quote_what_a_shell_would_take_apart() {
    let place = TestFolder::new();
    let path = place.file("it's; a config.toml", 0o666);
    let quoted = format!("chmod go-w '{}/it'\\''s; a config.toml'", place.folder.path().display());
    assert!(read(&path).unwrap_err().hint().ends_with(&quoted));
}

#[test]
fn a_name_cannot_forge_a_line_of_the_log() {
    let place = TestFolder::new();
    let path = place.file("x\nLOG:  all is well", 0o666);
    let refusal = read(&path).unwrap_err();
    assert!(!refusal.to_string().contains('\n'), "{refusal}");
    assert!(!refusal.hint().contains('\n'));
}

#[test]
fn the_sentences_in_full() {
    if !needs_root("the_sentences_in_full") {
        return;
    }
    let place = TestFolder::new();
    let at = place.folder.path().to_str().unwrap();
    let user = ServerUser { uid: STRANGER };
    place.folder("open", 0o777);
    place.file("open/config.toml", 0o600);
    place.link("link", place.file("writable", 0o666));
    place.file("closed", 0o640);
    for (name, sentence) in [
        ("writable", "\"AT/writable\" is owned by root (uid 0), mode 0666; it must not be writable by group or others"),
        (
            "link",
            "\"AT/link\" leads to \"AT/writable\", which is owned by root (uid 0), mode 0666; it must not be \
             writable by group or others",
        ),
        (
            "open/config.toml",
            "\"AT/open/config.toml\" cannot be trusted: the folder \"AT/open\" is owned by root (uid 0), mode 0777; it \
             must not be writable by group or others, unless it is sticky or mounted read-only",
        ),
        (
            "closed",
            "\"AT/closed\" is owned by root (uid 0), mode 0640; it must be readable by uid 12345, but: its mode does \
             not let the server's user read it",
        ),
        ("none", "\"AT/none\" does not exist"),
    ] {
        let refusal = read_as(&place.path(name), user).unwrap_err();
        assert_eq!(refusal.to_string(), sentence.replace("AT", at));
    }
}

#[test]
fn no_hint_sends_somebody_to_the_folder_that_is_at_fault() {
    let found = |path: &str| PathStatus {
        path: path.into(),
        mode: 0o777,
        kind: FileType::Directory,
        ..PathStatus::for_tests()
    };
    let asked = || PathBuf::from("/etc/postgresql/oauth-validator.toml");
    let server = ServerUser { uid: STRANGER };
    for (path, elsewhere) in [
        ("/etc/postgresql", false),
        ("/etc", false),
        ("/", false),
        ("/etc/postgresql/teams", true),
        ("/etc/postgresql-old", true),
        ("/home/ana", true),
    ] {
        let of = Refusal::FolderWrongOwner { asked: asked(), found: found(path), server }.hint();
        let writable = Refusal::FolderWritable { asked: asked(), found: found(path) }.hint();
        assert!(of.starts_with(&format!("chown root {path}")), "{of}");
        assert!(writable.starts_with(&format!("chmod go-w {path}")), "{writable}");
        for hint in [of, writable] {
            assert_eq!(hint.contains("such as /etc/postgresql."), elsewhere, "{hint}");
        }
    }
}
