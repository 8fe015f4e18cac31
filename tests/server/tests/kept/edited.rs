//! A server whose files are edited in every way that people and programs have, and what the text of each moment lets in.
//!
//! Says itself what has to become of a login, from what it wrote last, and never asks the product.

use crate::support::{Fate, Scene, numbered};
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Numbers that look random, and are the same in each run.
pub struct Dice(u64);

impl Dice {
    pub fn below(&mut self, end: usize) -> usize {
        // Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }
}

/// What a text says of whoever shows a token for `pg`; texts are numbered, so that each is told from each.
#[derive(Debug, Clone, Copy)]
enum Says {
    LetIn(u32),
    Refuse(u32),
    Nonsense,
}

/// So many kinds of edits of a file there are, and of the folder.
const FILE_KINDS: usize = 14;
const FOLDER_KINDS: usize = 2;

/// The last kind of each.
const REPLACED: usize = FILE_KINDS - 1;
const AWAY_OR_BACK: usize = FOLDER_KINDS - 1;

/// As `cp -a` makes it.
#[derive(Clone)]
struct Backup {
    text: String,
    modified: SystemTime,
    says: Says,
}

/// A file with the profile of a role's line.
struct EditedFile {
    path: PathBuf,
    role: &'static str,
    issuer: &'static str,
    keys: PathBuf,
    says: Says,
    is_there: bool,
    /// Whether its mode is one to be trusted.
    is_private: bool,
    backup: Backup,
}

impl EditedFile {
    fn new(scene: &Scene, path: PathBuf, role: &'static str, issuer: &'static str) -> Self {
        let (keys, says) = (scene.path("keys.jwks"), Says::LetIn(0));
        let backup = Backup { text: String::new(), modified: SystemTime::now(), says };
        let mut file = Self { path, role, issuer, keys, says, is_there: true, is_private: true, backup };
        file.replace(scene, &file.text(), None);
        file.backup = file.as_it_is();
        file
    }

    fn name(&self, number: u32) -> String {
        format!("{}{number:06}", &self.role[..1])
    }

    fn text(&self) -> String {
        let (audience, number) = match self.says {
            Says::LetIn(number) => ("pg", number),
            Says::Refuse(number) => ("gp", number),
            Says::Nonsense => return "[profiles.nobody]\nissuer = \n".to_owned(),
        };
        numbered(if self.role == "app" { 'a' } else { 't' }, self.issuer, audience, number, &self.keys)
    }

    fn modified(&self) -> SystemTime {
        fs::metadata(&self.path).and_then(|metadata| metadata.modified()).expect("a time")
    }

    fn as_it_is(&self) -> Backup {
        let text = fs::read_to_string(&self.path).expect("a text");
        Backup { text, modified: self.modified(), says: self.says }
    }

    /// By rename, as editors and tools of administration do it.
    fn replace(&self, scene: &Scene, text: &str, modified: Option<SystemTime>) {
        let beside = scene.cluster.write_file("next", text);
        if let Some(time) = modified {
            set_modified(&beside, time);
        }
        fs::rename(beside, &self.path).expect("replaced");
    }

    /// In place, and with no other size where the text has none.
    fn overwrite(&self, text: &str, modified: Option<SystemTime>) {
        let file = File::options().write(true).open(&self.path).expect("a file");
        file.write_all_at(text.as_bytes(), 0).expect("written");
        if file.metadata().expect("its size").len() != text.len() as u64 {
            file.set_len(text.len() as u64).expect("cut off");
        }
        drop(file);
        if let Some(time) = modified {
            set_modified(&self.path, time);
        }
    }

