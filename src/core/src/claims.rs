//! Step 7: genuine claims, are they meant for this server, now, and from this client?
//!
//! Whatever a check needs must be there in its proper type: a claim of the wrong type is never "absent".
//! `Accepted` can only be made here.

pub(crate) mod audience;
mod itself;
mod kind;
mod members;
mod times;

pub(crate) use kind::check_type;
pub(crate) use members::ClaimMembers;
pub(crate) use times::expires_by_itself;

use crate::claim_path::Unsearchable;
use crate::config::{Clients, Config, Profile};
use crate::decision::Denial;
use crate::introspection::OnlineKind;
use crate::jws::{SigningKey, TokenProof, Verified};
use crate::lookup::Found;
use crate::overage;
use crate::reason::Reason;
use crate::rules;
use crate::time::UnixSeconds;
use crate::trace::Trace;
use serde_json::{Map, Value};

/// What to do where no claim names a client.
const NO_CLIENT: &str = "Correct clients.claims if another claim names it. Where the provider names no client, have it \
    write an aud for this server into the token, and set audience instead.";

/// Claims that are genuine and meant for this server.
#[derive(Clone)]
pub(crate) struct Accepted {
    claims: Value,
    proof: TokenProof,
    key: Option<SigningKey>,
    expires: Option<UnixSeconds>,
}

impl Accepted {
    /// The only way from genuine to accepted claims.
    pub(crate) fn check(
        verified: Verified,
        config: &Config,
        profile: &Profile,
        now: UnixSeconds,
        trace: &mut Trace,
    ) -> Result<Self, Denial> {
        let Value::Object(claims) = verified.claims() else {
            return Err(Denial::new(Reason::TokenMalformed, "The token's payload is not an object."));
        };
        for name in ["iss", "aud", "exp", "nbf", "iat"] {
            if let Some(value) = claims.get(name) {
                trace.fact(name, value);
            }
        }
        let proof = verified.proof();
        let members = match proof {
            TokenProof::Answer(OnlineKind::Introspection) => ClaimMembers::of_answer(claims),
            TokenProof::Answer(OnlineKind::Tokeninfo) | TokenProof::Signature => ClaimMembers::of_token(claims),
        };
        issuer(claims, profile, proof)?;
        audience::check(members, config, profile, proof)?;
        if let Some(clients) = &profile.clients {
            client(verified.claims(), &clients.value, &config.place(clients.origin), trace)?;
        }
        // The kind comes before the dates: whoever reads that a refresh token lives too long would allow for it.
        kind::check(members, profile, verified.is_typed_access_token(), trace)?;
        let access_token = ("access_token", &*profile.access_token);
        rules::check(access_token, verified.claims(), config, Reason::IdToken, trace, &mut Vec::new())
            .map_err(|denial| no_access_token(denial, profile))?;
        let by_itself = match verified.untrusted_jwt() {
            Some(jwt) => itself::check(jwt, config, profile, proof, now, trace)?,
            None => None,
        };
        let expires = times::check(members, config, profile, proof, now)?;
        // What a JWT says of itself can only end it earlier.
        let expires = by_itself.into_iter().chain(expires).min();
        // Nobody has checked that JWT: it speaks against the login alone.
        let elsewhere = verified.untrusted_jwt().map(|jwt| overage::left_out(&jwt.untrusted_claims));
        let (mut claims, key) = verified.into_parts();
        if let (Some(names), Value::Object(claims)) = (elsewhere, &mut claims) {
            overage::are_elsewhere(claims, &names);
        }
        Ok(Self { claims, proof, key, expires })
    }

    /// The claims.
    pub(crate) fn claims(&self) -> &Value {
        &self.claims
    }

    /// When the token expires; `None` if the provider vouches for it and nobody says when.
    pub(crate) fn expires(&self) -> Option<UnixSeconds> {
        self.expires
    }

    /// The token's claims with others that somebody was asked for: those that the token lacks, and none that it has. What the
    /// token says of having left these out is true no longer; what the other one says of having left out, is.
    pub(crate) fn with_added(mut self, added: Found) -> Self {
        if let Value::Object(claims) = &mut self.claims {
            for (name, value) in added.claims {
                overage::is_there(claims, &name);
                claims.entry(name).or_insert(value);
            }
            added.left_out.iter().for_each(|name| overage::is_elsewhere(claims, name));
        }
        self
    }

    /// The key that signed them, if one did.
    pub(crate) fn key(&self) -> Option<&SigningKey> {
        self.key.as_ref()
    }

    /// What stands behind them.
    pub(crate) fn proof(&self) -> TokenProof {
        self.proof
    }
}

