//! Asking about tokens: the secret's file, the places, and what becomes of each outcome.

use super::{TestFolder, give, needs_root, set_mode};
use crate::{ClaimLookup, ClientLeft, Environment, HelperSlots, KeyFolder, ServerUser, TokenCheck};
use oauth_validator_core::protocol::{Authorization, Freshness, HelperFailure, HelperReply, HelperRequest, Task};
use oauth_validator_core::{
    BearerToken, ClientAuth, ClientCertificate, ClientSecret, FilePath, Graph, KeysUnavailable, Lookup, LookupSubject,
    OnlineAnswer, OnlineCheck, OnlineKind, Reach, Source, Userinfo,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SECRET: &str = "se:cr+et%\u{e4}";

fn answer() -> OnlineAnswer {
    OnlineAnswer { status: 200, body: "{\"active\":true}".into() }
}

/// A provider that gives one outcome, if it is asked at all.
struct OneReply {
    outcome: Option<Result<HelperReply, ClientLeft>>,
    request: Option<HelperRequest>,
}

fn world(outcome: Result<HelperReply, ClientLeft>) -> OneReply {
    OneReply { outcome: Some(outcome), request: None }
}

fn never() -> OneReply {
    OneReply { outcome: None, request: None }
}

impl Environment for OneReply {
    fn pause(&mut self, _: Duration) -> Result<(), ClientLeft> {
        panic!("nobody waits for a token")
    }

    fn still_wanted(&mut self) -> Result<(), ClientLeft> {
        panic!("a question ends with its client")
    }

    fn fetch(&mut self, _: &HelperRequest, _: Duration) -> HelperReply {
        panic!("nobody fetches keys")
    }

    fn ask(&mut self, request: &HelperRequest, limit: Duration) -> Result<HelperReply, ClientLeft> {
        assert!(request.reach.timeout < limit);
        self.request = Some(request.clone());
        self.outcome.take().expect("the provider was asked")
    }

    fn complain(&mut self, what: &str, _: &str) {
        panic!("{what}")
    }
}

struct OnlineSetup {
    place: TestFolder,
    check: OnlineCheck,
    config: PathBuf,
}

impl OnlineSetup {
    fn new(secret: &str) -> Self {
        let place = TestFolder::new();
        let config = place.file("oauth-validator.toml", 0o600);
        let file = place.path("secret");
        fs::write(&file, secret).unwrap();
        set_mode(&file, 0o600);
        let client = ClientSecret { client_id: "pg".into(), secret_file: "secret".into() };
        let check = OnlineCheck {
            kind: OnlineKind::Introspection,
            endpoint: "https://idp.example/introspect".into(),
            auth: ClientAuth::Basic(client),
            certificate: None,
            token_param: "token".into(),
            scope_separator: None,
            cache: Duration::ZERO,
            reach: Reach {
                ca: None,
                proxy: None,
                insecure_http: false,
                connect_timeout: Duration::from_secs(1),
                timeout: Duration::from_secs(2),
            },
        };
        Self { place, check, config }
    }

    fn order(&self) -> TokenCheck<'_> {
        TokenCheck { check: &self.check, config_path: &self.config, user: ServerUser::current() }
    }

    fn ask(&self, world: &mut OneReply) -> Result<OnlineAnswer, KeysUnavailable> {
        let order = self.order();
        order.ask(&order.request(&BearerToken::new(b"opaque"))?, world)
    }
}

#[track_caller]
fn says(result: Result<OnlineAnswer, KeysUnavailable>, words: &[&str]) {
    let why = result.expect_err("no answer");
    for word in words {
        assert!(why.detail.contains(word) || why.hint.contains(word), "no {word:?} in {why:?}");
    }
    assert!(!format!("{why:?}").contains(SECRET) && !format!("{why:?}").contains("opaque"), "{why:?}");
}

#[test]
fn the_secret_is_read_for_each_login_without_its_newline() {
    for text in [SECRET.to_owned(), format!("{SECRET}\n"), format!("{SECRET}\r\n")] {
        let setup = OnlineSetup::new(&text);
        let mut asked = world(Ok(HelperReply::Answer(answer())));
        assert_eq!(setup.ask(&mut asked), Ok(answer()));
        let Some(HelperRequest { task: Task::Introspect { authorization, token, .. }, .. }) = asked.request else {
            panic!("no request")
        };
        let Authorization::Basic { client_id, secret } = authorization else { panic!("{authorization:?}") };
        assert_eq!((client_id.as_str(), secret.expose(), token.expose()), ("pg", SECRET, "opaque"));
    }
    let setup = OnlineSetup::new(SECRET);
    fs::write(setup.place.path("secret"), "rotated").unwrap();
    let mut asked = world(Ok(HelperReply::Answer(answer())));
    assert_eq!(setup.ask(&mut asked), Ok(answer()));
    assert!(!format!("{:?}", asked.request).contains("rotated"), "no debug output shows it");
}