    /// One edit of this kind, with a text of this number; says which.
    fn edit(&mut self, kind: usize, scene: &Scene, dice: &mut Dice, number: u32) -> &'static str {
        let says = if dice.below(2) == 0 { Says::LetIn(number) } else { Says::Refuse(number) };
        if !self.is_there {
            self.says = says;
            return self.replaced(scene, "back again", None);
        }
        let old = self.as_it_is();
        self.says = says;
        match kind {
            0 => self.overwritten("in place", None),
            1 => self.overwritten("in place, with the old time", Some(old.modified)),
            2 => {
                self.overwrite(&(self.text() + "# longer\n"), None);
                "in place, longer"
            }
            3 => self.replaced(scene, "by rename, with the old time", Some(old.modified)),
            4 | 5 => self.swapped(scene, number),
            6 => {
                fs::remove_file(&self.path).expect("removed");
                self.is_there = false;
                "removed"
            }
            7 => {
                self.says = Says::Nonsense;
                self.replaced(scene, "an error", None)
            }
            8 => {
                self.backup = old;
                self.replaced(scene, "by rename, after a backup", None)
            }
            9 | 10 => self.restored(scene, kind == 9),
            11 => {
                self.says = old.says;
                self.is_private = dice.below(2) == 0;
                let mode = if self.is_private { 0o644 } else { 0o666 };
                fs::set_permissions(&self.path, Permissions::from_mode(mode)).expect("a mode");
                "another mode"
            }
            12 => {
                self.says = old.says;
                set_modified(&self.path, SystemTime::now() - Duration::from_secs(86_400));
                "another time alone"
            }
            _ => self.replaced(scene, "by rename", None),
        }
    }

    fn overwritten(&self, kind: &'static str, modified: Option<SystemTime>) -> &'static str {
        self.overwrite(&self.text(), modified);
        kind
    }

    fn replaced(&mut self, scene: &Scene, kind: &'static str, modified: Option<SystemTime>) -> &'static str {
        self.replace(scene, &self.text(), modified);
        (self.is_there, self.is_private) = (true, true);
        kind
    }

    /// With the time that it had, by `mv` or by `cp -p`.
    fn restored(&mut self, scene: &Scene, by_rename: bool) -> &'static str {
        let backup = self.backup.clone();
        self.says = backup.says;
        if by_rename {
            self.replace(scene, &backup.text, Some(backup.modified));
            self.is_private = true;
            return "a backup by rename";
        }
        self.overwrite(&backup.text, Some(backup.modified));
        "a backup in place"
    }

    /// As Kubernetes brings a ConfigMap up to date: the file is a link through `..data`, which alone is replaced; the folder that
    /// it led to is removed.
    fn swapped(&mut self, scene: &Scene, number: u32) -> &'static str {
        let name = self.path.file_name().expect("a name").to_owned();
        let beside = |other: &str| self.path.with_file_name(other);
        let version = format!("..{number}");
        fs::create_dir(beside(&version)).expect("a folder");
        scene.give(&beside(&version), 0o755);
        fs::rename(scene.cluster.write_file("next", self.text()), beside(&version).join(&name)).expect("a file");
        let old = fs::read_link(beside("..data"));
        link(version.as_ref(), &beside("..data"));
        let was_link = fs::read_link(&self.path).is_ok();
        if !was_link {
            link(&Path::new("..data").join(&name), &self.path);
        }
        if let Ok(old) = old {
            fs::remove_dir_all(beside(old.to_str().expect("UTF-8"))).expect("removed");
        }
        self.is_private = true;
        if was_link { "a ConfigMap's link swapped" } else { "a ConfigMap in the place of the file" }
    }

    /// What becomes of a login by its profile.
    fn fate(&self) -> Fate {
        match self.says {
            Says::LetIn(number) => Fate::LetIn(format!("{}:{}", self.name(number), self.role)),
            Says::Refuse(number) => Fate::Denied(format!("audience_mismatch (profile \"{}\")", self.name(number))),
            Says::Nonsense => Fate::Denied("config_invalid".to_owned()),
        }
    }
}

fn set_modified(path: &Path, time: SystemTime) {
    let file = File::options().write(true).open(path).expect("a file");
    file.set_times(FileTimes::new().set_modified(time)).expect("a time");
}

/// Puts a link in the place of whatever is there.
fn link(to: &Path, at: &Path) {
    let beside = at.with_file_name("..link");
    symlink(to, &beside).and_then(|()| fs::rename(beside, at)).expect("a link");
}

/// A server with a main file, a team's file, and now and then another file in the folder.
pub struct EditedCluster {
    pub scene: Scene,
    dice: Dice,
    number: u32,
    main: EditedFile,
    team: EditedFile,
    folder_is_there: bool,
    /// The kind of the next edit that takes all kinds in turn.
    turn: usize,
}

