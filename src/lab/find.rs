//! Finding a node of a lab by the name people use, also a guest nested in a cluster node.

use super::directory::{beside, existing};
use super::guests::Guests;
use super::running::Running;
use super::{DEFAULT_NAME, Lab, names};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::libvirt::hypervisor::LXC;
pub(crate) use crate::set::single::is_pattern;
use glob::Pattern;

/// A node by its full name, or by its name without the lab's (`node1` in the default lab), or a
/// guest node by its name in the cluster, with `LAB/` in front when it is not the default lab.
pub(crate) fn find(context: &Context, wanted: &str) -> Result<Inside> {
    let (context, lab, name) = lab_of(context, wanted)?;
    let running = Running::of(&context, &lab)?;
    for full in [name.to_owned(), format!("{}-{name}", lab.spec.name)] {
        if let Some(node) = lab.nodes().iter().find(|n| n.name == full) {
            return running.need(&lab, node).cloned();
        }
    }
    guest(&lab, &Guests::of(&context, &lab, &running), name)?.ok_or_else(|| {
        let known: Vec<String> = lab.nodes().into_iter().map(|n| n.name).collect();
        Error::cant(format!("no node {name} runs in lab {}", lab.spec.name)).mend(format!(
            "its nodes are {}; its guest nodes are shown by lxc-autogen lab status --name {}",
            known.join(", "),
            lab.spec.name
        ))
    })
}

/// The name of a node, or a pattern, with the lab in front that the command line says besides.
///
/// # Errors
/// A usage error when the name is of another lab.
pub(crate) fn of_lab(lab: Option<&str>, wanted: &str) -> Result<String> {
    match (lab, wanted.split_once('/')) {
        (None, _) => Ok(wanted.to_owned()),
        (Some(lab), None) => Ok(format!("{lab}/{wanted}")),
        (Some(lab), Some((other, _))) if lab == other => Ok(wanted.to_owned()),
        (Some(lab), Some((other, node))) => Err(Error::usage(format!(
            "{wanted} is of lab {other}, and lab {lab} is asked for"
        ))
        .mend(format!(
            "{node} is that of lab {lab}; for {wanted} leave --name or -f out"
        ))),
    }
}

/// The lab that a node of this name is in, its context, and the name without `LAB/`.
///
/// # Errors
/// When there is no such lab.
pub(crate) fn lab_of<'a>(context: &Context, wanted: &'a str) -> Result<(Context, Lab, &'a str)> {
    let (lab, name) = match wanted.split_once('/') {
        Some((lab, name)) => (lab.to_owned(), name),
        None => (owner(context, wanted), wanted),
    };
    let (context, lab) = existing(context, Some(&lab))?;
    Ok((context, lab, name))
}

/// The nodes whose full name, or name without the lab's, meets a pattern (glob(7)), with `LAB/` in
/// front when it is not the default lab; each with the reason where it cannot be entered.
///
/// # Errors
/// A usage error when the pattern is none, and [`crate::error::Kind::Cant`] when no node meets it.
pub(crate) fn find_all(context: &Context, wanted: &str) -> Result<Vec<(String, Result<Inside>)>> {
    let (lab, pattern) = match wanted.split_once('/') {
        Some((lab, pattern)) => (Some(lab), pattern),
        None => (None, wanted),
    };
    let meets = Pattern::new(pattern)
        .map_err(|e| Error::usage(format!("{pattern:?} is no pattern: {e}")))?;
    let (context, lab) = existing(context, lab)?;
    let running = Running::of(&context, &lab)?;
    let beginning = format!("{}-", lab.spec.name);
    let mut found = Vec::new();
    for node in lab.nodes() {
        let short = node.name.strip_prefix(&beginning).unwrap_or(&node.name);
        if meets.matches(short) || meets.matches(&node.name) {
            found.push((node.name.clone(), running.need(&lab, &node).cloned()));
        }
    }
    let guests = super::nested::set(&lab)?.map(|set| set.guests());
    let places = Guests::of(&context, &lab, &running);
    for guest in guests.unwrap_or_default() {
        if meets.matches(&guest.name) {
            let off = || Error::cant(format!("{} does not run", guest.name));
            let inside = self::guest(&lab, &places, &guest.name);
            found.push((guest.name.clone(), inside.and_then(|it| it.ok_or_else(off))));
        }
    }
    if found.is_empty() {
        return Err(Error::cant(format!(
            "no node of lab {} is called {pattern}",
            lab.spec.name
        ))
        .mend(format!(
            "lxc-autogen lab status --name {} shows its nodes",
            lab.spec.name
        )));
    }
    Ok(found)
}

/// Name of the lab that has a node of this full name, or else of the default lab.
fn owner(context: &Context, node: &str) -> String {
    beside(&context.state_dir)
        .into_iter()
        .find(|lab| names::is_of(lab, node))
        .unwrap_or_else(|| DEFAULT_NAME.to_owned())
}

/// The guest of this name, in whichever of the cluster nodes it runs.
fn guest(lab: &Lab, guests: &Guests<'_>, name: &str) -> Result<Option<Inside>> {
    match guests.find(name) {
        Some(place) if place.is_paused() => {
            Err(Error::cant(format!("{name} is paused")).mend(format!(
                "virsh -c {} resume {name}, in the node that lxc-autogen lab status shows it on",
                LXC.uri
            )))
        }
        Some(place) => place.enter(lab).map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_that_is_named_besides_stands_in_front_of_its_nodes() {
        assert_eq!(of_lab(None, "node1").unwrap(), "node1");
        assert_eq!(of_lab(Some("qa"), "node1").unwrap(), "qa/node1");
        assert_eq!(of_lab(Some("qa"), "qa/node1").unwrap(), "qa/node1");
        let e = of_lab(Some("qa"), "prod/node1").unwrap_err();
        assert_eq!(e.kind, crate::error::Kind::Usage);
        assert!(e.mend_text().unwrap().contains("for prod/node1"), "{e}");
    }
}
