//! The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding: only to have PostgreSQL's own
//! passwords beside tokens.
//!
//! It does what every client does in each login, the iterations included. It never checks the server's signature, so it
//! is no client for anything but a benchmark.

use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{Error, Result};
use std::num::NonZeroU32;

/// One exchange.
pub struct Scram {
    password: String,
    nonce: String,
}

impl Scram {
    /// Begins with a nonce of its own. The password is ASCII, so that SASLprep changes nothing.
    pub fn new(password: &str) -> Self {
        let mut nonce = [0; 18];
        rand::fill(&mut nonce).expect("the kernel has random bytes");
        Self { password: password.to_owned(), nonce: STANDARD.encode(nonce) }
    }

    /// `client-first-message`. PostgreSQL takes the user's name from the startup packet.
    pub fn first(&self) -> String {
        format!("n,,{}", self.first_bare())
    }

    fn first_bare(&self) -> String {
        format!("n=,r={}", self.nonce)
    }

    /// `client-final-message`, for this `server-first-message`.
    ///
    /// # Errors
    /// When the server's message is not one, or answers another client.
    pub fn last(&self, server_first: &[u8]) -> Result<String> {
        let malformed = || Error::other("no server-first-message of RFC 5802");
        let text = std::str::from_utf8(server_first).map_err(|_| malformed())?;
        let field = |name: &str| text.split(',').find_map(|part| part.strip_prefix(name)).ok_or_else(malformed);
        let (nonce, salt, rounds) = (field("r=")?, field("s=")?, field("i=")?);
        if !nonce.starts_with(&self.nonce) {
            return Err(malformed());
        }
        let salt = STANDARD.decode(salt).map_err(|_| malformed())?;
        let rounds: NonZeroU32 = rounds.parse().map_err(|_| malformed())?;
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, self.password.as_bytes(), &mut salted);
        let client_key = mac(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        // biws: base64 of "n,,", no channel binding.
        let without_proof = format!("c=biws,r={nonce}");
        let signature = mac(stored_key.as_ref(), format!("{},{text},{without_proof}", self.first_bare()).as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(key, sign)| key ^ sign).collect();
        Ok(format!("{without_proof},p={}", STANDARD.encode(proof)))
    }
}

fn mac(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

#[cfg(test)]
mod tests {
    use super::Scram;

    /// The example of RFC 7677, section 3, but for the user's name, which PostgreSQL does not look at.
    #[test]
    fn follows_the_example_of_rfc_7677_as_far_as_names_allow() {
        let scram = Scram { password: "pencil".into(), nonce: "rOprNGfwEbeRWgbNEkqO".into() };
        assert_eq!(scram.first(), "n,,n=,r=rOprNGfwEbeRWgbNEkqO");
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let last = scram.last(format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096").as_bytes()).unwrap();
        assert!(last.starts_with(&format!("c=biws,r={nonce},p=")), "{last}");
    }

    #[test]
    fn other_answers_are_refused() {
        let scram = Scram { password: "pencil".into(), nonce: "abc".into() };
        for text in ["", "r=abcd", "r=abcd,s=?,i=1", "r=abcd,s=W22Z,i=0", "r=xbcd,s=W22Z,i=4096"] {
            assert_eq!(
                scram.last(text.as_bytes()).unwrap_err().to_string(),
                "no server-first-message of RFC 5802",
                "{text}"
            );
        }
    }
}
