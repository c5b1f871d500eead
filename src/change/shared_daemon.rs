//! A daemon of this host that several sets and labs use: whoever goes last ends it.

use super::allowed;
use super::kinds::{About, Kind};
use super::traces::Traces;
use crate::error::{Error, Result};
use crate::host::lock::{self, Lock};
use crate::host::{files, mounts, processes};
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// Do without a daemon of ours, and end it when no other set or lab uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedDaemon {
    /// The program's name.
    pub program: String,
    /// The directory with its configuration file and the names of those who use it.
    pub directory: PathBuf,
    /// Files outside that directory that it leaves when it is killed: its sockets.
    pub files: Vec<PathBuf>,
}

/// Name of the directory with a file for each set or lab that uses the daemon.
const USERS: &str = "users";

impl SharedDaemon {
    /// Path of its configuration file, by which its process is known.
    pub fn configuration(&self) -> PathBuf {
        self.directory.join(format!("{}.conf", self.program))
    }

    /// Whether the daemon runs, started by a set or lab.
    pub fn runs(&self) -> bool {
        !processes::here(&self.program, &self.configuration()).is_empty()
    }

    /// Has `start` start it where `answers` says that none does, and notes that the set or lab in this
    /// state directory uses it from now on. One that somebody else has started is left to them.
    ///
    /// # Errors
    /// When it does not start, or a file cannot be written.
    pub(crate) fn share(
        &self,
        state_dir: &Path,
        answers: impl Fn() -> bool,
        start: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        let _lock = self.lock()?;
        if answers() && !self.runs() {
            return Ok(());
        }
        let users = self.directory.join(USERS);
        fs::create_dir_all(&users).map_err(|e| Error::io("make directory", &users, e))?;
        if !answers() {
            let configuration = self.configuration();
            fs::write(&configuration, "").map_err(|e| Error::io("write", &configuration, e))?;
            start(&configuration)?;
        }
        let user = users.join(name_of(state_dir));
        let path = state_dir.as_os_str().as_encoded_bytes();
        fs::write(&user, path).map_err(|e| Error::io("write", &user, e))
    }

    pub(super) fn leave(&self, state_dir: &Path) -> Result<()> {
        let _lock = self.lock()?;
        files::remove_file(&self.directory.join(USERS).join(name_of(state_dir)))?;
        if self.has_users() {
            return Ok(());
        }
        processes::end(&self.program, &self.configuration())?;
        if files::exists(&self.directory) {
            // It was ours, and so are these.
            self.files
                .iter()
                .try_for_each(|it| files::remove_file(it))?;
        }
        files::remove_tree(&self.directory, &mounts::points()?)
    }

    /// Whether somebody uses it whose state directory is still there.
    fn has_users(&self) -> bool {
        let entries = fs::read_dir(self.directory.join(USERS));
        let mut users = entries.into_iter().flatten().flatten();
        users.any(|user| {
            let path = fs::read_to_string(user.path()).unwrap_or_default();
            files::is_real_directory(Path::new(&path))
        })
    }

    /// Taken for a moment: by one that begins to use it, or one that goes.
    fn lock(&self) -> Result<Lock> {
        lock::passing(&self.directory.with_extension("lock"))
    }
}

/// A state directory's path as the name of a file.
fn name_of(state_dir: &Path) -> String {
    state_dir.to_string_lossy().replace('/', "%")
}

impl Kind for SharedDaemon {
    fn key(&self) -> String {
        format!("{} for this set or lab", self.program)
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: false,
            container: None,
            scope: Scope::All,
            needs: None,
        }
    }

    fn check(&self, _: &Path) -> Result<()> {
        allowed::name(&self.program)?;
        let own = Path::new("/run").join(format!("lxc-autogen-{}", self.program));
        allowed::is(&self.directory, &own)?;
        let sockets = Path::new("/run/libvirt");
        let mut files = self.files.iter();
        files.try_for_each(|file| allowed::below(file, &[sockets]))
    }

    /// Whoever starts one knows by itself where its files are.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
// A daemon to share has to be started.
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};
    use std::sync::Mutex;

    /// It is there as long as its standard input.
    fn start(configuration: &Path) -> Child {
        fs::write(configuration, "read line\n").unwrap();
        let mut sh = Command::new("sh");
        let child = sh.arg(configuration).stdin(Stdio::piped()).spawn().unwrap();
        while processes::here("sh", configuration).is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child
    }

    #[test]
    fn the_last_one_ends_it_and_one_of_somebody_else_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let daemon = SharedDaemon {
            program: "sh".to_owned(),
            directory: directory.path().join("shared"),
            files: vec![socket.clone()],
        };
        let labs = ["one", "two", "three"].map(|name| directory.path().join(name));
        labs.iter().for_each(|lab| fs::create_dir(lab).unwrap());
        let started = Mutex::new(Vec::new());
        let share = |lab: &Path| {
            let start = |configuration: &Path| {
                started.lock().unwrap().push(start(configuration));
                fs::write(&socket, "").map_err(|e| Error::io("write", &socket, e))
            };
            daemon.share(lab, || socket.exists(), start).unwrap();
        };
        labs.iter().for_each(|lab| share(lab));
        assert_eq!(started.lock().unwrap().len(), 1);
        daemon.leave(&labs[0]).unwrap();
        assert!(daemon.runs() && socket.exists());
        // The second one was removed by hand, and nobody asks for it any more.
        fs::remove_dir(&labs[1]).unwrap();
        let mut child = started.lock().unwrap().pop().unwrap();
        // Its parent is this test, which has to take its end for it to be gone.
        let input = child.stdin.take();
        let waiting = std::thread::spawn(move || child.wait());
        daemon.leave(&labs[2]).unwrap();
        waiting.join().unwrap().unwrap();
        drop(input);
        assert!(!daemon.runs() && !socket.exists());
        assert!(!daemon.directory.exists());

        // Of somebody else: it answers, and is not ours.
        fs::write(&socket, "").unwrap();
        share(&labs[0]);
        daemon.leave(&labs[0]).unwrap();
        assert!(started.lock().unwrap().is_empty() && socket.exists());
    }
}
