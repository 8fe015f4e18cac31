//! The parts of a login that are ours, each by itself, as the library in the server runs them.

use crate::variant::{BASE, Others, Variant};
use oauth_validator_core::{
    BearerToken, Config, Decision, DecisionState, KeptChoice, KeySet, Known, Needs, Request, Tracing, UnixSeconds,
    decide_for, kept_form,
};
use oauth_validator_store::{KeptPlace, MAX_CONFIG_BYTES, ServerUser, read_configuration, read_trusted};
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, SystemTime};

/// One part of a login.
pub struct Stage {
    /// Its name: `decide-rs256`.
    pub name: String,
    prepare: Box<dyn Fn() -> Body>,
}

/// What is measured.
pub type Body = Box<dyn FnMut()>;

impl Stage {
    fn new(name: impl Into<String>, prepare: impl Fn() -> Body + 'static) -> Self {
        Self { name: name.into(), prepare: Box::new(prepare) }
    }

    /// Makes its input; what it returns does the stage once, each time it is called.
    pub fn prepare(&self) -> Body {
        (self.prepare)()
    }
}

/// All stages.
pub fn all() -> Vec<Stage> {
    let mut stages = Vec::new();
    for profiles in [0, 1, 3, 10, 100, 1000] {
        stages.push(Stage::new(format!("config-{profiles}"), move || config(profiles)));
    }
    stages.push(Stage::new("config-file", config_file));
    for (profiles, others) in
        [(3, Others::Preset), (1000, Others::Preset), (1000, Others::SpelledOut), (10_000, Others::SpelledOut)]
    {
        let how = if others == Others::Preset { "" } else { "-spelled" };
        stages.push(Stage::new(format!("kept-{profiles}{how}"), move || kept(Variant { profiles, others, ..BASE })));
    }
    for keys in [2, 20] {
        stages.push(Stage::new(format!("key-set-{keys}"), move || key_set(keys)));
    }
    for algorithm in ["RS256", "ES256", "EdDSA", "PS512"] {
        let variant = Variant { algorithm, ..BASE };
        stages.push(Stage::new(format!("decide-{}", algorithm.to_lowercase()), move || decision(variant)));
    }
    stages.push(Stage::new("decide-12kb", || decision(Variant { token_bytes: 12_000, ..BASE })));
    stages
}

/// The time at which the tokens of stages are decided.
const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

fn parsed(text: &str) -> Config {
    let parsed = Config::parse(text.as_bytes(), "oauth-validator.toml");
    parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.findings))
}

fn config_text(profiles: usize) -> String {
    if profiles == 0 { String::new() } else { text_of(Variant { profiles, ..BASE }) }
}

/// With providers that nobody asks.
fn text_of(variant: Variant) -> String {
    variant.config("http://127.0.0.1:1", "https://127.0.0.1:2")
}

fn config(profiles: usize) -> Body {
    let text = config_text(profiles);
    Box::new(move || drop(black_box(parsed(black_box(&text)))))
}

/// Opens the file as the server does: each folder above it is judged.
fn config_file() -> Body {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(config_text(BASE.profiles).as_bytes()).expect("a write");
    Box::new(move || {
        let read = read_trusted(file.path(), MAX_CONFIG_BYTES, ServerUser::current());
        assert!(black_box(read).is_ok(), "the temporary folder is not one to trust");
    })
}

/// What takes the place of reading and understanding the file, where it has not changed.
fn kept(variant: Variant) -> Body {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let (main, keys) = (folder.path().join("main.toml"), folder.path().join("keys"));
    std::fs::create_dir(&keys).expect("a folder");
    std::fs::write(&main, text_of(variant)).expect("a write");
    std::thread::sleep(Duration::from_millis(2_100));
    let user = ServerUser::current();
    let texts = read_configuration(&main, None, user).expect("the temporary folder is one to trust");
    let config = parsed(std::str::from_utf8(&texts.main).expect("a text"));
    let request = Request { hba_issuer: variant.issuer(), ..Request::default() };
    let booted = SystemTime::UNIX_EPOCH;
    let place = KeptPlace { main: &main, config_directory: None, folder: &keys, create_folder: false, user, booted };
    assert!(place.keep(&texts, false, |made_of| kept_form(&config, made_of)).expect("a form"));
    Box::new(move || {
        let (main, keys) = (folder.path().join("main.toml"), folder.path().join("keys"));
        let place =
            KeptPlace { main: &main, config_directory: None, folder: &keys, create_folder: false, user, booted };
        let mut kept = place.open(SystemTime::now()).expect("nothing has changed");
        match kept.choose(black_box(&request)) {
            KeptChoice::Part(part) => assert_eq!(black_box(part).profiles().len(), 1),
            other => panic!("{other:?}"),
        }
    })
}

fn key_set(keys: usize) -> Body {
    let text = Variant { keys, ..BASE }.jwks().to_string();
    Box::new(move || {
        let set = KeySet::from_jwks(black_box(text.as_bytes())).expect("a key set");
        assert_eq!(black_box(set).keys().len(), keys);
    })
}

/// From the token to the grant, with configuration and keys at hand.
fn decision(variant: Variant) -> Body {
    let config = parsed(&text_of(variant));
    let token = variant.token(NOW.get());
    let request = Request {
        hba_profiles: None,
        hba_issuer: variant.issuer(),
        hba_scope: "openid db.connect".into(),
        delegate_ident_mapping: false,
        role: variant.profile(),
        database: "postgres".into(),
        replication: false,
    };
    let keys = KeySet::from_jwks(variant.jwks().to_string().as_bytes()).expect("a key set");
    let mut known = Known::default();
    let answer = decide_for(Tracing::Off, &request, &BearerToken::new(token.as_bytes()), &config, &known, NOW);
    let DecisionState::Needs(Needs::ProviderKeys { profile, .. }) = answer else { panic!("no keys were asked for") };
    known.insert_keys(profile, Ok(keys));
    Box::new(move || {
        let token = BearerToken::new(black_box(token.as_bytes()));
        match decide_for(Tracing::Off, &request, &token, &config, &known, NOW) {
            DecisionState::Decided(verdict) => assert!(matches!(black_box(&verdict).decision, Decision::Granted(_))),
            DecisionState::Needs(_) => panic!("the keys are known"),
        }
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_stage_runs_twice() {
        for stage in super::all() {
            let mut body = stage.prepare();
            body();
            body();
        }
    }
}
