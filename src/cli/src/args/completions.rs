//! The command line of `oauth-validator completions`.

use clap::{Args as ClapArgs, ValueEnum};

pub(super) const COMPLETIONS_HELP: &str = "\
Example: complete commands and options in bash, for this user.
  mkdir -p ~/.local/share/bash-completion/completions
  oauth-validator completions bash \\
    > ~/.local/share/bash-completion/completions/oauth-validator

make install does so for all users.";

pub(super) const SCHEMA_HELP: &str = "\
Example: a schema beside a configuration, whose first line names it for editors.
  oauth-validator schema > oauth-validator.schema.json
  #:schema ./oauth-validator.schema.json

Editors with taplo or Even Better TOML complete and check such a file. The schema knows which keys there are, and of \
which shape; how they go together is known to oauth-validator check alone.";

#[derive(Debug, ClapArgs)]
pub(crate) struct SchemaOptions {
    /// That of the files of oauth-validator test, instead of the configuration's.
    #[arg(long)]
    pub(crate) cases: bool,

    /// That of the files in the folder beside the configuration, which have profiles alone.
    #[arg(long, conflicts_with = "cases")]
    pub(crate) folder: bool,
}

/// A shell that completions are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CompletionsOptions {
    /// The shell.
    pub(crate) shell: Shell,
}
