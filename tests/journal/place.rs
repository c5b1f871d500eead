//! A place of its own with a state directory in it, and in that a journal of 0.1.0's lines. The program
//! has the place as its root, so that records have the paths that they have on a host.

use lxc_autogen::host::files::identity;
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use walkdir::WalkDir;

const GOLDEN: &str = include_str!("../data/journal-0.1.0.jsonl");

/// A root of its own for the records' paths, and a state directory in it.
pub struct Place {
    root: tempfile::TempDir,
    pub state: &'static str,
    pub records: Vec<String>,
    is_mounted: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_mounted {
            let _ = Command::new("umount").arg(self.root.path()).status();
        }
    }
}

/// What a program needs of this host to run in there.
const LENT: [&str; 5] = ["bin", "dev", "lib", "lib64", "proc"];

/// Runs the program in the place, which nobody else sees what of the host is lent to.
const ENTER: &str = r#"
    cd "$1" && program=$2 && shift 2 || exit 99
    for name in bin dev lib lib64 proc; do
        [ ! -e "/$name" ] || mount --rbind "/$name" "$name" || exit 99
    done
    mount --bind "$program" program || exit 99
    chroot=$(command -v chroot) || exit 99
    PATH=/nonexistent exec "$chroot" . /program "$@"
"#;

impl Place {
    /// With nothing but the directory that the state directory is made in.
    pub fn new(state: &'static str) -> Place {
        let place = Place {
            root: tempfile::tempdir().unwrap(),
            state,
            records: Vec::new(),
            is_mounted: false,
        };
        place.make();
        place
    }

    fn make(&self) {
        for directory in LENT.iter().chain(&["run", "var/lib"]) {
            std::fs::create_dir_all(self.at(directory)).unwrap();
        }
        std::fs::write(self.at("program"), "").unwrap();
    }

    /// A new one, on a disk of its own of so many KiB.
    pub fn on_disk(state: &'static str, kib: u32) -> Place {
        let mut place = Place::new(state);
        let size = format!("size={kib}k");
        place.mount(&["-t", "tmpfs", "-o", &size, "disk"]);
        place.make();
        place
    }

    fn mount(&mut self, arguments: &[&str]) {
        let mut mount = Command::new("mount");
        let mounted = mount.args(arguments).arg(self.root.path()).status();
        assert!(mounted.unwrap().success());
        self.is_mounted = true;
    }

    /// Writes into a file until the disk is full.
    pub fn fill(&self, path: &str) {
        let mut file = std::fs::File::create(self.at(path)).unwrap();
        while file.write_all(&[7; 4096]).is_ok() {}
    }

    /// A path in it.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// A path in the state directory.
    pub fn state(&self, name: &str) -> PathBuf {
        self.at(self.state).join(name)
    }

    /// Makes a file and the directories that lead to it.
    pub fn write(&self, path: &str, content: &str) {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// What is in a file.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).unwrap()
    }

    /// Takes a line of 0.1.0's that has all of these texts, with other texts replaced.
    pub fn record(&mut self, texts: &[&str], replaced: &[(&str, &str)]) {
        let has = |line: &&str| texts.iter().all(|text| line.contains(text));
        let line = GOLDEN.lines().find(has);
        let line = line.unwrap_or_else(|| panic!("no line has all of {texts:?}"));
        let (_, undo) = line.split_once(r#","undo":{"#).unwrap();
        let number = self.records.len() + 1;
        let mut line = format!(r#"{{"do":{{"seq":{number},"undo":{{{undo}"#);
        for (what, by) in replaced {
            assert!(line.contains(what), "no {what} in {line}");
            line = line.replace(what, by);
        }
        self.records.push(line);
    }

    /// Makes the state directory, with 0.1.0's record of it.
    pub fn begin(&mut self) {
        let state = self.at(self.state);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&state)
            .unwrap();
        let ino = identity(&state).unwrap();
        self.record(&[r#""undo":"state-dir""#], &[("1781", &ino.to_string())]);
    }

    /// Writes the records taken so far into the state directory, numbered as they were taken.
    pub fn save_journal(&self) {
        std::fs::write(self.state("journal.jsonl"), self.records.join("\n") + "\n").unwrap();
    }

    /// Runs our program's cleanup as [`Place::run`] does.
    pub fn cleanup(&self, options: &[&str]) -> Output {
        self.run(&[&["cleanup"], options].concat())
    }

    /// Runs our program without any other to be found: there is no cluster and no libvirt.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let output = Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                ENTER,
                "enter",
            ])
            .arg(self.root.path())
            .arg(env!("CARGO_BIN_EXE_lxc-autogen"))
            .args(arguments)
            .arg("--state-dir")
            .arg(format!("/{}", self.state))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        println!("{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Every name in it with mode, owner and content.
    pub fn content(&self) -> BTreeMap<PathBuf, (u32, u32, Vec<u8>)> {
        let all = WalkDir::new(self.root.path())
            .into_iter()
            .map(Result::unwrap);
        all.map(|entry| {
            let metadata = entry.metadata().unwrap();
            let content = std::fs::read(entry.path()).unwrap_or_default();
            let what = (metadata.mode(), metadata.gid(), content);
            (entry.path().to_owned(), what)
        })
        .collect()
    }
}

/// Fails the test unless the program exited like this.
#[track_caller]
pub fn exits(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
}

/// Fails the test unless standard error has this text.
#[track_caller]
pub fn complains(output: &Output, text: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(text), "no {text:?} in:\n{said}");
}
