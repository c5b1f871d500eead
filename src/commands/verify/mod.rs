//! `verify`: can this host run libvirt-LXC containers as guest nodes? Every check says what it
//! found, and what mends it. "The check failed" and "it could not be checked" are told apart.

mod cluster;
mod daemons;
mod kernel;
mod libvirt;

use super::Context;
use super::preview::{self, print_value};
use crate::cli::Shape;
use crate::error::{Error, Kind, Result};
use crate::report::table;
use serde::Serialize;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// Works, but the reader should know.
    Warning,
    /// Will not work.
    Failure,
    /// Depends on something that failed, or was not asked for.
    Skipped,
}

/// One check's outcome.
#[derive(Debug, Clone, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    mend: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Check {
            name,
            verdict: Verdict::Ok,
            found: found.into(),
            mend: None,
        }
    }

    fn warning(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Check {
            name,
            verdict: Verdict::Warning,
            found: found.into(),
            mend: Some(mend.into()),
        }
    }

    fn failure(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Check {
            name,
            verdict: Verdict::Failure,
            found: found.into(),
            mend: Some(mend.into()),
        }
    }

    fn skipped(name: &'static str, why: impl Into<String>) -> Self {
        Check {
            name,
            verdict: Verdict::Skipped,
            found: why.into(),
            mend: None,
        }
    }

    /// From a result whose error is the finding.
    fn from(name: &'static str, result: Result<String>) -> Self {
        match result {
            Ok(found) => Check::ok(name, found),
            Err(e) => Check::of_error(name, &e),
        }
    }

    fn of_error(name: &'static str, e: &Error) -> Self {
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

    fn failed(&self) -> bool {
        self.verdict == Verdict::Failure
    }
}

/// # Errors
/// [`Kind::Cant`] when a check fails.
pub(super) fn run(context: &Context, shape: &Shape, quick: bool) -> Result<()> {
    let saved = preview::saved(context).ok().flatten();
    let kept = saved.as_ref().map(|set| set.spec.containers);
    let containers = shape.containers.or(kept).unwrap_or(2);
    // A dry run starts nothing.
    let quick = quick || context.common.dry_run;
    let mut checks = kernel::checks(containers);
    checks.extend(libvirt::checks(context, shape, saved.as_ref(), quick));
    checks.extend(cluster::checks(context, shape, saved.as_ref()));
    checks.extend(daemons::checks(containers));
    let failures = checks.iter().filter(|c| c.failed()).count();
    let warnings = checks
        .iter()
        .filter(|c| c.verdict == Verdict::Warning)
        .count();
    if context.common.json {
        print_value(&serde_json::json!({
            "containers": containers,
            "checks": checks,
            "failures": failures,
            "warnings": warnings,
        }))?;
    } else {
        crate::report::result(as_table(&checks));
    }
    if failures > 0 {
        return Err(Error::new(
            Kind::Cant,
            format!("{failures} of {} checks failed", checks.len()),
        ));
    }
    Ok(())
}

/// What the daemons are allowed that is too little for so many nodes, and what to set; for those who
/// did not ask first.
pub(super) fn too_little(containers: u32) -> Vec<String> {
    let checks = daemons::checks(containers).into_iter();
    checks
        .filter(Check::failed)
        .map(|c| {
            let mend = c.mend.unwrap_or_default();
            format!("{}: {}; the cluster may fail: {mend}", c.name, c.found)
        })
        .collect()
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
