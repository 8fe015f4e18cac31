//! `make bench-gateway`: `pgbench -S` through the gateway, through PgBouncer in session mode, and without either.
//!
//! All three speak the same TLS to one server, verify its certificate, and run in turns, each first in its turn; the client is
//! beside them. Prints medians and ratios, and judges none of them: machines differ, and so do their neighbours. Needs a server
//! with TLS (`PG_CONFIG`) and Debian's pgbouncer, and says so where one of them is missing.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]
#![forbid(unsafe_code)]

use oauth_validator_bench::files::{Files, Running};
use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use oauth_validator_mock_provider::LocalhostCertificate;
use oauth_validator_server_tests::{Cluster, ClusterOptions, module_path, now, tool_path};
use serde_json::json;
use std::io::{Error, Result};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const ISSUER: &str = "https://issuer.example";
const CONFIG: &str = "[profiles.corp]\nissuer = \"https://issuer.example\"\naudience = [\"api://db\"]\n\
                      [profiles.corp.keys]\njwks_file = \"corp.jwks\"\n";

/// The harness has its servers there; with TCP, nobody else may.
const PORT: u16 = 5432;

/// The role that the token and the password are for.
const ROLE: &str = "bench";

struct Options {
    rounds: usize,
    seconds: u32,
    clients: u32,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)).and_then(|options| bench(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options { rounds: 6, seconds: 5, clients: 8 };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().and_then(|text| text.parse().ok());
        let wrong = || Error::other("usage: gateway [--quick] [--rounds N] [--seconds N] [--clients N]");
        match argument.as_str() {
            "--quick" => options = Options { rounds: 3, seconds: 1, ..options },
            "--rounds" => options.rounds = value().ok_or_else(wrong)? as usize,
            "--seconds" => options.seconds = value().ok_or_else(wrong)?,
            "--clients" => options.clients = value().ok_or_else(wrong)?,
            _ => return Err(wrong()),
        }
    }
    Ok(options)
}

fn bench(options: &Options) -> Result<()> {
    let Some(pgbouncer) =
        ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].map(Path::new).into_iter().find(|path| path.is_file())
    else {
        println!("skipped: Debian's pgbouncer is not installed");
        return Ok(());
    };
    let folder = Files::new()?;
    folder.folder("pooler")?;
    let Some(server) = server(&folder)? else { return Ok(()) };
    let gateway = gateway(&folder)?;
    let pooler = pooler(&folder, pgbouncer)?;
    let ca = folder.path("ca.pem");
    let ways = [
        ("direct", format!("host=localhost port={PORT} sslmode=verify-full sslrootcert={}", ca.display())),
        ("PgBouncer", format!("host={} port=6432", folder.path("pooler").display())),
        ("gateway", format!("host={} port=5432", folder.path("sockets").display())),
    ];
    let mut found = [const { Vec::new() }; 3];
    for round in 0..options.rounds {
        for place in 0..ways.len() {
            let number = (round + place) % ways.len();
            found[number].push(transactions(&folder, &server, &ways[number].1, options)?);
        }
    }
    let median = found.map(|mut list| {
        list.sort_by(f64::total_cmp);
        list[list.len() / 2]
    });
    println!("pgbench -S, {} clients, {} rounds of {} s; medians", options.clients, options.rounds, options.seconds);
    for ((name, _), tps) in ways.iter().zip(median) {
        println!("  {name:<10} {tps:>9.0} transactions/s");
    }
    println!("gateway to PgBouncer, session mode: {:.3}", median[2] / median[1]);
    println!(
        "gateway to direct TLS: {:.3}; PgBouncer to direct TLS: {:.3}",
        median[2] / median[0],
        median[1] / median[0]
    );
    drop((gateway, pooler));
    Ok(())
}

