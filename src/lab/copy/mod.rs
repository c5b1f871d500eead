//! Files and directories into a node and out of it.
//!
//! A path in a node is never followed from this host, whose files a link in the node could lead to:
//! tar(1) runs in the node, and its archive is made or taken apart here. It is not trusted.

mod out;
mod pack;
mod place;
mod there;
mod unpack;

pub(crate) use place::Place;

use super::find::{find, is_pattern};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::inside::Inside;
use crate::host::packages;
use crate::host::signals;
use crate::host::stream::Stream;
use std::io::{self, Read};
use std::path::Path;

/// What a copy has made.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Copied {
    /// How many files.
    pub files: u64,
    /// Their length in bytes.
    pub bytes: u64,
    /// How many entries were left out.
    pub left_out: u64,
    /// The first of those that were left out, each with the reason.
    pub examples: Vec<String>,
}

/// How many of the entries that are left out are named.
const EXAMPLES: usize = 20;

impl Copied {
    /// The name is quoted: whoever chose it could have put a terminal's commands into it.
    fn leave_out(&mut self, path: &Path, why: &str) {
        self.left_out += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(format!("{path:?}: {why}"));
        }
    }
}

/// Whether what is copied is a file or a directory; nothing else is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    File,
    Directory,
    Other,
}

/// Copies from one place to another, of which just one is in a node.
///
/// # Errors
/// With what is wrong with either place; with tar's message; or [`Kind::Interrupted`]. What was
/// copied before that stays.
pub(crate) fn copy(context: &Context, from: &Place, to: &Place) -> Result<Copied> {
    let enter = |node: &str| match is_pattern(node) {
        true => Err(Error::usage(format!("{node} stands for several nodes"))
            .mend("copy to one after the other")),
        false => find(context, node),
    };
    match (from, to) {
        (Place::Here(source), Place::There { node, path }) => {
            into(context, &enter(node)?, source, path)
        }
        (Place::There { node, path }, Place::Here(target)) => {
            out::copy(context, &enter(node)?, path, target)
        }
        _ => check(from, to).map(|()| Copied::default()),
    }
}

/// Refuses two places of which not just one is in a node.
///
/// # Errors
/// A usage error.
pub(crate) fn check(from: &Place, to: &Place) -> Result<()> {
    match (from, to) {
        (Place::Here(_), Place::Here(_)) => Err(Error::usage(
            "neither the source nor the target is in a node",
        )
        .mend("write one of them as NODE:PATH, such as node1:/etc/hosts")),
        (Place::There { .. }, Place::There { .. }) => {
            Err(Error::usage("both the source and the target are in nodes")
                .mend("copy to this host, and from there into the other node"))
        }
        _ => Ok(()),
    }
}

/// Copies a file or directory of this host into a node.
fn into(context: &Context, inside: &Inside, source: &Path, target: &Path) -> Result<Copied> {
    let (what, real) = here(source)?;
    let name = source.file_name().or_else(|| real.file_name());
    let name = name.ok_or_else(|| no_name(source.display()))?;
    let landing = there::landing(context, inside, target, name, what)?;
    let cmd = inside
        .cmd("tar")
        .args([
            "--extract",
            "--file=-",
            "--no-same-owner",
            "--preserve-permissions",
            "--no-overwrite-dir",
            "--directory",
        ])
        .arg(&landing.directory);
    let mut stream = Stream::to(&context.host, &cmd)?;
    let packed = pack::pack(&mut stream, &real, &landing.name);
    let shown = format!("{}:{}", inside.name(), target.display());
    match packed {
        Ok(copied) => ended(context, stream, 0).map(|()| copied),
        Err(pack::Stop::Here(e)) => Err(e),
        // tar knows why it does not read on.
        Err(pack::Stop::There(e)) => signals::check()
            .and_then(|()| ended(context, stream, 0))
            .and(Err(Error::failed(format!(
                "write to {}: {e}",
                inside.name()
            )))),
    }
    .map_err(|e| incomplete(e, &shown))
}

/// What there is at a path of this host, and the path without links.
fn here(source: &Path) -> Result<(What, std::path::PathBuf)> {
    let real = source.canonicalize().map_err(|e| {
        Error::cant(format!("{}: {e}", source.display()))
            .mend("a path in a node is written with its node, as in node1:/etc/hosts")
    })?;
    let seen = real
        .metadata()
        .map_err(|e| Error::io("look at", &real, e))?;
    let what = match (seen.is_file(), seen.is_dir()) {
        (true, _) => What::File,
        (_, true) => What::Directory,
        _ => return Err(neither(source.display())),
    };
    Ok((what, real))
}

/// Waits for the end of tar, which may exit with `most`. What it warns of is told.
fn ended(context: &Context, stream: Stream, most: i32) -> Result<()> {
    let output = stream.end().map_err(|e| match e.kind {
        Kind::Interrupted => e,
        _ => e.mend("see whether the node still runs: lxc-autogen lab status"),
    })?;
    if output.code > most {
        // What tar says of a disk that is full, at its edge and behind it.
        let full = ["Wrote only", "No space left on device"]
            .iter()
            .any(|said| output.stderr.contains(said));
        return Err(match (output.code, full) {
            // By node-enter, as a shell has it.
            (127, _) => output.error().mend(packages::mend_for_tool("tar")),
            (_, true) => output.error().mend("make room in the node"),
            _ if output.stderr.contains("Read-only file system") => output.error().mend(
                "copy to where the node can be written, such as /root; lab up has --share and \
                 --agents for what all nodes are to see",
            ),
            _ => output.error(),
        });
    }
    for line in output.stderr.lines().take(EXAMPLES) {
        let harmless = |c: char| if c.is_control() { '?' } else { c };
        let line: String = line.chars().map(harmless).collect();
        context.report.warn(format!("in the node: {line}"));
    }
    Ok(())
}

fn incomplete(e: Error, target: &str) -> Error {
    match e.kind {
        Kind::Failed | Kind::Interrupted => e.detail(format!("{target} may be incomplete")),
        _ => e,
    }
}

fn neither(shown: impl std::fmt::Display) -> Error {
    Error::cant(format!("{shown} is neither a file nor a directory")).mend("nothing else is copied")
}

fn no_name(shown: impl std::fmt::Display) -> Error {
    Error::usage(format!("{shown} has no name of its own"))
        .mend("name the file or directory that is to be copied")
}

/// Reads just so many bytes; that there are less is an error.
struct Exactly<R> {
    from: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        match self.from.read(&mut buffer[..most])? {
            0 => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it ends too early",
            )),
            read => {
                self.left -= read as u64;
                Ok(read)
            }
        }
    }
}
