//! `oauth_validator`: the PostgreSQL side. The server loads this library to have bearer tokens judged.
//!
//! Contents: `callbacks` is what the server calls, `login` the safe half of it. `abi`, `hba`, `request` and `catalog`
//! read and write the server's structures, and `major` has what differs between its releases; `guard`, `alloc` and
//! `report` see to it that a failure ends in one denied login and one line of the log. `helper_runner` is what a login without
//! keys has done: `helper` finds the one program that is ever run, `process` runs it, and `wait` does all waiting; `kept` has
//! answers of it that may be used once more.
//! `session` is what a login leaves behind: its end, and what SQL may read of it; `shared` is what all backends know of each
//! other, and `views` what SQL may see and do with that, by way of `sql`. `log_hook` looks at the server's reports. All unsafe
//! code of the server's side is in this crate; `src/preload` has what a client's needs.
//!
//! No network and no thread here: a crash of a backend restarts the whole cluster. What needs them is the helper's.
#![cfg_attr(test, allow(clippy::string_slice, reason = "a test fails by a panic"))]

mod abi;
mod alloc;
mod callbacks;
mod catalog;
mod clock;
#[cfg(feature = "test-faults")]
mod faults;
mod guard;
mod guc;
mod hba;
mod helper;
mod helper_runner;
mod kept;
mod log_hook;
mod login;
mod major;
mod mark;
mod process;
mod report;
mod request;
mod session;
mod shared;
mod sql;
#[cfg(feature = "pg19")]
mod unsaid;
mod validator_result;
mod views;
mod wait;

#[global_allocator]
static ALLOCATOR: alloc::BackendAllocator = alloc::BackendAllocator;

pgrx::pg_module_magic!(name = c"oauth_validator", version);

/// Called once when the library is loaded, by the postmaster (`shared_preload_libraries`) or in the middle of a login.
#[allow(non_snake_case, reason = "the name that dfmgr.c looks up")]
#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    guard::install_panic_hook();
    guc::define();
    // Without a use, the linker would leave the words out.
    std::hint::black_box(&mark::MARK);
    // SAFETY: the postmaster alone writes it, around the loading of these libraries (miscinit.c), in its one thread.
    if unsafe { pgrx::pg_sys::process_shared_preload_libraries_in_progress } {
        // Done here once, so that no backend has to do it in its login.
        oauth_validator_core::warm_up();
        shared::ask_for_memory();
    }
}

/// Called by `load_validator_library` (auth-oauth.c), once in a backend that authenticates by OAuth.
#[allow(non_snake_case, reason = "the name that auth-oauth.c looks up")]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn _PG_oauth_validator_module_init() -> *const abi::OAuthValidatorCallbacks {
    &raw const callbacks::CALLBACKS
}
