//! What a certificate says of itself: when it is valid, whether it is an authority's, and whether it is for servers.
//!
//! RFC 5280 sections 4.1 and 4.2, in DER. webpki looks at these on the way to an authority; a certificate that is trusted
//! by itself has no such way. Must never judge a signature or a name, and must never guess: what cannot be read is no
//! certificate.

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, OctetStringRef, UtcTime};
use der::{Decode, ErrorKind, Reader, Result, Tag, TagNumber, Tagged};
use rustls::pki_types::UnixTime;

/// `basicConstraints`, 2.5.29.19.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

/// `keyUsage`, 2.5.29.15.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];

/// `extKeyUsage`, 2.5.29.37.
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// `id-kp-serverAuth`, 1.3.6.1.5.5.7.3.1.
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

/// The bit of `keyUsage` that allows to sign certificates.
const KEY_CERT_SIGN: usize = 5;

/// A certificate of version 3. Older ones do not say whether they are an authority's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CertificateFields {
    /// From when to when, in seconds since 1970, both included.
    valid: (u64, u64),
    /// Whether it may sign others: `cA`, and `keyCertSign` where it says what its key is for.
    pub(super) is_authority: bool,
    /// Whether it is for servers, or does not say what it is for.
    pub(super) is_for_servers: bool,
}

/// Where a moment is in the time for which a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validity {
    /// Before it.
    NotYet,
    /// In it.
    Now,
    /// After it.
    Over,
}

impl CertificateFields {
    /// Reads DER; `None` if that is no certificate.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        read(der).ok()
    }

    /// Whether it is valid then.
    pub(super) fn validity(&self, now: UnixTime) -> Validity {
        let (from, until) = self.valid;
        match now.as_secs() {
            now if now < from => Validity::NotYet,
            now if now > until => Validity::Over,
            _ => Validity::Now,
        }
    }
}

fn read(der: &[u8]) -> Result<CertificateFields> {
    let signed = items(AnyRef::from_der(der)?)?;
    let [body, _algorithm, _signature] = signed.as_slice() else { return Err(malformed()) };
    let body = items(*body)?;
    let [version, _serial, _algorithm, _issuer, dates, _subject, _key, optional @ ..] = body.as_slice() else {
        return Err(malformed());
    };
    if version.tag() != context(0) {
        return Err(malformed());
    }
    let dates = items(*dates)?;
    let [from, until] = dates.as_slice() else { return Err(malformed()) };
    let mut certificate =
        CertificateFields { valid: (seconds(*from)?, seconds(*until)?), is_authority: false, is_for_servers: true };
    let mut signs_others = true;
    if let Some(extensions) = optional.iter().find(|each| each.tag() == context(3)) {
        for extension in items(AnyRef::from_der(extensions.value())?)? {
            let parts = items(extension)?;
            let (Some(name), Some(value)) = (parts.first(), parts.last()) else { return Err(malformed()) };
            let value = value.decode_as::<&OctetStringRef>()?.as_bytes();
            match name.value() {
                BASIC_CONSTRAINTS => certificate.is_authority = is_authority(value)?,
                KEY_USAGE => {
                    signs_others = BitStringRef::from_der(value)?.bits().nth(KEY_CERT_SIGN).unwrap_or(false);
                }
                EXTENDED_KEY_USAGE => {
                    let purposes = items(AnyRef::from_der(value)?)?;
                    certificate.is_for_servers = purposes.iter().any(|purpose| purpose.value() == SERVER_AUTH);
                }
                _ => {}
            }
        }
    }
    certificate.is_authority &= signs_others;
    Ok(certificate)
}

/// `cA`, which is false where it is left out; the length of a path may follow.
fn is_authority(basic_constraints: &[u8]) -> Result<bool> {
    let parts = items(AnyRef::from_der(basic_constraints)?)?;
    match parts.first() {
        Some(first) if first.tag() == Tag::Boolean => first.decode_as::<bool>(),
        _ => Ok(false),
    }
}