/// The server with TLS, and pgbench's tables in it; none if it was built without.
fn server(folder: &Files) -> Result<Option<Cluster>> {
    let certificate = LocalhostCertificate::new();
    let cert = folder.file("cert.pem", &certificate.certificate_pem)?;
    let key = folder.file("key.pem", &certificate.key_pem)?;
    let ca = folder.file("ca.pem", &certificate.ca_pem)?;
    folder.hand_over(&ca, 0o644)?;
    let oauth = format!("hostssl all {ROLE} samehost oauth issuer=\"{ISSUER}\" scope=\"db.connect\" map=bench");
    // Of "localhost" some resolvers tell both addresses, whatever /etc/hosts says (PgBouncer's does).
    let conf = format!(
        "listen_addresses = '127.0.0.1, ::1'\nssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\nlog_connections = ''\n",
        cert.display(),
        key.display()
    );
    let started = Cluster::try_start(ClusterOptions {
        module: Some(module_path()),
        config: Some(CONFIG.into()),
        // PgBouncer and whoever connects directly have a password, as they have no token.
        hba: format!("hostssl all by_password samehost scram-sha-256\n{oauth}"),
        ident: format!("bench {ROLE} {ROLE}\n"),
        conf,
        ..ClusterOptions::default()
    });
    let cluster = match started {
        Ok(cluster) => cluster,
        Err(error) if error.to_string().contains("SSL is not supported by this build") => {
            println!("skipped: the server was built without TLS; PG_CONFIG can name another");
            return Ok(None);
        }
        Err(error) => return Err(Error::other(format!("{error}\nport {PORT} of 127.0.0.1 has to be free"))),
    };
    cluster.write_file("corp.jwks", jwks(&[keys::corp()]).to_string());
    let sql = |sql: &str| cluster.sql(sql).map(drop).map_err(|error| Error::other(format!("{sql}: {error}")));
    sql(&format!("CREATE ROLE {ROLE} LOGIN"))?;
    sql("CREATE ROLE by_password LOGIN PASSWORD 'x'")?;
    let mut init = folder.command(&cluster.psql_path().with_file_name("pgbench"));
    init.args(["--initialize", "--quiet"])
        .arg(format!("host={} user=postgres dbname=postgres", cluster.socket_dir().display()));
    let output = init.output()?;
    if !output.status.success() {
        return Err(Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC")?;
    Ok(Some(cluster))
}

fn gateway(folder: &Files) -> Result<Running> {
    let claims = json!({"iss": ISSUER, "sub": ROLE, "aud": "api://db", "scope": "db.connect"});
    let token = TokenBuilder::new(json!({"typ": "at+jwt"}), claims).claim("iat", now()).claim("exp", now() + 3600);
    let token = folder.file("token", &token.sign(keys::corp()))?;
    let mut command = folder.command(&tool_path());
    command.args(["gateway", "--upstream", &format!("localhost:{PORT}"), "--sslrootcert"]).arg(folder.path("ca.pem"));
    command.arg("--token-file").arg(token).arg("--socket-dir").arg(folder.path("sockets")).stderr(Stdio::null());
    let running = Running(command.spawn()?);
    wait_for(&folder.path("sockets/.s.PGSQL.5432"))?;
    Ok(running)
}

fn pooler(folder: &Files, program: &Path) -> Result<Running> {
    let (place, ca) = (folder.path("pooler"), folder.path("ca.pem"));
    let users = folder.file("users", "\"by_password\" \"x\"\n")?;
    let settings = format!(
        "[databases]\npostgres = host=localhost port={PORT} user=by_password password=x\n[pgbouncer]\npool_mode = session\nauth_type = any\n\
         auth_file = {}\nlisten_addr =\nunix_socket_dir = {}\nserver_tls_sslmode = verify-full\nserver_tls_ca_file = {}\n\
         default_pool_size = 100\nlogfile = {}\n",
        users.display(),
        place.display(),
        ca.display(),
        place.join("log").display()
    );
    let settings = folder.file("pgbouncer.ini", &settings)?;
    let mut command = folder.command(program);
    command.arg("--quiet").arg(settings).stdout(Stdio::null()).stderr(Stdio::null());
    let running = Running(command.spawn()?);
    wait_for(&place.join(".s.PGSQL.6432"))?;
    Ok(running)
}

fn wait_for(socket: &Path) -> Result<()> {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !socket.exists() {
        if Instant::now() > give_up {
            return Err(Error::other(format!("nobody listens at {}", socket.display())));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Transactions of a second, without the time for connecting. As the gateway's own user, since it lets in nobody else.
fn transactions(folder: &Files, server: &Cluster, place: &str, options: &Options) -> Result<f64> {
    let mut command = folder.command(&server.psql_path().with_file_name("pgbench"));
    command.env("PGPASSWORD", "x").env("HOME", folder.root());
    command.args(["--no-vacuum", "--select-only", "--protocol=simple", "--jobs=2"]);
    command.args([format!("--client={}", options.clients), format!("--time={}", options.seconds)]);
    let user = if place.contains("sslmode") { "by_password" } else { ROLE };
    let output = command.arg(format!("{place} user={user} dbname=postgres")).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let tps = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    tps.ok_or_else(|| Error::other(format!("{place}: {}", String::from_utf8_lossy(&output.stderr))))
}
