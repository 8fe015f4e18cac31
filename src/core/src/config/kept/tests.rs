//! That a part decides as the whole is for `tests/cases.rs`, which has all cases; here are the forms themselves.

use super::{FormInMemory, KeptChoice, choose};
use crate::config::{Config, ConfigFolder, FolderFile};
use crate::decision::Request;

/// What the forms of these tests were made of, as far as they know.
const MADE_OF: u64 = 7;

fn kept_form(config: &Config) -> Option<Vec<u8>> {
    super::kept_form(config, MADE_OF)
}

fn in_memory(form: &[u8]) -> FormInMemory<'_> {
    FormInMemory { form, made_of: MADE_OF }
}

fn config(text: &str) -> Config {
    let parsed = Config::parse(text.as_bytes(), "main.toml");
    parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.findings))
}

fn profile(name: &str, further: &str) -> String {
    format!(
        "[profiles.{name}]\nissuer = \"https://{name}.example\"\naudience = [\"pg\"]\nkeys = {{ jwks_file = \"k\" }}\n\
         identity = {{ prefix = \"{name}:\" }}\n{further}\n"
    )
}

fn of_issuer(issuer: &str) -> Request {
    Request { hba_issuer: issuer.to_owned(), ..Request::default() }
}

fn of_names(names: &str) -> Request {
    Request { hba_profiles: Some(names.to_owned()), ..of_issuer("https://nobody.example") }
}

fn part(form: &[u8], request: &Request) -> Config {
    match choose(&mut in_memory(form), request) {
        KeptChoice::Part(part) => *part,
        other => panic!("{other:?}"),
    }
}

fn names(config: &Config) -> Vec<&str> {
    config.profiles().iter().map(|profile| profile.name.as_str()).collect()
}

#[test]
fn the_profiles_of_a_line_are_chosen_and_no_others() {
    let shared = "hba_issuers = [\"https://shared.example\", \"https://shared.example/\"]";
    let text: String =
        (0..300).map(|number| profile(&format!("p{number}"), if number % 100 == 7 { shared } else { "" })).collect();
    let whole = config(&text);
    let form = kept_form(&whole).unwrap();
    for number in 0..300 {
        let issuer = format!("https://p{number}.example");
        let wanted = if number % 100 == 7 { Vec::new() } else { vec![format!("p{number}")] };
        assert_eq!(names(&part(&form, &of_issuer(&issuer))), wanted, "{issuer}");
    }
    for line in ["https://shared.example", "https://shared.example//.well-known/openid-configuration"] {
        assert_eq!(names(&part(&form, &of_issuer(line))), ["p107", "p207", "p7"], "{line}");
    }
    assert_eq!(names(&part(&form, &of_names("p7, p12"))), ["p12", "p7"]);
    assert!(matches!(choose(&mut in_memory(&form), &of_names("p7,p300")), KeptChoice::Unsaid));
    let nobodys = part(&form, &of_issuer("https://nobody.example"));
    assert!(nobodys.profiles().is_empty() && !nobodys.trusts_nobody());
    let empty = kept_form(&config("")).unwrap();
    assert!(part(&empty, &of_issuer("https://nobody.example")).trusts_nobody());
}

/// Each profile comes back as it was, to the last setting.
#[test]
fn a_profile_is_kept_with_all_that_it_says() {
    let text = r#"
reserved_prefixes = ["partner:", "x:"]
[profiles.all]
preset = "entra"
issuer = "https://login.microsoftonline.com/9a8b7c6d-2222-4eee-9fff-000000000001/v2.0"
audience = ["pg", "api://pg"]
databases = ["app", "b"]
replication = true
deny_jti = ["1"]
deny_identities = ["2"]
clients = { claims = ["$.azp", "$['app id']"], allow = ["c"] }
roles = { claim = "$.roles[*]", pattern = "pg_(?<role>[a-z]+)", map = { a = ["reader", "writer"] } }
identity = { claim = "$.oid", pattern = "(?<x>[a-z0-9-]+)@corp", prefix = "all:", fallback = { claim = "$.azp", prefix = "svc:" } }
session = { end = "token", grace = "5min", max = "12h", claims = { tenant = "$.tid" } }
[[profiles.all.require]]
claim = "$.weight"
one_of = [0.1, 2.2250738585072014e-308, 1e300, -7, 9223372036854775807, "t", true]
[[profiles.all.require]]
claim = "$.groups[?@ == 'a']"
present = true
report_only = true
[[profiles.all.require]]
claim = "$.acr"
matches = "urn:.*"
[profiles.asked]
issuer = "https://asked.example"
audience = ["pg"]
mode = "introspection"
identity = { prefix = "asked:" }
introspection = { endpoint = "https://asked.example/i", client_id = "c", client_secret_file = "s", cache = "30s" }
"#;
    let whole = config(text);
    let form = kept_form(&whole).unwrap();
    for profile in whole.profiles() {
        let part = part(&form, &of_names(&profile.name));
        assert_eq!(format!("{:?}", part.profiles()[0]), format!("{profile:?}"));
        assert_eq!(part.reserved_prefixes(), whole.reserved_prefixes());
        assert_eq!((part.file_name(), part.whole_name()), (whole.file_name(), whole.whole_name()));
        assert!(part.somebody_asks());
    }
}

