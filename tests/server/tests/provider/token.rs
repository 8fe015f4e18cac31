//! `oauth-validator token` and `run` as clients of the certified provider, and what they give as a login.

use crate::browser::Client;
use crate::oidc::{OidcProvider, make_key};
use crate::support::{DISCOVERY, config, lets_in, refuses, start};
use oauth_validator_server_tests::{Cluster, tool_path};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// How a run of the tool ended.
#[derive(Debug)]
struct ProgramOutput {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

struct Scene {
    provider: OidcProvider,
    folder: TempDir,
}

impl Scene {
    fn new(lifetime: u32) -> Self {
        let provider = OidcProvider::with_lifetime(&[&make_key("ES256", "first")], lifetime);
        Self { provider, folder: tempfile::tempdir().expect("a folder") }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    }

    /// The tool as this client, with nobody's environment.
    fn tool(&self, command: &str, client: &str, args: &[&str]) -> Command {
        let mut tool = Command::new(tool_path());
        tool.env_clear().env("PATH", "/usr/bin:/bin").env("TMPDIR", self.folder.path());
        tool.args([command, "--issuer", &self.provider.issuer(), "--client-id", client, "--ca-file"]);
        tool.arg(self.provider.ca_file()).args(args);
        tool.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        tool
    }

    fn run(&self, client: &str, args: &[&str]) -> ProgramOutput {
        said(self.tool("token", client, args).spawn().expect("the tool runs"), String::new())
    }

    /// Runs a command that asks for a person, and is that person.
    fn confirmed(&self, command: Command, name: &str) -> ProgramOutput {
        self.confirmed_after(command, name, Duration::ZERO)
    }

