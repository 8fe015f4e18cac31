//! The decision as a pure function: every refusal by its code, and none of them with a word of the token in it.

mod claims;
mod delegation;
mod driver;
mod endpoints;
mod header;
mod identity;
mod keys;
mod line;
mod mutants;
mod online;
mod properties;
mod providers;
mod rotation;
mod rules;
mod scope;
mod session;
mod structure;
mod support;
