//! The file with the form: whose it is, what it is, and what happens to it.

use super::*;
use crate::Stamp;
use crate::kept::has_settled;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_form_is_kept_of_what_has_settled_and_used_while_nothing_changes() {
    let server = ConfiguredFolder::new();
    assert_eq!(server.login().1, By::Text, "it changed a moment ago");
    std::thread::sleep(SETTLED);
    let (text, by) = server.login();
    assert_eq!((by, text.contains("pg-00000000")), (By::TextAndKept, true), "{text}");
    let metadata = fs::metadata(server.kept_file()).expect("a file");
    assert_eq!(metadata.mode() & 0o7777, 0o600);
    for _ in 0..3 {
        assert_eq!(server.login(), (text.clone(), By::Kept));
    }
    // Somebody who read the texts for another reason leaves a good form alone.
    assert_eq!(server.read(false), (text, By::Text));
    assert_eq!(fs::metadata(server.kept_file()).expect("a file").ino(), metadata.ino());
}

#[test]
fn a_clock_that_was_set_back_makes_it_worth_nothing() {
    let server = ConfiguredFolder::settled();
    let ago = |seconds| SystemTime::now() - Duration::from_secs(seconds);
    assert_eq!(server.login_at(ago(1)).1, By::Text, "made in the future");
    assert_eq!(server.login_at(ago(3600)).1, By::Text, "of texts of the future");
    assert_eq!(server.login().1, By::Kept);
}

#[test]
fn whatever_is_not_a_whole_form_of_ours_is_as_if_it_were_not_there() {
    let server = ConfiguredFolder::settled();
    let kept = server.kept_file();
    let whole = fs::read(&kept).expect("a form");
    let (text, _) = server.login();
    let put = |contents: &[u8]| {
        let _ = fs::remove_file(&kept);
        fs::write(&kept, contents).expect("a file");
        set_mode(&kept, 0o600);
    };
    for end in (0..whole.len()).step_by(7) {
        put(&whole[..end]);
        let (said, by) = server.login();
        assert!(said == text && by == By::TextAndKept, "cut off at {end}: {by:?}");
        assert_eq!(server.login().1, By::Kept, "and made anew");
    }
    let mut replaced = 0;
    for at in 0..whole.len() {
        let mut other = whole.clone();
        other[at] ^= 0x10;
        put(&other);
        let (said, by) = server.login();
        assert_eq!(said, text, "byte {at}");
        replaced += usize::from(by == By::TextAndKept);
    }
    // The rest is in what this login does not look at.
    assert!(replaced * 2 > whole.len(), "{replaced} of {}", whole.len());
    put(&vec![0; whole.len()]);
    assert_eq!(server.login(), (text, By::TextAndKept), "zeros, as after a power cut");
}

/// After a power cut a file can have new contents and old times: tried on ext4, with pwrite(2) and fdatasync(2).
#[test]
fn a_form_of_before_the_machine_was_started_is_not_used() {
    let mut server = ConfiguredFolder::settled();
    let (text, _) = server.login();
    server.booted = SystemTime::now();
    assert_eq!(server.login(), (text.clone(), By::TextAndKept), "and made anew");
    assert_eq!(server.login(), (text.clone(), By::Kept));
    assert_eq!(server.read(false).1, By::Text, "a good one is left alone");
    server.booted += Duration::from_secs(3_600);
    assert_eq!(server.login(), (text, By::TextAndKept), "a clock that was set forward");
}

/// As after a power cut, on a file system that gives a file the blocks of one that was removed before.
#[test]
fn what_is_left_of_an_older_form_in_the_file_decides_nothing() {
    let server = ConfiguredFolder::settled();
    let older = fs::read(server.kept_file()).expect("a form");
    server.write("main.toml", &profile("main", 1));
    std::thread::sleep(SETTLED);
    assert_eq!(server.login().1, By::TextAndKept);
    let (text, by) = server.login();
    assert!(by == By::Kept && text.contains("pg-00000001"), "{by:?}: {text}");
    let newer = fs::read(server.kept_file()).expect("a form");
    assert_eq!(older.len(), newer.len());
    for block in [16, 64, 512] {
        for at in (0..newer.len()).step_by(block) {
            let mixed = [&newer[..at], &older[at..]].concat();
            fs::write(server.kept_file(), mixed).expect("written");
            assert_eq!(server.login().0, text, "from {at} on");
        }
    }
}

