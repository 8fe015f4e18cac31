//! A cluster of each release, which trust one provider, and logins that go on while packages come and go.

use crate::browser::Client;
use crate::cluster::{ClusterSetup, DebianCluster};
use crate::oidc::{OidcProvider, make_key};
use crate::packages::{MAJORS, configure, trust};
use oauth_validator_mock_provider::LocalhostCertificate;
use oauth_validator_server_tests::{ClientSession, LoginOutcome};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// What a person who watches would see; a login takes some milliseconds.
const BETWEEN_LOGINS: Duration = Duration::from_millis(20);

/// What all tests of packages begin with.
pub struct Scene {
    /// In the order of [`MAJORS`].
    pub clusters: Vec<DebianCluster>,
    provider: OidcProvider,
    keys: Vec<Value>,
}

impl Scene {
    /// Clusters with these lines in their postgresql.conf, in the order of [`MAJORS`].
    pub fn new(conf: [&str; 2]) -> Self {
        let keys = vec![make_key("ES256", "first")];
        let provider = OidcProvider::start(&[&keys[0]]);
        trust(&[provider.ca_pem()]);
        let hba = format!("local all all oauth issuer=\"{}\" scope=\"db.connect\"", provider.issuer());
        let start = |(major, conf)| {
            let cluster = DebianCluster::start(major, &ClusterSetup { tcp: false, hba: &hba, conf });
            cluster.superuser().query("create role app login").expect("a role");
            cluster
        };
        let clusters = MAJORS.into_iter().zip(conf).map(start).collect();
        Self { clusters, provider, keys }
    }

    /// A configuration that lets the provider's service `app` in, and looks for a new key whenever there may be one.
    pub fn configuration(&self) -> String {
        format!(
            "# Edited by the administrator.\n\
             [profiles.corp]\npreset = \"rfc9068\"\nissuer = \"{}\"\naudience = [\"postgres\"]\n\
             [profiles.corp.keys]\nkid_cooldown = \"1s\"\n",
            self.provider.issuer()
        )
    }

    /// A token of `app`, by the newest key.
    pub fn token(&self) -> String {
        Client::of(&self.provider).client_credentials(&[("scope", "db.connect")])
    }

    /// The provider signs by a new key from now on, and still publishes the others.
    pub fn rotate(&mut self) {
        self.keys.insert(0, make_key("ES256", "next"));
        self.provider.restart(&self.keys.iter().collect::<Vec<_>>());
    }

    /// One session of the superuser in each cluster.
    pub fn superusers(&self) -> Vec<ClientSession> {
        self.clusters.iter().map(DebianCluster::superuser).collect()
    }

    /// Equal before and after, if no cluster was restarted and none of their processes crashed.
    pub fn lives(&self) -> Vec<String> {
        self.clusters.iter().map(DebianCluster::life).collect()
    }

    /// Does `work` while each cluster has one login after the other; returns how many were let in, all of them being so.
    ///
    /// # Panics
    /// If any is not.
    #[track_caller]
    pub fn while_logins_go_on(
        &self,
        login: impl Fn(&DebianCluster) -> LoginOutcome + Sync,
        work: impl FnOnce(),
    ) -> usize {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let (login, done) = (&login, &done);
            let one_after_the_other = |cluster| {
                let mut count = 0;
                while !done.load(Ordering::Relaxed) {
                    match login(cluster) {
                        LoginOutcome::Accepted(_) => count += 1,
                        other => panic!("after {count} logins: {other:?}\n{}", cluster.log()),
                    }
                    thread::sleep(BETWEEN_LOGINS);
                }
                count
            };
            let clients: Vec<_> =
                self.clusters.iter().map(|cluster| scope.spawn(move || one_after_the_other(cluster))).collect();
            {
                // Also if `work` panics: the scope waits for its threads.
                let _end = EndFlag(done);
                work();
            }
            clients.into_iter().map(|client| client.join().expect("logins")).sum()
        })
    }
}

/// A cluster at `localhost` that asks for TLS and for tokens of this provider, with a map that is still empty and the
/// role `reader`; and its certificate. The system trusts both authorities, so the profile needs no `ca_file`.
pub fn over_tls(major: u32, provider: &OidcProvider) -> (DebianCluster, LocalhostCertificate) {
    let issuer = provider.issuer();
    let hba = format!("hostssl all all 127.0.0.1/32 oauth issuer=\"{issuer}\" scope=\"db.connect\" map=corp");
    let cluster = DebianCluster::start(major, &ClusterSetup { tcp: true, hba: &hba, conf: "" });
    let own = LocalhostCertificate::new();
    trust(&[provider.ca_pem(), &own.ca_pem]);
    cluster.certify(&own);
    configure(&format!("[profiles.corp]\npreset = \"rfc9068\"\nissuer = \"{issuer}\"\naudience = [\"postgres\"]\n"));
    cluster.enable();
    cluster.superuser().query("create role reader login").expect("a role");
    (cluster, own)
}

/// Sets the flag when it goes out of scope.
struct EndFlag<'a>(&'a AtomicBool);

impl Drop for EndFlag<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
