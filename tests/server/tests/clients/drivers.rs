//! Drivers that distributions have: each logs in with a token of the certified provider, is refused with another's, and
//! says, by itself, what docs/clients says that it says.
//!
//! Those on libpq have the preloaded library, and the libpq of the server's own release where the system's is older. A
//! driver that is not installed is skipped by the name of its package.

use crate::oidc::{OidcProvider, make_key};
use crate::support::{DISCOVERY, config, start};
use oauth_validator_server_tests::{Cluster, preload_path, tool_path, workspace_root};
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// What all of libpq's say without the two parameters.
const LIBPQ: &str = "server requires OAuth authentication, but oauth_issuer and oauth_client_id are not both set";

/// What the server tells whoever shows a token that it does not take.
const REFUSED: &str = "OAuth bearer authentication failed for user \"app\"";

/// Where Debian's packages put the sources of Go's libraries.
const GOPATH: &str = "/usr/share/gocode";

struct Scene {
    provider: OidcProvider,
    cluster: Cluster,
    folder: TempDir,
}

/// How a client ended, and what it printed.
#[derive(Debug)]
struct ProgramOutput {
    succeeded: bool,
    text: String,
}

impl ProgramOutput {
    fn of(output: &Output) -> Self {
        let text = [&output.stdout[..], &output.stderr].concat();
        Self { succeeded: output.status.success(), text: String::from_utf8_lossy(&text).into_owned() }
    }
}

