//! The server's files: pg_hba.conf, pg_ident.conf and postgresql.conf, with zeros between them, as `check --pgdata` reads
//! and judges them.

use oauth_validator_core::Config;
use oauth_validator_core::server_files::{
    ClientOrigin, FileReader, FileSystem, HbaContext, HbaLine, IdentLine, LoginQuery, Mapping, Problem, SourceFile,
    UnreadableFile, choose, map_identity, review, roles_of,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const CONFIG: &str = "[profiles.corp]\nissuer = \"https://idp.example/corp\"\naudience = [\"postgres\"]\n\
     keys = { jwks_file = \"k\" }\nidentity = { prefix = \"corp:\" }\n\
     [profiles.partner]\nissuer = \"https://partner.example\"\naudience = [\"p\"]\nkeys = { jwks_file = \"k\" }\n\
     databases = [\"app\"]\nidentity = { prefix = \"partner:\" }\n";

/// The files, which can include one another.
struct MemoryFiles(BTreeMap<PathBuf, Vec<u8>>);

impl FileSystem for MemoryFiles {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, UnreadableFile> {
        self.0.get(path).cloned().ok_or_else(|| UnreadableFile { missing: true, why: "No such file".to_owned() })
    }

    fn list(&mut self, folder: &Path) -> Result<Vec<String>, UnreadableFile> {
        let inside = self.0.keys().filter(|path| path.parent() == Some(folder)).filter_map(|path| path.file_name());
        Ok(inside.map(|name| name.to_string_lossy().into_owned()).collect())
    }
}

/// Reads and judges the files, twice.
pub fn check(data: &[u8]) {
    // Files that include one another grow quickly: what is read is what a person could have written.
    if data.len() > 4096 {
        return;
    }
    assert_eq!(read(data), read(data), "one set of files, two readings");
}

/// Every file is there, and only so many are read.
fn within_limit<T>(read: Result<T, UnreadableFile>) -> Result<T, String> {
    read.map_err(|unreadable| {
        assert!(!unreadable.missing && unreadable.why.starts_with("more than "), "{unreadable:?}");
        unreadable.why
    })
}

/// Everything that was made of the files, as a text, so that two readings can be compared; or that they are too many.
fn read(data: &[u8]) -> Result<String, String> {
    let names = ["/d/pg_hba.conf", "/d/pg_ident.conf", "/d/postgresql.conf"];
    let parts = data.split(|byte| *byte == 0).map(<[u8]>::to_vec).chain(std::iter::repeat(Vec::new()));
    let mut files = MemoryFiles(names.iter().map(PathBuf::from).zip(parts).collect());
    let mut reader = FileReader::new(&mut files);
    let settings = within_limit(reader.settings(Path::new(names[2]), Path::new("/d")))?;
    let hba = within_limit(reader.hba(Path::new(names[0]), &HbaContext { major: Some(18), ..HbaContext::default() }))?;
    let ident = within_limit(reader.ident(Path::new(names[1])))?;
    let sources = reader.into_sources();
    let hba: Vec<HbaLine> = sound(hba, &sources);
    let ident: Vec<IdentLine> = sound(ident, &sources);
    let config = Config::parse(CONFIG.as_bytes(), "f").config.expect("a valid file");
    let found = review(&config, &sources, &hba, Some(&ident), Some((&settings, 0)));
    let chosen = [ClientOrigin::Any, ClientOrigin::Local, ClientOrigin::Tls([127, 0, 0, 1].into())].map(|client| {
        let login = LoginQuery { role: "reader", database: Some("app"), client };
        let chosen = choose(&hba, &login);
        assert!(chosen.line.is_none_or(|line| hba.iter().any(|own| std::ptr::eq(own, line))), "a line of another file");
        format!("{chosen:?}")
    });
    for line in &ident {
        let mapping = map_identity(&ident, &line.map, "corp:ana", "reader");
        if let Mapping::Granted(by) = mapping {
            assert_eq!(by.map, line.map, "granted by another map");
            assert!(!roles_of(&ident, &line.map, "corp:ana").is_empty(), "granted, and nobody says which roles");
        }
    }
    Ok(format!("{settings:?}{hba:?}{ident:?}{found:?}{chosen:?}"))
}

/// The lines that the server takes; what is wrong with the others is within its text and said in one line.
fn sound<L>(lines: Vec<Result<L, Problem>>, sources: &[SourceFile]) -> Vec<L> {
    let mut taken = Vec::new();
    for line in lines {
        match line {
            Ok(line) => taken.push(line),
            Err(problem) => {
                for place in [&problem.line, &problem.place] {
                    let text = &sources[place.source].text;
                    assert!(text.get(place.span.clone()).is_some(), "{problem:?}");
                }
                assert!(!problem.message.is_empty(), "{problem:?}");
            }
        }
    }
    taken
}