#[test]
fn a_time_says_something_once_it_is_old_enough_and_has_a_fraction() {
    let stamp = |changed| Stamp { path: "/f".into(), device: 1, inode: 2, size: 3, modified: (0, 0), changed };
    let read = SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_002_500);
    for (changed, settled) in [
        ((1_800_000_000, 500_000_000), true),
        ((1_800_000_000, 500_000_001), false),
        ((1_800_000_009, 1), false),
        ((1_799_999_999, 1), true),
        // Of an image, or of a file system without fractions.
        ((1_700_000_000, 0), false),
        ((0, 0), false),
        ((-1, 5), false),
        ((i64::MAX, 5), false),
    ] {
        assert_eq!(has_settled(&stamp(changed), read), settled, "{changed:?}");
    }
}

#[test]
fn a_form_of_another_build_is_not_used() {
    let server = ConfiguredFolder::settled();
    let kept = server.kept_file();
    let mut other = fs::read(&kept).expect("a form");
    let source = oauth_validator_core::build::SOURCE.as_bytes();
    let at = other.windows(source.len()).position(|part| part == source).expect("its build");
    other[at] = if other[at] == b'0' { b'1' } else { b'0' };
    fs::write(&kept, &other).expect("a file");
    assert_eq!(server.login().1, By::TextAndKept);
    assert_eq!(server.login().1, By::Kept);
}

#[test]
fn what_else_has_its_name_is_not_followed_nor_waited_for() {
    let server = ConfiguredFolder::settled();
    let kept = server.kept_file();
    let (text, _) = server.login();
    let form = fs::read(&kept).expect("a form");
    let elsewhere = server.path("elsewhere");
    fs::write(&elsewhere, &form).expect("a file");
    set_mode(&elsewhere, 0o600);
    fs::remove_file(&kept).expect("removed");
    std::os::unix::fs::symlink(&elsewhere, &kept).expect("a link");
    assert_eq!(server.login(), (text.clone(), By::TextAndKept), "a symbolic link to a good form");
    assert!(fs::symlink_metadata(&kept).expect("a file").is_file());
    assert_eq!(fs::read(&elsewhere).expect("a file"), form, "where it led is left alone");
    fs::remove_file(&kept).expect("removed");
    rustix::fs::mknodat(rustix::fs::CWD, &kept, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .expect("a FIFO");
    assert_eq!(server.login(), (text.clone(), By::TextAndKept), "a FIFO");
    set_mode(&kept, 0o622);
    assert_eq!(server.login(), (text.clone(), By::TextAndKept), "one that others can write");
    fs::remove_file(&kept).expect("removed");
    fs::create_dir(&kept).expect("a folder");
    assert_eq!(server.login(), (text, By::Text), "a folder cannot be replaced, and nobody minds");
}

#[test]
fn a_file_of_another_owner_is_not_used() {
    if !needs_root("a_file_of_another_owner_is_not_used") {
        return;
    }
    let server = ConfiguredFolder::settled();
    give(&server.kept_file(), super::super::STRANGER, super::super::STRANGER);
    assert_eq!(server.login().1, By::TextAndKept);
    assert_eq!(fs::metadata(server.kept_file()).expect("a file").uid(), 0);
    give(&server.path("keys"), super::super::STRANGER, super::super::STRANGER);
    assert_eq!(server.login().1, By::Text, "the folder is another's");
}

#[test]
fn a_folder_that_is_missing_read_only_or_full_changes_nothing() {
    let server = ConfiguredFolder::settled();
    let (text, _) = server.login();
    fs::rename(server.path("keys"), server.path("away")).expect("moved away");
    assert_eq!(server.login(), (text.clone(), By::Text));
    fs::rename(server.path("away"), server.path("keys")).expect("moved back");
    assert_eq!(server.login(), (text.clone(), By::Kept));
    if is_root() {
        return println!("skipped: modes mean nothing to root; it runs once more as an ordinary user");
    }
    set_mode(&server.path("keys"), 0o500);
    assert_eq!(server.login(), (text.clone(), By::Kept), "it can still be read");
    server.write("main.toml", &profile("main", 7));
    std::thread::sleep(SETTLED);
    let (text, by) = server.login();
    assert!(text.contains("pg-00000007") && by == By::Text, "{by:?}");
    set_mode(&server.path("keys"), 0o700);
    assert_eq!(server.login().1, By::TextAndKept);
}

/// `/dev/full` stands for no disk here, so a tmpfs of its own is filled.
#[test]
fn a_full_disk_changes_nothing() {
    if !needs_root("a_full_disk_changes_nothing") {
        return;
    }
    let server = ConfiguredFolder::new();
    let keys = server.path("keys");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16k,mode=0700", "tmpfs"])
        .arg(&keys)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        return println!("skipped: a tmpfs cannot be mounted here");
    }
    let filled = fs::write(keys.join("filling"), vec![1; 64 * 1024]);
    let text = profile("main", 1) + &(0..200).map(|number| profile(&format!("p{number}"), 2)).collect::<String>();
    server.write("main.toml", &text.replace("https://line.example", "https://another.example"));
    std::thread::sleep(SETTLED);
    let (first, second) = (server.login(), server.login());
    fs::remove_file(keys.join("filling")).expect("removed");
    let left: Vec<_> =
        fs::read_dir(&keys).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    let unmounted = std::process::Command::new("umount").arg(&keys).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    assert!(filled.is_err(), "it was to be full");
    assert_eq!((first.1, second.1), (By::Text, By::Text));
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".new")), "nothing half written stays: {left:?}");
}

