//! Clients that no PostgreSQL package brings, at fixed releases.

use crate::error::Result;
use crate::wheel::Wheel;
use std::path::PathBuf;

/// psycopg as most people install it: with a libpq of its own in the wheel, and what Python before 3.13 lacks for it.
const PSYCOPG: [Wheel; 3] = [
    Wheel {
        project: "psycopg-binary",
        version: "3.3.9",
        title: "psycopg's libpq",
        marker: "psycopg_binary/__init__.py",
        programs: None,
        instead: "use a Python for which there is such a wheel",
    },
    Wheel {
        project: "psycopg",
        version: "3.3.9",
        title: "psycopg",
        marker: "psycopg/__init__.py",
        programs: None,
        instead: "use Python 3.10 or newer",
    },
    Wheel {
        project: "typing-extensions",
        version: "4.15.0",
        title: "typing_extensions",
        marker: "typing_extensions.py",
        programs: None,
        instead: "use Python 3.9 or newer",
    },
];

/// The folders for PYTHONPATH with which `import psycopg` finds the wheel; installs it under `target/tools`.
pub fn psycopg_wheel() -> Result<Vec<PathBuf>> {
    PSYCOPG.iter().map(Wheel::unpacked).collect()
}
