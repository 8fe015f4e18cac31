//! Step 7: genuine claims, are they meant for this server, now, and from this client?
//!
//! Whatever a check needs must be there in its proper type: a claim of the wrong type is never "absent".
//! `Accepted` can only be made here.

use crate::bounds::MAX_NUMERIC_DATE;
use crate::config::{Audience, Clients, Config, Profile, TokenKind};
use crate::decision::Denial;
use crate::introspection::OnlineKind;
use crate::jws::{Proof, Verified};
use crate::reason::Reason;
use crate::rules;
use crate::trace::Trace;
use serde_json::{Map, Value};

/// Claims that are genuine and meant for this server.
pub(crate) struct Accepted {
    claims: Value,
}

impl Accepted {
    /// The only way from genuine to accepted claims. `now` is in seconds since 1970.
    pub(crate) fn check(
        verified: Verified,
        config: &Config,
        profile: &Profile,
        now: i64,
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
        issuer(claims, profile, proof)?;
        audience(claims, config, profile)?;
        if let Some(clients) = &profile.clients {
            client(verified.claims(), &clients.value, &config.place(clients.origin), trace)?;
        }
        times(claims, config, profile, proof, now)?;
        kind(claims, profile)?;
        if profile.token_kind == TokenKind::Access {
            rules::check(&profile.access_token, verified.claims(), config, trace)
                .map_err(|why| Denial::new(Reason::IdToken, why))?;
        }
        Ok(Self { claims: verified.into_claims() })
    }

    /// The claims.
    pub(crate) fn claims(&self) -> &Value {
        &self.claims
    }
}

/// Once more, now that the claim is genuine: the profile was chosen by an untrusted one.
///
/// An answer need not say it (RFC 7662 section 2.2): it came from the profile's own endpoint.
fn issuer(claims: &Map<String, Value>, profile: &Profile, proof: Proof) -> Result<(), Denial> {
    match claims.get("iss") {
        None if proof != Proof::Signature => Ok(()),
        Some(Value::String(issuer)) if profile.token_issuers().contains(issuer) => Ok(()),
        _ => Err(Denial::new(Reason::IssuerMismatch, "The token's iss is not one of token_issuers.")),
    }
}

/// A string, or an array of strings (RFC 7519 section 4.1.3).
fn audience(claims: &Map<String, Value>, config: &Config, profile: &Profile) -> Result<(), Denial> {
    let named: Vec<&str> = match claims.get("aud") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()
            .ok_or_else(|| wrong_type("aud", "a string or an array of strings"))?,
        Some(_) => return Err(wrong_type("aud", "a string or an array of strings")),
    };
    let Audience::OneOf(accepted) = &profile.audience.value else {
        return Ok(());
    };
    if accepted.iter().any(|audience| named.contains(&audience.as_str())) {
        return Ok(());
    }
    let accepted: Vec<String> = accepted.iter().map(|audience| format!("\"{audience}\"")).collect();
    let (what, when) = if named.is_empty() {
        ("the token names none", "Have the provider name it in the token. If the audience it then names")
    } else {
        ("the token is for another", "If the token's audience")
    };
    let detail =
        format!("{} accepts audience {}; {what}.", config.place(profile.audience.origin), accepted.join(" or "));
    let hint = format!(
        "{when} is this server, add it to profiles.{}.audience; see audience_mismatch in oauth_validator(7).",
        profile.name
    );
    Err(Denial::new(Reason::AudienceMismatch, detail).with_hint(hint))
}

fn client(claims: &Value, clients: &Clients, place: &str, trace: &mut Trace) -> Result<(), Denial> {
    let refuse = |detail: String| Err(Denial::new(Reason::ClientNotAllowed, detail));
    let mut named = Vec::new();
    for path in &clients.claims {
        match path.select(claims).as_slice() {
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
        [] => refuse(format!("The token names no client in {}, as {place} demands.", paths.join(" or "))),
        _ => refuse(format!("The token names several clients in {}; {place} needs exactly one.", paths.join(" and "))),
    }
}

/// A NumericDate in whole seconds (RFC 7519 section 2). Fractions are allowed there, and cut here.
fn numeric_date(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, Denial> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let in_range = |seconds: &i64| (0..=MAX_NUMERIC_DATE).contains(seconds);
    let seconds = match value {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the range was checked, and the fraction is cut on purpose"
        )]
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().filter(|float| (0.0..=9e15).contains(float)).map(|float| float as i64)),
        _ => None,
    };
    match seconds.filter(in_range) {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(wrong_type(name, "a number of seconds since 1970, up to the year 9999")),
    }
}