/// Compares the issuer once more, now that the claim is genuine: the profile was chosen by an untrusted one.
///
/// An answer need not say it (RFC 7662 section 2.2): it came from the profile's own endpoint.
fn issuer(claims: &Map<String, Value>, profile: &Profile, proof: TokenProof) -> Result<(), Denial> {
    match claims.get("iss") {
        None if proof != TokenProof::Signature => Ok(()),
        Some(Value::String(issuer)) if profile.token_issuers().contains(issuer) => Ok(()),
        _ => Err(Denial::new(Reason::IssuerMismatch, "The token's iss is not one of token_issuers.")),
    }
}

fn client(claims: &Value, clients: &Clients, place: &str, trace: &mut Trace) -> Result<(), Denial> {
    let refuse = |detail: String| Err(Denial::new(Reason::ClientNotAllowed, detail));
    let mut named = Vec::new();
    for path in &clients.claims {
        let Ok(nodes) = path.select(claims) else {
            return refuse(format!("No client is taken from {path}: {Unsearchable}."));
        };
        match nodes.as_slice() {
            [] => {}
            [Value::String(client)] => {
                trace.fact(path, &Value::String(client.clone()));
                named.push(client);
            }
            [_] => return Err(wrong_type(&path.to_string(), "a string")),
            _ => return refuse(format!("{path} selects more than one value; {place} needs exactly one client.")),
        }
    }
    let paths: Vec<String> = clients.claims.iter().map(ToString::to_string).collect();
    match named.as_slice() {
        [client] if clients.allow.contains(client) => Ok(()),
        [_] => refuse(format!("The client that the token names is not in the list of {place}.")),
        [] => {
            let detail = format!("The token names no client in {}, as {place} demands.", paths.join(" or "));
            Err(Denial::new(Reason::ClientNotAllowed, detail).with_hint(NO_CLIENT))
        }
        _ => refuse(format!("The token names several clients in {}; {place} needs exactly one.", paths.join(" and "))),
    }
}

/// Which tokens the profile takes for access tokens is said by its rules; some providers have to be told to say the kind.
fn no_access_token(denial: Denial, profile: &Profile) -> Denial {
    let hint = match profile.preset {
        Some("entra") => {
            "Send the access token, not the ID token. If it is the access token of an application, which has no scp: add \
             the optional claim idtyp to the access tokens of its API registration."
        }
        _ => {
            "Send the access token. If this is the access token, have the provider write what the rule asks for, or correct \
             the rule."
        }
    };
    match denial.reason {
        Reason::IdToken => denial.with_hint(hint),
        _ => denial,
    }
}

fn wrong_type(name: &str, wanted: &str) -> Denial {
    Denial::new(Reason::ClaimType, format!("The token's {name} is not {wanted}."))
}

#[cfg(test)]
mod tests {
    use super::{Accepted, UnixSeconds};
    use crate::algorithm::Algorithm;
    use crate::config::Config;
    use crate::jws::{Unverified, Verified, check_bounds};
    use crate::keys::KeySet;
    use crate::reason::Reason;
    use crate::trace::Trace;
    use oauth_validator_fixtures::{keys, mint};
    use serde_json::{Value, json};

    /// The decision never gets here with a foreign issuer, since it chose the profile by it; this check must not rely
    /// on that.
    #[test]
    fn the_issuer_is_looked_at_again_once_it_is_genuine() {
        let text =
            "[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\nkeys = { jwks_file = \"k\" }\n";
        let config = Config::parse(text.as_bytes(), "f").config.unwrap();
        let set = KeySet::from_jwks(keys::jwks(&[keys::corp()]).to_string().as_bytes()).unwrap();
        let outcome = |issuer: Option<Value>| {
            let mut claims = json!({"aud": "pg", "iat": 1000, "exp": 2000});
            if let Some(issuer) = issuer {
                claims["iss"] = issuer;
            }
            let token = mint::mint(keys::corp(), &json!({"alg": "RS256"}), &claims);
            let dots = check_bounds(token.as_bytes()).unwrap();
            let mut unverified = Unverified::decode(token.as_bytes(), dots).unwrap_or_else(|why| panic!("{why:?}"));
            let (verified, _) = Verified::check(&mut unverified, Algorithm::Rs256, &[&set.keys()[0]]).unwrap();
            let accepted = Accepted::check(
                verified,
                &config,
                &config.profiles()[0],
                UnixSeconds::new(1500),
                &mut Trace::default(),
            );
            accepted.err().map(|denial| denial.reason)
        };
        assert_eq!(outcome(Some(json!("https://idp.example"))), None);
        for issuer in [json!("https://other.example"), json!(["https://idp.example"]), Value::Null] {
            assert_eq!(outcome(Some(issuer)), Some(Reason::IssuerMismatch));
        }
        assert_eq!(outcome(None), Some(Reason::IssuerMismatch));
    }
}
