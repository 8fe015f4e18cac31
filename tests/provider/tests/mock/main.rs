//! The mock provider against a client that says exactly what it saw.

mod certificates;
mod client;
mod faults;
mod lifetime;
mod replies;
mod serving;
