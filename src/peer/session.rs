//! A session with another node: this program runs there, and answers requests.

use super::{Answer, Facts, Greeting, Numbered, Request, Target, sent_program};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::command::Cmd;
use crate::host::pipe::Pipe;
use crate::spec::is_plain_path;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a node may take to greet.
const GREETS_WITHIN: Duration = Duration::from_secs(30);
/// How often the leading node sends an empty line, which says that it is still there.
const ALIVE_EVERY: Duration = Duration::from_secs(3);
/// After this silence the answering node lets go of its locks and ends: the leading node may have
/// been fenced, which no connection reports.
pub const SILENCE: Duration = Duration::from_secs(20);
/// How long sending the program to a node may take.
const SENT_WITHIN: Duration = Duration::from_secs(120);
/// PATH of the program on the node. The PATH of a shell without a login may lack the directories of
/// the daemons.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A session with another node. When this is dropped, the program on the node sees the end of its
/// input; it finishes or puts back the request at hand by itself, and ends.
#[derive(Debug)]
pub struct Session {
    /// The node, and the path of the program that answers there.
    pub target: Target,
    pipe: Pipe,
    asked: u64,
}

/// Opens a session. Where the node lacks this program, or has another version of it, it is sent.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when ssh does not get there without a person, or the program does
/// not run there.
pub fn open(host: &Host, target: &Target, state_dir: &Path) -> Result<Session> {
    match greeted(host, target, state_dir) {
        Ok(Ok(session)) => return Ok(session),
        Ok(Err(_)) => {}
        Err(e) => return Err(e),
    }
    let target = Target {
        program: sent_program(state_dir),
        ..target.clone()
    };
    let session = send_program(host, &target).and_then(|()| greeted(host, &target, state_dir));
    if !matches!(session, Ok(Ok(_))) {
        // An incomplete copy, left by a full disk; or a program that does not run on that node.
        let _ = ssh(&target)
            .args(["rm", "-f"])
            .arg(&target.program)
            .run(host);
    }
    session?.map_err(|said| {
        Error::cant(format!(
            "{}: lxc-autogen was sent there and does not run",
            target.node
        ))
        .details(said)
        .mend(format!(
            "install lxc-autogen {} on {}",
            env!("CARGO_PKG_VERSION"),
            target.node
        ))
    })
}

/// The session, or the lines that came instead of a greeting from a node that ssh does reach.
fn greeted(host: &Host, target: &Target, state_dir: &Path) -> Result<Result<Session, Vec<String>>> {
    let program = plain(&target.program);
    let cmd = ssh(target)
        .arg("env")
        .arg(PATH)
        .arg(program)
        .args(["realise", &target.node, "--state-dir"])
        .arg(state_dir);
    let pipe = Pipe::open(host, &cmd)?;
    pipe.keep_alive(ALIVE_EVERY);
    while let Some(line) = pipe
        .receive(GREETS_WITHIN)
        .map_err(|e| e.context(&target.node))?
    {
        let Ok(greeting) = serde_json::from_str::<Greeting>(&line) else {
            continue;
        };
        if !greeting.is_ours() {
            return Ok(Err(vec![format!("version {}", greeting.version)]));
        }
        if greeting.node != target.node {
            return Err(Error::cant(format!(
                "ssh {} leads to a node that calls itself {}",
                target.node, greeting.node
            ))
            .mend("mend the name in ssh's configuration, /etc/hosts or DNS"));
        }
        let target = target.clone();
        return Ok(Ok(Session {
            target,
            pipe,
            asked: 0,
        }));
    }
    match pipe.end() {
        // Status 255 is ssh's own failure (ssh(1), EXIT STATUS).
        (Some(255) | None, said) => Err(unreachable(target, said)),
        (_, said) => Ok(Err(said)),
    }
}

fn unreachable(target: &Target, said: Vec<String>) -> Error {
    let node = &target.node;
    Error::cant(format!("{node}: ssh does not get there"))
        .details(said)
        .mend(format!(
            "`ssh -o BatchMode=yes {node} true` must work for root: the node up, its host key known, \
             a key of root's accepted; --nodes leaves a node out, --ssh-option says how to reach it"
        ))
}

