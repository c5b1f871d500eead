//! The newest VirtualDomain agent: fetched, checked and installed. The previous agent is kept.

use crate::change::{Agent, Change, Outside, StateFile};
use crate::checks::admission;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::command::Cmd;
use crate::host::files::{self, Attributes, Existing};
use crate::state::State;
use crate::xml;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the previous agent in the state directory.
const PREVIOUS: &str = "VirtualDomain.previous";
/// Directory of the fetched agent in the state directory, until it is installed. The agent keeps
/// its own file name there, since ocf_rarun calls functions by it.
const FETCHED: &str = "fetched";

/// Path of the agent, whether it is installed yet or not.
///
/// # Errors
/// When there is no directory of resource agents.
pub(crate) fn target() -> Result<PathBuf> {
    if let Some(path) = admission::agent_path() {
        return Ok(path);
    }
    let directory = Path::new("/usr/lib/ocf/resource.d/heartbeat");
    if directory.is_dir() {
        return Ok(directory.join("VirtualDomain"));
    }
    Err(
        Error::cant("there is no directory of resource agents on this host")
            .mend(crate::host::packages::mend_for_tool("VirtualDomain")),
    )
}

/// Installs an agent that was fetched; the previous one is kept.
pub(crate) fn install(
    context: &Context,
    state: &mut State,
    bytes: &[u8],
    target: &Path,
) -> Result<()> {
    let fetched = fetched(state)?;
    install_fetched(context, state, &fetched, bytes, target)
}

/// Installs an agent that another node has fetched.
///
/// # Errors
/// As [`run`].
pub(crate) fn install_bytes(context: &Context, state: &mut State, bytes: &[u8]) -> Result<()> {
    install(context, state, bytes, &target()?)
}

/// Path of the fetched agent until it is installed.
fn fetched(state: &mut State) -> Result<PathBuf> {
    let directory = state.dir.join(FETCHED);
    state.journal.intend([StateFile::named(FETCHED)])?;
    std::fs::create_dir_all(&directory).map_err(|e| Error::io("make directory", &directory, e))?;
    Ok(directory.join("VirtualDomain"))
}

fn install_fetched(
    context: &Context,
    state: &mut State,
    fetched: &Path,
    bytes: &[u8],
    target: &Path,
) -> Result<()> {
    // Executable for the check, and for good once it is installed.
    files::write_atomic(fetched, bytes, Attributes::root(0o755), Existing::Replace)?;
    check(context, fetched)?;
    let mut installed: Vec<String> = state
        .journal
        .outstanding()
        .filter_map(|(_, change)| match change {
            Change::Outside(Outside::Agent(agent)) => Some(agent.sha256.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    if files::exists(target) && installed.is_empty() {
        state.journal.intend([StateFile::named(PREVIOUS)])?;
        files::copy_whole(target, &state.dir.join(PREVIOUS))?;
    }
    installed.push(files::sha256(bytes));
    let had_one = files::exists(&state.dir.join(PREVIOUS));
    state.journal.intend([Agent {
        path: target.to_owned(),
        sha256: installed,
        previous: had_one.then(|| PREVIOUS.to_owned()),
    }])?;
    files::write_atomic(target, bytes, Attributes::root(0o755), Existing::Replace)
}

/// Fetches a URL, with curl or wget, whichever is there; before anything is changed, so that a
/// failure has nothing to put back. An agent is a text.
///
/// # Errors
/// When it cannot be fetched, with the fetcher's own words.
pub(crate) fn fetch(context: &Context, url: &str) -> Result<Vec<u8>> {
    let fetcher = if which::which("curl").is_ok() {
        Cmd::new("curl").args(["--fail", "--silent", "--show-error", "--location"])
    } else {
        Cmd::new("wget").args(["--no-verbose", "--output-document=-"])
    };
    let output = fetcher
        .args(["--", url])
        .timeout(Duration::from_secs(120))
        .run(&context.host)
        .map_err(|e| e.mend("apt-get install curl, or your system's package of it"))?;
    if output.code != 0 {
        let said = output.error().detail_lines().to_vec();
        return Err(Error::failed(format!("{url} cannot be fetched"))
            .details(said)
            .mend("is it right, and is there a way to it? --agent-url names another"));
    }
    Ok(output.stdout.into_bytes())
}

/// A resource agent answers `meta-data` with XML that names it (OCF Resource Agent API).
fn check(context: &Context, agent: &Path) -> Result<()> {
    let not_one = |why: &str| {
        Error::failed(format!("what was fetched is no VirtualDomain agent: {why}"))
            .mend("give the agent's own address with --agent-url")
    };
    let root = std::env::var_os("OCF_ROOT").unwrap_or_else(|| "/usr/lib/ocf".into());
    let output = Cmd::new(agent.to_string_lossy())
        .arg("meta-data")
        .env("OCF_ROOT", root)
        .timeout(Duration::from_secs(20))
        .run(&context.host)
        .map_err(|e| not_one(e.message()))?;
    if output.code != 0 {
        return Err(not_one(output.error().message()));
    }
    let metadata = xml::parse(&output.stdout, "its meta-data").map_err(|e| not_one(e.message()))?;
    match (metadata.name.as_str(), metadata.get("name")) {
        ("resource-agent", Some("VirtualDomain")) => Ok(()),
        _ => Err(not_one("its meta-data describe something else")),
    }
}
