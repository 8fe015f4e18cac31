//! Thousands of edits of every kind, each followed by logins: at once, and when all has settled. Whatever a login used, it
//! decided as the texts of that moment do.

use super::*;
use std::fs::{File, FileTimes};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Configurations that are edited side by side, so that one pause is for all of them.
const SERVERS: usize = 250;

/// How often each is edited; more with `OAUTH_VALIDATOR_EDITS`.
const ROUNDS: usize = 8;

/// Numbers that look random, and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        // Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }
}

/// A server whose texts are edited.
struct Edited {
    server: ConfiguredFolder,
    dice: Dice,
    number: u32,
    /// A backup of the main file, with its time.
    backup: Option<(String, SystemTime)>,
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a time")
}

fn set_modified(path: &Path, time: SystemTime) {
    File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_times(FileTimes::new().set_modified(time)))
        .expect("a time");
}

impl Edited {
    fn new(seed: usize) -> Self {
        let server = ConfiguredFolder::new();
        if seed.is_multiple_of(3) {
            // As Kubernetes mounts a ConfigMap.
            fs::remove_file(server.path("main.toml")).expect("removed");
            server.place.folder("..v0", 0o755);
            server.write("..v0/main.toml", &profile("main", 0));
            server.place.link("..data", "..v0");
            server.place.link("main.toml", "..data/main.toml");
        }
        Self { server, dice: Dice(seed as u64), number: 0, backup: None }
    }

    fn next(&mut self, name: &str) -> String {
        self.number += 1;
        profile(name, self.number)
    }

    fn main(&self) -> PathBuf {
        self.server.path("main.toml")
    }

    /// One edit; says which.
    fn edit(&mut self) -> &'static str {
        let main = self.main();
        if !main.exists() {
            let text = self.next("main");
            self.server.write("main.toml", &text);
            return "back again";
        }
        match self.dice.below(15) {
            0 => self.in_place("in place, of the same size", false),
            1 => self.in_place("in place, of the same size, with its old time", true),
            2 => {
                let text = self.next("main") + "# longer\n";
                self.server.write("main.toml", &text);
                "in place"
            }
            3 => self.renamed("by rename", None),
            4 => self.renamed("by rename, of the same size, with the old time", Some(modified(&main))),
            5 => {
                self.backup = Some((fs::read_to_string(&main).expect("a text"), modified(&main)));
                self.renamed("by rename, after a backup", None)
            }
            6 => match self.backup.take() {
                Some((text, time)) => {
                    self.server.write("main.toml", &text);
                    set_modified(&main, time);
                    "restored with its time"
                }
                None => self.renamed("by rename", None),
            },
            7 => {
                fs::remove_file(&main).expect("removed");
                "removed"
            }
            8 => self.swapped(),
            9 => self.further_file(),
            10 => self.one_file_less(),
            11 => {
                let mode = if self.dice.below(2) == 0 { 0o666 } else { 0o644 };
                set_mode(&main, mode);
                "another mode"
            }
            12 => {
                let (folder, away) = (self.server.path("main.d"), self.server.path("away.d"));
                if folder.exists() { fs::rename(folder, away) } else { fs::rename(away, folder) }.unwrap_or_default();
                "the folder away, or back"
            }
            13 => {
                self.server.write("main.toml", "[profiles.main]\nissuer = \n");
                "an error"
            }
            _ => {
                set_modified(&main, SystemTime::now() - Duration::from_secs(86_400));
                "another time alone"
            }
        }
    }

    fn in_place(&mut self, kind: &'static str, keep_time: bool) -> &'static str {
        let (text, time) = (self.next("main"), modified(&self.main()));
        let file = File::options().write(true).open(self.main()).expect("a file");
        let same_size = file.metadata().expect("its size").len() == text.len() as u64;
        file.write_all_at(text.as_bytes(), 0).expect("written");
        if !same_size {
            file.set_len(text.len() as u64).expect("cut off");
        }
        drop(file);
        if keep_time {
            set_modified(&self.main(), time);
        }
        kind
    }

    fn renamed(&mut self, kind: &'static str, time: Option<SystemTime>) -> &'static str {
        let text = self.next("main");
        self.server.write("main.new", &text);
        if let Some(time) = time {
            set_modified(&self.server.path("main.new"), time);
        }
        fs::rename(self.server.path("main.new"), self.main()).expect("replaced");
        kind
    }

    /// A ConfigMap's new version: one link is replaced, and neither the file's own link nor the old text changes.
    fn swapped(&mut self) -> &'static str {
        let text = self.next("main");
        if !self.server.path("..data").is_symlink() || !self.main().is_symlink() {
            return self.renamed("by rename", None);
        }
        let version = format!("..v{}", self.number);
        self.server.place.folder(&version, 0o755);
        self.server.write(&format!("{version}/main.toml"), &text);
        self.server.place.link("..data.new", &version);
        fs::rename(self.server.path("..data.new"), self.server.path("..data")).expect("swapped");
        "a link swapped"
    }

    fn further_file(&mut self) -> &'static str {
        if !self.server.path("main.d").exists() {
            self.server.place.folder("main.d", 0o755);
        }
        let name = ["a", "b", "c"][self.dice.below(3)];
        let text = self.next(name) + if self.dice.below(4) == 0 { "nonsense = 1\n" } else { "" };
        self.server.write(&format!("main.d/{name}.toml"), &text);
        "a file of the folder"
    }

    fn one_file_less(&mut self) -> &'static str {
        let files = fs::read_dir(self.server.path("main.d")).into_iter().flatten();
        if let Some(file) = files.map(|entry| entry.expect("an entry").path()).next() {
            fs::remove_file(file).expect("removed");
        }
        "a file of the folder less"
    }

    #[track_caller]
    fn login(&self, edit: &str) -> By {
        let (words, by) = self.server.login();
        assert_eq!(words, self.server.text(), "{by:?} after: {edit}");
        by
    }
}

#[test]
fn no_login_is_decided_by_an_older_text() {
    let rounds = std::env::var("OAUTH_VALIDATOR_EDITS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    let mut all: Vec<Edited> = (0..SERVERS).map(Edited::new).collect();
    let (mut edits, mut kept, mut logins) = (0, 0, 0);
    for _ in 0..rounds {
        // What was kept is of texts that have settled; each edit comes right after a login that used it.
        for one in &mut all {
            for _ in 0..=one.dice.below(2) {
                let edit = one.edit();
                edits += 1;
                logins += 1;
                kept += usize::from(one.login(edit) == By::Kept);
            }
        }
        std::thread::sleep(SETTLED);
        for one in &all {
            for _ in 0..2 {
                logins += 1;
                kept += usize::from(one.login("all has settled") == By::Kept);
            }
        }
    }
    println!("{edits} edits, {logins} logins, {kept} of them by a kept form");
    std::io::stdout().flush().expect("shown");
    assert!(kept * 5 > logins, "{kept} of {logins}: the form is hardly used");
}
