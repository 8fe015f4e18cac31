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

/// A driver that has the protocol in itself.
const ASYNCPG: Wheel = Wheel {
    project: "asyncpg",
    version: "0.32.0",
    title: "asyncpg",
    marker: "asyncpg/__init__.py",
    programs: None,
    instead: "use Python 3.11 or newer",
};

/// Another one, in Python alone, and what it needs.
const PG8000: [Wheel; 5] = [
    Wheel {
        project: "pg8000",
        version: "1.31.6",
        title: "pg8000",
        marker: "pg8000/__init__.py",
        programs: None,
        instead: "use Python 3.11 or newer",
    },
    Wheel {
        project: "scramp",
        version: "1.5.0",
        title: "scramp",
        marker: "scramp/__init__.py",
        programs: None,
        instead: "use Python 3.11 or newer",
    },
    Wheel {
        project: "asn1crypto",
        version: "1.5.1",
        title: "asn1crypto",
        marker: "asn1crypto/__init__.py",
        programs: None,
        instead: "use Python 3.11 or newer",
    },
    Wheel {
        project: "python-dateutil",
        version: "4.0.0",
        title: "dateutil",
        marker: "dateutil/__init__.py",
        programs: None,
        instead: "use Python 3.11 or newer",
    },
    Wheel {
        project: "tzdata",
        version: "2026.6",
        title: "tzdata",
        marker: "tzdata/__init__.py",
        programs: None,
        instead: "use Python 3.11 or newer",
    },
];

/// The folder for PYTHONPATH with which `import asyncpg` finds it; installs it under `target/tools`.
pub fn asyncpg_wheel() -> Result<PathBuf> {
    ASYNCPG.unpacked()
}

/// The folders for PYTHONPATH with which `import pg8000` finds it; installs them under `target/tools`.
pub fn pg8000_wheels() -> Result<Vec<PathBuf>> {
    PG8000.iter().map(Wheel::unpacked).collect()
}

/// The folders for PYTHONPATH with which `import psycopg` finds the wheel; installs it under `target/tools`.
pub fn psycopg_wheel() -> Result<Vec<PathBuf>> {
    PSYCOPG.iter().map(Wheel::unpacked).collect()
}
