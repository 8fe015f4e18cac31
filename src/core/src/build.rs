//! What a build was made of, by which a library and a tool are known to belong together.
//!
//! Fixed when the code is compiled. Must say nothing of the machine that compiled it: two builds of one source are equal.

/// The version of the product.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit, as 40 hexadecimal digits; empty where whoever built it did not say (`OAUTH_VALIDATOR_COMMIT`).
pub const COMMIT: &str = env!("OAUTH_VALIDATOR_COMMIT");

/// A number, as 16 hexadecimal digits, for the sources of what understands configurations, and for what these use. Another
/// build may have understood a text otherwise.
pub const SOURCE: &str = env!("OAUTH_VALIDATOR_SOURCE");

/// The version of the Rust compiler, such as `1.95.0`.
pub const COMPILER: &str = env!("OAUTH_VALIDATOR_RUSTC");

/// In front of what a library says of its build, as what(1) and strings(1) find it. Version, then `NAME=VALUE` for
/// `commit`, `rustc` and `postgresql`, with a space before each, and a zero byte follow.
pub const MARK: &str = "@(#)oauth_validator ";