impl Scene {
    /// A server, and two files: the token of its provider, and one for the same service by another provider.
    fn start() -> Self {
        let provider = OidcProvider::start(&[&make_key("ES256", "first")]);
        let cluster = start(&provider, config(&provider, DISCOVERY));
        let scene = Self { provider, cluster, folder: tempfile::tempdir().expect("a folder") };
        scene.keep(&scene.provider, "token");
        scene.keep(&OidcProvider::start(&[&make_key("ES256", "first")]), "other");
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Has the tool write the token that this provider gives the service `app`.
    fn keep(&self, provider: &OidcProvider, name: &str) {
        fs::write(self.path("secret"), "the-secret-of-app").expect("a secret");
        let mut tool = Command::new(tool_path());
        tool.env_clear().args(["token", "--issuer", &provider.issuer(), "--client-id", "app", "--scope", "db.connect"]);
        tool.arg("--client-secret-file").arg(self.path("secret")).arg("--ca-file").arg(provider.ca_file());
        let output = tool.arg("--output").arg(self.path(name)).output().expect("the tool runs");
        assert!(output.status.success(), "{output:?}");
    }

    fn place(&self) -> String {
        format!("host={} dbname=postgres user=app", self.cluster.socket_dir().display())
    }

    /// Has the client log in with the library and this token.
    fn preloaded(&self, mut client: Command, name: &str) -> ProgramOutput {
        client.env("LD_PRELOAD", preload_path()).env("OAUTH_TOKEN_FILE", self.path(name));
        ProgramOutput::of(&client.env("OAUTH_TOKEN_ISSUER", self.provider.issuer()).output().expect("the client runs"))
    }

    #[track_caller]
    fn lets_in(&self, said: &ProgramOutput) {
        assert!(said.succeeded && said.text.contains("oauth:app"), "{said:?}\n{}", self.cluster.log());
    }

    #[track_caller]
    fn refuses(&self, said: &ProgramOutput, mark: usize) {
        assert!(!said.succeeded && said.text.contains(REFUSED), "{said:?}");
        self.cluster.wait_for_log(mark, "oauth_validator: denied: issuer_mismatch");
        let token = fs::read_to_string(self.path("other")).expect("a token");
        let shown = format!("{}{}", said.text, self.cluster.log());
        assert!(!token.split('.').any(|part| part.len() > 11 && shown.contains(part)), "{shown}");
    }

    /// A driver on libpq, in each of the ways; `client` takes a conninfo string.
    fn by_libpq(&self, client: &dyn Fn(&str) -> Command) {
        let with = format!("{} oauth_issuer={} oauth_client_id=any", self.place(), self.provider.issuer());
        self.lets_in(&self.preloaded(client(&with), "token"));
        let mark = self.cluster.log_mark();
        self.refuses(&self.preloaded(client(&with), "other"), mark);
        let said = self.preloaded(client(&with), "nowhere");
        assert!(!said.succeeded && said.text.contains("liboauth_token: OAUTH_TOKEN_FILE"), "{said:?}");
        let said = ProgramOutput::of(&client(&self.place()).output().expect("the client runs"));
        assert!(!said.succeeded && said.text.contains(LIBPQ), "{said:?}");
    }

    /// A program with nothing of this process's environment but where things are.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.folder.path()).env("LC_ALL", "C.UTF-8");
        command.env("LD_LIBRARY_PATH", self.libpq()).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// The folder of the server's own libpq.
    fn libpq(&self) -> PathBuf {
        let pg_config = self.cluster.psql_path().with_file_name("pg_config");
        let output = Command::new(pg_config).arg("--libdir").output().expect("pg_config runs");
        PathBuf::from(String::from_utf8(output.stdout).expect("UTF-8").trim())
    }
}

/// Whether this succeeds, which needs the driver; else says which package has it.
fn is_there(program: &str, args: &[&str], package: &str) -> bool {
    let tried =
        Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = tried.is_ok_and(|status| status.success());
    if !is_there {
        println!("skipped: {package} is not installed");
    }
    is_there
}

fn script(name: &str) -> PathBuf {
    workspace_root().join("tests/clients").join(name)
}

/// A driver of a language that runs a script.
fn scripted(language: &str, name: &str) {
    let scene = Scene::start();
    scene.by_libpq(&|conninfo| {
        let mut command = scene.program(language);
        command.arg(script(name)).arg(conninfo);
        command
    });
}

#[test]
fn perl_dbd_pg() {
    if is_there("perl", &["-MDBD::Pg", "-e1"], "Debian's libdbd-pg-perl") {
        scripted("perl", "login.pl");
    }
}

#[test]
fn ruby_pg() {
    if is_there("ruby", &["-rpg", "-e1"], "Debian's ruby-pg") {
        scripted("ruby", "login.rb");
    }
}

/// PHP 8.2 opens its extensions with RTLD_DEEPBIND, so that a library for LD_PRELOAD is not asked by their libpq.
#[test]
fn php_pdo_pgsql() {
    if !is_there("php", &["-r", "exit(extension_loaded('pdo_pgsql') ? 0 : 1);"], "Debian's php-cli or php-pgsql") {
        return;
    }
    let scene = Scene::start();
    let mut php = scene.program("php");
    php.args(["-r", ""]).env("LD_PRELOAD", preload_path()).env("LD_BIND_NOW", "1").env("LD_DEBUG", "bindings");
    let bindings = ProgramOutput::of(&php.output().expect("PHP runs")).text;
    let asked = |line: &str| line.contains("`PQdefaultAuthDataHook'") && line.contains("libpq.so");
    let reaches = bindings.lines().any(|line| asked(line) && line.contains("liboauth_token.so"));
    if reaches {
        scripted("php", "login.php");
    } else {
        let mut php = scene.program("php");
        php.arg(script("login.php")).arg(format!(
            "{} oauth_issuer={} oauth_client_id=any",
            scene.place(),
            scene.provider.issuer()
        ));
        let said = scene.preloaded(php, "token");
        assert!(!said.succeeded && said.text.contains("no OAuth flows are available"), "{said:?}");
    }
}

/// That of a distribution: the wheel from PyPI has a libpq 17 of its own.
#[test]
fn psycopg2_of_the_distribution() {
    let builds_on_libpq = "import psycopg2, sys; sys.exit('dist-packages' not in psycopg2.__file__)";
    if is_there("/usr/bin/python3", &["-c", builds_on_libpq], "Debian's python3-psycopg2") {
        scripted("/usr/bin/python3", "login.py");
    }
}

/// unixODBC's isql: a driver by its file, and libpq's parameters in `pqopt`.
#[test]
fn psqlodbc() {
    let library = ["x86_64", "aarch64"].map(|machine| format!("/usr/lib/{machine}-linux-gnu/odbc/psqlodbcw.so"));
    let Some(library) = library.into_iter().find(|path| Path::new(path).is_file()) else {
        println!("skipped: Debian's odbc-postgresql is not installed");
        return;
    };
    if !is_there("isql", &["--version"], "Debian's unixodbc") {
        return;
    }
    let scene = Scene::start();
    let query = scene.path("query");
    fs::write(&query, "select system_user\n").expect("a query");
    fs::write(scene.path("odbcinst.ini"), format!("[PostgreSQL]\nDriver={library}\n")).expect("a file");
    scene.by_libpq(&|conninfo| {
        let of_libpq: Vec<&str> = conninfo.split(' ').filter(|pair| pair.starts_with("oauth_")).collect();
        let place = format!("Driver=PostgreSQL;Server={};Port=5432", scene.cluster.socket_dir().display());
        let to = format!("{place};Database=postgres;UID=app;pqopt={{{}}}", of_libpq.join(" "));
        let mut command = scene.program("isql");
        command.env("ODBCSYSINI", scene.folder.path()).args(["-b", "-v", "-k", &to]);
        command.stdin(File::open(&query).expect("a query"));
        command
    });
}

/// The one driver that shows a token by itself; it is compiled, with what Debian's packages have of it.
#[test]
fn go_pgx() {
    let sources = Path::new(GOPATH).join("src/github.com/jackc/pgx/v5");
    if !sources.is_dir() {
        println!("skipped: Debian's golang-github-jackc-pgx-v5-dev is not installed");
        return;
    }
    if !is_there("go", &["version"], "Debian's golang-go") {
        return;
    }
    let scene = Scene::start();
    let program = scene.path("login");
    let mut go = scene.program("go");
    go.env("GO111MODULE", "off").env("GOPATH", GOPATH).env("GOCACHE", scene.path("cache")).env("CGO_ENABLED", "0");
    let built = go.args(["build", "-o"]).arg(&program).arg(script("login.go")).output().expect("go runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let login = |token: Option<&str>| {
        let mut command = scene.program(program.to_str().expect("UTF-8"));
        command.arg(scene.place()).args(token.map(|name| scene.path(name)));
        ProgramOutput::of(&command.output().expect("it runs"))
    };
    scene.lets_in(&login(Some("token")));
    let mark = scene.cluster.log_mark();
    let said = login(Some("other"));
    assert!(!said.succeeded && said.text.contains("OAuth authentication failed: invalid_token"), "{said:?}");
    scene.cluster.wait_for_log(mark, "oauth_validator: denied: issuer_mismatch");
    let said = login(None);
    assert!(!said.succeeded && said.text.contains("failed SASL auth"), "{said:?}");
}

/// `--command` with oidc-agent's client, or anything else that prints a token, is judged by what it prints: a shell that
/// prints the provider's token stands for it here, since an agent needs a person for its first token.
#[test]
fn a_command_that_prints_the_providers_token() {
    let scene = Scene::start();
    let printing = scene.path("print");
    let mut file = File::create(&printing).expect("a script");
    write!(file, "#!/bin/sh\ncat '{}'\necho\n", scene.path("token").display()).expect("a script");
    drop(file);
    fs::set_permissions(&printing, Permissions::from_mode(0o755)).expect("a mode");
    let issuer = scene.provider.issuer();
    let psql = scene.cluster.psql_path().display().to_string();
    let conninfo = format!("{} oauth_issuer={issuer} oauth_client_id=any", scene.place());
    let mut tool = Command::new(tool_path());
    tool.env_clear().env("PATH", "/usr/bin:/bin").args(["run", "--issuer", &issuer, "--command"]).arg(&printing);
    tool.args(["--", &psql, "-XAtc", "select system_user", &conninfo]);
    let said = ProgramOutput::of(&tool.output().expect("the tool runs"));
    scene.lets_in(&said);
}
