//! virsh, and parsers of what it prints. It exits with 0 or 1 only, so that what went wrong is
//! told by its messages, in the C locale (libvirt 9.0, tools/virsh-*.c).

mod networks;

pub use networks::{active_networks, dump_network, networks, raise_network, remove_network};

use super::hypervisor::{DEAD, Hypervisor};
use super::marked_state_dir;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::command::{Cmd, Output};
use crate::spec::valid_node_name;
use crate::xml::{self, El};
use std::path::Path;
use std::time::Duration;

/// Longest command line handed to one virsh; the kernel takes 128 KiB per argument.
const BATCH_BYTES: usize = 60_000;

/// A line of `virsh list --all`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainRow {
    /// Domain name.
    pub name: String,
    /// `running`, `shut off` and so on, as virsh has it, or [`DEAD`].
    pub state: String,
    /// Its id, while it runs: for a container the pid of its libvirt_lxc.
    pub id: Option<u32>,
}

fn virsh(hypervisor: &Hypervisor) -> Cmd {
    Cmd::new("virsh").args(["-q", "-c", hypervisor.uri])
}

fn ok(hypervisor: &Hypervisor, output: Output) -> Result<String> {
    if output.code == 0 {
        return Ok(output.stdout);
    }
    let e = output.error();
    let said = &output.stderr;
    if said.contains("failed to connect to the hypervisor") {
        let mend =
            if said.contains("Failed to connect socket") || said.contains("Connection refused") {
                format!(
                    "start libvirtd (or {}), for example: systemctl start libvirtd",
                    hypervisor.daemon
                )
            } else {
                format!(
                    "{}, then restart libvirtd",
                    crate::host::packages::mend_for_tool(hypervisor.emulator)
                )
            };
        return Err(Error::cant(format!(
            "libvirt's {} driver does not answer at {}",
            hypervisor.driver, hypervisor.uri
        ))
        .details(e.detail_lines().to_vec())
        .mend(mend));
    }
    Err(e)
}

/// Whether libvirt's driver answers.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with the mend when it does not.
pub fn connect(host: &Host, hypervisor: &Hypervisor) -> Result<()> {
    version(host, hypervisor).map(drop)
}

/// What `virsh version` says.
///
/// # Errors
/// As [`connect`].
pub fn version(host: &Host, hypervisor: &Hypervisor) -> Result<String> {
    ok(
        hypervisor,
        virsh(hypervisor)
            .arg("version")
            .timeout(Duration::from_secs(20))
            .run(host)?,
    )
}

/// Every domain, defined and running.
///
/// # Errors
/// When virsh fails.
pub fn domains(host: &Host, hypervisor: &Hypervisor) -> Result<Vec<DomainRow>> {
    let text = ok(
        hypervisor,
        virsh(hypervisor).args(["list", "--all"]).run(host)?,
    )?;
    Ok(parse_list(&text, hypervisor, process_there))
}

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

/// The XML of domains by name, as one virsh prints it; those that are gone meanwhile are left out.
///
/// # Errors
/// When virsh prints something else than XML.
pub fn dump_domains(host: &Host, hypervisor: &Hypervisor, names: &[String]) -> Result<Vec<El>> {
    let mut all = Vec::new();
    for batch in batches("dumpxml", names) {
        // One that is gone makes the exit status 1, and its message goes to stderr.
        let output = virsh(hypervisor).arg(batch).run(host)?;
        all.extend(xml::parse_many(&output.stdout, "virsh dumpxml")?);
    }
    Ok(all)
}

/// All domains, and whether each carries our mark for this state directory. One that ends while
/// they are looked at is none any more: whose it was cannot be told.
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

/// The same of these domains.
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

/// Destroys domains, and undefines those that are defined. A domain that is gone is fine.
///
/// # Errors
/// When any of them is still there afterwards.
pub fn destroy_domains(host: &Host, hypervisor: &Hypervisor, names: &[String]) -> Result<()> {
    let mut said = end_all(host, hypervisor, names)?;
    for batch in batches("undefine", names) {
        let cmd = virsh(hypervisor)
            .arg(batch)
            .timeout(Duration::from_secs(300));
        said.push_str(&cmd.run(host)?.stderr);
    }
    let left: Vec<String> = domains(host, hypervisor)?
        .into_iter()
        .map(|d| d.name)
        .filter(|n| names.contains(n))
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(
        Error::failed(format!("domains are still there: {}", left.join(", ")))
            .details(said.lines().map(str::to_owned)),
    )
}

/// Ends running domains, several at a time, as far as libvirt does it: whoever needs to know looks
/// again. Gives back what libvirt has to say of those that it does not end.
///
/// For each libvirt sleeps for 0.2 s between two looks whether its processes have ended (libvirt
/// 9.0, src/util/vircgroup.c, virCgroupKillPainfully), so that many at a time take little longer
/// than one.
///
/// # Errors
/// When virsh cannot be run.
pub fn end_all(host: &Host, hypervisor: &Hypervisor, names: &[String]) -> Result<String> {
    const CONNECTIONS: usize = 10;
    let said = for_each_few(names, CONNECTIONS, |few| {
        let mut said = String::new();
        for batch in batches("destroy", few) {
            let cmd = virsh(hypervisor)
                .arg(batch)
                .timeout(Duration::from_secs(300));
            said.push_str(&cmd.run(host)?.stderr);
        }
        Ok(said)
    })?;
    Ok(said.concat())
}