#[test]
fn a_secret_that_others_could_change_or_that_is_none_asks_nobody() {
    for (text, words) in
        [("", "one line of text"), ("\n", "one line of text"), ("a\nb", "one line"), ("a\0b", "one line")]
    {
        says(OnlineSetup::new(text).ask(&mut never()), &["introspection.client_secret_file", words]);
    }
    let setup = OnlineSetup::new(SECRET);
    fs::write(setup.place.path("secret"), b"\xff").unwrap();
    says(setup.ask(&mut never()), &["one line of text in UTF-8"]);
    set_mode(&setup.place.path("secret"), 0o620);
    says(setup.ask(&mut never()), &["mode 0620"]);
    fs::remove_file(setup.place.path("secret")).unwrap();
    says(setup.ask(&mut never()), &["does not exist"]);
    if needs_root("a_secret_that_others_could_change_or_that_is_none_asks_nobody") {
        let setup = OnlineSetup::new(SECRET);
        give(&setup.place.path("secret"), super::STRANGER, super::STRANGER);
        says(setup.ask(&mut never()), &["owned by"]);
    }
}

#[test]
fn whoever_needs_no_secret_reads_none() {
    let mut setup = OnlineSetup::new("");
    setup.check.auth = ClientAuth::None;
    assert_eq!(setup.ask(&mut world(Ok(HelperReply::Answer(answer())))), Ok(answer()));
    setup.check.reach.ca = Some(FilePath("missing.pem".into()));
    says(setup.ask(&mut never()), &["keys.ca_file", "does not exist"]);
}

#[test]
fn every_other_outcome_is_a_reason() {
    let setup = OnlineSetup::new(SECRET);
    let failure =
        HelperFailure { code: "credentials".into(), message: "the status is 401".into(), hint: "look at it".into() };
    says(setup.ask(&mut world(Ok(HelperReply::Failed(failure)))), &["credentials: the status is 401.", "Look at it."]);
    says(setup.ask(&mut world(Ok(HelperReply::Unchanged(Freshness::default())))), &["another question"]);
    says(setup.ask(&mut world(Err(ClientLeft))), &["hung up"]);
}

#[test]
fn only_so_many_ask_at_once() {
    let setup = OnlineSetup::new(SECRET);
    let path = setup.place.folder("oauth_validator", 0o700);
    let request = setup.order().request(&BearerToken::new(b"opaque")).expect("a question");
    let ask = |world: &mut OneReply| setup.order().ask_in_turn(&request, places(&path), world);
    let folder = KeyFolder::open(&path, ServerUser::current(), false).unwrap();
    let mut taken: Vec<_> = (0..3).map(|_| folder.try_slot(3).unwrap().expect("a place")).collect();
    assert!(folder.try_slot(3).unwrap().is_none());
    says(ask(&mut never()), &["is taken, 3 in all", "oauth_validator.max_helpers"]);
    taken.swap_remove(1);
    assert_eq!(ask(&mut world(Ok(HelperReply::Answer(answer())))), Ok(answer()));
    assert_eq!(ask(&mut world(Ok(HelperReply::Answer(answer())))), Ok(answer()), "a place is given back");
    assert_eq!(folder.profiles().unwrap(), [] as [String; 0], "places are no profiles");
    set_mode(&path, 0o777);
    says(ask(&mut never()), &["0777"]);
}

fn places(folder: &Path) -> HelperSlots<'_> {
    HelperSlots { folder, create_folder: false, slots: 3 }
}

/// Asks for claims with so much time left.
fn look_up(
    setup: &OnlineSetup,
    left: Duration,
    folder: Option<&Path>,
    world: &mut OneReply,
) -> Result<OnlineAnswer, KeysUnavailable> {
    let lookup = Lookup {
        claims: vec!["groups".to_owned()],
        cache: Duration::ZERO,
        source: Source::Userinfo(Userinfo::Endpoint("https://idp.example/userinfo".to_owned())),
        reach: setup.check.reach.clone(),
    };
    let about = LookupSubject { user: "ana".to_owned(), expires: None };
    let (lookup, about) = (&lookup, &about);
    let order = ClaimLookup { lookup, about, config_path: &setup.config, user: ServerUser::current(), left };
    order.ask(&order.request(&BearerToken::new(b"opaque"))?, folder.map(places), world)
}

