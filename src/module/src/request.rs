//! Turns what the server knows of a connection into the request that is judged.
//!
//! The decision compares text, so what is not UTF-8 is refused: a replacement character could make two names equal.

use crate::hba::AuthConnection;
use oauth_validator_core::{Denial, Reason, Request};

/// The request of `connection`, or the denial of one whose names are not UTF-8.
pub(crate) fn request(connection: AuthConnection) -> Result<Request, Denial> {
    let line = |bytes, what| text(bytes, what, Reason::HbaIssuerUnknown, IN_HBA);
    let client = |bytes, what| text(bytes, what, Reason::HbaIssuerUnknown, IN_CLIENT);
    let profiles = |bytes| text(bytes, "validator.profile of the pg_hba.conf line", Reason::ProfileUnknown, IN_HBA);
    Ok(Request {
        hba_issuer: line(connection.issuer, "The issuer of the pg_hba.conf line")?,
        hba_profiles: connection.profiles.map(profiles).transpose()?,
        hba_scope: line(connection.scope, "The scope of the pg_hba.conf line")?,
        delegate_ident_mapping: connection.delegate_ident_mapping,
        role: client(connection.role, "The name of the role asked for")?,
        database: client(connection.database, "The name of the database asked for")?,
        replication: connection.replication,
    })
}

const IN_HBA: &str = "Write pg_hba.conf in UTF-8; issuers, scopes and names of profiles are plain ASCII as a rule.";
const IN_CLIENT: &str = "Have the client send names in UTF-8. Roles and databases whose names are stored in another encoding cannot be used with OAuth.";

fn text(bytes: Vec<u8>, what: &str, reason: Reason, hint: &str) -> Result<String, Denial> {
    String::from_utf8(bytes).map_err(|_| Denial::new(reason, format!("{what} is not UTF-8.")).with_hint(hint))
}
