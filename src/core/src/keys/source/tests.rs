//! What makes keys those of other settings.

use super::{Location, ProviderKeys, ProviderSettings};
use crate::config::Times;
use crate::reach::{FilePath, Pem, Reach};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn the_fingerprint_covers_whatever_decides_whose_keys_these_are() {
    let reach = Reach {
        ca: None,
        proxy: None,
        insecure_http: false,
        connect_timeout: Duration::from_secs(2),
        timeout: Duration::from_secs(5),
    };
    let settings = ProviderSettings {
        location: Location::Issuer,
        allowed_hosts: vec![],
        reach,
        bearer_token_file: None,
        timing: Times::BUILT_IN.of_keys,
    };
    let source = ProviderKeys { issuer: "https://i".into(), settings: settings.into() };
    let with_file = |source: &ProviderKeys, text: &str| {
        source.fingerprint(&source.settings.reach.map(|FilePath(_)| Pem(text.to_owned())))
    };
    let own = with_file(&source, "");
    assert_eq!(
        own, "b87850445d63a8d9b4e105e56bf420b925306937f17a91227dcccb27e0b17f6a",
        "an upgrade must not make key files useless"
    );
    let changed = |change: fn(&mut ProviderSettings), text: &str| {
        let mut source = source.clone();
        change(Arc::make_mut(&mut source.settings));
        with_file(&source, text)
    };
    let named = |settings: &mut ProviderSettings| settings.reach.ca = Some(FilePath("ca.pem".into()));
    let others = [
        with_file(&ProviderKeys { issuer: "https://i/".into(), ..source.clone() }, ""),
        changed(|settings| settings.location = Location::Metadata("https://i".into()), ""),
        changed(|settings| settings.location = Location::Jwks("https://i".into()), ""),
        changed(|settings| settings.allowed_hosts.push("h".into()), ""),
        changed(|settings| settings.reach.proxy = Some("http://p".into()), ""),
        changed(|settings| settings.reach.insecure_http = true, ""),
        changed(named, ""),
        changed(named, "PEM"),
    ];
    for (at, other) in others.iter().enumerate() {
        assert_ne!(*other, own, "{at}");
        assert!(!others[..at].contains(other), "{at}");
    }
    assert_eq!(
        changed(|settings| settings.timing.max_ttl = Duration::from_secs(1), ""),
        own,
        "times change nothing about a key"
    );
    assert_eq!(changed(|settings| settings.reach.timeout = Duration::from_secs(1), ""), own, "nor does patience");
    let renamed = |settings: &mut ProviderSettings| settings.reach.ca = Some(FilePath("other.pem".into()));
    assert_eq!(changed(renamed, "PEM"), changed(named, "PEM"), "its content counts, not its name");
}
