//! A real slapd, where one is installed.

use super::{Slapd, ldif};
use std::net::{Ipv4Addr, TcpStream};

#[test]
fn each_user_has_the_hash() {
    let text = ldif(&["ana", "bob"], "{SSHA}x");
    assert!(text.contains("dn: uid=bob,ou=people,dc=bench,dc=example\n"), "{text}");
    assert_eq!(text.matches("\nuserPassword: {SSHA}x\n").count(), 2);
}

#[test]
fn it_ends_with_the_value_and_leaves_nothing() {
    let Some(program) = Slapd::program() else {
        println!("skipped: slapd is not installed");
        return;
    };
    assert!(Slapd::version(&program).unwrap().starts_with("OpenLDAP 2."));
    let slapd = Slapd::start(&program, &["ana"], "secret").unwrap();
    let (port, folder) = (slapd.port, slapd._files.root().to_owned());
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
    // No password as it is, nor a scheme that is none.
    let ldif = std::fs::read_to_string(folder.join("people.ldif")).unwrap();
    assert!(ldif.contains("\nuserPassword: {SSHA}") && !ldif.contains("secret"), "{ldif}");
    assert!(slapd.simple_bind("ana").starts_with("local all ana ldap ldapserver=127.0.0.1 ldapport="));
    drop(slapd);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() && !folder.exists());
}

#[test]
fn what_is_no_slapd_is_an_error() {
    let error = Slapd::start(std::path::Path::new("/bin/false"), &["ana"], "secret").err().unwrap();
    let said = error.to_string();
    assert!(said == "core.schema is not installed" || said.starts_with("slapd -T passwd: "), "{said}");
}
