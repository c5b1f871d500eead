//! An initramfs: an archive of cpio's "newc" kind (Linux, Documentation/driver-api/early-userspace/
//! buffer-format.rst) with this program as /init.

use crate::error::{Context, Error, Result};
use crate::host::Host;
use crate::host::command::Cmd;
use crate::supervisor::boot;
use cpio::newc::{Builder, trailer};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// An archive that is being written.
#[derive(Debug)]
pub struct Initramfs<'a> {
    host: &'a Host,
    path: PathBuf,
    file: BufWriter<File>,
    directories: BTreeSet<PathBuf>,
    number: u32,
}

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const DATA: u32 = 0o100_600;

impl<'a> Initramfs<'a> {
    /// Writes a whole initramfs: lxc-autogen's `program` with its libraries, these modules in their order, and what is to be done with them.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn write(
        host: &'a Host,
        path: &Path,
        program: &Path,
        modules: &[PathBuf],
        task: boot::Task,
    ) -> Result<()> {
        let file = File::create(path).map_err(|e| Error::io("write", path, e))?;
        let mut archive = Initramfs {
            host,
            path: path.to_owned(),
            file: BufWriter::new(file),
            directories: BTreeSet::new(),
            number: 0,
        };
        archive.program(program)?;
        let mut names = Vec::new();
        for module in modules {
            names.push(archive.module(module)?);
        }
        let what = boot::Boot {
            modules: names,
            task,
        };
        let text = serde_json::to_vec(&what).map_err(|e| Error::failed(e.to_string()))?;
        archive.add(Path::new(boot::CONFIG), DATA, &text)?;
        for mount_point in ["/dev", "/proc", "/sys", "/root"] {
            archive.directory(Path::new(mount_point))?;
        }
        archive.finish()
    }

    fn program(&mut self, program: &Path) -> Result<()> {
        let stripped = self.stripped(program);
        let init = stripped.as_ref().map_or(program, |file| file.path());
        self.copy(init, Path::new("/init"), PROGRAM)?;
        // The loader says what it would load, and runs nothing (ld.so(8)); of a program without one
        // this is its version.
        let said = Cmd::new(program.to_string_lossy())
            .arg("--version")
            .env("LD_TRACE_LOADED_OBJECTS", "1")
            .ok(self.host)?;
        libraries(&said)
            .iter()
            .try_for_each(|library| self.copy(library, library, PROGRAM))
    }

    /// The program without what only a debugger reads of it, which the machine's memory would have to
    /// hold; `None` where that cannot be had.
    fn stripped(&self, program: &Path) -> Option<tempfile::NamedTempFile> {
        which::which("strip").ok()?;
        let file = tempfile::NamedTempFile::new().ok()?;
        let strip = Cmd::new("strip").arg("--strip-debug").arg("-o");
        strip.arg(file.path()).arg(program).ok(self.host).ok()?;
        Some(file)
    }

    /// Adds a module, not compressed, and gives back its path in the archive.
    fn module(&mut self, file: &Path) -> Result<PathBuf> {
        let name = Path::new(file.file_name().unwrap_or_default());
        let unpacker = match file.extension().and_then(|e| e.to_str()) {
            Some("xz") => Some("xz"),
            Some("zst") => Some("zstd"),
            Some("gz") => Some("gzip"),
            _ => None,
        };
        let Some(unpacker) = unpacker else {
            let inside = Path::new("/modules").join(name);
            self.copy(file, &inside, DATA)?;
            return Ok(inside);
        };
        let plain = tempfile::NamedTempFile::new()
            .map_err(|e| Error::failed(format!("make a temporary file: {e}")))?;
        Cmd::new(unpacker)
            .arg("-dc")
            .arg(file)
            .output_to(plain.path())
            .ok(self.host)
            .context(format!("unpack {}", file.display()))?;
        let inside = Path::new("/modules").join(name.with_extension(""));
        self.copy(plain.path(), &inside, DATA)?;
        Ok(inside)
    }

    fn copy(&mut self, from: &Path, to: &Path, mode: u32) -> Result<()> {
        let content = std::fs::read(from).map_err(|e| Error::io("read", from, e))?;
        self.add(to, mode, &content)
    }

    fn directory(&mut self, path: &Path) -> Result<()> {
        if path == Path::new("/") || !self.directories.insert(path.to_owned()) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        self.entry(path, DIRECTORY, &[])
    }

    fn add(&mut self, path: &Path, mode: u32, content: &[u8]) -> Result<()> {
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        self.entry(path, mode, content)
    }

    fn entry(&mut self, path: &Path, mode: u32, content: &[u8]) -> Result<()> {
        self.number += 1;
        let name = path.strip_prefix("/").unwrap_or(path).to_string_lossy();
        let entry = Builder::new(&name).ino(self.number).mode(mode);
        let length = u32::try_from(content.len())
            .map_err(|_| Error::failed(format!("{} is too long", path.display())))?;
        let mut writer = entry.write(&mut self.file, length);
        writer
            .write_all(content)
            .and_then(|()| writer.finish())
            .map(drop)
            .map_err(|e| Error::io("write", &self.path, e))
    }

    fn finish(mut self) -> Result<()> {
        trailer(&mut self.file)
            .and_then(|file| file.flush())
            .map_err(|e| Error::io("write", &self.path, e))
    }
}

