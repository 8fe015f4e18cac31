//! `oauth-validator gateway`: reads what it is told, and hands it to the gateway.
//!
//! Everything that can be wrong is found before it listens. Its messages go to standard error, one line each.

use crate::args::{GatewayOptions, ServerOptions};
use crate::config_file;
use crate::net::{Ca, Demand, Trust, client_config};
use crate::output::{CommandFailure, CommandReport, complain, visible};
use oauth_validator_gateway::{GatewaySettings, Listen, Password, TokenSource, Upstream, serve};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

const DEFAULT_PORT: u16 = 5432;

/// Mode bits that let others read.
const OTHERS: u32 = 0o037;

/// Runs the command.
pub(crate) fn run(options: &GatewayOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    if as_json {
        return Err(CommandFailure::new("--json has no meaning here: it prints nothing"));
    }
    let settings = GatewaySettings {
        listen: listen(options)?,
        upstream: upstream(options)?,
        token: token(options)?,
        tell: |line| complain(&visible(line, false)),
    };
    serve(settings).map_err(|bad| CommandFailure::new(bad.what).with_hint(bad.hint))?;
    Ok(CommandReport { text: String::new(), fine: true })
}

fn listen(options: &GatewayOptions) -> Result<Listen, CommandFailure> {
    if let Some(address) = options.listen {
        let tls = match (&options.tls_cert, &options.tls_key) {
            (Some(certificate), Some(key)) => Some(Arc::new(server_config(certificate, key)?)),
            _ => None,
        };
        return Ok(Listen::Tcp { address, tls });
    }
    let folder = options
        .socket_dir
        .clone()
        .ok_or_else(|| CommandFailure::new("where shall it listen? --socket-dir or --listen"))?;
    let user = |name: &String| {
        let named = ServerOptions { server_user: Some(name.clone()) };
        config_file::server_user(&named).map(|user| user.uid)
    };
    let allowed = options.allow_user.iter().map(user).collect::<Result<_, _>>()?;
    Ok(Listen::Socket { folder, port: options.port, allowed })
}

fn upstream(options: &GatewayOptions) -> Result<Upstream, CommandFailure> {
    let servers = options.upstream.split(',').map(server).collect::<Result<_, _>>()?;
    let ca = match options.sslrootcert.as_os_str().to_str() {
        Some("system") => Ca::Environment,
        _ => Ca::File(options.sslrootcert.clone()),
    };
    let trust = Trust::new(&ca).map_err(|error| {
        CommandFailure::new(error.to_string())
            .with_hint("give --sslrootcert the certificate of the authority of the server's")
    })?;
    let mut tls = client_config(Demand::Name(trust))
        .map_err(|error| CommandFailure::new(format!("TLS cannot be prepared: {error}")))?;
    tls.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(Upstream { servers, tls: Arc::new(tls), timeout: options.timeout })
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`.
fn server(text: &str) -> Result<(String, u16), CommandFailure> {
    let bad = || CommandFailure::new(format!("--upstream \"{text}\" is not HOST or HOST:PORT"));
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']').ok_or_else(bad)?;
            match behind {
                "" => (host, None),
                behind => (host, Some(behind.strip_prefix(':').ok_or_else(bad)?)),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() || host.starts_with('/') {
        return Err(bad());
    }
    let port = port.map_or(Ok(DEFAULT_PORT), |port| port.parse().ok().filter(|port| *port != 0).ok_or_else(bad))?;
    Ok((host.to_owned(), port))
}

fn token(options: &GatewayOptions) -> Result<TokenSource, CommandFailure> {
    let Some(path) = options.token_file.clone() else { return Ok(TokenSource::Password) };
    let path =
        std::path::absolute(&path).map_err(|error| CommandFailure::new(format!("{}: {error}", path.display())))?;
    let password = options.password_file.as_deref().map(password).transpose()?;
    Ok(TokenSource::File { path, password })
}

/// The password of a file that nobody else can read.
fn password(path: &Path) -> Result<Password, CommandFailure> {
    let text = private(path, "the password")?;
    let line = text.strip_suffix(b"\n").unwrap_or(&text);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Password::new(line)
        .ok_or_else(|| CommandFailure::new(format!("the password in {} is empty, or no text", path.display())))
}

fn private(path: &Path, what: &str) -> Result<Zeroizing<Vec<u8>>, CommandFailure> {
    let failed = |why: String| CommandFailure::new(format!("cannot read {what} from {}: {why}", path.display()));
    let found = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if !found.is_file() || found.mode() & OTHERS != 0 {
        return Err(failed(format!("its mode is {:04o}", found.mode() & 0o7777)).with_hint("chmod 0600"));
    }
    fs::read(path).map(Zeroizing::new).map_err(|error| failed(error.to_string()))
}

fn server_config(certificate: &PathBuf, key: &Path) -> Result<ServerConfig, CommandFailure> {
    let bad = |path: &Path, why: &str| CommandFailure::new(format!("{}: {why}", path.display()));
    let pem = fs::read(certificate).map_err(|error| bad(certificate, &error.to_string()))?;
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|_| bad(certificate, "it has no certificate in PEM"))?;
    let pem = private(key, "the private key")?;
    let private_key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| bad(key, "it has no private key in PEM"))?;
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private_key))
        .map_err(|error| bad(certificate, &format!("it cannot be used with the key: {error}")))
}

#[cfg(test)]
mod tests {
    use super::server;

    #[test]
    fn a_server_is_a_host_and_a_port() {
        let found = |text| server(text).map_err(|failure| failure.what().to_owned());
        assert_eq!(found("db.example"), Ok(("db.example".into(), 5432)));
        assert_eq!(found("db.example:6432"), Ok(("db.example".into(), 6432)));
        assert_eq!(found("[2001:db8::1]:5433"), Ok(("2001:db8::1".into(), 5433)));
        assert_eq!(found("[::1]"), Ok(("::1".into(), 5432)));
        for text in ["", ":5432", "db:", "db:x", "db:0", "db:65536", "[::1", "[::1]5", "::1", "/run/pg", "[]:1"] {
            assert!(found(text).is_err(), "{text}");
        }
    }
}
