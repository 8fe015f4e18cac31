//! Finds the libclang that bindgen loads, or unpacks PyPI's under `target/tools`.
//!
//! Answers with the variables to set; never sets any.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{HarnessError, Result};
use crate::wheel::Wheel;

/// Pinned to the last release on PyPI, which reads the headers of every supported server.
const WHEEL: Wheel = Wheel {
    project: "libclang",
    version: "18.1.1",
    title: "libclang 18.1.1",
    marker: "libclang-18.1.1.data/platlib/clang/native/libclang.so",
    programs: None,
    instead: "install libclang-dev, or set LIBCLANG_PATH",
};

/// What bindgen needs to be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Libclang {
    /// For `LIBCLANG_PATH`; `None` where bindgen finds the library by itself.
    pub folder: Option<PathBuf>,
    /// For `BINDGEN_EXTRA_CLANG_ARGS`; `None` where libclang has its builtin headers (`stddef.h`).
    pub arguments: Option<String>,
}

impl Libclang {
    /// The machine's libclang, else PyPI's with the builtin headers of gcc.
    pub fn find_or_install() -> Result<Self> {
        if let Some(folder) = env::var_os("LIBCLANG_PATH").filter(|path| !path.is_empty()) {
            return Ok(Self { folder: Some(folder.into()), arguments: given_arguments() });
        }
        if found_on_machine() {
            return Ok(Self::default());
        }
        let library = WHEEL.unpacked()?.join(WHEEL.marker);
        Ok(Self {
            folder: library.parent().map(Path::to_path_buf),
            arguments: Some(with_gcc_headers(given_arguments())?),
        })
    }
}

fn given_arguments() -> Option<String> {
    env::var("BINDGEN_EXTRA_CLANG_ARGS").ok().filter(|args| !args.trim().is_empty())
}

/// PyPI's wheel holds the library alone; gcc's `stddef.h` and friends serve clang as well.
fn with_gcc_headers(given: Option<String>) -> Result<String> {
    let output = match Command::new("gcc").arg("-print-file-name=include").output() {
        Ok(output) if output.status.success() => output,
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(HarnessError::new(format!("cannot run gcc: {error}")));
        }
        _ => {
            return Err(HarnessError::new("gcc is needed for its builtin headers: install gcc, or libclang-dev"));
        }
    };
    let include = String::from_utf8_lossy(&output.stdout);
    let ours = format!("-I{}", include.trim());
    Ok(match given {
        Some(given) if given.split_whitespace().any(|arg| arg == ours) => given,
        Some(given) => format!("{given} {ours}"),
        None => ours,
    })
}

fn found_on_machine() -> bool {
    loader_knows_it() || llvm_folders().any(|folder| holds_libclang(&folder))
}

fn loader_knows_it() -> bool {
    // Not in the PATH of ordinary users on Debian.
    ["ldconfig", "/sbin/ldconfig"].iter().any(|program| {
        Command::new(program).arg("-p").output().is_ok_and(|output| {
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .filter_map(|line| line.split_whitespace().next())
                .any(is_libclang)
        })
    })
}

fn llvm_folders() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm-"))
        .map(|entry| entry.path().join("lib"))
}

fn holds_libclang(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| name.to_str().is_some_and(is_libclang))
}

/// libclang.so, libclang.so.1, libclang-14.so.1; not libclang-cpp.so, which has no C interface.
fn is_libclang(name: &str) -> bool {
    let Some((stem, tail)) = name.split_once(".so") else {
        return false;
    };
    let named = stem.strip_prefix("libclang").is_some_and(|rest| {
        let version = rest.strip_prefix('-');
        rest.is_empty() || version.is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()))
    });
    named && (tail.is_empty() || tail.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_names_of_the_library() {
        for name in ["libclang.so", "libclang.so.1", "libclang-14.so.1", "libclang-18.1.so"] {
            assert!(is_libclang(name), "{name}");
        }
    }

    #[test]
    fn is_not_fooled_by_its_neighbours() {
        for name in ["libclang-cpp.so.14", "libclang.a", "libclang-14", "libclangd.so", "xlibclang.so"] {
            assert!(!is_libclang(name), "{name}");
        }
    }

    #[test]
    fn keeps_arguments_already_given() {
        let ours = with_gcc_headers(None).expect("gcc");
        assert!(ours.starts_with("-I/"), "{ours}");
        let both = with_gcc_headers(Some("-DX".into())).expect("gcc");
        assert_eq!(both, format!("-DX {ours}"));
        assert_eq!(with_gcc_headers(Some(both.clone())).expect("gcc"), both);
    }
}
