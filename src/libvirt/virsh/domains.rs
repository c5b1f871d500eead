//! Domains, looked at.

use super::{batches, ok, virsh};
use crate::error::Result;
use crate::host::Host;
use crate::host::at::At;
use crate::libvirt::marked_state_dir;
use crate::xml::{self, El};
use std::path::Path;

/// A line of `virsh list --all`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainRow {
    /// Domain name.
    pub name: String,
    /// `running`, `shut off` and so on, as virsh has it, or [`DEAD`].
    pub state: String,
}

/// The state of a domain that libvirt holds for running though its libvirt_lxc is gone. libvirt 9.0
/// now and then does not notice the end of one of two containers that end at the same time (seen
/// in our tests, with one end of file in its log and not two), and gives one up whose processes do
/// not die within 3 s (src/lxc/lxc_process.c, virLXCProcessStop). It stays so until somebody
/// destroys the domain, as a fence agent and the agent VirtualDomain do.
pub const DEAD: &str = "dead";

/// Every domain, defined and running.
///
/// # Errors
/// When virsh fails.
pub fn domains(host: &Host) -> Result<Vec<DomainRow>> {
    let text = ok(host, virsh(host).args(["list", "--all"]).run(host)?)?;
    Ok(parse_list(&text, process_there))
}

fn parse_list(text: &str, alive: impl Fn(u32) -> bool) -> Vec<DomainRow> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let id = words.next()?;
            let name = words.next()?.to_owned();
            let mut state = words.collect::<Vec<_>>().join(" ");
            // A domain's id is the pid of its libvirt_lxc.
            if state == "running" && id.parse().is_ok_and(|id| !alive(id)) {
                DEAD.clone_into(&mut state);
            }
            (!state.is_empty()).then_some(DomainRow { name, state })
        })
        .collect()
}

fn process_there(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// The XML of domains by name, as one virsh prints it; those that are gone meanwhile are left out.
///
/// # Errors
/// When virsh prints something else than XML.
pub fn dump_domains(at: &dyn At, names: &[String]) -> Result<Vec<El>> {
    let mut all = Vec::new();
    for batch in batches("dumpxml", names) {
        // One that is gone makes the exit status 1, and its message goes to stderr.
        let output = virsh(at).arg(batch).run(at.host())?;
        all.extend(xml::parse_many(&output.stdout, "virsh dumpxml")?);
    }
    Ok(all)
}

/// All domains, and whether each carries our mark for this state directory. One that ends while
/// they are looked at is none any more: whose it was cannot be told.
///
/// # Errors
/// When virsh fails.
pub fn marked_domains(host: &Host, state_dir: &Path) -> Result<Vec<(String, bool)>> {
    let names: Vec<String> = domains(host)?.into_iter().map(|d| d.name).collect();
    marks(host, &names, state_dir)
}

/// The same of these domains.
///
/// # Errors
/// When virsh fails.
pub fn marks(host: &Host, names: &[String], state_dir: &Path) -> Result<Vec<(String, bool)>> {
    let state_dir = state_dir.to_string_lossy();
    let all = dump_domains(host, names)?;
    let of = |xml: &El| {
        let marked = marked_state_dir(xml) == Some(&*state_dir);
        Some((xml.find("name")?.text.clone(), marked))
    };
    Ok(all.iter().filter_map(of).collect())
}

/// The names of domains that carry our mark for this state directory.
///
/// # Errors
/// When virsh fails.
pub fn domains_of(host: &Host, state_dir: &Path) -> Result<Vec<String>> {
    let all = marked_domains(host, state_dir)?;
    Ok(all
        .into_iter()
        .filter(|(_, ours)| *ours)
        .map(|(name, _)| name)
        .collect())
}

/// PID 1 of each of these containers that runs, as this host numbers it, in one virsh. A domain's
/// id is the pid of its libvirt_lxc, whose only child it is (libvirt 9.0,
/// src/lxc/lxc_controller.c).
///
/// # Errors
/// When virsh fails.
pub fn init_pids(host: &Host, names: &[String]) -> Result<Vec<(String, u32)>> {
    let text = ok(host, virsh(host).arg("list").run(host)?)?;
    Ok(text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let id: u32 = words.next()?.parse().ok()?;
            let name = names
                .iter()
                .find(|n| Some(n.as_str()) == words.clone().next())?;
            Some((name.clone(), child_of(id)?))
        })
        .collect())
}

/// The first child of a process.
pub fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_as_virsh_prints_it() {
        let text = " 12345   lxc1   running\n -       web    shut off\n\n 77 lxc2 running\n";
        let rows = parse_list(text, |pid| pid == 12345);
        assert_eq!(
            rows[0],
            DomainRow {
                name: "lxc1".into(),
                state: "running".into()
            }
        );
        assert_eq!(rows[1].state, "shut off");
        assert_eq!(rows[2].state, DEAD);
    }
}