fn times(
    claims: &Map<String, Value>,
    config: &Config,
    profile: &Profile,
    proof: Proof,
    now: i64,
) -> Result<(), Denial> {
    let skew = profile.clock_skew;
    let (not_before, issued) = (numeric_date(claims, "nbf")?, numeric_date(claims, "iat")?);
    let expires = match (numeric_date(claims, "exp")?, proof) {
        (Some(expires), _) => expires,
        // It is active at this very moment, which is all that an answer must say.
        (None, Proof::Answer(OnlineKind::Introspection)) => now.saturating_add(1),
        (None, _) => {
            let hint = "Have the provider issue tokens that expire.";
            let detail = "The token has no exp, so it would be valid for ever.";
            return Err(Denial::new(Reason::Expired, detail).with_hint(hint));
        }
    };
    if now >= expires + skew {
        let detail = format!("The token expired {} seconds ago; clock_skew allows for {skew}.", now - expires);
        return Err(Denial::new(Reason::Expired, detail));
    }
    for (name, time) in [("nbf", not_before), ("iat", issued)] {
        if let Some(time) = time.filter(|time| *time > now + skew) {
            let detail = format!("The token's {name} is {} seconds ahead; clock_skew allows for {skew}.", time - now);
            return Err(Denial::new(Reason::NotYetValid, detail));
        }
    }
    let lifetime = expires - issued.unwrap_or(now);
    if lifetime > profile.max_lifetime.value {
        let detail = format!(
            "The token is valid for {lifetime} seconds; {} allows max_lifetime {}.",
            config.place(profile.max_lifetime.origin),
            profile.max_lifetime.value
        );
        return Err(Denial::new(Reason::LifetimeTooLong, detail));
    }
    if lifetime <= 0 {
        return Err(Denial::new(Reason::ClaimType, "The token's exp is not after its iat."));
    }
    Ok(())
}

/// What kind of token it is, and what it is bound to.
fn kind(claims: &Map<String, Value>, profile: &Profile) -> Result<(), Denial> {
    if claims.contains_key("cnf") {
        let detail =
            "The token has cnf (RFC 7800): it is only good together with a key that PostgreSQL cannot ask for.";
        return Err(Denial::new(Reason::SenderConstrained, detail));
    }
    if let Some(name) = ["act", "may_act"].into_iter().find(|name| claims.contains_key(*name))
        && !profile.actor_allowed
    {
        let detail = format!("The token has {name} (RFC 8693 section 4), and the profile says actor = \"deny\".");
        return Err(Denial::new(Reason::ActorNotAllowed, detail));
    }
    if profile.token_kind == TokenKind::Access
        && let Some(mark) = mark_of_other_kind(claims)
    {
        return Err(Denial::new(Reason::IdToken, format!("The token {mark}, so it is no access token.")));
    }
    match claims.get("jti") {
        None => Ok(()),
        Some(Value::String(jti)) if profile.deny_jti.contains(jti) => {
            Err(Denial::new(Reason::TokenRevoked, "The token's jti is in deny_jti."))
        }
        Some(Value::String(_)) => Ok(()),
        Some(_) if profile.deny_jti.is_empty() => Ok(()),
        Some(_) => Err(wrong_type("jti", "a string")),
    }
}

/// What only tokens of other kinds have. Their absence proves nothing, which is why a profile also needs the
/// audience, the scope, or a rule.
fn mark_of_other_kind(claims: &Map<String, Value>) -> Option<String> {
    // OpenID Connect Core sections 2 and 3.3.2.11: of ID tokens. Back-channel logout 2.4: of logout tokens.
    if let Some(name) =
        ["nonce", "at_hash", "c_hash", "s_hash", "events"].into_iter().find(|name| claims.contains_key(*name))
    {
        return Some(format!("has {name}"));
    }
    // Keycloak says the kind in a claim typ, Cognito in token_use.
    let said = |name: &str| claims.get(name).and_then(Value::as_str);
    match (said("typ"), said("token_use")) {
        (Some("ID" | "Refresh" | "Offline" | "Logout"), _) => Some("says another typ than Bearer".to_owned()),
        (_, Some("id" | "refresh")) => Some("says another token_use than access".to_owned()),
        _ => None,
    }
}

fn wrong_type(name: &str, wanted: &str) -> Denial {
    Denial::new(Reason::ClaimType, format!("The token's {name} is not {wanted}."))
}

#[cfg(test)]
mod tests {
    use super::Accepted;
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
        let outcome = |issuer: Value| {
            let claims = json!({"iss": issuer, "aud": "pg", "iat": 1000, "exp": 2000});
            let token = mint::mint(keys::corp(), &json!({"alg": "RS256"}), &claims);
            let dots = check_bounds(token.as_bytes()).unwrap();
            let unverified = Unverified::decode(token.as_bytes(), dots).unwrap_or_else(|why| panic!("{why:?}"));
            let verified = Verified::check(unverified, Algorithm::Rs256, &set.keys()[0]).unwrap();
            let accepted = Accepted::check(verified, &config, &config.profiles()[0], 1500, &mut Trace::default());
            accepted.err().map(|denial| denial.reason)
        };
        assert_eq!(outcome(json!("https://idp.example")), None);
        for issuer in [json!("https://other.example"), json!(["https://idp.example"]), Value::Null] {
            assert_eq!(outcome(issuer), Some(Reason::IssuerMismatch));
        }
    }
}