#[test]
fn graph_is_asked_with_the_secret_of_its_own_file() {
    let setup = OnlineSetup::new(SECRET);
    let graph = |secret_file: &str| Lookup {
        claims: vec!["groups".to_owned()],
        cache: Duration::ZERO,
        source: Source::Graph(Graph {
            endpoint: "https://graph.example".to_owned(),
            token_endpoint: "https://login.example/token".to_owned(),
            tenant: "tenant".to_owned(),
            client_id: "pg".to_owned(),
            secret_file: secret_file.to_owned(),
            groups: vec!["group".to_owned()],
        }),
        reach: setup.check.reach.clone(),
    };
    let about = LookupSubject { user: "ana".to_owned(), expires: None };
    let request = |lookup: &Lookup| {
        let (config_path, user, left) = (&*setup.config, ServerUser::current(), Duration::from_secs(3));
        let order = ClaimLookup { lookup, about: &about, config_path, user, left };
        order.request(&BearerToken::new(b"opaque"))
    };
    let own = setup.check.auth.secret_file().expect("a file");
    let Task::Graph { secret, user, .. } = request(&graph(own)).expect("a request").task else {
        panic!("another task")
    };
    assert_eq!((secret.expose(), user.as_str()), (SECRET.trim_end(), "ana"));
    let why = request(&graph("nowhere.secret")).expect_err("no such file");
    assert!(why.detail.starts_with("lookup.client_secret_file: "), "{why:?}");
}

#[test]
fn claims_are_asked_for_in_the_time_that_is_left() {
    let setup = OnlineSetup::new(SECRET);
    let whole = setup.check.reach.timeout;
    for (left, own) in [(whole, whole), (whole * 2, whole), (Duration::from_secs(1), Duration::from_secs(1))] {
        let mut asked = world(Ok(HelperReply::Answer(answer())));
        assert_eq!(look_up(&setup, left, None, &mut asked), Ok(answer()));
        let request = asked.request.expect("a request");
        assert_eq!(request.reach.timeout, own - Duration::from_millis(250), "{left:?}");
        let Task::Userinfo { token, .. } = request.task else { panic!("another task") };
        assert_eq!(token.expose(), "opaque");
    }
    // What is asked is the same however much time is left, so that what was kept is found.
    for left in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(250)] {
        says(look_up(&setup, left, None, &mut never()), &["keys.timeout was over before"]);
    }
}

#[test]
fn claims_take_a_place_and_every_other_outcome_is_a_reason() {
    let setup = OnlineSetup::new(SECRET);
    let path = setup.place.folder("oauth_validator", 0o700);
    let second = Duration::from_secs(1);
    let ask = |world: &mut OneReply| look_up(&setup, second, Some(&path), world);
    let folder = KeyFolder::open(&path, ServerUser::current(), false).unwrap();
    let taken: Vec<_> = (0..3).map(|_| folder.try_slot(3).unwrap().expect("a place")).collect();
    says(ask(&mut never()), &["is taken, 3 in all", "oauth_validator.max_helpers"]);
    drop(taken);
    assert_eq!(ask(&mut world(Ok(HelperReply::Answer(answer())))), Ok(answer()));
    let failure = HelperFailure { code: "redirect".into(), message: "it is one".into(), hint: "look at it".into() };
    says(
        ask(&mut world(Ok(HelperReply::Failed(failure)))),
        &["cannot be asked for claims: redirect: it is one.", "Look at it."],
    );
    says(ask(&mut world(Ok(HelperReply::Unchanged(Freshness::default())))), &["another question"]);
    says(ask(&mut world(Err(ClientLeft))), &["hung up"]);
    set_mode(&path, 0o777);
    says(ask(&mut never()), &["0777"]);
}

#[test]
fn a_certificate_is_read_for_each_login_and_judged_like_the_secret() {
    let mut setup = OnlineSetup::new(SECRET);
    let (cert_file, key_file) = ("pg.crt".to_owned(), "pg.key".to_owned());
    setup.check.certificate = Some(ClientCertificate { cert_file, key_file });
    says(setup.ask(&mut never()), &["keys.client_cert_file", "does not exist"]);
    fs::write(setup.place.path("pg.crt"), "CERT\n").unwrap();
    says(setup.ask(&mut never()), &["keys.client_key_file", "does not exist"]);
    for key in ["first", "second"] {
        fs::write(setup.place.path("pg.key"), key).unwrap();
        let mut asked = world(Ok(HelperReply::Answer(answer())));
        assert_eq!(setup.ask(&mut asked), Ok(answer()));
        let Some(HelperRequest { task: Task::Introspect { certificate: Some(shown), .. }, .. }) = asked.request else {
            panic!("no certificate")
        };
        assert_eq!((shown.cert_pem.expose(), shown.key_pem.expose()), ("CERT\n", key));
    }
    set_mode(&setup.place.path("pg.key"), 0o660);
    says(setup.ask(&mut never()), &["keys.client_key_file", "mode 0660"]);
    set_mode(&setup.place.path("pg.key"), 0o600);
    fs::write(setup.place.path("pg.key"), b"\xff").unwrap();
    says(setup.ask(&mut never()), &["keys.client_key_file", "is not text"]);
}
