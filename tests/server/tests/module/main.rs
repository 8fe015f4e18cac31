//! The module inside a real server: who gets in, who does not, and what neither may cost.
//!
//! One program, because each of its parts needs the helpers of `support`, and linking takes longer than running.

mod cases;
mod configuration;
mod delegation;
mod generator;
mod helper_process;
mod hostile;
mod key_files;
mod preloaded;
mod probe;
mod process;
mod providers;
mod refusals;
mod release;
mod remains;
mod secrets;
mod settings;
mod smoke;
mod support;
