//! `verify`: can this host run libvirt-LXC containers as guest nodes? Every check tells its finding
//! and the mend. "The check failed" and "it could not be checked" are told apart.

use crate::checks::{Check, cluster, daemons, kernel, libvirt, outlook, report, virtual_host};
use crate::context::Context;
use crate::error::Result;
use crate::lab::able;
use crate::look::Look;
use crate::resolve::Elsewhere;
use crate::set::preview;
use crate::set::resolve::choose_set;
use crate::spec::{Form, REMOTE_MEMORY_MIB, Wanted};
use std::path::Path;

/// # Errors
/// [`crate::error::Kind::Cant`] when a check fails.
pub(super) fn run(context: &Context, wanted: &Wanted, quick: bool) -> Result<()> {
    let (patient, context) = (context, &context.only_looking());
    let saved = preview::saved(context).ok().flatten();
    let kept = saved.as_ref().map(|set| set.spec.containers);
    let containers = wanted.containers.or(kept).unwrap_or(2);
    // A dry run starts nothing.
    let quick = quick || context.options.dry_run;
    let form = saved.as_ref().map(|set| set.spec.form());
    let is_virtual = wanted.machine.or(form) == Some(Form::Virtual);
    let memory = saved.as_ref().map(|set| set.spec.memory_mib);
    let memory = wanted.memory.or(memory).unwrap_or(REMOTE_MEMORY_MIB);
    let mib = match is_virtual {
        false => kernel::MIB_PER_GUEST,
        true => virtual_host::takes(memory).into(),
    };
    let mut checks = kernel::checks(containers, mib);
    let look = Look::new(context);
    let chosen = || choose_set(&look, wanted, saved.as_ref(), &Elsewhere::default());
    checks.extend(libvirt::checks(context, chosen, quick));
    if is_virtual {
        checks.extend(virtual_host::checks(patient, false));
    }
    checks.extend(cluster::checks(&look, wanted, saved.as_ref()));
    checks.extend(outlook::checks(&look, chosen));
    checks.extend(daemons::checks(containers));
    checks.push(labs_nodes(context));
    report(
        context,
        &checks,
        serde_json::json!({"containers": containers}),
    )
}

/// What new labs' nodes are on this host.
fn labs_nodes(context: &Context) -> Check {
    const NAME: &str = "nodes of labs";
    match able::machines(Path::new("/"), &context.state_dir) {
        Ok(found) => Check::ok(NAME, found),
        Err(e) => Check::warning(NAME, e.message(), e.mend_text().unwrap_or_default()),
    }
}
