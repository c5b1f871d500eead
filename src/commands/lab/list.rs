//! `lab list`: all labs.

use crate::context::Context;
use crate::error::Result;
use crate::host::users;
use crate::lab::directory::{beside, load, lost, of_lab};
use crate::lab::running::Running;
use crate::report::{result, table};

/// # Errors
/// When libvirt does not answer.
pub(in crate::commands) fn run(context: &Context) -> Result<()> {
    users::require_root_even_dry("lab list")?;
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for name in beside(&context.state_dir) {
        let context = of_lab(context, &name)?;
        let Some(lab) = load(&context.state_dir)? else {
            let mend = format!("half made: lxc-autogen lab down --name {name}");
            rows.push(vec![name.clone(), mend]);
            values.push(serde_json::json!({"lab": name, "half_made": true}));
            continue;
        };
        let up = Running::of(&context, &lab)?;
        let nodes = lab.nodes();
        let running = nodes.iter().filter(|n| up.get(&n.name).is_some()).count();
        values.push(serde_json::json!({
            "lab": name, "nodes": nodes.len(), "running": running,
            "containers": lab.spec.containers, "subnet": lab.subnet.to_string(),
        }));
        rows.push(vec![
            name,
            format!("{running} of {} running", nodes.len()),
            lab.spec.containers.to_string(),
            lab.subnet.to_string(),
        ]);
    }
    for name in lost(context) {
        values.push(serde_json::json!({"lab": name, "lost": true}));
        rows.push(vec![
            name.clone(),
            format!("its directory is gone: lxc-autogen lab down --name {name}"),
        ]);
    }
    if context.options.json {
        return crate::report::json(&serde_json::json!({ "labs": values }));
    }
    result(if rows.is_empty() {
        "no labs\n".to_owned()
    } else {
        table(&["LAB", "NODES", "GUESTS", "SUBNET"], &rows)
    });
    Ok(())
}
