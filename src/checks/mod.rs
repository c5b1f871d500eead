//! Checks before anything is made: those that `verify` shows, and early refusals. Every check tells
//! its finding and the mend. "The check failed" and "it could not be checked" are told apart.

pub(crate) mod admission;
pub(crate) mod cluster;
mod confined;
pub(crate) mod daemons;
pub(crate) mod kernel;
pub(crate) mod libvirt;
pub(crate) mod outlook;
pub(crate) mod places;
pub(crate) mod virtual_host;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::report::{json, table};
use serde::Serialize;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Ok,
    /// It works, but the reader should know something.
    Warning,
    /// It will not work.
    Failure,
    /// The check depends on one that failed, or was not asked for.
    Skipped,
}

/// One check with its result, finding and mend.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    pub name: &'static str,
    pub verdict: Verdict,
    pub found: String,
    pub mend: Option<String>,
}

impl Check {
    pub(crate) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Check {
            name,
            verdict: Verdict::Ok,
            found: found.into(),
            mend: None,
        }
    }

    pub(crate) fn warning(
        name: &'static str,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Check {
            name,
            verdict: Verdict::Warning,
            found: found.into(),
            mend: Some(mend.into()),
        }
    }

    pub(crate) fn failure(
        name: &'static str,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Check {
            name,
            verdict: Verdict::Failure,
            found: found.into(),
            mend: Some(mend.into()),
        }
    }

    pub(crate) fn skipped(name: &'static str, why: impl Into<String>) -> Self {
        Check {
            name,
            verdict: Verdict::Skipped,
            found: why.into(),
            mend: None,
        }
    }

    /// A check from a result: its text or its error is the finding.
    pub(crate) fn from(name: &'static str, result: Result<String>) -> Self {
        match result {
            Ok(found) => Check::ok(name, found),
            Err(e) => Check::of_error(name, &e),
        }
    }

    pub(crate) fn of_error(name: &'static str, e: &Error) -> Self {
        let detail = e
            .detail_lines()
            .first()
            .map(|d| format!(" ({d})"))
            .unwrap_or_default();
        Check::failure(
            name,
            format!("{}{detail}", e.message()),
            e.mend_text().unwrap_or("see the message"),
        )
    }

    pub(crate) fn failed(&self) -> bool {
        self.verdict == Verdict::Failure
    }
}

/// Prints checks, as a table or added to this JSON object.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when one has failed.
pub(crate) fn report(
    context: &Context,
    checks: &[Check],
    mut about: serde_json::Value,
) -> Result<()> {
    let number = |verdict| checks.iter().filter(|c| c.verdict == verdict).count();
    let failures = number(Verdict::Failure);
    if context.options.json {
        about["checks"] = serde_json::json!(checks);
        about["failures"] = failures.into();
        about["warnings"] = number(Verdict::Warning).into();
        json(&about)?;
    } else {
        crate::report::result(as_table(checks));
    }
    match failures {
        0 => Ok(()),
        _ => Err(Error::cant(format!(
            "{failures} of {} checks failed",
            checks.len()
        ))),
    }
}

fn as_table(checks: &[Check]) -> String {
    let rows: Vec<Vec<String>> = checks
        .iter()
        .map(|c| {
            let verdict = match c.verdict {
                Verdict::Ok => "ok",
                Verdict::Warning => "warning",
                Verdict::Failure => "FAILURE",
                Verdict::Skipped => "skipped",
            };
            let found = match &c.mend {
                None => c.found.clone(),
                Some(mend) => format!("{}; mend: {mend}", c.found),
            };
            vec![verdict.to_owned(), c.name.to_owned(), found]
        })
        .collect();
    table(&["RESULT", "CHECK", "FOUND"], &rows)
}
