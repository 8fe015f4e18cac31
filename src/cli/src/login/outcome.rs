//! How a login ends that a line of pg_hba.conf takes: it succeeds, it fails, or the files do not settle it.

/// How a login ends, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LoginResult {
    /// Unknown where the files do not settle it.
    pub(super) succeeds: Option<bool>,
    pub(super) why: String,
    /// What to do about it; nothing where the login succeeds, or the denial says it.
    pub(super) next: Option<String>,
    /// Roles that the identity may log in as, where none was asked for.
    pub(super) roles: Vec<String>,
    /// The line of pg_ident.conf that decides.
    pub(super) ident: Option<String>,
}

impl LoginResult {
    pub(super) fn success(why: &str) -> Self {
        Self::new(Some(true), why.to_owned(), None)
    }

    /// The token is denied, which says itself what to do.
    pub(super) fn denied() -> Self {
        Self::new(Some(false), "the token is denied".to_owned(), None)
    }

    pub(super) fn failure(why: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(Some(false), why.into(), Some(next.into()))
    }

    /// Where the files alone do not say it; `next` is what does.
    pub(super) fn unsettled(why: impl Into<String>, next: Option<&str>) -> Self {
        Self::new(None, why.into(), next.map(str::to_owned))
    }

    fn new(succeeds: Option<bool>, why: String, next: Option<String>) -> Self {
        Self { succeeds, why, next, roles: Vec::new(), ident: None }
    }

    /// This outcome, with the roles that it depends on.
    pub(super) fn of_roles(self, roles: Vec<String>) -> Self {
        Self { roles, ..self }
    }

    /// This outcome, with the line of pg_ident.conf that decides.
    pub(super) fn by_line(self, ident: String) -> Self {
        Self { ident: Some(ident), ..self }
    }

    /// Whatever it was, something else makes it fail.
    pub(super) fn but_fails(self, why: &str, next: &str) -> Self {
        let Self { roles, ident, .. } = self;
        Self { roles, ident, ..Self::failure(why, next) }
    }
}