impl EditedCluster {
    pub fn new(seed: u32) -> Self {
        let scene = Scene::start("");
        let folder = scene.path("oauth-validator.d");
        fs::create_dir(&folder).expect("a folder");
        scene.give(&folder, 0o755);
        let main = EditedFile::new(&scene, scene.cluster.config_path(), "app", "https://corp.example");
        let team = EditedFile::new(&scene, folder.join("team.toml"), "team", "https://team.example");
        Self { scene, dice: Dice(seed.into()), number: 0, main, team, folder_is_there: true, turn: seed as usize }
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.dice.below(end)
    }

    /// One edit; says which.
    pub fn edit(&mut self) -> &'static str {
        // What Kubernetes has mounted is for the most part changed by Kubernetes.
        let mut kind_for = |file: &EditedFile| {
            if file.path.is_symlink() && self.dice.below(2) == 0 { 4 } else { self.dice.below(FILE_KINDS) }
        };
        let of_main = kind_for(&self.main);
        let of_team = kind_for(&self.team);
        match self.dice.below(14) {
            kind @ 0..2 => self.edit_folder(kind),
            2..6 => self.edit_team(of_team),
            _ => self.edit_main(of_main),
        }
    }

    /// An edit of the next kind, for the first one after all has settled: it alone meets a form that was used a moment ago, and
    /// each kind has to be it. So many servers, whose turns begin side by side, share the kinds among them.
    pub fn edit_in_turn(&mut self, servers: u32) -> &'static str {
        let kind = self.turn % (FOLDER_KINDS + 2 * FILE_KINDS);
        self.turn += servers as usize;
        match kind.checked_sub(FOLDER_KINDS) {
            None => self.edit_folder(kind),
            Some(kind) if kind < FILE_KINDS => self.edit_main(kind),
            Some(kind) => self.edit_team(kind - FILE_KINDS),
        }
    }

    /// What makes a configuration of which something is kept, and for the most part one in which both roles have a profile.
    pub fn repair(&mut self) {
        if !(self.main.is_there && self.main.is_private) || matches!(self.main.says, Says::Nonsense) {
            self.edit_main(REPLACED);
        }
        if self.dice.below(4) == 0 {
            return;
        }
        if !self.folder_is_there {
            self.edit_folder(AWAY_OR_BACK);
        }
        if !(self.team.is_there && self.team.is_private) || matches!(self.team.says, Says::Nonsense) {
            self.edit_team(REPLACED);
        }
    }

    fn edit_main(&mut self, kind: usize) -> &'static str {
        self.number += 1;
        self.main.edit(kind, &self.scene, &mut self.dice, self.number)
    }

    fn edit_team(&mut self, kind: usize) -> &'static str {
        if !self.folder_is_there {
            return self.edit_folder(AWAY_OR_BACK);
        }
        self.number += 1;
        self.team.edit(kind, &self.scene, &mut self.dice, self.number)
    }

    fn edit_folder(&mut self, kind: usize) -> &'static str {
        self.number += 1;
        if kind == AWAY_OR_BACK { self.folder_away_or_back() } else { self.other_file() }
    }

    fn folder(&self) -> PathBuf {
        self.scene.path(if self.folder_is_there { "oauth-validator.d" } else { "away" })
    }

    fn folder_away_or_back(&mut self) -> &'static str {
        let before = self.folder();
        self.folder_is_there = !self.folder_is_there;
        fs::rename(before, self.folder()).expect("renamed");
        if self.folder_is_there { "the folder back" } else { "the folder away" }
    }

    fn other_file(&self) -> &'static str {
        let other = self.folder().join("other.toml");
        if fs::remove_file(&other).is_ok() {
            return "a file less in the folder";
        }
        let text = numbered('o', "https://other.example", "pg", self.number, &self.scene.path("keys.jwks"));
        fs::rename(self.scene.cluster.write_file("next", text), other).expect("a file");
        "a file more in the folder"
    }

    /// What has to become of a login of each role.
    pub fn fates(&self) -> [(&'static str, Fate); 2] {
        let denied = |code: &str| Fate::Denied(code.to_owned());
        let main =
            if self.main.is_there && self.main.is_private { self.main.fate() } else { denied("config_unreadable") };
        let nobody_is_let_in = matches!(&main, Fate::Denied(why) if why.starts_with("config_"));
        let team = if nobody_is_let_in {
            main.clone()
        } else if !(self.folder_is_there && self.team.is_there) {
            denied("hba_issuer_unknown")
        } else if self.team.is_private {
            self.team.fate()
        } else {
            denied("config_invalid")
        };
        [(self.main.role, main), (self.team.role, team)]
    }
}
