//! The methods of pg_hba.conf, and the options that each of them has (hba.c).

/// All methods.
pub(super) const METHODS: [&str; 15] = [
    "trust",
    "ident",
    "peer",
    "password",
    "gss",
    "sspi",
    "reject",
    "md5",
    "scram-sha-256",
    "pam",
    "bsd",
    "ldap",
    "cert",
    "radius",
    "oauth",
];

/// Options, the methods they are for, and how the server calls these.
pub(super) const OPTIONS: &[(&[&str], &[&str], &str)] = &[
    (&["map"], &["ident", "peer", "gss", "sspi", "cert", "oauth"], "ident, peer, gssapi, sspi, cert, and oauth"),
    (&["issuer", "scope", "validator", "delegate_ident_mapping"], &["oauth"], "oauth"),
    (&["pamservice", "pam_use_hostname"], &["pam"], "pam"),
    (
        &[
            "ldapurl",
            "ldaptls",
            "ldapscheme",
            "ldapserver",
            "ldapport",
            "ldapbinddn",
            "ldapbindpasswd",
            "ldapsearchattribute",
            "ldapsearchfilter",
            "ldapbasedn",
            "ldapprefix",
            "ldapsuffix",
        ],
        &["ldap"],
        "ldap",
    ),
    (&["krb_realm", "include_realm"], &["gss", "sspi"], "gssapi and sspi"),
    (&["compat_realm", "upn_username"], &["sspi"], "sspi"),
    (&["radiusservers", "radiusports", "radiussecrets", "radiusidentifiers"], &["radius"], "radius"),
];
