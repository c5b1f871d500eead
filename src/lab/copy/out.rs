//! Out of a node, onto this host.

use super::there::{in_the_way, is_directory_name, look};
use super::unpack::unpack;
use super::{Copied, What, ended, incomplete, neither, no_name};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::files::Within;
use crate::host::inside::Inside;
use crate::host::signals;
use crate::host::stream::Stream;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Copies a file or directory of a node to this host.
pub(super) fn copy(
    context: &Context,
    inside: &Inside,
    source: &Path,
    target: &Path,
) -> Result<Copied> {
    let node = inside.name();
    let shown = format!("{node}:{}", source.display());
    let what = match look(context, inside, source)? {
        Some(What::Other) => return Err(neither(shown)),
        Some(what) => what,
        None => {
            let above = source.parent().unwrap_or(Path::new("/")).display();
            let mend = format!("lxc-autogen lab exec {node} -- ls {above} shows what is there");
            return Err(Error::cant(format!("there is no {shown}")).mend(mend));
        }
    };
    let name = source.file_name().ok_or_else(|| no_name(&shown))?;
    let landing = landing(target, name, what)?;
    let within = Within::open(&landing.0)?;
    let cmd =
        inside
            .cmd("tar")
            .args(["--create", "--file=-", "--format=gnu", "--hard-dereference"]);
    let cmd = match what {
        What::Directory => cmd.arg("--directory").arg(source).arg("."),
        // A link that is named is followed, there.
        _ => {
            let member = Path::new(".").join(name);
            let cmd = cmd.args(["--dereference", "--directory"]);
            cmd.arg(source.parent().unwrap_or(Path::new("/")))
                .arg("--")
                .arg(member)
        }
    };
    let mut stream = Watched {
        stream: Stream::from(&context.host, &cmd)?,
        at_end: false,
    };
    let unpacked = unpack(&mut stream, &within, &landing.1, what);
    let copied = match unpacked {
        // 1: a file has changed while it was read.
        Ok(copied) => ended(context, stream.stream, 1).map(|()| copied),
        Err(e) => Err(match signals::check() {
            Err(interrupted) => interrupted,
            // An archive that ends too early is tar's, which knows why.
            Ok(()) if stream.at_end => ended(context, stream.stream, 0).err().unwrap_or(e),
            Ok(()) => e,
        }),
    };
    copied.map_err(|e| incomplete(e, &target.display().to_string()))
}

/// The directory on this host, and the name in it, that a file or directory called `name` comes to:
/// into a directory that is there, or else the target itself.
fn landing(target: &Path, name: &OsStr, source: What) -> Result<(PathBuf, OsString)> {
    let shown = target.display();
    // A link to a file is that file.
    let real = target.canonicalize().ok().filter(|real| real.is_file());
    let target = real.as_deref().unwrap_or(target);
    if let Ok(seen) = target.metadata() {
        let there = match (seen.is_dir(), seen.is_file()) {
            (true, _) => return Ok((target.to_owned(), name.to_owned())),
            (_, true) => What::File,
            _ => return Err(neither(shown)),
        };
        if there != source {
            return Err(in_the_way(&shown.to_string(), there));
        }
    }
    let parent = match target.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    };
    let missing = |path: &Path| {
        let path = path.display();
        Err(Error::cant(format!("there is no directory {path}")).mend(format!("mkdir -p {path}")))
    };
    match target.file_name() {
        Some(own) if !is_directory_name(target) => match parent.is_dir() {
            true => Ok((parent.to_owned(), own.to_owned())),
            false => missing(parent),
        },
        _ => missing(target),
    }
}

/// Remembers that the program has written all that it will.
struct Watched {
    stream: Stream,
    at_end: bool,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.at_end |= read == 0 && !buffer.is_empty();
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn into_a_directory_that_is_there_or_else_by_the_new_name() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        std::fs::write(at("file"), "").unwrap();
        std::fs::create_dir(at("directory")).unwrap();
        let lands = |target: &str, source| landing(&at(target), OsStr::new("name"), source);
        let (here, name) = (directory.path().to_owned(), OsString::from("name"));
        for source in [What::File, What::Directory] {
            let there = (at("directory"), name.clone());
            assert_eq!(lands("directory", source).unwrap(), there);
            let there = (here.clone(), "new".into());
            assert_eq!(lands("new", source).unwrap(), there);
            for absent in ["new/", "no/new"] {
                let e = lands(absent, source).unwrap_err();
                assert!(e.message().contains("no directory"), "{e}");
            }
        }
        let there = (here, "file".into());
        assert_eq!(lands("file", What::File).unwrap(), there);
        let e = lands("file", What::Directory).unwrap_err();
        assert!(e.message().contains("a directory is to come"), "{e}");
        let e = landing(Path::new("/dev/null"), &name, What::File).unwrap_err();
        assert_eq!(e.kind, Kind::Cant);
    }
}
