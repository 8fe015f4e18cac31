//! `kind = "graph"`: which groups are asked about, of which tenant, in which cloud and as whom.
//!
//! Must never let a rule stand that holds because somebody is not in a group: Microsoft Graph is asked about some groups only,
//! and leaves those with hidden membership out without a word.

use super::keys;
use super::rows;
use crate::claim_path::ListUse;
use crate::config::collect::Findings;
use crate::config::profile::{Clause, Profile, RoleMapping, Rule, Test};
use crate::config::section::Section;
use crate::finding::FindingCode;
use crate::lookup::{CLAIM_OF_GRAPH, Graph, MAX_GROUPS, is_guid};
use crate::trace::printable;

/// A cloud of Microsoft's: the root of its Graph, and the hosts that its tenants log in at, the usual one first.
struct Cloud {
    endpoint: &'static str,
    login: &'static [&'static str],
    /// The hosts of further issuers of its tenants, of tokens of version 1.
    issuers: &'static [&'static str],
}

/// As Microsoft documents its national clouds (`graph/deployments`, `entra/identity-platform/authentication-national-cloud`).
const CLOUDS: [Cloud; 4] = [
    Cloud { endpoint: "https://graph.microsoft.com", login: &["login.microsoftonline.com"], issuers: &[] },
    Cloud { endpoint: "https://graph.microsoft.us", login: &["login.microsoftonline.us"], issuers: &[] },
    Cloud { endpoint: "https://dod-graph.microsoft.us", login: &["login.microsoftonline.us"], issuers: &[] },
    Cloud {
        endpoint: "https://microsoftgraph.chinacloudapi.cn",
        login: &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
        issuers: &["sts.chinacloudapi.cn"],
    },
];

/// What the table says.
pub(super) fn graph(
    findings: &mut Findings<'_>,
    section: &Section<'_>,
    profile: &Section<'_>,
    insecure_http: bool,
) -> Option<Graph> {
    let issuer = profile.get("issuer").and_then(|issuer| issuer.get_ref().as_str()).unwrap_or_default();
    let groups = groups(findings, section);
    let tenant = tenant(findings, section, issuer);
    let endpoint = match section.get("endpoint") {
        Some(_) => keys::url(findings, section, "endpoint", insecure_http),
        None => CLOUDS.first().map(|global| global.endpoint.to_owned()),
    };
    let endpoint = endpoint.map(|url| url.strip_suffix('/').map(str::to_owned).unwrap_or(url));
    let written = section.get("token_endpoint").map(|_| keys::url(findings, section, "token_endpoint", insecure_http));
    let token_endpoint = match (&endpoint, written) {
        (_, Some(written)) => written,
        (Some(endpoint), None) => token_endpoint(findings, section, endpoint, issuer, tenant.as_deref()),
        (None, None) => None,
    };
    let [client_id, secret_file] = ["client_id", "client_secret_file"].map(|key| {
        if section.get(key).is_none() {
            let hint = "register an application at Entra for this server, with a secret, and give it the permissions \
                        that oauth_validator(7) names";
            section.missing(findings, key, hint);
        }
        section.text(findings, key).map(|text| text.value)
    });
    Some(Graph {
        endpoint: endpoint?,
        token_endpoint: token_endpoint?,
        tenant: tenant?,
        client_id: client_id?,
        secret_file: secret_file?,
        groups: groups?,
    })
}

