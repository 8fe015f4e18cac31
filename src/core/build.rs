//! Finds the presets: every file of the folder `presets` is one, by its name. Says what the build was made of, and from which
//! sources, so that nothing is taken over from a build that understood a configuration otherwise.
//!
//! A file has a head of comments, the settings, and a last table `[preset]` with what tools and manual say of it; below that,
//! in `[preset.hints]`, what to do at this provider about a denial. They are taken apart here and not in a login, which needs the settings alone. Must never leave a file out: one that has not
//! these parts ends the build.

#![allow(clippy::disallowed_methods, reason = "it runs where the core is built, and not in a decision")]

use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("presets");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    // The presets are ordered by their names: of two that begin alike, the shorter one is first.
    files.sort_by_key(|file| file.file_stem().map(ToOwned::to_owned));
    let mut list = String::new();
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        list.push_str(&preset(&file).map_err(|why| format!("{}: {why}", file.display()))?);
    }
    let list = format!("/// Every preset, in the order of their names.\npub const ALL: &[Preset] = &[\n{list}];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("presets.rs"), list)?;
    println!("cargo::rerun-if-env-changed={COMMIT}");
    println!(
        "cargo::rustc-env={COMMIT}={}",
        env::var(COMMIT).ok().filter(|commit| is_commit(commit)).unwrap_or_default()
    );
    println!("cargo::rustc-env=OAUTH_VALIDATOR_SOURCE={:016x}", sources()?);
    println!("cargo::rustc-env=OAUTH_VALIDATOR_RUSTC={}", compiler(&env::var("RUSTC")?)?);
    Ok(())
}

/// A number for all that a configuration's meaning depends on: the sources of this crate, its presets, and the versions of
/// what it uses. The same wherever it is built.
fn sources() -> Result<u64, Box<dyn Error>> {
    let own = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut folders = vec![own.join("src"), own.join("presets")];
    let mut files = vec![own.join("build.rs"), own.join("Cargo.toml")];
    files.extend(own.ancestors().map(|folder| folder.join("Cargo.lock")).find(|file| file.is_file()));
    while let Some(folder) = folders.pop() {
        println!("cargo::rerun-if-changed={}", folder.display());
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        file.strip_prefix(&own).map(Path::to_path_buf).unwrap_or_default().hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// The commit that is built, which whoever packs or releases it knows.
const COMMIT: &str = "OAUTH_VALIDATOR_COMMIT";

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The compiler's version, such as 1.95.0.
fn compiler(rustc: &str) -> Result<String, Box<dyn Error>> {
    let said = String::from_utf8(Command::new(rustc).arg("--version").output()?.stdout)?;
    said.split(' ').nth(1).map(|version| version.trim_end().to_owned()).ok_or_else(|| "rustc says no version".into())
}

/// One element of the list.
fn preset(file: &Path) -> Result<String, Box<dyn Error>> {
    let name = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".toml")).ok_or("no name of a preset")?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        return Err("a preset's name is of a-z, 0-9 and -".into());
    }
    let whole = fs::read_to_string(file)?;
    let (text, data) = whole.split_once("\n[preset]\n").ok_or("no table [preset] at its end")?;
    let (data, hints) = data.split_once("\n[preset.hints]\n").unwrap_or((data, ""));
    let hints = hints.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let hints: Vec<(&str, &str)> = hints.map(hint).collect::<Result<_, _>>()?;
    let (head, settings) = text.split_once("\n\n").ok_or("no empty line behind the head")?;
    if !head.lines().all(|line| line.starts_with('#')) {
        return Err("the head is not all comments".into());
    }
    Ok(format!(
        "    Preset {{ name: {name:?}, text: {text:?}, settings: {settings:?}, data: {data:?}, hints: &{hints:?} }},\n"
    ))
}

/// A reason code and what to do at this provider: a string of TOML in one line, in which nothing is escaped.
fn hint(line: &str) -> Result<(&str, &str), Box<dyn Error>> {
    let (code, value) = line.split_once(" = ").ok_or("a hint is CODE = \"text\"")?;
    let between = |mark: char| value.strip_prefix(mark)?.strip_suffix(mark).filter(|text| !text.contains([mark, '\\']));
    between('"').or_else(|| between('\'')).map(|text| (code, text)).ok_or_else(|| "a hint is CODE = \"text\"".into())
}
