//! The server's log, told in one way whichever release wrote it.
//!
//! PostgreSQL 18 has a report of the module's own for each denial; from 19 on it is the beginning of the DETAIL of the
//! server's. Tests read the former, so the latter is rewritten here: nothing is added, and nothing is left out.

/// How a DETAIL begins that came from the module.
const HANDED_OVER: &str = "DETAIL:  oauth_validator: denied: ";

/// In front of the line that was the hint.
const HINT: &str = "\tHint: ";

/// The server's report of a refused login, whose DETAIL ends with the line of pg_hba.conf.
const REFUSED: &str = "OAuth bearer authentication failed for user ";
const LAST_OF_REFUSED: &str = "Connection matched ";

/// The log with each denial in a report of its own, in front of the server's.
pub(crate) fn with_own_reports(log: &str) -> String {
    let mut told = String::with_capacity(log.len());
    let mut lines = log.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let Some((prefix, rest)) = lines.peek().and_then(|next| next.split_once(HANDED_OVER)) else {
            told += line;
            continue;
        };
        lines.next();
        told += &format!("{prefix}LOG:  oauth_validator: denied: {rest}");
        for label in ["DETAIL:  ", "HINT:  "] {
            let of_ours = |next: &&str| next.starts_with('\t') && next.starts_with(HINT) == (label == "HINT:  ");
            if let Some(next) = lines.next_if(of_ours) {
                told += &format!("{prefix}{label}{}", next.strip_prefix(HINT).unwrap_or(next).trim_start_matches('\t'));
            }
        }
        told += line;
        if let Some(next) = lines.next_if(|next| next.starts_with('\t')) {
            told += &format!("{prefix}DETAIL:  {}", next.trim_start_matches('\t'));
        }
    }
    told
}

/// What is there as a whole: whole lines, and no report of a refused login without its end. A reader can be faster than
/// the server writes.
pub(crate) fn complete(log: &str) -> &str {
    let whole = log.rfind('\n').map_or("", |end| &log[..=end]);
    match whole.rfind(REFUSED) {
        Some(at) if !whole[at..].contains(LAST_OF_REFUSED) => {
            &whole[..whole[..at].rfind('\n').map_or(0, |end| end + 1)]
        }
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_19: &str = "1 [2] x: LOG:  before\n\
        1 [2] x: FATAL:  OAuth bearer authentication failed for user \"ana\"\n\
        1 [2] x: DETAIL:  oauth_validator: denied: expired (profile \"corp\")\n\
        \tIt ended.\n\
        \tHint: Get a new one.\n\
        \tConnection matched file \"pg_hba.conf\" line 2: \"local all all oauth\"\n\
        1 [2] x: LOG:  behind\n";

    #[test]
    fn a_detail_of_19_becomes_the_report_of_18() {
        let of_18 = "1 [2] x: LOG:  before\n\
            1 [2] x: LOG:  oauth_validator: denied: expired (profile \"corp\")\n\
            1 [2] x: DETAIL:  It ended.\n\
            1 [2] x: HINT:  Get a new one.\n\
            1 [2] x: FATAL:  OAuth bearer authentication failed for user \"ana\"\n\
            1 [2] x: DETAIL:  Connection matched file \"pg_hba.conf\" line 2: \"local all all oauth\"\n\
            1 [2] x: LOG:  behind\n";
        assert_eq!(with_own_reports(OF_19), of_18);
        assert_eq!(with_own_reports(of_18), of_18);
    }

    #[test]
    fn what_is_of_somebody_else_stays() {
        for log in ["", "no end", "DETAIL:  else\n\tmore\n", "FATAL:  x\nDETAIL:  said oauth_validator: denied: x\n"] {
            assert_eq!(with_own_reports(log), log);
        }
    }

    #[test]
    fn a_report_that_is_being_written_is_waited_for() {
        let (before, report) = OF_19.split_at("1 [2] x: LOG:  before\n".len());
        let end = report.find("1 [2] x: LOG:  behind").expect("a line behind it");
        for length in 1..end {
            assert_eq!(complete(&OF_19[..before.len() + length]), before, "{length}");
        }
        assert_eq!(complete(&OF_19[..before.len() + end]), &OF_19[..before.len() + end]);
        assert_eq!(complete(OF_19), OF_19);
    }
}
