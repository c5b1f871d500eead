//! `verify`: can this host run libvirt-LXC containers as guest nodes? Every check tells its finding
//! and the mend. "The check failed" and "it could not be checked" are told apart.

use crate::checks::{Check, Verdict, cluster, daemons, kernel, libvirt, outlook};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::lab::able;
use crate::look::Look;
use crate::report::{json, table};
use crate::resolve::Elsewhere;
use crate::set::preview;
use crate::set::resolve::choose_set;
use crate::spec::Wanted;
use std::path::Path;

/// # Errors
/// [`Kind::Cant`] when a check fails.
pub(super) fn run(context: &Context, wanted: &Wanted, quick: bool) -> Result<()> {
    let saved = preview::saved(context).ok().flatten();
    let kept = saved.as_ref().map(|set| set.spec.containers);
    let containers = wanted.containers.or(kept).unwrap_or(2);
    // A dry run starts nothing.
    let quick = quick || context.options.dry_run;
    let mut checks = kernel::checks(containers);
    let look = Look::new(context);
    let chosen = || choose_set(&look, wanted, saved.as_ref(), &Elsewhere::default());
    checks.extend(libvirt::checks(context, chosen, quick));
    checks.extend(cluster::checks(&look, wanted, saved.as_ref()));
    checks.extend(outlook::checks(&look, chosen));
    checks.extend(daemons::checks(containers));
    checks.push(labs_nodes(context));
    let failures = checks.iter().filter(|c| c.failed()).count();
    let warnings = checks
        .iter()
        .filter(|c| c.verdict == Verdict::Warning)
        .count();
    if context.options.json {
        json(&serde_json::json!({
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

/// What new labs' nodes are on this host.
fn labs_nodes(context: &Context) -> Check {
    const NAME: &str = "nodes of labs";
    match able::machines(Path::new("/"), &context.state_dir) {
        Ok(found) => Check::ok(NAME, found),
        Err(e) => Check::warning(NAME, e.message(), e.mend_text().unwrap_or_default()),
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
