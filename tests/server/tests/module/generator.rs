//! Hostile tokens from a seed: each of them must be refused, whatever it is.
//!
//! They start from tokens that are accepted, and are mostly signed by the issuer's own key, so that they get past the
//! signature and the later steps see them too. A generator that could make a good token by accident would be wrong:
//! [`Hostile::token`] throws a result away that equals a token it started from.

use crate::support::{Random, token};
use oauth_validator_fixtures::{TestKey, keys, mint};
use oauth_validator_server_tests::now;
use serde_json::{Map, Value, json};

/// RFC 6750 section 2.1, `b64token`: PostgreSQL refuses other characters itself.
const B64TOKEN: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
/// The longest token that fits into PostgreSQL's message.
const LONGEST: usize = 65_000;

type Generator = fn(&mut Hostile) -> Vec<u8>;

/// Each kind, with a name for the message of a failure.
pub const KINDS: [(&str, Generator); 17] = [
    ("a bit flipped", flipped),
    ("cut off", truncated),
    ("parts swapped", swapped),
    ("a character put in", inserted),
    ("nested", nested),
    ("a huge number", huge_number),
    ("a member twice", duplicated),
    ("dots", dots),
    ("random characters", random_characters),
    ("a claim of another type", wrong_claim),
    ("a claim that forbids", forbidding_claim),
    ("a wrong time", wrong_time),
    ("a header member", wrong_header),
    ("bytes that are no JSON", no_json),
    ("another key", other_key),
    ("an odd signature", odd_signature),
    ("an odd identity", odd_identity),
];

/// A source of hostile tokens; the same seed makes the same kinds in the same order.
pub struct Hostile {
    random: Random,
    /// Tokens that are accepted.
    good: Vec<String>,
    key: &'static TestKey,
}

impl Hostile {
    pub fn new(seed: u64) -> Self {
        let key = keys::p256();
        let good = |number: u64| token().claim("jti", format!("{seed}-{number}"));
        let good = (0..8).map(|number| good(number).sign(if number % 2 == 0 { key } else { keys::corp() })).collect();
        Self { random: Random::new(seed), good, key }
    }

    /// The tokens that it starts from, all of which are accepted.
    pub fn good(&self) -> &[String] {
        &self.good
    }

    /// The next token and the name of its kind.
    pub fn token(&mut self) -> (&'static str, Vec<u8>) {
        loop {
            let (name, generator) = *self.random.pick(&KINDS);
            let token = generator(self);
            if !token.is_empty() && token.len() <= LONGEST && self.good.iter().all(|good| good.as_bytes() != token) {
                return (name, token);
            }
        }
    }

    fn any_good(&mut self) -> String {
        self.random.pick(&self.good).clone()
    }

    fn claims(&self) -> Map<String, Value> {
        match token().claims() {
            Value::Object(claims) => claims,
            other => panic!("{other} are no claims"),
        }
    }

    fn header(&self) -> Value {
        json!({"alg": self.key.default_alg(), "typ": "at+jwt", "kid": self.key.kid()})
    }

    fn signed(&self, payload: &[u8]) -> Vec<u8> {
        self.signed_with(&self.header(), payload)
    }

    fn signed_with(&self, header: &Value, payload: &[u8]) -> Vec<u8> {
        mint::mint_bytes(self.key, self.key.default_alg(), header.to_string().as_bytes(), payload).into_bytes()
    }

    /// The good claims as text, with `member` (and a comma) before the last brace.
    fn signed_with_member(&self, member: &str) -> Vec<u8> {
        let claims = Value::Object(self.claims()).to_string();
        self.signed(format!("{},{member}}}", &claims[..claims.len() - 1]).as_bytes())
    }

    /// The good claims with one of them replaced.
    fn signed_with_claim(&self, name: &str, value: Value) -> Vec<u8> {
        let mut claims = self.claims();
        claims.insert(name.to_owned(), value);
        self.signed(Value::Object(claims).to_string().as_bytes())
    }

