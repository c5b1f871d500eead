//! The daemons of a node, whichever init runs them.

use super::{Init, Lab, units};
use crate::context::Context;
use crate::error::Result;
use crate::host::inside::Inside;
use crate::plan::Machine;
use crate::supervisor::{REPORT, Report};
use std::collections::HashMap;
use std::time::Duration;

/// The states of the node's daemons; with systemd those of all other units that have failed, too.
/// Nothing where the node does not tell, or has no init.
pub(crate) fn reports(
    context: &Context,
    lab: &Lab,
    node: &Machine,
    inside: &Inside,
) -> Vec<Report> {
    if !lab.has_init(node) {
        return Vec::new();
    }
    let cmd = match lab.spec.init {
        Init::Own => inside.cmd("cat").arg(REPORT),
        Init::Systemd => inside
            .cmd("systemctl")
            .arg("show")
            .arg(format!("--property={}", PROPERTIES.join(",")))
            .args(units::enabled(lab, node))
            .arg("--state=failed")
            .arg("*"),
    };
    let Ok(text) = cmd.timeout(Duration::from_secs(5)).ok(&context.host) else {
        return Vec::new();
    };
    match lab.spec.init {
        Init::Own => serde_json::from_str(&text).unwrap_or_default(),
        Init::Systemd => of_units(&text),
    }
}

/// Whether systemd has started what it was to start, as far as it could (systemctl(1),
/// `is-system-running`).
pub(crate) fn have_started(context: &Context, inside: &Inside) -> bool {
    let cmd = inside.cmd("systemctl").arg("is-system-running");
    let said = cmd.timeout(Duration::from_secs(5)).run(&context.host);
    said.is_ok_and(|said| matches!(said.stdout.trim(), "running" | "degraded"))
}

/// The properties that tell how a unit is (systemctl(1), `show`).
const PROPERTIES: &[&str] = &["Id", "ActiveState", "SubState", "Result", "Job"];

/// Reads what `systemctl show` prints: a block of lines for each unit, with an empty line between.
/// A unit that is asked for by name and by its state is there twice. systemd's managers of people's
/// sessions, as `su` starts them for ocf-tester(8), are no daemons of the node.
fn of_units(text: &str) -> Vec<Report> {
    let mut all: Vec<Report> = Vec::new();
    for block in text.split("\n\n") {
        let of: HashMap<&str, &str> = block.lines().filter_map(|l| l.split_once('=')).collect();
        let of = |name: &str| of.get(name).copied().unwrap_or_default();
        let name = of("Id").trim_end_matches(".service").to_owned();
        let state = match (of("ActiveState"), of("Result")) {
            // It waits for its turn.
            ("inactive", _) if !matches!(of("Job"), "" | "0") => "starting".to_owned(),
            ("active", _) => "running".to_owned(),
            ("activating", _) => "starting".to_owned(),
            ("failed", why) => format!("failed ({why})"),
            (state, _) => state.to_owned(),
        };
        let of_a_session = ["user@", "user-runtime-dir@"]
            .iter()
            .any(|start| name.starts_with(start));
        if !name.is_empty() && !of_a_session && all.iter().all(|r| r.name != name) {
            all.push(Report { name, state });
        }
    }
    all
}

/// Tells the node to stop its daemons and end, in good order.
///
/// # Errors
/// When kill(1) cannot be run.
pub(crate) fn end(context: &Context, lab: &Lab, inside: &Inside) -> Result<()> {
    let signal = match lab.spec.init {
        Init::Own => "TERM",
        // systemd(1): starts poweroff.target.
        Init::Systemd => "RTMIN+4",
    };
    let kill = inside.cmd("kill").args(["-s", signal, "1"]);
    kill.run(&context.host).map(drop)
}

/// Starts daemons of these names again, which have died.
///
/// # Errors
/// When the init cannot be told.
pub(crate) fn start_again(
    context: &Context,
    lab: &Lab,
    inside: &Inside,
    names: &[String],
) -> Result<()> {
    let cmd = match lab.spec.init {
        Init::Own => inside.cmd("kill").args(["-s", "HUP", "1"]),
        Init::Systemd => inside
            .cmd("systemctl")
            .args(["--no-block", "restart"])
            .args(names),
    };
    cmd.ok(&context.host).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From systemd 252.
    const SHOW: &str = "Id=corosync.service\nActiveState=active\nSubState=running\nResult=success\n\n\
        Id=pacemaker.service\nActiveState=activating\nSubState=auto-restart\nResult=exit-code\n\n\
        Id=libvirtd.service\nActiveState=failed\nSubState=failed\nResult=exit-code\n\n\
        Id=libvirtd.service\nActiveState=failed\nSubState=failed\nResult=exit-code\n\n\
        Id=pcsd.service\nActiveState=inactive\nSubState=dead\nResult=success\nJob=117\n\n\
        Id=user@65534.service\nActiveState=failed\nSubState=failed\nResult=timeout\n\n\
        Id=ssh.service\nActiveState=inactive\nSubState=dead\nResult=success\nJob=0\n";

    #[test]
    fn units_as_systemctl_shows_them() {
        let reports = of_units(SHOW);
        let shown: Vec<String> = reports
            .iter()
            .map(|r| format!("{} {}", r.name, r.state))
            .collect();
        assert_eq!(
            shown,
            [
                "corosync running",
                "pacemaker starting",
                "libvirtd failed (exit-code)",
                "pcsd starting",
                "ssh inactive"
            ]
        );
        assert!(of_units("").is_empty());
    }
}
