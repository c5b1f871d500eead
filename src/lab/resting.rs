//! Remote nodes that are to stay off: the cluster is told to keep away from them, by an element of
//! the CIB with an id of our own, and leaves what else somebody has set there alone.
//!
//! One that just ends asks for its shutdown, which holds until the cluster looks again: then it
//! tries to connect, and counts failures.

use super::Lab;
use super::wait;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::host::poll::{Poll, Seen};
use crate::pacemaker::tools;
use crate::plan::Machine;
use crate::xml::El;
use std::time::Duration;

/// What the ids of these elements begin with.
const MARK: &str = "lxc-autogen-off-";

/// Has the cluster close its connections to these remote nodes, and waits until it has.
///
/// # Errors
/// When the cluster refuses, or does not in time.
pub(super) fn keep_off(
    context: &Context,
    lab: &Lab,
    inside: &Inside,
    remotes: &[&Machine],
) -> Result<()> {
    let at = inside.at(&context.host);
    tools::merge(&at, &off(remotes))?;
    let look = |_: &mut Poll| {
        let view = tools::view(&at)?;
        let names = remotes.iter().map(|node| node.name.as_str());
        let active: Vec<&str> = names.filter(|n| view.active.contains_key(*n)).collect();
        let active = active.join(", ");
        Ok(Seen::ready_if(active.is_empty(), active))
    };
    let poll = Poll::every(Duration::from_millis(200), Duration::from_secs(120));
    poll.until(look, |active| {
        Error::not_online(format!("the cluster is still connected to {active}"))
            .mend(wait::look_at(lab, inside.name()))
    })
}

fn off(remotes: &[&Machine]) -> El {
    let primitive = |node: &&Machine| {
        let id = format!("{MARK}{}", node.name);
        let role = El::new("nvpair")
            .attr("id", format!("{id}-target-role"))
            .attr("name", "target-role")
            .attr("value", "Stopped");
        El::new("primitive")
            .attr("id", &node.resource)
            .child(El::new("meta_attributes").attr("id", id).child(role))
    };
    El::new("configuration").child(El::new("resources").children(remotes.iter().map(primitive)))
}

/// Lets the cluster connect to these remote nodes again.
///
/// # Errors
/// When cibadmin fails.
pub(super) fn let_on(context: &Context, inside: &Inside, remotes: &[&Machine]) -> Result<()> {
    remotes.iter().try_for_each(|node| {
        let condition = format!("@id='{MARK}{}'", node.name);
        forget(context, inside, &condition)
    })
}

/// The same for all remote nodes.
///
/// # Errors
/// When cibadmin fails.
pub(super) fn let_all_on(context: &Context, inside: &Inside) -> Result<()> {
    forget(context, inside, &format!("starts-with(@id,'{MARK}')"))
}

fn forget(context: &Context, inside: &Inside, condition: &str) -> Result<()> {
    let xpath = format!("//primitive/meta_attributes[{condition}]");
    tools::replace_or_delete(&inside.at(&context.host), &xpath, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::sample;

    #[test]
    fn a_role_of_our_own_beside_what_the_primitive_has() {
        let lab = sample(1, 1);
        let remotes = lab.remote_nodes();
        let wanted = "<primitive id=\"lab-remote1\">\n      \
            <meta_attributes id=\"lxc-autogen-off-lab-remote1\">\n        \
            <nvpair id=\"lxc-autogen-off-lab-remote1-target-role\" name=\"target-role\" \
            value=\"Stopped\"/>";
        let text = off(&remotes.iter().collect::<Vec<_>>()).render();
        assert!(text.contains(wanted), "{text}");
    }
}