    /// Anything that is neither a string nor an array with a string in it.
    fn no_text(&mut self) -> Value {
        let number = self.random.next();
        let options = [
            Value::Null,
            json!(number.is_multiple_of(2)),
            json!(number),
            json!(-1_i64),
            json!(1.5e300),
            json!([number, null]),
            json!([[]]),
            json!({"a": {"b": [number]}}),
            json!({}),
        ];
        self.random.pick(&options).clone()
    }
}

fn flipped(hostile: &mut Hostile) -> Vec<u8> {
    let mut token = hostile.any_good().into_bytes();
    for _ in 0..=hostile.random.below(3) {
        let at = hostile.random.below(token.len());
        token[at] ^= 1 << hostile.random.below(8);
    }
    token
}

fn truncated(hostile: &mut Hostile) -> Vec<u8> {
    let token = hostile.any_good().into_bytes();
    let cut = hostile.random.below(token.len());
    match hostile.random.below(3) {
        0 => token[cut..].to_vec(),
        1 => [&token[..cut], &token[(cut + 1).min(token.len())..]].concat(),
        _ => token[..cut].to_vec(),
    }
}

fn swapped(hostile: &mut Hostile) -> Vec<u8> {
    let tokens = [hostile.any_good(), hostile.any_good(), hostile.any_good()];
    let part = |random: &mut Random, number: usize| {
        let from = random.below(3);
        tokens[from].split('.').nth(number).expect("three parts").to_owned()
    };
    let random = &mut hostile.random;
    let order = [[0, 1, 2], [0, 1, 2], [1, 0, 2], [0, 2, 1], [2, 1, 0], [1, 1, 1]][random.below(6)];
    order.map(|number| part(random, number)).join(".").into_bytes()
}

fn inserted(hostile: &mut Hostile) -> Vec<u8> {
    let mut token = hostile.any_good().into_bytes();
    for _ in 0..=hostile.random.below(4) {
        let at = 1 + hostile.random.below(token.len());
        let byte = *hostile.random.pick(B64TOKEN);
        token.insert(at, byte);
    }
    token
}

fn nested(hostile: &mut Hostile) -> Vec<u8> {
    let depth = 33 + hostile.random.below(10_000);
    let (open, close) = *hostile.random.pick(&[("[", "]"), ("{\"a\":", "}"), ("[[{\"b\":", "}]]"), ("[", "")]);
    let inner = if open.contains('{') { "1" } else { "" };
    hostile.signed_with_member(&format!("\"deep\":{}{inner}{}", open.repeat(depth), close.repeat(depth)))
}

fn huge_number(hostile: &mut Hostile) -> Vec<u8> {
    let digits = 1 + hostile.random.below(2_000);
    let digits = hostile.random.text(b"123456789", digits);
    let number = match hostile.random.below(6) {
        0 => format!("1e{digits}"),
        1 => format!("-{digits}"),
        2 => format!("{digits}e400"),
        3 => format!("0.0{digits}"),
        4 => format!("99999999999{digits}"),
        _ => "9223372036854775808".to_owned(),
    };
    let name = *hostile.random.pick(&["exp", "iat", "nbf"]);
    let claims = Value::Object(hostile.claims().into_iter().filter(|(own, _)| own != name).collect()).to_string();
    // `0.0…` is a good time to be issued at, or not to be used before: long ago.
    let name = if number.starts_with("0.0") { "sub" } else { name };
    let claims = if name == "sub" { claims.replace("\"sub\":\"alice\"", "\"s\":1") } else { claims };
    hostile.signed(format!("{},\"{name}\":{number}}}", &claims[..claims.len() - 1]).as_bytes())
}

fn duplicated(hostile: &mut Hostile) -> Vec<u8> {
    let claims = hostile.claims();
    let names: Vec<&String> = claims.keys().collect();
    let name = (*hostile.random.pick(&names)).clone();
    let value = claims[&name].to_string();
    let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
    let other = hostile.no_text();
    let member = match hostile.random.below(4) {
        0 => format!("\"{name}\":{value}"),
        1 => format!("\"{escaped}\":{value}"),
        2 => format!("\"{name}\":{other}"),
        _ => format!("\"x\":{{\"{name}\":1,\"{escaped}\":2}}"),
    };
    hostile.signed_with_member(&member)
}

