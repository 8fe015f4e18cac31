//! See the module of this name.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| oauth_validator_fuzz::claim_path::check(data));
