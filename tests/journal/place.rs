//! A place of its own with a state directory in it, and in that a journal of 0.1.0's lines.

use lxc_autogen::host::files::identity;
use std::collections::BTreeMap;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use walkdir::WalkDir;

const GOLDEN: &str = include_str!("../data/journal-0.1.0.jsonl");

/// A file system of its own for the records' paths, and a state directory in it.
pub struct Place {
    root: tempfile::TempDir,
    pub state: &'static str,
    pub records: Vec<String>,
}

impl Place {
    /// With nothing but the directory that the state directory is made in.
    pub fn new(state: &'static str) -> Place {
        let place = Place {
            root: tempfile::tempdir().unwrap(),
            state,
            records: Vec::new(),
        };
        std::fs::create_dir_all(place.at("var/lib")).unwrap();
        place
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

    /// Takes a line of 0.1.0's that has all of these texts, with every path moved into this place
    /// and other texts replaced.
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
        let here = self.root.path().display();
        line = line.replace("\"/", &format!("\"{here}/"));
        self.records
            .push(line.replace(" in /", &format!(" in {here}/")));
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
        let output = Command::new(env!("CARGO_BIN_EXE_lxc-autogen"))
            .args(arguments)
            .arg("--state-dir")
            .arg(self.at(self.state))
            .env("PATH", "/nonexistent")
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
