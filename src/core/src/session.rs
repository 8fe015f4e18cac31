//! What the session keeps of its token, and when it ends by itself.
//!
//! It can only deny: nobody is let in by it. Nothing is kept but what the profile names, and never a part of that. What it
//! makes is read by the server and by SQL, so every text in it is one that PostgreSQL can hold.

mod grant;

use crate::bounds::{MAX_SESSION_CLAIMS_BYTES, MAX_SESSION_NAME_BYTES};
use crate::claim_path::{ClaimPath, Unsearchable};
use crate::claims::Accepted;
use crate::config::{Profile, SessionEnd, SessionSettings};
use crate::decision::Denial;
use crate::reason::Reason;
use crate::time::UnixSeconds;
use crate::trace::Trace;
use grant::{EndSetting, EndedBy};
use serde_json::{Map, Value};

pub use grant::{ClaimText, SessionGrant, login_line};

/// Claims that name the client, where the profile does not say which: RFC 9068, OpenID Connect, Entra 1.0, Okta.
const CLIENT_CLAIMS: [&str; 4] = ["client_id", "azp", "appid", "cid"];

/// What the session of this token keeps.
pub(crate) fn of(
    accepted: &Accepted,
    profile: &Profile,
    now: UnixSeconds,
    trace: &mut Trace,
) -> Result<(SessionGrant, String), Denial> {
    let end = end(accepted.expires(), profile, now)?;
    if let Some(end) = end {
        trace.fact("ends_at", &Value::from(end.at.get()));
    }
    let (claims, json) = claims(accepted.claims(), &profile.session, trace)?;
    let issuer = accepted.claims().get("iss").and_then(Value::as_str).unwrap_or(&profile.issuer.value);
    let session = SessionGrant {
        expires_at: accepted.expires(),
        end,
        issuer: issuer.to_owned(),
        client: client(accepted.claims(), profile),
        token_id: selected_name(&profile.session.token_id, accepted.claims()),
        jti: accepted.claims().get("jti").and_then(Value::as_str).map(str::to_owned),
        key: accepted.key().cloned(),
        claims,
        json,
    };
    let said = session.said();
    Ok((session, said))
}

/// The earlier of the token's end, with what may come on top of it, and the longest time of a session.
fn end(expires: Option<UnixSeconds>, profile: &Profile, now: UnixSeconds) -> Result<Option<EndSetting>, Denial> {
    let SessionSettings { end, grace, max, .. } = profile.session.as_ref();
    let by_max = max.map(|max| EndSetting { at: now.after(max), by: EndedBy::Max });
    let by_token = match (end, expires) {
        (SessionEnd::Never, _) => None,
        (SessionEnd::Token, Some(expires)) => {
            let at = expires.after(profile.clock_skew).after(*grace);
            Some(EndSetting { at, by: EndedBy::Token })
        }
        (SessionEnd::Token, None) if by_max.is_some() => None,
        (SessionEnd::Token, None) => {
            let detail = format!(
                "The provider does not say when the token expires, and profiles.{}.session has end = \"token\" without max.",
                profile.name
            );
            return Err(Denial::new(Reason::SessionEndUnknown, detail));
        }
    };
    let first = by_token.into_iter().chain(by_max).min_by_key(|end| end.at);
    match first {
        Some(end) if end.at <= now => {
            Err(Denial::new(Reason::Expired, "The session would end before it begins, as its token has expired."))
        }
        first => Ok(first),
    }
}

/// Every claim that the profile names, and all of them as JSON.
fn claims(token: &Value, session: &SessionSettings, trace: &mut Trace) -> Result<(Map<String, Value>, String), Denial> {
    let mut claims = Map::new();
    // One brace; each name has its quotes, a colon, and a comma or the other brace.
    let mut bytes = 1;
    for (name, path) in &session.claims {
        let value = claim(token, name, path)?;
        bytes += name.len() + 4 + value.to_string().len();
        if bytes > MAX_SESSION_CLAIMS_BYTES {
            let detail = format!(
                "The claims that session.claims names have more than {MAX_SESSION_CLAIMS_BYTES} bytes in this token, as JSON."
            );
            return Err(Denial::new(Reason::SessionClaimsTooLarge, detail));
        }
        trace.fact(name, &value);
        claims.insert(name.clone(), value);
    }
    let json = serde_json::to_string(&claims).unwrap_or_else(|_| "{}".to_owned());
    Ok((claims, json))
}

/// One claim: a scalar, an object or null of a path that selects one value at most, and an array of another.
fn claim(token: &Value, name: &str, path: &ClaimPath) -> Result<Value, Denial> {
    let invalid = |what: &str, hint: String| {
        let detail = format!("The token's {path}, which session.claims calls {name}, {what}.");
        let denial = Denial::new(Reason::SessionClaimInvalid, detail);
        if hint.is_empty() { denial } else { denial.with_hint(hint) }
    };
    let Ok(nodes) = path.select(token) else {
        return Err(invalid("cannot be given out whole", Unsearchable::HINT.to_owned()));
    };
    let value = match nodes.as_slice() {
        nodes if !path.is_singular() => nodes.iter().map(|node| (*node).clone()).collect(),
        [] => Value::Null,
        [Value::Array(_)] => {
            let hint = format!("Write {name} = '{path}[*]', which gives an array whatever it selects.");
            return Err(invalid("is an array, where the path is one of a single value", hint));
        }
        [node, ..] => (*node).clone(),
    };
    if has_nul(&value) {
        return Err(invalid("has a character that no text of PostgreSQL can hold (U+0000)", String::new()));
    }
    Ok(value)
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(elements) => elements.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// The client, by the claims that the profile looks at, or else by those that usually name it.
fn client(token: &Value, profile: &Profile) -> Option<String> {
    match &profile.clients {
        Some(clients) => clients.value.claims.iter().find_map(|path| selected_name(path, token)),
        None => CLIENT_CLAIMS.iter().find_map(|claim| name(&[token.get(*claim)?])),
    }
}

/// The name that a path selects; none where the search was given up.
fn selected_name(path: &ClaimPath, token: &Value) -> Option<String> {
    name(&path.select(token).ok()?)
}

/// A name is one string that a line of a log can hold; anything else is none, and is no reason to refuse anybody.
fn name(nodes: &[&Value]) -> Option<String> {
    match nodes {
        [Value::String(text)] if !text.is_empty() && text.len() <= MAX_SESSION_NAME_BYTES => {
            (!text.chars().any(char::is_control)).then(|| text.clone())
        }
        _ => None,
    }
}