/// Sends the program over ssh to install(1), which writes it completely or fails; nothing else has
/// to be on the node.
fn send_program(host: &Host, target: &Target) -> Result<()> {
    let ourselves =
        std::env::current_exe().map_err(|e| Error::failed(format!("find our own program: {e}")))?;
    let bytes = std::fs::read(&ourselves).map_err(|e| Error::io("read", &ourselves, e))?;
    let output = ssh(target)
        .args(["install", "-m", "0700", "/dev/stdin"])
        .arg(&target.program)
        .stdin(bytes)
        .timeout(SENT_WITHIN)
        .run(host)?;
    if output.code == 0 {
        return Ok(());
    }
    Err(Error::cant(format!(
        "{}: lxc-autogen is not there, and cannot be sent",
        target.node
    ))
    .details(output.error().detail_lines().to_vec())
    .mend(format!(
        "make room there, or install lxc-autogen on {}",
        target.node
    )))
}

/// The command ssh, set to ask no questions and to forward nothing of this session. For each option
/// ssh takes the first value that it meets (ssh_config(5)).
fn ssh(target: &Target) -> Cmd {
    let fixed = [
        "BatchMode=yes",
        "ForwardAgent=no",
        "ForwardX11=no",
        "ClearAllForwardings=yes",
    ];
    let ours = [
        "ConnectTimeout=10",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=6",
    ];
    let options = fixed
        .into_iter()
        .chain(target.options.iter().map(String::as_str))
        .chain(ours);
    Cmd::new("ssh")
        .arg("-T")
        .args(options.flat_map(|o| ["-o".to_owned(), o.to_owned()]))
        .args(["--", &target.node])
}

/// The program's path for ssh, which hands it to a shell on the node: the bare name takes the place
/// of a path that the shell could misread.
fn plain(program: &Path) -> PathBuf {
    if is_plain_path(program) {
        program.to_owned()
    } else {
        "lxc-autogen".into()
    }
}

impl Session {
    /// Sends a request, and waits for its answer.
    ///
    /// # Errors
    /// The node's own error; [`crate::error::Kind::Failed`] when the connection is lost.
    pub fn ask(&mut self, request: &Request, timeout: Duration) -> Result<Answer> {
        let node = self.target.node.clone();
        let lost = |e: Error| e.context(&node);
        self.asked += 1;
        let request = Numbered {
            number: self.asked,
            what: request,
        };
        let line = serde_json::to_string(&request)
            .map_err(|e| Error::failed(format!("ask {node}: {e}")))?;
        self.pipe.send(&line).map_err(lost)?;
        loop {
            let Some(line) = self.pipe.receive(timeout).map_err(lost)? else {
                return Err(Error::failed(format!("{node}: the connection was lost"))
                    .mend("lxc-autogen cleanup takes away what is left, here and there"));
            };
            // The error does not show the line, which may have a key in it.
            let answer: Numbered<Answer> = serde_json::from_str(&line)
                .map_err(|e| Error::failed(format!("{node} is not understood: {e}")))?;
            match answer.what {
                // An answer to an earlier request that was given up.
                _ if answer.number != self.asked => {}
                Answer::Failed(failure) => return Err(failure.of(&node)),
                answer => return Ok(answer),
            }
        }
    }

    /// Has the node take its locks and describe itself; it tells its authentication key only if
    /// `key`.
    ///
    /// # Errors
    /// As [`Session::ask`].
    pub fn look(&mut self, key: bool) -> Result<Facts> {
        // The node may wait half a minute for another run on it to end.
        match self.ask(&Request::Look { key }, Duration::from_secs(60))? {
            Answer::Facts(facts) => Ok(*facts),
            _ => Err(self.unexpected()),
        }
    }

    /// The error for an answer of another kind than the request has.
    pub fn unexpected(&self) -> Error {
        Error::failed(format!("{} answers something else", self.target.node))
    }
}

/// Calls a function for all of the items side by side, and gives back the results in their order.
pub fn each<T: Send, R: Send>(
    all: impl IntoIterator<Item = T>,
    act: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let act = &act;
    std::thread::scope(|scope| {
        let running: Vec<_> = all
            .into_iter()
            .map(|one| scope.spawn(move || act(one)))
            .collect();
        running
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_asks_nobody_and_takes_the_users_options_before_our_defaults() {
        let target = Target {
            node: "node2".into(),
            program: "/x".into(),
            options: vec!["ConnectTimeout=3".into()],
        };
        let line = ssh(&target).line();
        assert!(line.contains("BatchMode=yes") && line.ends_with("-- node2"));
        let (theirs, ours) = (
            line.find("ConnectTimeout=3"),
            line.find("ConnectTimeout=10"),
        );
        assert!(theirs < ours, "{line}");
        assert_eq!(plain(Path::new("/a b/x")), Path::new("lxc-autogen"));
    }

    #[test]
    fn side_by_side_in_order() {
        assert_eq!(each([3, 1, 2], |n| n * 2), [6, 2, 4]);
    }
}