#[test]
fn denied_profiles_and_their_troubles_are_kept() {
    let files = [
        ("d/a.toml", profile("a", "") + "nonsense = 1\n"),
        ("d/b.toml", profile("b", "hba_issuers = [\"https://a.example\"]") + "more = 1\n"),
        ("d/c.toml", profile("c", "")),
    ];
    let files: Vec<FolderFile<'_>> =
        files.iter().map(|(name, text)| FolderFile { name, text: Ok(text.as_bytes()) }).collect();
    let parsed =
        Config::parse_all(profile("main", "").as_bytes(), "main.toml", ConfigFolder { name: "d", files: &files });
    let whole = parsed.config.unwrap();
    let form = kept_form(&whole).unwrap();
    for (line, denied) in
        [("https://a.example", vec!["a", "b"]), ("https://c.example", vec![]), ("https://b.example", vec![])]
    {
        let part = part(&form, &of_issuer(line));
        assert_eq!(part.denied().iter().map(|one| one.name()).collect::<Vec<_>>(), denied, "{line}");
        assert_eq!(part.troubles().first(), whole.troubles().first());
        for one in part.denied() {
            let same = whole.denied().iter().find(|other| other.name() == one.name()).unwrap();
            assert_eq!(part.denial_of(one), whole.denial_of(same));
        }
        assert_eq!(part.whole_name(), "main.toml and d");
    }
}

#[test]
fn a_form_that_is_damaged_says_nothing() {
    let text: String = (0..40).map(|number| profile(&format!("p{number}"), "")).collect();
    let form = kept_form(&config(&text)).unwrap();
    let request = of_issuer("https://p7.example");
    let whole = format!("{:?}", part(&form, &request));
    for end in 0..form.len() {
        assert!(matches!(choose(&mut in_memory(&form[..end]), &request), KeptChoice::Damaged), "cut off at {end}");
    }
    let (mut damaged, mut same) = (0, 0);
    for at in 0..form.len() {
        for bit in [0, 7] {
            let mut other = form.clone();
            other[at] ^= 1 << bit;
            match choose(&mut in_memory(&other), &request) {
                KeptChoice::Damaged => damaged += 1,
                // It is in what this login does not look at.
                KeptChoice::Part(part) if format!("{part:?}") == whole => same += 1,
                changed => panic!("byte {at}: {changed:?}"),
            }
        }
    }
    assert!(damaged > 200 && same > damaged, "{damaged} {same}");
}

/// As after a power cut, on a file system that gives a file the blocks of one that was removed: each of its pieces is whole.
#[test]
fn no_piece_of_another_form_passes_for_one_of_this() {
    let text = |audience: &str| -> String {
        let of = |number| profile(&format!("p{number}"), "").replace("\"pg\"", &format!("\"{audience}\""));
        (0..40).map(of).collect()
    };
    let (old, new) = (config(&text("pg-1")), config(&text("pg-2")));
    let request = of_issuer("https://p7.example");
    let (old, new) = (super::kept_form(&old, 1).unwrap(), super::kept_form(&new, 2).unwrap());
    assert_eq!(old.len(), new.len(), "their pieces lie at the same places");
    let reads = |form: &[u8], made_of| match choose(&mut FormInMemory { form, made_of }, &request) {
        KeptChoice::Part(part) => Some(format!("{:?}", part.profiles()[0].audience)),
        _ => None,
    };
    assert!(reads(&new, 2).unwrap().contains("pg-2"));
    assert_eq!((reads(&new, 1), reads(&old, 2)), (None, None), "all of another one");
    let mut damaged = 0;
    for block in (0..new.len()).step_by(64) {
        let end = new.len().min(block + 512);
        let mixed = [&new[..block], &old[block..end], &new[end..]].concat();
        match reads(&mixed, 2) {
            Some(audience) => assert!(audience.contains("pg-2"), "{block}"),
            None => damaged += 1,
        }
    }
    assert!(damaged > 0);
}
