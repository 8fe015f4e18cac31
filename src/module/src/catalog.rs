//! Looks up in the catalogs what a role can become: itself, and whatever it reaches by membership.
//!
//! Rows of the system caches become owned values here, and nothing is judged: which of these roles is privileged, and
//! whether that matters, the core says. It must never leave out a role because it is hard to look up.

use crate::major;
use oauth_validator_core::{Denial, Privileges, Reason, RoleAttributes};
use pgrx::pg_sys;
use std::collections::{HashSet, VecDeque};
use std::ffi::{CStr, CString};

/// How many roles one role may reach. Every one costs two lookups in the middle of a login.
const MAX_ROLES: usize = 10_000;

/// What `role` can become, itself first; empty if there is no such role, which the server refuses by itself. A lookup
/// that fails raises an ERROR, so it must be called under the guard.
///
/// It sees the catalogs as this backend does before it has a user or a database: roles and memberships are shared by
/// all databases, and are among what every backend can read while it authenticates (relcache.c,
/// RelationCacheInitializePhase2).
pub(crate) fn privileges(role: &str) -> Result<Privileges, Denial> {
    #[cfg(feature = "test-faults")]
    crate::faults::commit("catalog_");
    // SAFETY: IsTransactionState (xact.c) reads a variable.
    if !unsafe { pg_sys::IsTransactionState() } {
        return Err(Denial::new(Reason::Internal, "There is no transaction to look up the role asked for in."));
    }
    let Ok(name) = CString::new(role) else {
        return Err(Denial::new(Reason::Internal, "The name of the role asked for has a NUL in it."));
    };
    // SAFETY: in a transaction, as seen above.
    unsafe { find_by_name(&name) }.map_or_else(|| Ok(Privileges::default()), |first| walk(first, MAX_ROLES))
}

/// A row of pg_authid, as far as it matters here.
struct CatalogRole {
    oid: pg_sys::Oid,
    attributes: RoleAttributes,
}

/// Everything that can be reached from `first`, by breadth, each role once. The server refuses circular memberships;
/// a catalog that has one all the same ends here too.
fn walk(first: CatalogRole, most: usize) -> Result<Privileges, Denial> {
    let mut seen = HashSet::from([first.oid]);
    let mut to_follow = VecDeque::from([first.oid]);
    let mut reached = vec![first.attributes];
    while let Some(member) = to_follow.pop_front() {
        // SAFETY: `privileges` has made sure of the transaction.
        for granted in unsafe { granted_to(member) } {
            if !seen.insert(granted) {
                continue;
            }
            if seen.len() > most {
                let detail = format!("The role asked for can become more than {most} roles.");
                return Err(Denial::new(Reason::Internal, detail).with_hint("Make it a member of fewer roles."));
            }
            // SAFETY: as above. A role that is gone by now is none to become.
            if let Some(role) = unsafe { find_by_oid(granted) } {
                reached.push(role.attributes);
                to_follow.push_back(granted);
            }
        }
    }
    Ok(Privileges { reached })
}

/// # Safety
///
/// In a transaction, on the main thread.
unsafe fn find_by_name(name: &CStr) -> Option<CatalogRole> {
    // SAFETY: the key of AUTHNAME is a C string, as InitializeSessionUserId (miscinit.c) passes it for this same role:
    // whatever it finds after the login, this finds now.
    unsafe { find(pg_sys::SysCacheIdentifier::AUTHNAME, pg_sys::Datum::from(name.as_ptr())) }
}

/// # Safety
///
/// In a transaction, on the main thread.
unsafe fn find_by_oid(oid: pg_sys::Oid) -> Option<CatalogRole> {
    // SAFETY: the key of AUTHOID is an oid.
    unsafe { find(pg_sys::SysCacheIdentifier::AUTHOID, pg_sys::Datum::from(oid)) }
}

/// # Safety
///
/// In a transaction, on the main thread. `cache` must be one of pg_authid, and `key` what it is searched by.
unsafe fn find(cache: pg_sys::SysCacheIdentifier::Type, key: pg_sys::Datum) -> Option<CatalogRole> {
    // SAFETY: SearchSysCache1 (syscache.c) returns null or a row that is pinned until it is released. A row of
    // pg_authid begins with the fields of FormData_pg_authid, none of which can be null, and a `name` ends in NUL.
    // Nothing between search and release can unwind: running out of memory here is FATAL (alloc.rs). After an ERROR of
    // the search itself the transaction's end releases what is pinned.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(major::cache_number(cache), key);
        if tuple.is_null() {
            return None;
        }
        let row: *const pg_sys::FormData_pg_authid = pg_sys::GETSTRUCT(tuple).cast();
        let name = CStr::from_ptr((&raw const (*row).rolname.data).cast());
        let role = CatalogRole {
            oid: (*row).oid,
            attributes: RoleAttributes {
                // The core compares the beginning with "pg_", and shows the rest in the log: any encoding will do.
                name: name.to_string_lossy().into_owned(),
                superuser: (*row).rolsuper,
                create_role: (*row).rolcreaterole,
                replication: (*row).rolreplication,
                bypass_rls: (*row).rolbypassrls,
            },
        };
        pg_sys::ReleaseSysCache(tuple);
        Some(role)
    }
}

/// The roles that `member` was granted directly and can make use of.
///
/// A grant WITH INHERIT gives it their privileges, one WITH SET lets it become them, and one WITH ADMIN lets it grant
/// itself either (not where the role granted is a superuser, but that counts all the same). A grant with none of the
/// three leads nowhere. roles_is_member_of (acl.c) also makes a database's owner a member of pg_database_owner; that
/// role can be no member of another, and has nothing in a database that its owner could not take, so it is left out.
///
/// # Safety
///
/// In a transaction, on the main thread.
unsafe fn granted_to(member: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    let unused = pg_sys::Datum::null();
    let cache = major::cache_number(pg_sys::SysCacheIdentifier::AUTHMEMMEMROLE);
    // SAFETY: SearchSysCacheList (syscache.c) returns `n_members` pointers to rows, which stay as they are until the
    // list is released. A row of pg_auth_members has the fields of FormData_pg_auth_members, none of them null; it is
    // read field by field, because it may end before the padding of that structure does. Errors: as in `find`.
    unsafe {
        let list = pg_sys::SearchSysCacheList(cache, 1, pg_sys::Datum::from(member), unused, unused);
        let rows: *const *mut pg_sys::CatCTup = (&raw const (*list).members).cast();
        let mut granted = Vec::new();
        for at in 0..usize::try_from((*list).n_members).unwrap_or_default() {
            let tuple = &raw mut (**rows.add(at)).tuple;
            let row: *const pg_sys::FormData_pg_auth_members = pg_sys::GETSTRUCT(tuple).cast();
            if (*row).inherit_option || (*row).set_option || (*row).admin_option {
                granted.push((*row).roleid);
            }
        }
        pg_sys::ReleaseCatCacheList(list);
        granted
    }
}
