//! What a case of the list has at hand for its decision by the core alone: its key files, its provider's answer, the
//! roles of the test server.
//!
//! Must never judge anything, nor read a clock: the time of a decision is the case's.

use oauth_validator_core::{
    BearerToken, Denial, KeyFile, KeySet, KeysUnavailable, Lookup, LookupSubject, NewerKeys, OnlineAnswer, OnlineCheck,
    Privileges, ProviderKeys, Request, Resolver, RoleAttributes, UnixSeconds,
};
use oauth_validator_fixtures::cases::{Case, roles};
use oauth_validator_fixtures::samples::ISSUED_AT;

/// Looks up what the decision about one case needs.
pub struct CaseResolver<'c>(pub &'c Case);

impl Resolver for CaseResolver<'_> {
    fn now(&mut self) -> UnixSeconds {
        UnixSeconds::new(ISSUED_AT + self.0.at)
    }

    fn keys(&mut self, _profile: &str, file: &KeyFile) -> Result<KeySet, KeysUnavailable> {
        keys(self.0, file)
    }

    fn provider_keys(&mut self, _profile: &str, source: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
        panic!("{}: {source:?}", self.0.name)
    }

    fn newer_keys(&mut self, _profile: &str, source: &ProviderKeys) -> NewerKeys {
        panic!("{}: {source:?}", self.0.name)
    }

    fn online_answer(&mut self, _: &str, _: &OnlineCheck, _: &BearerToken) -> Result<OnlineAnswer, KeysUnavailable> {
        answer(self.0)
    }

    fn looked_up(
        &mut self,
        _: &str,
        _: &Lookup,
        _: &LookupSubject,
        _: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        answer(self.0)
    }

    fn privileges(&mut self, role: &str) -> Result<Privileges, Denial> {
        Ok(privileges(role))
    }
}

/// What the case says of the login besides the token.
pub fn request(case: &Case) -> Request {
    Request {
        hba_issuer: case.request.hba_issuer.clone(),
        hba_profiles: case.request.hba_profiles.clone(),
        hba_scope: case.request.hba_scope.clone(),
        delegate_ident_mapping: case.request.delegated,
        role: case.request.role.clone(),
        database: case.request.database.clone(),
        replication: case.request.replication,
    }
}

fn keys(case: &Case, file: &KeyFile) -> Result<KeySet, KeysUnavailable> {
    let unavailable = |why: String| KeysUnavailable::new(format!("{}: {why}.", file.path()), "Mend the file.");
    let files = case.files();
    let document = files.get(file.path()).ok_or_else(|| unavailable("no such file".to_owned()))?;
    let read = match file {
        KeyFile::Jwks(_) => KeySet::from_jwks(document.as_bytes()),
        KeyFile::Pem(_) => KeySet::from_pem(document.as_bytes()),
    };
    read.map_err(|why| unavailable(why.to_string()))
}

fn answer(case: &Case) -> Result<OnlineAnswer, KeysUnavailable> {
    let answer = case.reply(ISSUED_AT).map(|(status, body)| OnlineAnswer { status, body });
    answer.ok_or_else(|| KeysUnavailable::new("The provider cannot be asked about the token.", "See whether it is up."))
}

fn privileges(role: &str) -> Privileges {
    let attributes = |role: &roles::RoleFixture| RoleAttributes {
        name: role.name.clone(),
        superuser: role.superuser,
        create_role: role.create_role,
        replication: role.replication,
        bypass_rls: role.bypass_rls,
    };
    Privileges { reached: roles::reached(role).into_iter().map(attributes).collect() }
}