/// The groups, as tokens spell them.
fn groups(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Vec<String>> {
    if section.get("groups").is_none() {
        let hint = "write the object IDs of the groups that rules and roles are about; no others are asked about";
        section.missing(findings, "groups", hint);
    }
    let groups = section.strings(findings, &rows::GROUPS)?.value;
    let name = section.name("groups");
    if groups.len() > MAX_GROUPS {
        section.out_of_range(findings, "groups", &format!("at most {MAX_GROUPS} groups"));
        return None;
    }
    let is_written_so = |group: &str| is_guid(group) && !group.bytes().any(|byte| byte.is_ascii_uppercase());
    if let Some(bad) = groups.iter().find(|group| !is_written_so(group)) {
        let message = format!("{name} cannot have \"{}\", which is no object ID of a group", printable(bad));
        findings.add(FindingCode::BadValue, section.span_of("groups"), message).hint(
            "copy the object ID from the group's page at Entra, in small letters as tokens have it, such as \
             \"6f1d2c3b-0000-4a5b-8c6d-222222222222\"",
        );
        return None;
    }
    Some(groups)
}

/// The tenant that is written, or the one that the issuer names, which must not differ.
fn tenant(findings: &mut Findings<'_>, section: &Section<'_>, issuer: &str) -> Option<String> {
    let named = issuer.split('/').nth(3).filter(|segment| is_guid(segment));
    let Some(_) = section.get("tenant") else {
        if named.is_none() {
            let hint = "the issuer names no tenant by its ID; write that ID, as tokens have it in tid";
            section.missing(findings, "tenant", hint);
        }
        return named.map(str::to_owned);
    };
    let written = section.text(findings, "tenant")?.value;
    if !is_guid(&written) {
        let message =
            format!("{} cannot be \"{}\", which is no ID of a tenant", section.name("tenant"), printable(&written));
        findings
            .add(FindingCode::BadValue, section.span_of("tenant"), message)
            .hint("copy the directory (tenant) ID from the overview of Entra; tokens have it in tid");
        return None;
    }
    if named.is_some_and(|named| !named.eq_ignore_ascii_case(&written)) {
        let message = format!("{} is another tenant than the one that issuer names", section.name("tenant"));
        findings
            .add(FindingCode::Conflict, section.span_of("tenant"), message)
            .hint("remove it: users are looked up in the tenant whose tokens they show");
        return None;
    }
    Some(written)
}

/// Where this server gets its token: at the login host of that cloud. An issuer at the login host of another one is a mistake.
fn token_endpoint(
    findings: &mut Findings<'_>,
    section: &Section<'_>,
    endpoint: &str,
    issuer: &str,
    tenant: Option<&str>,
) -> Option<String> {
    let Some(cloud) = CLOUDS.iter().find(|cloud| cloud.endpoint == endpoint) else {
        let known: Vec<&str> = CLOUDS.iter().map(|cloud| cloud.endpoint).collect();
        let hint =
            format!("endpoint is none of {}; where it is right, write where its tokens come from", known.join(", "));
        section.missing(findings, "token_endpoint", &hint);
        return None;
    };
    let host = issuer.split('/').nth(2).unwrap_or_default();
    let of_issuer = |cloud: &&Cloud| cloud.login.contains(&host) || cloud.issuers.contains(&host);
    if let Some(other) = CLOUDS.iter().find(of_issuer).filter(|_| !of_issuer(&cloud)) {
        let message = format!("the issuer is of another cloud than {endpoint}");
        findings
            .add(FindingCode::Conflict, section.span_of("endpoint"), message)
            .hint(format!("tenants at {host} are in the cloud of {}", other.endpoint));
        return None;
    }
    let login = cloud.login.iter().find(|login| **login == host).or(cloud.login.first())?;
    Some(format!("https://{login}/{}/oauth2/v2.0/token", tenant?))
}

/// Refuses rules that hold because of a group that somebody is not in.
pub(super) fn check(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    let of_roles = profile.roles.iter().filter_map(|roles| match &roles.mapping {
        RoleMapping::Map(map) => Some(map.values().flat_map(|mapped| &mapped.require)),
        RoleMapping::Prefix(_) | RoleMapping::Exact => None,
    });
    let of_roles = of_roles.flatten().map(|rule| ("roles", rule));
    let all = profile.require.iter().map(|rule| ("require", rule)).chain(of_roles);
    for (key, rule) in all.filter(|(_, rule)| rests_on_absence(rule)) {
        let message = format!(
            "a rule of {} ({}) can hold because the user is not in a group, which Microsoft Graph does not say",
            section.name(key),
            rule.words()
        );
        findings.add(FindingCode::Conflict, section.span_of(key), message).hint(
            "lookup finds some of the groups in lookup.groups, and never one with hidden membership: of $.groups write \
             contains, or of $.groups[?@ == 'ID'] present, of a group that the user must be in",
        );
    }
}

/// Whether it could hold with some of the groups and not with all of them. What is known to hold of a longer list as well is let
/// pass, and nothing else.
fn rests_on_absence(rule: &Rule) -> bool {
    let is_harmless = |clause: &Clause| {
        let compared = match &clause.test {
            Test::EqualsClaim(other) => other.use_of(CLAIM_OF_GRAPH),
            _ => ListUse::None,
        };
        compared == ListUse::None
            && match clause.claim.use_of(CLAIM_OF_GRAPH) {
                ListUse::None => true,
                ListUse::Whole => !clause.all && matches!(clause.test, Test::Contains(_)),
                ListUse::Elements => !clause.all && matches!(clause.test, Test::Present),
                ListUse::Other => false,
            }
    };
    !rule.clauses.iter().all(is_harmless)
}

#[cfg(test)]
mod tests;
