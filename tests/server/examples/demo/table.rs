//! Rows of logins: runs each and prints it at once, in columns that fit all of them.

use oauth_validator_server_tests::Cluster;

use crate::outcome::{DemoCase, Observed};
use crate::screen::Screen;

/// The columns of one table.
pub struct ColumnTable {
    about: usize,
    database: usize,
    role: usize,
}

impl ColumnTable {
    /// Columns wide enough for these logins, and their names.
    pub fn begin(screen: &Screen, titles: [&str; 2], cases: &[&DemoCase]) -> Self {
        let widest =
            |text: fn(&DemoCase) -> &str| cases.iter().map(|case| text(case).chars().count()).max().unwrap_or(0);
        let table = Self {
            about: widest(|case| case.about),
            database: widest(|case| case.database).max("database".len()),
            role: widest(|case| case.role).max("role".len()),
        };
        screen.columns(&table.row(titles[0], "database", "role", titles[1]));
        table
    }

    /// Logs in, and prints what became of it.
    pub fn run(&self, screen: &mut Screen, cluster: &Cluster, case: &DemoCase) -> Observed {
        let observed = case.run(cluster);
        let row = self.row(case.about, case.database, case.role, &observed.result);
        screen.outcome(&row, observed.mismatch.as_deref());
        observed
    }

    fn row(&self, about: &str, database: &str, role: &str, result: &str) -> String {
        let Self { about: a, database: d, role: r } = self;
        format!("{about:<a$}  {database:<d$}  {role:<r$}  {result}")
    }
}