    /// Runs a command that asks for a person, and is one who takes so long.
    fn confirmed_after(&self, mut command: Command, name: &str, hesitation: Duration) -> ProgramOutput {
        let mut child = command.spawn().expect("the tool runs");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut seen = String::new();
        while lines.read_line(&mut seen).expect("a line") > 0 {
            let Some((_, rest)) = seen.split_once("Visit ") else { continue };
            let (page, code) = rest.trim_end().split_once(" and enter the code: ").expect("an address and a code");
            thread::sleep(hesitation);
            let last = Client::of(&self.provider).confirm(&format!("{page}?user_code={code}"), name);
            assert!(last.contains("Sign-in Success"), "{last}");
            break;
        }
        let rest = thread::spawn(move || {
            let mut rest = String::new();
            lines.read_to_string(&mut rest).expect("text");
            rest
        });
        let mut said = said(child, seen);
        said.stderr += &rest.join().expect("the rest");
        said
    }
}

fn said(child: Child, stderr: String) -> ProgramOutput {
    let output = child.wait_with_output().expect("its end");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    ProgramOutput { code: output.status.code(), stdout: text(&output.stdout), stderr: stderr + &text(&output.stderr) }
}

fn server(place: &Scene) -> Cluster {
    let cluster = start(&place.provider, config(&place.provider, DISCOVERY));
    cluster.sql("CREATE ROLE signer LOGIN").expect("a role");
    cluster
}

#[test]
fn services_and_people_get_tokens_that_log_in() {
    let place = Scene::new(600);
    let cluster = server(&place);
    let secret = place.file("secret", "the-secret-of-app\n").display().to_string();
    let app = place.run("app", &["--client-secret-file", &secret, "--scope", "db.connect"]);
    assert_eq!(app.code, Some(0), "{app:?}");
    lets_in(&cluster, "app", app.stdout.trim_end());

    let key = place.provider.client_key().display().to_string();
    let by_key = ["--client-key-file", &key, "--client-key-id", "signer-1", "--scope", "db.connect"];
    let signer = place.run("signer", &by_key);
    assert_eq!(signer.code, Some(0), "{signer:?}");
    lets_in(&cluster, "signer", signer.stdout.trim_end());

    let alice = place.confirmed(place.tool("token", "psql", &["--scope", "openid db.connect"]), "alice");
    assert_eq!(alice.code, Some(0), "{alice:?}");
    lets_in(&cluster, "alice", alice.stdout.trim_end());
    assert!(!alice.stderr.contains(alice.stdout.trim_end()), "{alice:?}");
    // What one person confirmed is no other's.
    refuses_role(&cluster, alice.stdout.trim_end());
}

/// The provider takes each assertion but once, and the tool asks it several times before the person is done.
#[test]
fn a_client_with_a_key_proves_itself_anew_while_a_person_confirms() {
    let place = Scene::new(600);
    let cluster = server(&place);
    let key = place.provider.client_key().display().to_string();
    let args = ["--device", "--client-key-file", &key, "--client-key-id", "signer-1", "--scope", "openid db.connect"];
    let polls = place.provider.requests("POST /token");
    let alice = place.confirmed_after(place.tool("token", "signer", &args), "alice", Duration::from_secs(12));
    assert_eq!(alice.code, Some(0), "{alice:?}");
    assert!(place.provider.requests("POST /token") >= polls + 3, "it asks every five seconds");
    lets_in(&cluster, "alice", alice.stdout.trim_end());
}

/// The token is good, and the role is not its identity's.
fn refuses_role(cluster: &Cluster, token: &str) {
    let attempt = cluster.login(&oauth_validator_server_tests::Login::new("app", "postgres").token(token));
    assert_eq!(attempt.refused().sqlstate, "28000");
}

#[test]
fn what_the_provider_does_not_grant_is_refused() {
    let place = Scene::new(600);
    let cluster = server(&place);
    let wrong = place.file("wrong", "guessed").display().to_string();
    let said = place.run("app", &["--client-secret-file", &wrong]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
    assert!(said.stderr.contains("invalid_client") && !said.stderr.contains("guessed"), "{said:?}");

    let key = place.file("key", &fs::read_to_string(place.provider.client_key()).expect("a key")).display().to_string();
    for (client, kid) in [("signer", "signer-2"), ("app", "signer-1")] {
        let said = place.run(client, &["--client-key-file", &key, "--client-key-id", kid]);
        assert_eq!(said.code, Some(1), "{said:?}");
    }
    let secret = place.file("secret", "the-secret-of-app").display().to_string();
    let said = place.run("app", &["--client-secret-file", &secret, "--resource", "urn:nobody"]);
    assert!(said.code == Some(1) && said.stderr.contains("invalid_target"), "{said:?}");
    let refresh = place.file("refresh", "made-up").display().to_string();
    let said = place.run("psql", &["--refresh-token-file", &refresh]);
    assert!(said.code == Some(1) && said.stderr.contains("invalid_grant"), "{said:?}");
    assert!(!said.stderr.contains("made-up"), "{said:?}");

    // A token for another API is given, and the server does not take it.
    let reports =
        place.run("app", &["--client-secret-file", &secret, "--resource", "urn:reports", "--scope", "db.connect"]);
    assert_eq!(reports.code, Some(0), "{reports:?}");
    refuses(&cluster, "app", reports.stdout.trim_end(), "audience_mismatch");
}

#[test]
fn a_command_has_a_fresh_token_for_as_long_as_it_runs() {
    let place = Scene::new(6);
    let cluster = server(&place);
    let psql = cluster.psql_path();
    let conninfo = format!(
        "host={} dbname=postgres user=alice oauth_issuer={} oauth_client_id=psql",
        cluster.socket_dir().display(),
        place.provider.issuer()
    );
    // Longer than the first token lives, and it is confirmed once.
    let script = format!(
        "'{0}' -XAtc 'select system_user' \"{conninfo}\" && sleep 8 && '{0}' -XAtc 'select system_user' \"{conninfo}\"; \
         stat -c '%a' \"$OAUTH_TOKEN_FILE\" \"$(dirname \"$OAUTH_TOKEN_FILE\")\"; exit 7",
        psql.display()
    );
    let args = ["--scope", "openid db.connect offline_access", "--", "/bin/sh", "-c", &script];
    let said = place.confirmed(place.tool("run", "psql", &args), "alice");
    assert_eq!((said.code, said.stdout.as_str()), (Some(7), "oauth:alice\noauth:alice\n600\n700\n"), "{said:?}");
    assert_eq!(said.stderr.matches("Visit ").count(), 1, "{said:?}");
    let left: Vec<_> = fs::read_dir(place.folder.path()).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_command_that_is_not_there_is_said_as_a_shell_says_it() {
    let place = Scene::new(600);
    let secret = place.file("secret", "the-secret-of-app").display().to_string();
    for (program, code) in [("/nowhere/psql", 127), ("/etc/passwd", 126)] {
        let mut command = place.tool("run", "app", &["--client-secret-file", &secret, "--", program]);
        let said = said(command.spawn().expect("the tool runs"), String::new());
        assert_eq!(said.code, Some(code), "{said:?}");
    }
    // No token, no command.
    let marker = place.folder.path().join("ran");
    let wrong = place.file("wrong", "guessed").display().to_string();
    let script = format!("touch '{}'", marker.display());
    let mut command = place.tool("run", "app", &["--client-secret-file", &wrong, "--", "/bin/sh", "-c", &script]);
    let said = said(command.spawn().expect("the tool runs"), String::new());
    assert!(said.code == Some(1) && !marker.exists(), "{said:?}");
}
