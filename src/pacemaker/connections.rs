//! Which guest and remote nodes are connected, according to the controller.
//!
//! crm_mon shows a guest node as online as soon as its connection is being started. The controller
//! sets `in_ccm` in the node's state when the connection is up (Pacemaker 2.1.5,
//! daemons/controld/controld_remote_ra.c, remote_node_up). A query for the node states alone is
//! cheap: it does not need the scheduler's view of the cluster, which crm_mon computes at every
//! call.
//!
//! Pacemaker 3.0.0 sets `in_ccm` too, but back to 0 in the same moment: the status section that it
//! reads back has just been emptied, and so it takes the node for lost (seen on Debian 13;
//! remote_cache_refresh_helper in lib/cluster/membership.c). The node works, and its `in_ccm` stays
//! 0. So where a state has 0, the history of the connection's resource is read as well.

use super::tools::query_xpath;
use crate::error::Result;
use crate::host::at::At;
use crate::xml::{self, El};
use std::collections::HashSet;

const STATES: &str = "//node_state[@remote_node]";
const HISTORY: &str = "//lrm_resource[@type='remote']";

/// Names of the guest and remote nodes whose connection is up.
///
/// # Errors
/// When cibadmin fails.
pub fn connected(at: &dyn At) -> Result<HashSet<String>> {
    let states = query(at, STATES)?;
    let mut up = by_state(&states);
    if is_in_doubt(&states) {
        up.extend(by_history(&query(at, HISTORY)?));
    }
    Ok(up)
}

/// Names of the guest and remote nodes that have a state saying that their connection is not up. A
/// node without a state is left out, since nothing is known of it: so it is when pacemaker-based
/// has just been started again.
///
/// # Errors
/// When cibadmin fails.
pub fn disconnected(at: &dyn At) -> Result<HashSet<String>> {
    let states = query(at, STATES)?;
    let doubt = is_in_doubt(&states);
    let history = doubt.then(|| query(at, HISTORY)).transpose()?;
    Ok(down(&states, history.as_ref()))
}

fn down(root: &El, history: Option<&El>) -> HashSet<String> {
    let mut up = by_state(root);
    up.extend(history.map(by_history).unwrap_or_default());
    let all = states(root).filter_map(|s| s.get("uname"));
    let down = all.filter(|name| !up.contains(*name));
    down.map(str::to_owned).collect()
}

/// The same as [`connected`], from a whole CIB that has been read already.
pub(super) fn connected_in(cib: &El) -> HashSet<String> {
    let mut up = by_state(cib);
    if is_in_doubt(cib) {
        up.extend(by_history(cib));
    }
    up
}

fn query(at: &dyn At, xpath: &str) -> Result<El> {
    match query_xpath(at, xpath)? {
        Some(text) => xml::parse(&text, "cibadmin --query"),
        None => Ok(El::new("xpath-query")),
    }
}

fn states(root: &El) -> impl Iterator<Item = &El> {
    let states = root.all("node_state").into_iter();
    states.filter(|s| s.get("remote_node").is_some())
}

/// Nodes that are connected by their `in_ccm`: `true`, or since Pacemaker 2.1.7 the time since
/// when. A node that is not connected has `false` or 0.
fn by_state(root: &El) -> HashSet<String> {
    states(root)
        .filter(|s| !matches!(s.get("in_ccm"), None | Some("false" | "0" | "")))
        .filter_map(|s| s.get("uname"))
        .map(str::to_owned)
        .collect()
}

/// A Pacemaker that writes times into `in_ccm` writes `0` for some connected nodes too.
fn is_in_doubt(root: &El) -> bool {
    states(root).any(|s| s.get("in_ccm") == Some("0"))
}

/// Nodes whose connection was started with success and has had no failure since.
fn by_history(root: &El) -> HashSet<String> {
    let resources = root.all("lrm_resource").into_iter();
    resources
        .filter(|r| r.get("type") == Some("remote") && runs(r))
        .filter_map(|r| r.get("id"))
        .map(str::to_owned)
        .collect()
}

