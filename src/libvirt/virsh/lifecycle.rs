//! Domains: defined, started and ended.

use super::{batches, domains, ok, virsh};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::at::At;
use crate::host::poll::{Poll, Seen};
use crate::libvirt::hypervisor::{DEAD, Hypervisor};
use std::path::Path;
use std::time::Duration;

/// Destroys domains, and undefines those that are defined. Domains that do not exist are passed
/// over.
///
/// libvirt waits 3 s for a container's processes to end, the last 1.4 s of these after SIGKILL, and
/// then gives up: "Some processes refused to die" (libvirt 9.0, src/util/vircgroup.c,
/// virCgroupKillPainfully). Killed processes of a loaded host take longer, so those domains are
/// destroyed again.
///
/// # Errors
/// When any of them is still there afterwards.
pub fn destroy_domains(host: &Host, hypervisor: &Hypervisor, names: &[String]) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let poll = Poll::every(Duration::from_millis(500), PATIENCE).uninterrupted();
    let mut wanted = names.to_vec();
    let look = |_: &mut Poll| {
        let said = try_destroying(host, hypervisor, &wanted)?;
        let there = domains(host, hypervisor)?.into_iter().map(|d| d.name);
        wanted = there.filter(|n| names.contains(n)).collect();
        let too_slow = said.contains("refused to die");
        let left = still_there(&wanted, &said);
        Ok(match wanted.is_empty() {
            true => Seen::Ready(Ok(())),
            false if !too_slow => Seen::Ready(Err(left)),
            false => Seen::Waiting(left),
        })
    };
    poll.until(look, |left| left)?
}

fn still_there(left: &[String], said: &str) -> Error {
    Error::failed(format!("domains are still there: {}", left.join(", ")))
        .details(said.lines().map(str::to_owned))
}

/// Gives back virsh's error output.
fn try_destroying(host: &Host, hypervisor: &Hypervisor, names: &[String]) -> Result<String> {
    let mut said = end_all(host, hypervisor, names)?;
    for batch in batches("undefine", names) {
        let cmd = virsh(host, hypervisor)
            .arg(batch)
            .timeout(Duration::from_secs(300));
        said.push_str(&cmd.run(host)?.stderr);
    }
    Ok(said)
}

/// Destroys running domains, several at a time. A domain that libvirt does not end is no error: a
/// caller that must know has to look. Returns virsh's error output.
///
/// For each domain libvirt waits for its processes to end and sleeps 0.2 s between two looks
/// (libvirt 9.0, src/util/vircgroup.c, virCgroupKillPainfully), so that ending many at a time takes
/// little longer than ending one.
///
/// # Errors
/// When virsh cannot be run.
pub fn end_all(at: &dyn At, hypervisor: &Hypervisor, names: &[String]) -> Result<String> {
    const CONNECTIONS: usize = 10;
    let said = for_each_few(names, CONNECTIONS, |few| {
        let mut said = String::new();
        for batch in batches("destroy", few) {
            let cmd = virsh(at, hypervisor)
                .arg(batch)
                .timeout(Duration::from_secs(300));
            said.push_str(&cmd.run(at.host())?.stderr);
        }
        Ok(said)
    })?;
    Ok(said.concat())
}

/// Splits a list into parts, at most as many as `connections`, and runs `each` for all parts at the
/// same time. libvirtd handles one command at a time for each connection.
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

/// Starts a transient domain from XML.
///
/// # Errors
/// When virsh fails.
pub fn create(at: &dyn At, hypervisor: &Hypervisor, xml: &Path) -> Result<()> {
    ok(
        at,
        hypervisor,
        virsh(at, hypervisor)
            .arg("create")
            .arg(xml)
            .run(at.host())?,
    )
    .map(drop)
}

/// Starts transient domains from XML files, several at a time; `seen` is told how many have started
/// so far.
///
/// # Errors
/// When a domain does not start, with virsh's message.
pub fn create_all(
    at: &dyn At,
    hypervisor: &Hypervisor,
    files: &[std::path::PathBuf],
    seen: &mut dyn FnMut(usize),
) -> Result<()> {
    const FEW: usize = 20;
    let create = |files: &[std::path::PathBuf]| {
        let verb = |xml: &std::path::PathBuf| format!("create {}; ", xml.display());
        let commands: String = files.iter().map(verb).collect();
        let cmd = virsh(at, hypervisor)
            .arg(commands)
            .timeout(Duration::from_secs(120));
        let output = cmd.run(at.host())?;
        // Of several commands, virsh's exit status is that of the last one.
        match output.stderr.contains("error:") {
            true => Err(output.error()),
            false => ok(at, hypervisor, output).map(drop),
        }
    };
    for (count, few) in files.chunks(FEW).enumerate() {
        crate::host::signals::check()?;
        // Two connections keep libvirtd busy while the kernel waits.
        for_each_few(few, 2, create)?;
        seen(count * FEW + few.len());
    }
    Ok(())
}

/// Defines domains. A domain that is defined already gets the new definition; a running one has it
/// from its next start on.
///
/// # Errors
/// When libvirt refuses a definition, with virsh's message.
pub fn define(at: &dyn At, hypervisor: &Hypervisor, files: &[std::path::PathBuf]) -> Result<()> {
    files.iter().try_for_each(|xml| {
        crate::host::signals::check()?;
        ok(
            at,
            hypervisor,
            virsh(at, hypervisor)
                .arg("define")
                .arg(xml)
                .run(at.host())?,
        )
        .map(drop)
    })
}

/// Defines and starts domains that do not exist, starts those that do not run, and resumes those
/// that are paused; one virsh does this for up to 25 domains.
///
/// # Errors
/// When a domain does not run afterwards, with virsh's message.
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
    // A few at a time, so that each virsh has its own timeout.
    for few in wanted.chunks(25) {
        crate::host::signals::check()?;
        let commands: String = few.iter().map(verb).collect();
        if commands.is_empty() {
            continue;
        }
        let output = virsh(host, hypervisor)
            .arg(commands)
            .timeout(Duration::from_secs(120))
            .run(host)?;
        if output.code == 0 && !output.stderr.contains("error:") {
            continue;
        }
        // A domain that a fence agent has started meanwhile counts as started.
        let now = domains(host, hypervisor)?;
        let runs = |name: &String| now.iter().any(|r| r.name == *name && r.state == "running");
        if !few.iter().all(|(name, _)| runs(name)) {
            return Err(output.error());
        }
    }
    Ok(())
}
