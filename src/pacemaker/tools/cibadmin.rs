//! cibadmin(8): reads and changes the CIB.

use super::{EXIT_DISCONNECTED, EXIT_NO_SUCH, EXIT_TIMEOUT};
use crate::error::{Error, Result};
use crate::host::at::At;
use crate::host::command::{Cmd, Output};
use crate::host::poll::{Poll, Seen};
use crate::pacemaker::cib::Cib;
use crate::xml::{self, El};
use std::time::Duration;

/// Longest XPath in bytes for one cibadmin; the kernel takes 128 KiB per argument.
const XPATH_BYTES: usize = 60_000;

/// Whether this error output says that no cluster runs here.
fn not_running(text: &str) -> bool {
    [
        "Transport endpoint is not connected",
        "Could not connect",
        "Connection refused",
        "cluster is not available",
        "No such device or address",
        "Signon to CIB failed",
        "CIB API",
        "Not connected",
    ]
    .iter()
    .any(|m| text.contains(m))
}

/// The whole CIB of the running cluster.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when no cluster runs on this host or it has no controller yet.
pub fn query(at: &dyn At) -> Result<Cib> {
    Cib::parse(&queried(at, &[])?)
}

/// The configuration in the CIB of the running cluster.
///
/// # Errors
/// As [`query`].
pub fn configuration(at: &dyn At) -> Result<El> {
    let text = queried(at, &["--scope", "configuration"])?;
    xml::parse(&text, "cibadmin --query")
}

fn queried(at: &dyn At, scope: &[&str]) -> Result<String> {
    let output = at
        .cmd("cibadmin")
        .arg("--query")
        .args(scope)
        .timeout(Duration::from_secs(30))
        .run(at.host())?;
    match output.code {
        0 => Ok(output.stdout),
        _ => Err(unanswered(at, &output)),
    }
}

/// The error of a query that failed. The advice to start the cluster is given for this host only:
/// for a container the error stays cibadmin's own.
fn unanswered(at: &dyn At, output: &Output) -> Error {
    let e = output.error();
    let nobody = not_running(&output.stderr) || output.code == EXIT_DISCONNECTED;
    if at.place().is_some() || !nobody {
        return e;
    }
    Error::cant("no Pacemaker cluster runs on this host")
        .details(e.detail_lines().to_vec())
        .mend("start it, for example: systemctl start corosync pacemaker")
}

/// The elements that an XPath finds in the CIB, as cibadmin prints them; `None` where it finds
/// none.
///
/// # Errors
/// When cibadmin fails otherwise.
pub(in crate::pacemaker) fn query_xpath(at: &dyn At, xpath: &str) -> Result<Option<String>> {
    let output = at
        .cmd("cibadmin")
        .args(["--query", "--xpath", xpath])
        .run(at.host())?;
    match output.code {
        0 => Ok(Some(output.stdout)),
        EXIT_NO_SUCH => Ok(None),
        _ => Err(output.error()),
    }
}

/// Merges a `<configuration>` tree into the CIB as one change.
///
/// # Errors
/// When cibadmin refuses it; nothing is changed then.
pub fn merge(at: &dyn At, configuration: &El) -> Result<()> {
    merging(at, configuration).ok(at.host()).map(drop)
}

pub(super) fn merging(at: &dyn At, configuration: &El) -> Cmd {
    at.cmd("cibadmin")
        .args(["--modify", "--allow-create"])
        .args(["--scope", "configuration", "--xml-pipe"])
        .stdin(configuration.render())
}

/// Deletes the objects with these ids from the configuration, in as few changes as the length of a
/// command line allows. Ids that are not in the CIB are passed over.
///
/// # Errors
/// When cibadmin fails.
pub fn delete(at: &dyn At, ids: &[String]) -> Result<()> {
    delete_referred(at, ids, &[])
}

/// The same, each object in one change with what refers to it in these tags. Until schema 3.3 a
/// reference must not outlive its object (xml/tags-1.3.rng, `IDREF`); since then the scheduler
/// complains of it.
///
/// # Errors
/// When cibadmin fails.
pub fn delete_referred(at: &dyn At, ids: &[String], tags: &[String]) -> Result<()> {
    for xpath in xpaths(ids, tags) {
        replace_or_delete(at, &xpath, None)?;
    }
    Ok(())
}

/// Replaces the element that an XPath finds; without a replacement, deletes all elements that it
/// finds. Finding nothing is no error: the element is gone, or somebody has changed it. The XPath's
/// condition is part of the change, so no other change can come between test and change. For the
/// same reason it is asked for once more when no answer came in time: done twice it changes nothing.
/// Afterwards it is looked whether the XPath still finds something.
///
/// # Errors
/// When cibadmin fails, or says that it is done and it is not.
pub fn replace_or_delete(at: &dyn At, xpath: &str, by: Option<&str>) -> Result<()> {
    match tell(at, xpath, by)? {
        true => await_gone(at, xpath),
        false => Ok(()),
    }
}

/// How long the CIB of this node may take to be what another node's is already.
const PATIENCE: Duration = Duration::from_secs(10);

