//! pg_ident.conf as the view pg_ident_file_mappings has it.

use crate::{DiskFiles, NAMES, Numbers, compact, read_rows, reconcile, rows, start};
use oauth_validator_core::server_files::{FilePosition, FileReader, IdentLine};
use oauth_validator_server_tests::Cluster;

const TRICKY_IDENT: &str = include_str!("tricky_ident.conf");

const IDENT_VIEW: &str =
    "SELECT file_name, line_number, map_name, sys_name, pg_username, error FROM pg_ident_file_mappings";

fn ident_values(line: &IdentLine) -> (&FilePosition, Vec<String>) {
    (&line.place, vec![line.map.clone(), line.identity.text.clone(), line.role.text.clone()])
}

#[track_caller]
fn compare_ident(cluster: &Cluster, text: &str) -> usize {
    cluster.set_ident(text);
    let mut files = DiskFiles;
    let mut reader = FileReader::new(&mut files);
    let lines = reader.ident(&cluster.data_dir().join("pg_ident.conf")).expect("it is there");
    let own = read_rows(reader.sources(), &lines, ident_values);
    let server = rows(cluster, IDENT_VIEW);
    assert_eq!(server.len(), own.len(), "{:#?}\n{:#?}", server.last(), own.last());
    for ((mut server, mut own), line) in server.into_iter().zip(own).zip(&lines) {
        let not_judged =
            line.as_ref().is_ok_and(|line| line.identity.not_judged().is_some() || line.role.not_judged().is_some());
        reconcile(&mut server, &mut own, not_judged);
        // Names may look like JSON, which was made compact.
        own.values = own.values.iter().map(|value| compact(value)).collect();
        assert_eq!(own, server);
    }
    lines.iter().filter(|line| line.is_ok()).count()
}

#[test]
fn tricky_lines_of_pg_ident_conf_are_read_as_the_server_reads_them() {
    let cluster = start();
    cluster.write_file("more.conf", "okta \"from the folder\" ana\n");
    cluster.write_file("a_name", "ana\n");
    let etc = cluster.config_path().parent().expect("a folder").display().to_string();
    let usable = compare_ident(&cluster, &TRICKY_IDENT.replace("ETC", &etc));
    assert!(usable > 20, "{usable} lines are valid");
}

#[test]
fn generated_lines_of_pg_ident_conf_are_read_as_the_server_reads_them() {
    let cluster = start();
    let mut numbers = Numbers(2);
    let mut text = String::new();
    for _ in 0..2000 {
        let words =
            [numbers.pick(NAMES), numbers.pick(NAMES), numbers.pick(NAMES), numbers.pick(&["", "", "more", "#x"])];
        text += &words.join(numbers.pick(&[" ", "\t", ",", " \\\n"]));
        text += "\n";
    }
    let usable = compare_ident(&cluster, &text);
    assert!((200..1900).contains(&usable), "{usable} lines are valid");
}
