//! `check` and `explain` with the server's own files: a data directory without a server, as a DBA's would be.

mod check;
mod explain;
mod options;
mod profiles;
mod readers;

use crate::support::Folder;
use std::fs;

pub const ISSUER: &str = "https://acme.okta.example/oauth2/aus000001";

/// postgresql.conf of a server that is as it should be.
pub const CONF: &str = "oauth_validator_libraries = 'oauth_validator'\nssl = on\n";

/// The line for the profile of [`crate::support::corp`].
pub const LINE: &str = "hostssl all all all oauth issuer=https://acme.okta.example/oauth2/aus000001 scope=\"openid db.connect\" map=okta\n";

pub const MAP: &str = "okta 00u000user0000000h7 ana\n";

/// A folder with a configuration, and a data directory `data` with these files; as the tool is called there.
pub fn folder(config: &str, conf: &str, hba: &str, ident: &str) -> Folder {
    let folder = Folder::new(config);
    fs::create_dir(folder.path("data")).expect("a folder");
    for (name, text) in
        [("PG_VERSION", "18\n"), ("postgresql.conf", conf), ("pg_hba.conf", hba), ("pg_ident.conf", ident)]
    {
        folder.write(&format!("data/{name}"), text);
    }
    folder
}
