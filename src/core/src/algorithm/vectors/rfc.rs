//! The examples of RFC 7515, RFC 7520 and RFC 8037, quoted: each token verifies, and no neighbour of it does.
//!
//! RFC 7515 appendix A.1 (HS256) is here only to be refused: its key is no key, its algorithm has no name.

use super::read_key;
use crate::algorithm::Algorithm;
use crate::keys::PublicKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The members of a JWK.
type Jwk = &'static [(&'static str, &'static str)];

struct Example {
    source: &'static str,
    algorithm: Algorithm,
    jwk: Jwk,
    token: &'static str,
}

/// RFC 7520 section 3.3.
const BILBO_RSA: Jwk = &[
    ("kty", "RSA"),
    ("kid", "bilbo.baggins@hobbiton.example"),
    ("use", "sig"),
    (
        "n",
        "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMa\
        JMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6c\
        S6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwd\
        q_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw",
    ),
    ("e", "AQAB"),
];

/// RFC 7520 section 3.1.
const BILBO_EC: Jwk = &[
    ("kty", "EC"),
    ("crv", "P-521"),
    ("kid", "bilbo.baggins@hobbiton.example"),
    ("use", "sig"),
    ("x", "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt"),
    ("y", "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"),
];

const EXAMPLES: [Example; 7] = [
    Example {
        source: "RFC 7515 appendix A.2",
        algorithm: Algorithm::Rs256,
        jwk: &[
            ("kty", "RSA"),
            (
                "n",
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql\
                L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs\
                LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud\
                F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            ),
            ("e", "AQAB"),
        ],
        token: "eyJhbGciOiJSUzI1NiJ9\
            .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
            .cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5juj\
            Gbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7\
            K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np\
            6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    },
    Example {
        source: "RFC 7515 appendix A.3",
        algorithm: Algorithm::Es256,
        jwk: &[
            ("kty", "EC"),
            ("crv", "P-256"),
            ("x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
            ("y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
        ],
        token: "eyJhbGciOiJFUzI1NiJ9\
            .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
            .DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    },
    Example {
        source: "RFC 7515 appendix A.4",
        algorithm: Algorithm::Es512,
        jwk: &[
            ("kty", "EC"),
            ("crv", "P-521"),
            ("x", "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk"),
            ("y", "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"),
        ],
        token: "eyJhbGciOiJFUzUxMiJ9\
            .UGF5bG9hZA\
            .AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSw\
            FKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
    },
    Example {
        source: "RFC 7520 section 4.1",
        algorithm: Algorithm::Rs256,
        jwk: BILBO_RSA,
        token: "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9\
            .SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB\
            0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW9\
            1IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4\
            .MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7\
            PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9\
            eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F\
            4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
    },
    Example {
        source: "RFC 7520 section 4.2",
        algorithm: Algorithm::Ps384,
        jwk: BILBO_RSA,
        token: "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9\
            .SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB\
            0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW9\
            1IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4\
            .cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5d\
            DDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_i\
            jQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAA\
            jVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw",
    },
    Example {
        source: "RFC 7520 section 4.3",
        algorithm: Algorithm::Es512,
        jwk: BILBO_EC,
        token: "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9\
            .SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB\
            0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW9\
            1IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4\
            .AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtP\
            Bu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2",
    },
    Example {
        source: "RFC 8037 appendix A.4",
        algorithm: Algorithm::EdDsa,
        jwk: &[("kty", "OKP"), ("crv", "Ed25519"), ("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")],
        token: "eyJhbGciOiJFZERTQSJ9\
            .RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc\
            .hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    },
];

/// RFC 7515 appendix A.1, the key of its HS256 token.
const SHARED_SECRET: Jwk =
    &[("kty", "oct"), ("k", "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")];

/// The JSON of a key; its members are strings all.
fn json(jwk: Jwk) -> Value {
    jwk.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

impl Example {
    fn key(&self) -> PublicKey {
        read_key(&json(self.jwk)).unwrap_or_else(|why| panic!("{}: {why}", self.source))
    }

    /// What is signed, and the signature.
    fn parts(&self) -> (&[u8], Vec<u8>) {
        let (input, signature) = self.token.rsplit_once('.').expect("three parts");
        (input.as_bytes(), URL_SAFE_NO_PAD.decode(signature).expect("base64url"))
    }
}

/// Every text that differs from `octets` in one bit.
fn one_bit_off(octets: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..octets.len() * 8).map(|bit| {
        let mut changed = octets.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        changed
    })
}

#[test]
fn every_example_verifies_as_what_its_header_says() {
    for example in &EXAMPLES {
        let (input, signature) = example.parts();
        let header = URL_SAFE_NO_PAD.decode(example.token.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header["alg"], example.algorithm.name(), "{}", example.source);
        assert!(example.algorithm.verifies(&example.key().material, input, &signature), "{}", example.source);
    }
}

#[test]
fn no_example_verifies_with_one_bit_changed() {
    for example in &EXAMPLES {
        let Example { source, algorithm, .. } = example;
        let (key, (input, signature)) = (example.key(), example.parts());
        for changed in one_bit_off(&signature) {
            assert!(!algorithm.verifies(&key.material, input, &changed), "{source}: signature {changed:?}");
        }
        for changed in one_bit_off(input) {
            assert!(!algorithm.verifies(&key.material, &changed, &signature), "{source}: input {changed:?}");
        }
    }
}

#[test]
fn no_example_verifies_as_another_algorithm_or_under_another_key() {
    for example in &EXAMPLES {
        let (input, signature) = example.parts();
        for other in Algorithm::ALL.iter().filter(|other| **other != example.algorithm) {
            let accepted = other.verifies(&example.key().material, input, &signature);
            assert!(!accepted, "{} as {}", example.source, other.name());
        }
        for other in EXAMPLES.iter().filter(|other| other.key().material != example.key().material) {
            let accepted = example.algorithm.verifies(&other.key().material, input, &signature);
            assert!(!accepted, "{} under the key of {}", example.source, other.source);
        }
    }
}

#[test]
fn no_example_verifies_with_a_signature_cut_or_lengthened() {
    for example in &EXAMPLES {
        let (key, (input, signature)) = (example.key(), example.parts());
        let trailing = [signature.as_slice(), &[0]].concat();
        let leading = [&[0], signature.as_slice()].concat();
        for changed in [&signature[1..], &signature[..signature.len() - 1], &trailing, &leading, &[]] {
            assert!(!example.algorithm.verifies(&key.material, input, changed), "{}", example.source);
        }
    }
}

#[test]
fn the_shared_secret_of_rfc_7515_is_no_key() {
    assert_eq!(Algorithm::from_name("HS256"), None);
    let why = read_key(&json(SHARED_SECRET)).unwrap_err();
    assert!(why.contains("private members"), "{why}");
}
