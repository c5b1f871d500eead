//! Domains: listed, and read as XML.

use super::{batches, ok, virsh};
use crate::error::Result;
use crate::host::Host;
use crate::host::at::At;
use crate::libvirt::hypervisor::Hypervisor;
use crate::libvirt::marked_state_dir;
use crate::xml::{self, El};
use std::path::Path;
use std::time::Duration;

/// A line of `virsh list --all`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainRow {
    /// Domain name.
    pub name: String,
    /// The state as virsh prints it (`running`, `shut off` and so on), or
    /// [`super::super::hypervisor::DEAD`].
    pub state: String,
    /// The domain's id while it runs; for a container it is the pid of its libvirt_lxc.
    pub id: Option<u32>,
}

/// All domains, defined or running.
///
/// # Errors
/// When virsh fails.
pub fn domains(host: &Host, hypervisor: &Hypervisor) -> Result<Vec<DomainRow>> {
    let list = virsh(host, hypervisor).args(["list", "--all"]);
    let text = ok(host, hypervisor, list.run(host)?)?;
    Ok(parse_list(&text, hypervisor, process_there))
}

/// All domains of a libvirt in another place, whose processes cannot be looked at from here.
///
/// # Errors
/// When virsh fails there, or does not answer within a few seconds.
pub fn domains_in(at: &dyn At, hypervisor: &Hypervisor) -> Result<Vec<DomainRow>> {
    let list = at
        .cmd("virsh")
        .args(["-q", "-c", hypervisor.uri, "list", "--all"]);
    let text = list.timeout(ELSEWHERE).ok(at.host())?;
    Ok(parse_list(&text, hypervisor, |_| true))
}

/// How long a libvirt elsewhere may take to answer.
const ELSEWHERE: Duration = Duration::from_secs(8);

fn parse_list(text: &str, hypervisor: &Hypervisor, alive: impl Fn(u32) -> bool) -> Vec<DomainRow> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let id = words.next()?;
            let name = words.next()?.to_owned();
            let said = words.collect::<Vec<_>>().join(" ");
            let state = hypervisor.state(id, &said, &alive);
            let id = id.parse().ok();
            (!said.is_empty()).then_some(DomainRow { name, state, id })
        })
        .collect()
}

fn process_there(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// The XML of the domains with these names. Domains that do not exist any more are left out.
///
/// # Errors
/// When virsh prints something that is not XML.
pub fn dump_domains(at: &dyn At, hypervisor: &Hypervisor, names: &[String]) -> Result<Vec<El>> {
    let mut all = Vec::new();
    for batch in batches("dumpxml", names) {
        // A domain that is gone makes the exit status 1, and virsh's message about it goes to
        // stderr.
        let output = virsh(at, hypervisor).arg(batch).run(at.host())?;
        all.extend(xml::parse_many(&output.stdout, "virsh dumpxml")?);
    }
    Ok(all)
}

/// The names of all domains, each with whether it carries our mark for this state directory. A
/// domain that ends during the look is left out, since its mark cannot be read any more.
///
/// # Errors
/// When virsh fails.
pub fn marked_domains(
    host: &Host,
    hypervisor: &Hypervisor,
    state_dir: &Path,
) -> Result<Vec<(String, bool)>> {
    let names: Vec<String> = domains(host, hypervisor)?
        .into_iter()
        .map(|d| d.name)
        .collect();
    marks(host, hypervisor, &names, state_dir)
}

/// As [`marked_domains`], for the domains with these names.
///
/// # Errors
/// When virsh fails.
pub fn marks(
    host: &Host,
    hypervisor: &Hypervisor,
    names: &[String],
    state_dir: &Path,
) -> Result<Vec<(String, bool)>> {
    let state_dir = state_dir.to_string_lossy();
    let all = dump_domains(host, hypervisor, names)?;
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
pub fn domains_of(host: &Host, hypervisor: &Hypervisor, state_dir: &Path) -> Result<Vec<String>> {
    let all = marked_domains(host, hypervisor, state_dir)?;
    Ok(all
        .into_iter()
        .filter(|(_, ours)| *ours)
        .map(|(name, _)| name)
        .collect())
}

/// The pid of a process's first child.
pub fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libvirt::hypervisor::{DEAD, LXC};

    #[test]
    fn the_list_as_virsh_prints_it() {
        let text = " 12345   lxc1   running\n -       web    shut off\n\n 77 lxc2 running\n";
        let rows = parse_list(text, &LXC, |pid| pid == 12345);
        assert_eq!(
            rows[0],
            DomainRow {
                name: "lxc1".into(),
                state: "running".into(),
                id: Some(12345),
            }
        );
        assert_eq!(rows[1].state, "shut off");
        assert_eq!(rows[2].state, DEAD);
    }
}