fn dots(hostile: &mut Hostile) -> Vec<u8> {
    let count = 1 + hostile.random.below(60_000);
    let mut token = vec![b'.'; count];
    for _ in 0..hostile.random.below(50) {
        let at = hostile.random.below(token.len());
        token[at] = *hostile.random.pick(B64TOKEN);
    }
    token
}

fn random_characters(hostile: &mut Hostile) -> Vec<u8> {
    let scale = *hostile.random.pick(&[10, 1_000, 60_000]);
    let length = 1 + hostile.random.below(scale);
    let mut token = hostile.random.text(B64TOKEN, length);
    if hostile.random.below(2) == 0 {
        let dotless = token.replace(['.', '~', '+', '/'], "e");
        let (a, b) = dotless.split_at(dotless.len() / 3);
        token = format!("{a}.{}.{}", &b[..b.len() / 2], &b[b.len() / 2..]);
    }
    token.into_bytes()
}

fn wrong_claim(hostile: &mut Hostile) -> Vec<u8> {
    let name = *hostile.random.pick(&["iss", "aud", "sub", "scope", "exp", "nbf", "iat"]);
    let times = ["exp", "nbf", "iat"].contains(&name);
    let value = match hostile.random.below(4) {
        // For times, what is no number either; a number could be a good one.
        _ if times => {
            // Null is absent, which exp alone must not be.
            let nothing = if name == "exp" { json!(null) } else { json!(false) };
            let options =
                [nothing, json!(true), json!([now() + 60]), json!({}), json!((now() + 60).to_string()), json!("")];
            hostile.random.pick(&options).clone()
        }
        0 => json!(hostile.random.text(B64TOKEN, 40)),
        1 if name != "sub" => json!(""),
        _ => hostile.no_text(),
    };
    // A random string is a fine identity, of somebody who is not alice: the server refuses that one.
    hostile.signed_with_claim(name, value)
}

fn wrong_time(hostile: &mut Hostile) -> Vec<u8> {
    // Beyond the clock skew, for as long as the tests run.
    let off = 400 + i64::try_from(hostile.random.below(80_000)).expect("a small number");
    let (name, value) = match hostile.random.below(5) {
        0 => ("exp", json!(now() - off)),
        1 => ("exp", json!(now() + 86_500 + off)),
        2 => ("exp", json!(now() * 1_000)),
        3 => ("nbf", json!(now() + off)),
        _ => ("iat", json!(now() + off)),
    };
    hostile.signed_with_claim(name, value)
}

fn forbidding_claim(hostile: &mut Hostile) -> Vec<u8> {
    // No nonce: the tokens have the type at+jwt, which outweighs one (`kinds.toml` has it without).
    let name = *hostile.random.pick(&["cnf", "act", "may_act", "at_hash", "c_hash", "s_hash", "events"]);
    let text = hostile.random.text(B64TOKEN, 30);
    let value = if hostile.random.below(2) == 0 { json!(text) } else { hostile.no_text() };
    // Null is absent there, and forbids nothing.
    if value.is_null() && ["cnf", "act", "may_act"].contains(&name) {
        return Vec::new();
    }
    hostile.signed_with_claim(name, value)
}

fn wrong_header(hostile: &mut Hostile) -> Vec<u8> {
    let text = hostile.random.text(B64TOKEN, 30);
    let name = *hostile.random.pick(&["crit", "b64", "zip", "enc", "alg", "typ", "kid"]);
    let value = match hostile.random.below(3) {
        0 => json!(text),
        1 => hostile.random.pick(&["none", "HS256", "RS256", "PS256", "ES384", "", "../../key"]).to_owned().into(),
        _ => hostile.no_text(),
    };
    // An empty kid is none, and the key is found all the same.
    if name == "kid" && value == "" {
        return Vec::new();
    }
    let mut header = hostile.header();
    // RS256 and a key of that kind are accepted, but not with this signature.
    header[name] = value;
    let payload = Value::Object(hostile.claims()).to_string();
    hostile.signed_with(&header, payload.as_bytes())
}