fn await_gone(at: &dyn At, xpath: &str) -> Result<()> {
    let look = |_: &mut Poll| Ok(Seen::ready_if(query_xpath(at, xpath)?.is_none(), ()));
    let poll = Poll::every(Duration::from_millis(200), PATIENCE).uninterrupted();
    poll.until(look, |()| {
        let what: String = xpath.chars().take(200).collect();
        Error::failed(format!(
            "cibadmin says that it is done, and the CIB still has {what}"
        ))
        .mend("see what cibadmin --query and Pacemaker's log say")
    })
}

/// Has cibadmin do it. Gives back whether it says that there was something to do.
fn tell(at: &dyn At, xpath: &str, by: Option<&str>) -> Result<bool> {
    let cmd = at.cmd("cibadmin");
    let cmd = match by {
        Some(xml) => cmd
            .args(["--replace", "--xpath", xpath, "--xml-pipe"])
            .stdin(xml.to_owned()),
        None => cmd.args(["--delete-all", "--force", "--xpath", xpath]),
    };
    let mut output = cmd.run(at.host())?;
    if output.code == EXIT_TIMEOUT {
        output = cmd.run(at.host())?;
    }
    match output.code {
        0 => Ok(true),
        EXIT_NO_SUCH => Ok(false),
        _ => Err(output.error()),
    }
}

/// XPaths for direct children of the sections that lxc-autogen adds to, and for what is in tags that
/// stay; never for an element in one that is deleted too: cibadmin frees what it has deleted, and must
/// not visit a child of that afterwards.
fn xpaths(ids: &[String], tags: &[String]) -> Vec<String> {
    const HEAD: &str = "/cib/configuration/*[self::nodes or self::resources or self::constraints \
         or self::tags]/*";
    // Each id is there once more for the references.
    let most = XPATH_BYTES / if tags.is_empty() { 1 } else { 2 };
    let mut parts: Vec<(Vec<&String>, String)> = Vec::new();
    for id in ids {
        match parts.last_mut() {
            Some((part, tests)) if tests.len() + id.len() < most => {
                part.push(id);
                tests.push_str(&format!(" or @id='{id}'"));
            }
            _ => parts.push((vec![id], format!("@id='{id}'"))),
        }
    }
    let xpath = |(part, tests): (Vec<&String>, String)| {
        let stay = tags.iter().filter(|tag| !part.contains(tag));
        let references =
            stay.map(|tag| format!(" | /cib/configuration/tags/tag[@id='{tag}']/obj_ref[{tests}]"));
        format!("{HEAD}[{tests}]{}", references.collect::<String>())
    };
    parts.into_iter().map(xpath).collect()
}

/// Deletes the entries and states of guest or remote nodes. Nodes that have none are passed over. A
/// controller may write a state anew at once, so that the caller has to look.
///
/// # Errors
/// When cibadmin fails.
pub fn delete_nodes(at: &dyn At, names: &[&str]) -> Result<()> {
    const PLACES: [&str; 2] = [
        "/cib/configuration/nodes/node[@type='remote']",
        "/cib/status/node_state[@remote_node]",
    ];
    for few in names.chunks(1000) {
        let tests: Vec<String> = few.iter().map(|name| format!("@id='{name}'")).collect();
        let places = PLACES.map(|place| format!("{place}[{}]", tests.join(" or ")));
        tell(at, &places.join(" | "), None)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::host::Host;
    use crate::host::inside::Inside;

    #[test]
    fn an_xpath_names_direct_children_and_references_in_what_stays() {
        let of = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let all = "/cib/configuration/*[self::nodes or self::resources or self::constraints or \
                   self::tags]/*[@id='a' or @id='b']";
        assert_eq!(xpaths(&of("a b"), &[]), [all]);
        let references = "/cib/configuration/tags/tag[@id='t']/obj_ref[@id='a' or @id='b']";
        assert_eq!(
            xpaths(&of("a b"), &of("t")),
            [format!("{all} | {references}")]
        );
        // With the tag all that is in it goes.
        let with_it = xpaths(&of("a t"), &of("t"));
        assert!(with_it.len() == 1 && !with_it[0].contains("obj_ref"));
        assert!(xpaths(&[], &of("t")).is_empty());
        let many: Vec<String> = (0..5000).map(|n| format!("container{n}")).collect();
        for tags in [Vec::new(), of("t")] {
            let all = xpaths(&many, &tags);
            assert!(all.iter().all(|xpath| xpath.len() < 2 * XPATH_BYTES));
            let ids: usize = all
                .iter()
                .map(|xpath| xpath.matches("@id='c").count())
                .sum();
            assert_eq!(ids, many.len() * (1 + tags.len()));
        }
    }

    /// The advice to start the cluster is for this host alone.
    #[test]
    fn a_cluster_that_does_not_answer_here_and_in_a_container() {
        let host = Host::new(false);
        let inside = Inside::of("node1", std::process::id(), Vec::new()).unwrap();
        // An error such as cibadmin's without a cluster.
        let output = Cmd::new("ls").arg("/Could not connect").run(&host).unwrap();
        let here = unanswered(&host, &output);
        assert_eq!(here.kind, Kind::Cant);
        assert_eq!(here.message(), "no Pacemaker cluster runs on this host");
        let there = unanswered(&inside.at(&host), &output);
        assert_eq!(there.kind, Kind::Failed);
        assert!(there.message().ends_with("exited with 2"), "{there}");
        assert_eq!(there.mend_text(), None);
    }
}
