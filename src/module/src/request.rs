//! Turns what the server knows of a connection into the request that is judged.
//!
//! The decision compares text, so what is not UTF-8 is refused: a replacement character could make two names equal.

use crate::hba::Connection;
use oauth_validator_core::{Denial, Reason, Request};

/// The request of `connection`, or the denial of one whose names are not UTF-8.
pub(crate) fn request(connection: Connection) -> Result<Request, Denial> {
    Ok(Request {
        hba_issuer: text(connection.issuer, "The issuer of the pg_hba.conf line", IN_HBA)?,
        hba_scope: text(connection.scope, "The scope of the pg_hba.conf line", IN_HBA)?,
        delegate_ident_mapping: connection.delegate_ident_mapping,
        role: text(connection.role, "The name of the role asked for", IN_CLIENT)?,
        database: text(connection.database, "The name of the database asked for", IN_CLIENT)?,
        replication: connection.replication,
    })
}

const IN_HBA: &str = "Write pg_hba.conf in UTF-8; issuers and scopes are plain ASCII as a rule.";
const IN_CLIENT: &str = "Have the client send names in UTF-8. Roles and databases whose names are stored in another encoding cannot be used with OAuth.";

fn text(bytes: Vec<u8>, what: &str, hint: &str) -> Result<String, Denial> {
    String::from_utf8(bytes)
        .map_err(|_| Denial::new(Reason::HbaIssuerUnknown, format!("{what} is not UTF-8.")).with_hint(hint))
}