fn runs(resource: &El) -> bool {
    let number = |op: &El, name: &str| op.get(name).and_then(|v| v.parse::<i64>().ok());
    let call = |op: &El| number(op, "call-id").unwrap_or(-1);
    // `ID_last_0` is the last operation other than a recurring monitor: a stop, if one came after
    // the start.
    let last = resource.children.iter().filter(|op| {
        let is_last = |id: &str| id.ends_with("_last_0");
        op.get("id").is_some_and(is_last)
    });
    let started = last
        .filter(|op| op.get("operation") == Some("start"))
        .find(|op| number(op, "rc-code") == Some(0));
    started.is_some_and(|start| {
        let later = resource.children.iter().filter(|op| call(op) > call(start));
        later.into_iter().all(|op| number(op, "rc-code") == Some(0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> HashSet<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    fn parse(text: &str) -> El {
        xml::parse(text, "test").unwrap()
    }

    #[test]
    fn by_one_or_several_states() {
        let one = r#"<node_state remote_node="true" id="lxc1" uname="lxc1" in_ccm="true"/>"#;
        let all = format!(
            "<xpath-query>{one}{}{}</xpath-query>",
            one.replace("lxc1", "lxc2")
                .replace("\"true\"/>", "\"false\"/>"),
            one.replace("lxc1", "lxc3")
                .replace("\"true\"/>", "\"1700000000\"/>")
        );
        assert_eq!(by_state(&parse(one)), names(&["lxc1"]));
        assert_eq!(by_state(&parse(&all)), names(&["lxc1", "lxc3"]));
        assert!(!is_in_doubt(&parse(&all)));
        assert_eq!(down(&parse(&all), None), names(&["lxc2"]));
        assert_eq!(down(&parse("<xpath-query/>"), None), names(&[]));
    }

    /// As Pacemaker 3.0.0 had them, shortened.
    const THREE: &str = r#"<cib><status>
      <node_state id="1" uname="node1" in_ccm="1795545455"><lrm id="1"><lrm_resources>
        <lrm_resource id="lxc1" class="ocf" provider="pacemaker" type="remote" container="container1">
          <lrm_rsc_op id="lxc1_last_0" operation="start" call-id="4" rc-code="0" op-status="0" interval="0"/>
          <lrm_rsc_op id="lxc1_monitor_30000" operation="monitor" call-id="5" rc-code="0" op-status="0"/>
        </lrm_resource>
        <lrm_resource id="container1" class="ocf" provider="heartbeat" type="VirtualDomain">
          <lrm_rsc_op id="container1_last_0" operation="start" call-id="10" rc-code="0" op-status="0"/>
        </lrm_resource>
      </lrm_resources></lrm></node_state>
      <node_state remote_node="true" id="lxc1" uname="lxc1" in_ccm="0" node_fenced="0"/>
    </status></cib>"#;

    #[test]
    fn by_history_where_the_state_says_no_all_the_same() {
        let connected = |text: &str| connected_in(&parse(text));
        assert_eq!(connected(THREE), names(&["lxc1"]));
        let three = parse(THREE);
        assert_eq!(down(&three, Some(&three)), names(&[]));
        for (what, by) in [
            // Only being started; stopped; its monitor failed; a Pacemaker that can be believed.
            (
                r#"call-id="4" rc-code="0""#,
                r#"call-id="-1" rc-code="193""#,
            ),
            (
                r#"_last_0" operation="start" call-id="4""#,
                r#"_last_0" operation="stop" call-id="7""#,
            ),
            (r#"call-id="5" rc-code="0""#, r#"call-id="5" rc-code="1""#),
            (r#"in_ccm="0""#, r#"in_ccm="false""#),
        ] {
            assert!(THREE.contains(what));
            assert_eq!(connected(&THREE.replace(what, by)), names(&[]), "{by}");
        }
    }
}
