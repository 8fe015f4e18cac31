//! The kept form of a configuration: used while nothing has changed, and for nothing else. Real files and real times.

mod edits;
mod files;

use super::{TestFolder, give, is_root, needs_root, set_mode};
use crate::{KeptPlace, ServerUser, read_configuration};
use oauth_validator_core::{Config, KeptChoice, Request, kept_form};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Longer than a file must have been as it is.
const SETTLED: Duration = Duration::from_millis(2_100);

/// A profile for the line that is logged in by; `audience` tells one text from another.
fn profile(name: &str, audience: u32) -> String {
    format!(
        "[profiles.{name}]\nissuer = \"https://{name}.example\"\nhba_issuers = [\"https://line.example\"]\n\
         audience = [\"pg-{audience:08}\"]\nkeys = {{ jwks_file = \"k\" }}\nidentity = {{ prefix = \"{name}:\" }}\n"
    )
}

/// How a login came to its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Kept,
    Text,
    /// By the text, of which a form was kept then.
    TextAndKept,
}

/// A configuration, and the folder of key files of a server that has it.
struct ConfiguredFolder {
    place: TestFolder,
    booted: SystemTime,
}

impl ConfiguredFolder {
    /// With a main file of one profile, and no folder.
    fn new() -> Self {
        let place = TestFolder::new();
        place.folder("keys", 0o700);
        let server = Self { place, booted: SystemTime::UNIX_EPOCH };
        server.write("main.toml", &profile("main", 0));
        server
    }

    /// One whose configuration has been as it is for long enough, and which has a form of it.
    fn settled() -> Self {
        let server = Self::new();
        std::thread::sleep(SETTLED);
        assert_eq!(server.login().1, By::TextAndKept);
        assert_eq!(server.login().1, By::Kept);
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
        set_mode(&self.path(name), 0o644);
    }

    /// The file with the form.
    fn kept_file(&self) -> PathBuf {
        let entries = fs::read_dir(self.path("keys")).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut found: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|end| end == "kept")).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    fn with_place<T>(&self, act: impl FnOnce(KeptPlace<'_>) -> T) -> T {
        let (main, directory, folder) = (self.path("main.toml"), self.path("main.d"), self.path("keys"));
        act(KeptPlace {
            main: &main,
            config_directory: Some(&directory),
            folder: &folder,
            create_folder: false,
            user: ServerUser::current(),
            booted: self.booted,
        })
    }

    /// As a login does it: what decides, in words.
    fn login(&self) -> (String, By) {
        self.login_at(SystemTime::now())
    }

    fn login_at(&self, now: SystemTime) -> (String, By) {
        let kept = self.with_place(|place| place.open(now));
        let damaged = match kept.map(|mut kept| kept.choose(&request())) {
            Some(KeptChoice::Part(part)) => return (words(&part), By::Kept),
            Some(KeptChoice::Damaged) => true,
            Some(KeptChoice::Unsaid) => panic!("a line with an issuer"),
            None => false,
        };
        self.read(damaged)
    }

    /// What the texts say now.
    fn text(&self) -> String {
        let (main, directory) = (self.path("main.toml"), self.path("main.d"));
        match read_configuration(&main, Some(&directory), ServerUser::current()) {
            Ok(files) => files.folder.judged(|folder| Config::parse_all(&files.main, "main.toml", folder)).config,
            Err(_) => None,
        }
        .map_or_else(|| "nobody".to_owned(), |config| words(&config))
    }

    fn read(&self, damaged: bool) -> (String, By) {
        let (main, directory) = (self.path("main.toml"), self.path("main.d"));
        let Ok(files) = read_configuration(&main, Some(&directory), ServerUser::current()) else {
            return ("nobody".to_owned(), By::Text);
        };
        let parsed = files.folder.judged(|folder| Config::parse_all(&files.main, "main.toml", folder));
        let Some(config) = parsed.config else { return ("nobody".to_owned(), By::Text) };
        let kept = self.with_place(|place| place.keep(&files, damaged, |made_of| kept_form(&config, made_of)));
        (words(&config), if kept.unwrap_or(false) { By::TextAndKept } else { By::Text })
    }
}

fn request() -> Request {
    Request { hba_issuer: "https://line.example".to_owned(), ..Request::default() }
}

/// All that counts for a login by the line.
fn words(config: &Config) -> String {
    let serves = |issuers: &[String]| issuers.iter().any(|issuer| issuer == "https://line.example");
    let profiles: Vec<String> = config
        .profiles()
        .iter()
        .filter(|profile| serves(profile.hba_issuers()))
        .map(|profile| format!("{}: {:?}", profile.name, profile.audience))
        .collect();
    let trouble = config.troubles().first().map(|trouble| &trouble.detail);
    format!("{profiles:?} {trouble:?} {:?}", config.reserved_prefixes())
}
