//! postgresql.conf as the view pg_file_settings has it.

use crate::{DiskFiles, ViewRow, rows, start};
use oauth_validator_core::server_files::{FilePosition, FileReader, GucSettings, Problem, line_of};
use oauth_validator_server_tests::Cluster;
use std::fs;
use std::path::PathBuf;

const SETTINGS_VIEW: &str = "SELECT sourcefile, sourceline, name, setting, error FROM pg_file_settings ORDER BY seqno";

#[test]
fn postgresql_conf_is_read_as_the_server_reads_it() {
    let cluster = start();
    for (name, text) in [
        ("plain.conf", "Work_Mem = 5MB\nmaintenance_work_mem\t'6MB' # comment\n"),
        ("sub", "search_path = 'a''b, \\'c\\', \\\\ \\101\\x'\ninclude 'sub2'\n"),
        ("sub2", "application_name = 'from sub2'\r\ninclude_if_exists = 'nowhere'\r\n"),
        ("myself", "include 'myself'\n"),
        ("fine", "my.name = some-thing_else.x:/y\nport = 5 # fine\nport =5#fine\nport=0x10\n"),
        // The view gives a file up at its first error, so that each has a file of its own.
        ("bad0.txt", "event_source = \"double\"\n"),
        ("bad1.txt", "port = \n"),
        ("bad2.txt", "port 5432 5433\n"),
        ("bad3.txt", "= 5\n"),
        ("bad4.txt", "a.b.c = 1\n"),
        ("bad5.txt", "port = 'unclosed\n"),
        ("bad6.txt", "port = /var\n"),
        ("bad7.txt", "1abc = 2\n"),
        ("bad8.txt", "port=5kB;\n"),
        ("bad9.txt", "x.y = 10.0.0.1\n"),
        ("empty", ""),
    ] {
        cluster.write_file(name, text);
    }
    let etc = cluster.config_path().parent().expect("a folder").display().to_string();
    fs::create_dir(cluster.config_path().with_file_name("deep")).expect("a folder");
    cluster.write_file("deep/deep.conf", "include '../deeper'\n");
    cluster.write_file("deeper", "include 'deep/deep.conf'\n");
    cluster.append_conf(&GOOD_CONF.replace("ETC", &etc));
    cluster.sql("ALTER SYSTEM SET work_mem = '7MB'").expect("it is allowed");
    let (settings, wrong) = compare_settings(&cluster);
    assert!(settings.all.len() > 35 && wrong == 0, "{} settings, {wrong} errors", settings.all.len());
    assert_eq!(settings.value("WORK_MEM"), Some("7MB"), "postgresql.auto.conf comes last");

    cluster.append_conf(&BAD_CONF.replace("ETC", &etc));
    let (_, wrong) = compare_settings(&cluster);
    assert_eq!(wrong, BAD_CONF.lines().count());
}

type SettingLine = (PathBuf, usize, String, String);

/// What the files set, and how many lines of them are wrong.
#[track_caller]
fn compare_settings(cluster: &Cluster) -> (GucSettings, usize) {
    let mut files = DiskFiles;
    let mut reader = FileReader::new(&mut files);
    let path = cluster.data_dir().join("postgresql.conf");
    let settings = reader.settings(&path, &cluster.data_dir()).expect("it is there");
    let at = |place: &FilePosition, name: &str, value: &str| -> SettingLine {
        let source = &reader.sources()[place.source];
        (source.path.clone(), line_of(&source.text, place.span.start), name.to_owned(), value.to_owned())
    };
    // With an error before, the server does not look at postgresql.auto.conf.
    let is_read =
        |place: &FilePosition| settings.problems.is_empty() || !at(place, "", "").0.ends_with("postgresql.auto.conf");
    let kept = settings.all.iter().filter(|setting| is_read(&setting.place));
    let own: Vec<SettingLine> = kept.map(|setting| at(&setting.place, &setting.name, &setting.value)).collect();
    let message = |problem: &Problem| problem.message.split(" near ").next().unwrap_or_default().to_owned();
    let problems: Vec<SettingLine> =
        settings.problems.iter().map(|problem| at(&problem.line, "", &message(problem))).collect();
    let (set, wrong): (Vec<ViewRow>, Vec<ViewRow>) =
        rows(cluster, SETTINGS_VIEW).into_iter().partition(|row| !row.values[0].is_empty());
    let set: Vec<SettingLine> =
        set.into_iter().map(|row| (row.file.into(), row.line, row.values[0].clone(), row.values[1].clone())).collect();
    let wrong: Vec<SettingLine> =
        wrong.into_iter().map(|row| (row.file.into(), row.line, String::new(), row.error)).collect();
    assert_eq!(own, set);
    assert_eq!(problems, wrong);
    (settings, wrong.len())
}

const GOOD_CONF: &str = "
include = 'ETC/plain.conf'
include 'ETC/sub'
include_if_exists 'ETC/nowhere'
include_dir 'ETC'
INCLUDE 'ETC/empty'
include 'ETC/fine'
  max_wal_size=1GB
log_min_duration_statement = -1
cursor_tuple_fraction = 1.5e-2
seq_page_cost = .5
";

/// Each line has one error, in itself or in what it includes.
const BAD_CONF: &str = "\
include 'ETC/missing'
include ''
include_dir 'ETC/no folder'
include 'ETC/myself'
include 'ETC/bad0.txt'
include 'ETC/bad1.txt'
include 'ETC/bad2.txt'
include 'ETC/bad3.txt'
include 'ETC/bad4.txt'
include 'ETC/bad5.txt'
include 'ETC/bad6.txt'
include 'ETC/bad7.txt'
include 'ETC/bad8.txt'
include 'ETC/bad9.txt'
include_dir 'ETC/deep'
";