/// Does it for parts of a list, so many at a time: libvirtd does one thing at a time for each
/// connection.
fn for_each_few<T: Sync, R: Send>(
    all: &[T],
    connections: usize,
    each: impl Fn(&[T]) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let share = all.len().div_ceil(connections).max(1);
    std::thread::scope(|scope| {
        let parts = all.chunks(share);
        let running: Vec<_> = parts.map(|part| scope.spawn(|| each(part))).collect();
        let ended = running.into_iter().map(|thread| {
            let ended = thread.join();
            ended.unwrap_or_else(|_| Err(Error::failed("a thread ended")))
        });
        ended.collect()
    })
}

/// `verb name; verb name; …` in arguments that are not too long. Names are checked here, since
/// virsh splits such an argument itself.
fn batches(verb: &str, names: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names.iter().filter(|n| valid_node_name(n)) {
        let command = format!("{verb} {name}; ");
        match all.last_mut() {
            Some(last) if last.len() + command.len() < BATCH_BYTES => last.push_str(&command),
            _ => all.push(command),
        }
    }
    all
}

/// Starts a transient domain from XML.
///
/// # Errors
/// When virsh fails.
pub fn create(host: &Host, hypervisor: &Hypervisor, xml: &Path) -> Result<()> {
    ok(
        hypervisor,
        virsh(hypervisor).arg("create").arg(xml).run(host)?,
    )
    .map(drop)
}

/// Starts transient domains from XML, several at a time; `seen` is told how many so far.
///
/// # Errors
/// When one of them does not start: what virsh said.
pub fn create_all(
    host: &Host,
    hypervisor: &Hypervisor,
    files: &[std::path::PathBuf],
    seen: &mut dyn FnMut(usize),
) -> Result<()> {
    const FEW: usize = 20;
    let create = |files: &[std::path::PathBuf]| {
        let verb = |xml: &std::path::PathBuf| format!("create {}; ", xml.display());
        let commands: String = files.iter().map(verb).collect();
        let cmd = virsh(hypervisor)
            .arg(commands)
            .timeout(Duration::from_secs(120));
        let output = cmd.run(host)?;
        // Of several commands virsh tells the last one's result alone.
        match output.stderr.contains("error:") {
            true => Err(output.error()),
            false => ok(hypervisor, output).map(drop),
        }
    };
    for (count, few) in files.chunks(FEW).enumerate() {
        crate::host::signals::check()?;
        // Two keep libvirtd busy while the kernel waits.
        for_each_few(few, 2, create)?;
        seen(count * FEW + few.len());
    }
    Ok(())
}

/// Defines domains, also those that are defined already: the definition is another then. A running
/// one has it from its next start on.
///
/// # Errors
/// When libvirt does not take one: what virsh said.
pub fn define(host: &Host, hypervisor: &Hypervisor, files: &[std::path::PathBuf]) -> Result<()> {
    files.iter().try_for_each(|xml| {
        crate::host::signals::check()?;
        ok(
            hypervisor,
            virsh(hypervisor).arg("define").arg(xml).run(host)?,
        )
        .map(drop)
    })
}

/// Defines domains that are not, starts those that do not run, and resumes those that are paused,
/// many with one virsh.
///
/// # Errors
/// When one of them does not run then: what virsh said.
pub fn define_and_start(
    host: &Host,
    hypervisor: &Hypervisor,
    wanted: &[(String, std::path::PathBuf)],
) -> Result<()> {
    let rows = domains(host, hypervisor)?;
    let state = |name: &str| {
        rows.iter()
            .find(|r| r.name == name)
            .map(|r| r.state.as_str())
    };
    let verb = |(name, xml): &(String, std::path::PathBuf)| match state(name) {
        None => format!("define {}; start {name}; ", xml.display()),
        Some("running") => String::new(),
        Some("paused") => format!("resume {name}; "),
        Some(DEAD) => format!("destroy {name}; start {name}; "),
        Some(_) => format!("start {name}; "),
    };
    // A few at a time, each with its own time.
    for few in wanted.chunks(25) {
        crate::host::signals::check()?;
        let commands: String = few.iter().map(verb).collect();
        if commands.is_empty() {
            continue;
        }
        let output = virsh(hypervisor)
            .arg(commands)
            .timeout(Duration::from_secs(120))
            .run(host)?;
        if output.code == 0 && !output.stderr.contains("error:") {
            continue;
        }
        // One that a fence agent has started meanwhile is fine.
        let now = domains(host, hypervisor)?;
        let runs = |name: &String| now.iter().any(|r| r.name == *name && r.state == "running");
        if !few.iter().all(|(name, _)| runs(name)) {
            return Err(output.error());
        }
    }
    Ok(())
}

/// The first child of a process.
pub fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libvirt::hypervisor::LXC;

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

    #[test]
    fn batches_hold_checked_names_only_and_stay_short() {
        let names = ["lxc1", "a; destroy b", "lxc2"].map(String::from);
        assert_eq!(batches("destroy", &names), ["destroy lxc1; destroy lxc2; "]);
        let many: Vec<String> = (1..10_000).map(|n| format!("lxc{n}")).collect();
        let all = batches("destroy", &many);
        assert!(all.len() > 1 && all.iter().all(|b| b.len() < BATCH_BYTES));
        assert_eq!(all.concat().matches("destroy ").count(), many.len());
    }
}
