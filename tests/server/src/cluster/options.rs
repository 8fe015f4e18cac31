//! What a cluster starts with.

use std::path::PathBuf;

use crate::paths::module_path;

/// What a cluster starts with.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// The module, copied as `oauth_validator.so` unless it is installed; without it, every `oauth` login fails.
    pub module: Option<PathBuf>,
    /// The command-line tool, copied to where the module looks for its helper by default
    /// (`../bin/oauth-validator` beside the library).
    pub helper: Option<PathBuf>,
    /// oauth-validator.toml; no such file if `None`.
    pub config: Option<String>,
    /// Lines of pg_hba.conf, after the harness' own `local all postgres trust`.
    pub hba: String,
    /// Lines of pg_ident.conf.
    pub ident: String,
    /// Lines of postgresql.conf, after the harness' own.
    pub conf: String,
    /// Variables of the server's environment, which has next to none by itself.
    pub environment: Vec<(String, String)>,
    /// RLIMIT_AS of the server and all its processes, in bytes.
    pub ulimit_as: Option<u64>,
    /// RLIMIT_SIGPENDING of the server and all its processes is 0: the kernel gives them no timer that sends signals.
    pub no_timers: bool,
    /// The postmaster is process 1 of a PID namespace of its own; see [`may_unshare`](crate::may_unshare).
    pub as_process_1: bool,
    /// The server has a /dev/shm of its own, of that many bytes; see [`may_mount`](crate::may_mount). Its dynamic shared
    /// memory is there if its `conf` says `dynamic_shared_memory_type = posix`.
    pub dev_shm: Option<u64>,
    /// Files and folders that the server alone sees in the place of others: what is seen, and where; see
    /// [`may_mount`](crate::may_mount). Nothing of the system is changed.
    pub mounts: Vec<(PathBuf, PathBuf)>,
}

impl ClusterOptions {
    /// With the module that was built, see [`module_path()`].
    #[track_caller]
    pub fn with_module() -> Self {
        Self { module: Some(module_path()), ..Self::default() }
    }
}
