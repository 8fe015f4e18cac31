//! How functions for SQL take part in the calls of fmgr.c: their info records, what they return, and how they fail.
//!
//! Values that Rust owns go in, and Datums come out; nothing is decided here.

use oauth_validator_core::UnixSeconds;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode, pg_sys};
use std::ffi::{CStr, CString, c_char, c_int};

/// The info record that fmgr.c asks for: version 1 of the calling convention.
pub(crate) static VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };

/// Defines the info records of these names.
macro_rules! version_1 {
    ($($name:ident),+) => {
        $(
            /// Looked up by fmgr.c before the function of that name.
            #[unsafe(no_mangle)]
            pub extern "C" fn $name() -> &'static pgrx::pg_sys::Pg_finfo_record {
                &$crate::sql::VERSION_1
            }
        )+
    };
}
pub(crate) use version_1;

/// Seconds between 1970 and PostgreSQL's own epoch, the beginning of 2000.
const EPOCH: i64 = 946_684_800;

/// A `timestamptz` of PostgreSQL: microseconds since the beginning of 2000.
pub(crate) fn timestamp(at: UnixSeconds) -> pg_sys::TimestampTz {
    at.get().saturating_sub(EPOCH).saturating_mul(1_000_000)
}

/// A value of a row.
pub(crate) enum SqlValue {
    Null,
    Text(String),
    Integer(i32),
    Bigint(i64),
    Time(pg_sys::TimestampTz),
}

impl SqlValue {
    /// A text, or NULL.
    pub(crate) fn text(text: Option<impl ToString>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.to_string()))
    }

    /// A time, or NULL.
    pub(crate) fn time(time: Option<pg_sys::TimestampTz>) -> Self {
        time.map_or(Self::Null, Self::Time)
    }

    /// A number that SQL has no unsigned type for.
    pub(crate) fn count(count: u64) -> Self {
        Self::Bigint(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// # Safety
    ///
    /// In a database, on the main thread.
    unsafe fn datum(&self) -> Option<pg_sys::Datum> {
        Some(match self {
            Self::Null => return None,
            // SAFETY: by the caller's word.
            Self::Text(value) => unsafe { text(value) },
            Self::Integer(value) => pg_sys::Datum::from(*value),
            Self::Bigint(value) | Self::Time(value) => pg_sys::Datum::from(*value),
        })
    }
}

/// The rows that a function returns.
pub(crate) struct SqlRows(*mut pg_sys::ReturnSetInfo);

impl SqlRows {
    /// Raises an ERROR unless the caller takes a set of rows.
    ///
    /// # Safety
    ///
    /// With the call that is under way, in a database, on the main thread; rows have the columns that the function is
    /// declared with.
    pub(crate) unsafe fn of(fcinfo: pg_sys::FunctionCallInfo) -> Self {
        // SAFETY: InitMaterializedSRF (funcapi.c) leaves a tuplestore and the declared columns in the ReturnSetInfo.
        unsafe {
            pg_sys::InitMaterializedSRF(fcinfo, 0);
            Self((*fcinfo).resultinfo.cast())
        }
    }

    /// Adds a row.
    pub(crate) fn put(&self, row: &[SqlValue]) {
        // SAFETY: by the word of whoever called `of`; there are as many values and nulls as columns.
        unsafe {
            let row: Vec<Option<pg_sys::Datum>> = row.iter().map(|value| value.datum()).collect();
            let values: Vec<pg_sys::Datum> = row.iter().map(|value| value.unwrap_or(pg_sys::Datum::null())).collect();
            let nulls: Vec<bool> = row.iter().map(Option::is_none).collect();
            pg_sys::tuplestore_putvalues((*self.0).setResult, (*self.0).setDesc, values.as_ptr(), nulls.as_ptr());
        }
    }
}

/// NULL, or the end of a set.
///
/// # Safety
///
/// With the call that is under way.
pub(crate) unsafe fn null(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by the caller's word.
    unsafe { (*fcinfo).isnull = true };
    pg_sys::Datum::null()
}

/// A text argument; `None` if it is not UTF-8, or is NULL.
///
/// # Safety
///
/// With the call that is under way, whose argument of this number is a text by the function's declaration.
pub(crate) unsafe fn text_argument(fcinfo: pg_sys::FunctionCallInfo, number: usize) -> Option<String> {
    // SAFETY: by the caller's word; text_to_cstring (varlena.c) returns a string that ends in NUL, and pg_server_to_any
    // (mbutils.c) that string or another one.
    unsafe {
        let argument = (*fcinfo).args.as_slice(number + 1).get(number).filter(|argument| !argument.isnull)?;
        let text = pg_sys::text_to_cstring(argument.value.cast_mut_ptr());
        let length = c_int::try_from(CStr::from_ptr(text).to_bytes().len()).ok()?;
        let utf8 = pg_sys::pg_server_to_any(text, length, pg_sys::pg_enc::PG_UTF8.cast_signed());
        CStr::from_ptr(utf8).to_str().ok().map(str::to_owned)
    }
}

/// A text of UTF-8 in the encoding of the database; an ERROR if that cannot hold it. The pointer may be `value`'s own.
///
/// # Safety
///
/// In a database, on the main thread.
pub(crate) unsafe fn in_server_encoding(value: &CStr) -> *mut c_char {
    let length = c_int::try_from(value.to_bytes().len()).unwrap_or(c_int::MAX);
    // SAFETY: pg_any_to_server (mbutils.c) returns its argument, or a new string that ends in NUL.
    unsafe { pg_sys::pg_any_to_server(value.as_ptr(), length, pg_sys::pg_enc::PG_UTF8.cast_signed()) }
}

/// What the core keeps has no NUL.
pub(crate) fn terminated(value: &str) -> CString {
    CString::new(value).unwrap_or_default()
}

/// # Safety
///
/// In a database, on the main thread.
pub(crate) unsafe fn text(value: &str) -> pg_sys::Datum {
    let value = terminated(value);
    // SAFETY: cstring_to_text (varlena.c) copies a string that ends in NUL.
    unsafe { pg_sys::Datum::from(pg_sys::cstring_to_text(in_server_encoding(&value))) }
}

/// Raises an ERROR: a sentence without capital and full stop, one with both, and what to do.
pub(crate) fn fail(code: PgSqlErrorCode, message: String, detail: String, hint: String) -> ! {
    report(PgLogLevel::ERROR, code, message, detail, hint);
    unreachable!("an ERROR was raised");
}

/// Warns whoever called.
pub(crate) fn warn(message: String, hint: &str) {
    let code = PgSqlErrorCode::ERRCODE_WARNING;
    report(PgLogLevel::WARNING, code, message, String::new(), hint.to_owned());
}

fn report(level: PgLogLevel, code: PgSqlErrorCode, message: String, detail: String, hint: String) {
    let mut report = ErrorReport::new(code, format!("oauth_validator: {message}"), "oauth_validator");
    if !detail.is_empty() {
        report = report.set_detail(detail);
    }
    if !hint.is_empty() {
        report = report.set_hint(hint);
    }
    report.report(level);
}
