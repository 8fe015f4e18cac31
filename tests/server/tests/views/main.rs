//! What SQL sees of all sessions and decisions of a real server, and what it can end: preloaded, and without.

mod decisions;
mod enforce;
mod extension;
mod flight;
mod memory;
mod monitoring;
mod privileges;
mod sessions;
mod support;
