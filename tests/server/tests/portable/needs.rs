//! Reads what an ELF file needs of others: libraries, and the versions of their symbols.
//!
//! Must never take a file for one that needs nothing because it could not be read.

use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::{Dyn, FileHeader};

/// What the dynamic linker is told.
#[derive(Debug, PartialEq, Eq)]
pub struct LibraryNeeds {
    /// Names such as `libc.so.6`.
    pub libraries: Vec<String>,
    /// Versions of symbols, such as `GLIBC_2.14`.
    pub versions: Vec<String>,
}

impl LibraryNeeds {
    /// # Errors
    /// What is wrong with the file, or that it is linked to nothing.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        Self::of(bytes).map_err(|error| error.to_string())?.ok_or_else(|| "it is not linked dynamically".to_owned())
    }

    fn of(bytes: &[u8]) -> object::Result<Option<Self>> {
        let header = FileHeader64::<Endianness>::parse(bytes)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, bytes)?;
        let (Some((dynamic, names)), Some((mut needed, version_names))) =
            (sections.dynamic(endian, bytes)?, sections.gnu_verneed(endian, bytes)?)
        else {
            return Ok(None);
        };
        let names = sections.strings(endian, bytes, names)?;
        let mut libraries = Vec::new();
        for entry in dynamic.iter().filter(|entry| entry.tag(endian) == DT_NEEDED) {
            libraries.push(text(entry.string(endian, names)?));
        }
        let names = sections.strings(endian, bytes, version_names)?;
        let mut versions = Vec::new();
        while let Some((_, mut of_library)) = needed.next()? {
            while let Some(version) = of_library.next()? {
                versions.push(text(version.name(endian, names)?));
            }
        }
        versions.sort();
        versions.dedup();
        Ok(Some(Self { libraries, versions }))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Those that glibc 2.`oldest` does not have, or that are none of glibc's numbers.
pub fn too_new(versions: &[String], oldest: u32) -> Vec<&str> {
    versions.iter().map(String::as_str).filter(|version| minor(version).is_none_or(|minor| minor > oldest)).collect()
}

/// 14 of `GLIBC_2.14`, 3 of `GLIBC_2.3.4`.
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("GLIBC_2.")?.split('.').next()?.parse().ok()
}