/// The elements of a sequence.
fn items(sequence: AnyRef<'_>) -> Result<Vec<AnyRef<'_>>> {
    sequence.sequence(|reader| {
        let mut items = Vec::new();
        while !reader.is_finished() {
            items.push(reader.decode()?);
        }
        Ok(items)
    })
}

/// In seconds since 1970.
fn seconds(time: AnyRef<'_>) -> Result<u64> {
    let since_1970 = match time.tag() {
        Tag::UtcTime => time.decode_as::<UtcTime>()?.to_unix_duration(),
        _ => time.decode_as::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(since_1970.as_secs())
}

fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

fn malformed() -> der::Error {
    ErrorKind::Failed.into()
}

#[cfg(test)]
mod tests {
    use super::{CertificateFields, Validity};
    use oauth_validator_mock_provider::{ExtendedKeyUsagePurpose, KeyUsagePurpose, SelfSigned};
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, UnixTime};
    use std::time::Duration;

    /// 2020-01-01 and 2100-01-01: the first is written as UTCTime, the other as GeneralizedTime.
    const YEARS: (u64, u64) = (1_577_836_800, 4_102_444_800);

    fn der(what: &SelfSigned) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(what.certificate().certificate_pem.as_bytes()).expect("a certificate")
    }

    fn read(what: &SelfSigned) -> CertificateFields {
        CertificateFields::read(&der(what)).expect("a certificate")
    }

    #[test]
    fn the_first_and_the_last_second_are_in() {
        let certificate = read(&SelfSigned::default());
        assert_eq!(certificate.valid, YEARS);
        let at = |second| certificate.validity(UnixTime::since_unix_epoch(Duration::from_secs(second)));
        assert_eq!([YEARS.0 - 1, YEARS.0, YEARS.1, YEARS.1 + 1].map(at), {
            [Validity::NotYet, Validity::Now, Validity::Now, Validity::Over]
        });
    }

    #[test]
    fn an_authority_says_so_and_may_sign() {
        let is_authority = |authority, key_usages: &[KeyUsagePurpose]| {
            read(&SelfSigned { authority, key_usages: key_usages.to_vec(), ..SelfSigned::default() }).is_authority
        };
        let (sign, certify, revoke) =
            (KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign);
        assert!(is_authority(true, &[]) && is_authority(true, &[certify]) && is_authority(true, &[sign, certify]));
        assert!(!is_authority(true, &[sign]) && !is_authority(true, &[sign, revoke]));
        assert!(!is_authority(false, &[]) && !is_authority(false, &[certify]));
    }

    #[test]
    fn a_purpose_that_is_named_has_to_be_that_of_a_server() {
        let is_for_servers = |purposes: &[ExtendedKeyUsagePurpose]| {
            read(&SelfSigned { purposes: purposes.to_vec(), ..SelfSigned::default() }).is_for_servers
        };
        let (server, client) = (ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth);
        assert!(
            is_for_servers(&[])
                && is_for_servers(std::slice::from_ref(&server))
                && is_for_servers(&[client.clone(), server])
        );
        assert!(!is_for_servers(&[client]) && !is_for_servers(&[ExtendedKeyUsagePurpose::Any]));
    }

    /// What is cut, longer than it says, or of another version is refused, and nothing is out of bounds.
    #[test]
    fn what_is_no_certificate_says_nothing() {
        let whole = der(&SelfSigned::default());
        for length in 0..whole.len() {
            assert_eq!(CertificateFields::read(&whole[..length]), None, "{length} bytes");
        }
        assert_eq!(CertificateFields::read(&[&whole[..], &[0]].concat()), None);
        for position in 0..whole.len() {
            let mut altered = whole.to_vec();
            altered[position] ^= 0xff;
            let _whatever_it_is_now = CertificateFields::read(&altered);
        }
        // [0] around the version, without which it is a certificate of version 1.
        let version = whole.windows(5).position(|bytes| bytes == [0xa0, 3, 2, 1, 2]).expect("version 3");
        let mut altered = whole.to_vec();
        altered[version] = 0xa4;
        assert_eq!(CertificateFields::read(&altered), None);
    }
}