/// Paths of libraries, and of the loader itself, that the loader prints: `libc.so.6 => /lib/… (0x…)`
/// and `/lib64/ld-… (0x…)`.
fn libraries(said: &str) -> BTreeSet<PathBuf> {
    let path = |line: &str| {
        let path = line.rsplit_once(" => ").map_or(line, |(_, path)| path);
        let path = path.trim().rsplit_once(" (0x")?.0;
        path.starts_with('/').then(|| PathBuf::from(path))
    };
    said.lines().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_what_the_loader_says() {
        let said = "\tlinux-vdso.so.1 (0x00007fdd2ca30000)\n\
                    \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fdd2be1e000)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007fdd2ca32000)\n";
        let found: Vec<PathBuf> = libraries(said).into_iter().collect();
        let wanted = [
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/lib64/ld-linux-x86-64.so.2",
        ];
        assert_eq!(found, wanted.map(PathBuf::from));
        assert!(libraries("lxc-autogen 0.1.0\n").is_empty());
    }

    /// Read back by the crate that has written it, and by cpio(1) where there is one.
    #[test]
    fn everything_is_in_it_once_with_its_directories_first() {
        let directory = tempfile::tempdir().unwrap();
        let module = directory.path().join("virtio.ko");
        std::fs::write(&module, "a module").unwrap();
        let path = directory.path().join("initramfs");
        let host = Host::new(false);
        // A program that says its version.
        let program = which::which("ls").unwrap();
        Initramfs::write(&host, &path, &program, &[module], boot::Task::PowerOff).unwrap();
        let mut names: Vec<String> = Vec::new();
        let mut input = std::io::BufReader::new(File::open(&path).unwrap());
        let mut config = Vec::new();
        loop {
            let mut entry = cpio::newc::Reader::new(input).unwrap();
            if entry.entry().is_trailer() {
                break;
            }
            let name = entry.entry().name().to_owned();
            if format!("/{name}") == boot::CONFIG {
                std::io::Read::read_to_end(&mut entry, &mut config).unwrap();
            }
            names.push(name);
            input = entry.finish().unwrap();
        }
        for (n, name) in names.iter().enumerate() {
            assert!(!names[..n].contains(name), "{name} twice");
            if let Some((parent, _)) = name.rsplit_once('/') {
                assert!(names[..n].iter().any(|it| it == parent), "{name}");
            }
        }
        assert_eq!(names[0], "init");
        let boot: boot::Boot = serde_json::from_slice(&config).unwrap();
        assert_eq!(boot.modules, [PathBuf::from("/modules/virtio.ko")]);
    }
}