/// Whoever has the lock writes; the others go on at once.
#[test]
fn nobody_waits_for_the_lock() {
    let server = ConfiguredFolder::settled();
    let lock = PathBuf::from(format!("{}.lock", server.kept_file().display()));
    server.write("main.toml", &profile("main", 3));
    std::thread::sleep(SETTLED);
    // Record locks are the process's, so another one has to hold it.
    let script = "import fcntl,sys,time\nf=open(sys.argv[1],'r+')\nfcntl.lockf(f,fcntl.LOCK_EX)\nprint('held',flush=True)\ntime.sleep(60)";
    let holder = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&lock)
        .stdout(std::process::Stdio::piped())
        .spawn();
    let Ok(mut holder) = holder else { return println!("skipped: there is no python3") };
    let mut said = [0; 5];
    std::io::Read::read_exact(holder.stdout.as_mut().expect("a pipe"), &mut said).expect("held");
    let before = std::time::Instant::now();
    let (text, by) = server.login();
    let took = before.elapsed();
    holder.kill().and_then(|()| holder.wait()).expect("an end");
    assert!(text.contains("pg-00000003") && by == By::Text && took < Duration::from_secs(1), "{by:?} {took:?}");
    assert_eq!(server.login().1, By::TextAndKept);
}

/// Eight logins at a time while the text changes: each is decided by a text that was there while it ran.
#[test]
fn logins_beside_edits_see_the_text_of_their_moment() {
    let server = ConfiguredFolder::settled();
    let (done, edits) = (AtomicBool::new(false), std::sync::atomic::AtomicU32::new(0));
    let audience = |words: &str| words.split("pg-").nth(1).and_then(|rest| rest.get(..8)?.parse::<u32>().ok());
    let used = std::thread::scope(|scope| {
        let logins: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut used = 0;
                    while !done.load(Ordering::SeqCst) {
                        let first = edits.load(Ordering::SeqCst);
                        let (words, by) = server.login();
                        let last = edits.load(Ordering::SeqCst) + 1;
                        let seen = audience(&words).unwrap_or_else(|| panic!("{words}"));
                        assert!((first..=last).contains(&seen), "{seen} is none of {first} to {last}: {by:?}");
                        used += u32::from(by == By::Kept);
                    }
                    used
                })
            })
            .collect();
        for number in 1..=40 {
            server.write("main.new", &profile("main", number));
            fs::rename(server.path("main.new"), server.path("main.toml")).expect("replaced");
            edits.store(number, Ordering::SeqCst);
            let pause = if number % 10 == 0 { 2_400 } else { 15 };
            std::thread::sleep(Duration::from_millis(pause));
        }
        done.store(true, Ordering::SeqCst);
        logins.into_iter().map(|login| login.join().expect("no login fails")).sum::<u32>()
    });
    println!("{used} logins by a kept form");
    assert!(used > 100, "{used}");
}

#[test]
fn a_form_of_another_configuration_is_another_file() {
    let server = ConfiguredFolder::settled();
    let form = fs::read(server.kept_file()).expect("a form");
    let other = ConfiguredFolder::new();
    std::thread::sleep(SETTLED);
    assert_eq!(other.login().1, By::TextAndKept);
    fs::write(other.kept_file(), form).expect("a file");
    assert_eq!(other.login().1, By::TextAndKept, "of another path");
    // Without the folder of further files it is another configuration.
    let (main, folder) = (server.path("main.toml"), server.path("keys"));
    let user = ServerUser::current();
    let alone = KeptPlace {
        main: &main,
        config_directory: None,
        folder: &folder,
        create_folder: false,
        user,
        booted: server.booted,
    };
    assert!(alone.open(SystemTime::now()).is_none());
    drop(File::open(server.kept_file()).expect("still there"));
}
