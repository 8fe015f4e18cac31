//! How a provider is reached: what `[profiles.NAME.keys]` says of certificates, proxy and patience, for keys and for
//! questions about tokens.
//!
//! Every stage has one type, from the configuration over the helper's request to the connection: the stages differ in what
//! stands for a file. Whatever belongs to reaching a provider is one more field here.

use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

/// How a provider is reached. `F` stands for a file: [`FilePath`] in the configuration, [`Pem`] once it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach<F> {
    /// The authorities to trust instead of the system's.
    pub ca: Option<F>,
    /// `http://HOST:PORT`.
    pub proxy: Option<String>,
    /// Whether http to a loopback address is accepted.
    pub insecure_http: bool,
    /// For connecting to one address.
    pub connect_timeout: Duration,
    /// For the whole of it: a login's whole wait, another login's fetch included.
    pub timeout: Duration,
}

/// The path of a file with PEM blocks; relative to the configuration's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePath(pub String);

/// PEM blocks. Must not be shown: a key may be among them.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem(pub String);

impl<F> Reach<F> {
    /// This way to a provider, with each file held as something else.
    ///
    /// # Errors
    /// The first that `read` gives.
    pub fn try_map<G, E>(&self, mut read: impl FnMut(&F) -> Result<G, E>) -> Result<Reach<G>, E> {
        Ok(Reach {
            ca: self.ca.as_ref().map(&mut read).transpose()?,
            proxy: self.proxy.clone(),
            insecure_http: self.insecure_http,
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
        })
    }

    /// This way to a provider, with each file held as something else.
    #[must_use]
    pub fn map<G>(&self, mut hold: impl FnMut(&F) -> G) -> Reach<G> {
        let Ok(reach) = self.try_map(|file| Ok::<_, Infallible>(hold(file)));
        reach
    }

    /// This way to a provider, with so much time for the whole request.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pem({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{FilePath, Pem, Reach};
    use std::time::Duration;

    fn reach() -> Reach<FilePath> {
        Reach {
            ca: Some(FilePath("ca.pem".to_owned())),
            proxy: Some("http://p:1".to_owned()),
            insecure_http: true,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
        }
    }

    #[test]
    fn nothing_but_the_files_changes_from_stage_to_stage() {
        let read = reach().map(|FilePath(path)| Pem(format!("content of {path}")));
        assert_eq!(read.ca, Some(Pem("content of ca.pem".to_owned())));
        assert_eq!(read.map(|_| FilePath("ca.pem".to_owned())), reach());
        assert_eq!(reach().within(Duration::ZERO), Reach { timeout: Duration::ZERO, ..reach() });
        assert_eq!(reach().try_map(|_| Err::<Pem, _>("unreadable")), Err("unreadable"));
        let without = Reach { ca: None, ..reach() };
        assert_eq!(without.try_map(|_| Err::<Pem, _>("unreadable")).map(|reach| reach.ca), Ok(None));
    }

    #[test]
    fn what_a_file_holds_is_not_shown() {
        assert_eq!(format!("{:?}", Pem("-----BEGIN".to_owned())), "Pem(10 bytes)");
    }
}
