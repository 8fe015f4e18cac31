//! The text of postgresql.conf and pg_hba.conf for a cluster; only text, never a file.

use std::path::Path;

/// Everything a cluster sets, as lines of postgresql.conf. What a test adds comes after it and wins.
///
/// An `installed` module has the path of its helper compiled in; tests replace the helper, so they name their own. A
/// cluster that is to have no module must not find that one either, so `has_module` says whether it may look for it.
pub(crate) fn server_conf(root: &Path, has_module: bool, installed: bool, extra: &str) -> String {
    let folder = |name: &str| root.join(name).to_string_lossy().into_owned();
    let libraries = if has_module { format!("{}:$libdir", folder("lib")) } else { folder("lib") };
    let helper = if installed { folder("bin/oauth-validator") } else { String::new() };
    let strings = [
        ("unix_socket_directories", root.to_string_lossy().into_owned()),
        ("listen_addresses", String::new()),
        ("log_connections", "receipt,authentication,authorization".into()),
        ("log_line_prefix", "%m [%p] %b: ".into()),
        ("oauth_validator_libraries", "oauth_validator".into()),
        ("dynamic_library_path", libraries),
        // A placeholder until the library is loaded by the first login.
        ("oauth_validator.config_file", folder("etc/oauth-validator.toml")),
        ("oauth_validator.helper", helper),
    ];
    let mut conf = String::new();
    if has_module && !installed {
        // Where `fill` puts the extension.
        conf += &format!("extension_control_path = {}\n", quoted(&format!("{}:$system", folder("share"))));
    }
    for (name, value) in strings {
        conf += &format!("{name} = {}\n", quoted(&value));
    }
    conf += "port = 5432\n\
             max_connections = 50\n\
             shared_buffers = 16MB\n\
             fsync = off\n\
             autovacuum = off\n\
             logging_collector = off\n";
    // Segments in /dev/shm would outlive a server that had to be killed.
    conf += "dynamic_shared_memory_type = mmap\n";
    conf + extra + "\n"
}

/// pg_hba.conf: the harness' own line first, then the test's.
pub(crate) fn hba(lines: &str) -> String {
    format!("local all postgres trust\n{lines}\n")
}

/// A string in the syntax of postgresql.conf.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_would_end_the_string() {
        assert_eq!(quoted(r"it's a \ b"), r"'it''s a \\ b'");
    }

    #[test]
    fn what_a_test_adds_comes_last() {
        let conf = server_conf(Path::new("/x"), true, false, "port = 1");
        assert!(conf.ends_with("\nport = 1\n"), "{conf}");
        assert!(conf.contains("oauth_validator.config_file = '/x/etc/oauth-validator.toml'\n"));
        assert!(conf.contains("oauth_validator.helper = ''\n"));
    }

    #[test]
    fn an_installed_module_runs_the_helper_of_the_test() {
        let conf = server_conf(Path::new("/x"), true, true, "");
        assert!(conf.contains("oauth_validator.helper = '/x/bin/oauth-validator'\n"), "{conf}");
    }

    #[test]
    fn a_cluster_without_the_module_does_not_find_an_installed_one() {
        let conf = server_conf(Path::new("/x"), false, true, "");
        assert!(conf.contains("dynamic_library_path = '/x/lib'\n"), "{conf}");
    }
}
