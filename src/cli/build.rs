//! Has the tool linked so that it starts fast: it is the helper that logins wait for.

#[path = "../link.rs"]
mod link;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../link.rs");
    link::for_a_fast_start("rustc-link-arg-bins", "helper.ld");
}
