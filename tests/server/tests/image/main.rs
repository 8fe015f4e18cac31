//! The container image as CloudNativePG uses it: its files mounted read-only at /extensions/oauth_validator of a pod whose
//! root cannot be written, with a configuration that the kubelet projects, and a server without any privilege.
//!
//! What a pod is on disk and as a process is made by mount(8) and setpriv(1); there is no kubelet and no registry. It
//! changes accounts and mounts, so it must never run but in the folder that `make test-image` throws away.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod files;
mod logins;
mod pod;
mod projected;