fn no_json(hostile: &mut Hostile) -> Vec<u8> {
    let good = Value::Object(hostile.claims()).to_string().into_bytes();
    let mut random_bytes = vec![0; 1 + hostile.random.below(300)];
    random_bytes.iter_mut().for_each(|byte| *byte = u8::try_from(hostile.random.below(256)).expect("a byte"));
    let payload = match hostile.random.below(8) {
        0 => random_bytes,
        1 => [b"\xef\xbb\xbf", &good[..]].concat(),
        2 => [&good[..], b"{}"].concat(),
        3 => [&good[..], &random_bytes[..]].concat(),
        4 => good[..hostile.random.below(good.len())].to_vec(),
        5 => [b"[", &good[..], b"]"].concat(),
        6 => String::from_utf8_lossy(&good).replace("alice", "alice\u{0}").into_bytes(),
        _ => [&b"{\"x\":\"\xff\","[..], &good[1..]].concat(),
    };
    // White space after the object is JSON.
    if payload.trim_ascii() == good { Vec::new() } else { hostile.signed(&payload) }
}

fn other_key(hostile: &mut Hostile) -> Vec<u8> {
    let jwk = keys::p384().public_jwk();
    let (key, kid) = *hostile.random.pick(&[
        (keys::partner(), keys::corp().kid()),
        (keys::p384(), keys::p256().kid()),
        (keys::ed25519(), keys::p256().kid()),
        (keys::partner(), keys::partner().kid()),
    ]);
    let alg = if hostile.random.below(2) == 0 { key.default_alg() } else { "ES256" };
    let text = hostile.random.text(B64TOKEN, 20);
    let header =
        json!({"alg": alg, "typ": "at+jwt", "kid": kid, "jwk": jwk, "jku": format!("https://{text}.example"), text: 1});
    mint::mint_as(key, key.default_alg(), &header, &Value::Object(hostile.claims())).into_bytes()
}

fn odd_signature(hostile: &mut Hostile) -> Vec<u8> {
    let header = hostile.header().to_string();
    let payload = Value::Object(hostile.claims()).to_string();
    let input = mint::signing_input(header.as_bytes(), payload.as_bytes());
    let good = hostile.key.sign(hostile.key.default_alg(), input.as_bytes());
    let length = hostile.random.below(300);
    let signature = match hostile.random.below(7) {
        // CVE-2022-21449: r = s = 0.
        0 => vec![0; 64],
        1 => vec![0xff; length],
        2 => hostile.key.sign_der(input.as_bytes()),
        3 => [&good[..], &[0]].concat(),
        4 => [&[0], &good[..]].concat(),
        5 => [&good[32..], &good[..32]].concat(),
        _ => mint::hmac_sha256(hostile.key.public_pem().as_bytes(), input.as_bytes()),
    };
    mint::assemble(header.as_bytes(), payload.as_bytes(), &signature).into_bytes()
}

fn odd_identity(hostile: &mut Hostile) -> Vec<u8> {
    let filler = "x".repeat(hostile.random.below(3_000));
    let odd = [
        String::new(),
        " alice".to_owned(),
        "alice\n".to_owned(),
        "ali\u{0}ce".to_owned(),
        "\u{feff}alice".to_owned(),
        "al\u{131}ce".to_owned(),
        "Alice".to_owned(),
        "alice\u{a0}".to_owned(),
        "%s%n%s".to_owned(),
        "alice'; DROP ROLE alice; --".to_owned(),
        format!("alice{filler}y"),
    ];
    let value = hostile.random.pick(&odd).clone();
    hostile.signed_with_claim("sub", json!(value))
}
