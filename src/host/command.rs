//! Running other programs: by argument vector, in the C locale, with a timeout, and with their
//! error output in our errors. Shaped after the small command layer of bootc.
//!
//! Long because one command is one thing: building it, starting it, its timeout, its
//! output and its trace belong together, and no other file may start a program.

use super::Host;
use crate::error::{Error, Result};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use wait_timeout::ChildExt;

/// How long a program may run when its command sets no timeout.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// When it is said that a program is waited for: nobody takes so long for work by then.
const SOON: Duration = Duration::from_secs(3);
/// How many lines of a program's error output an error quotes, from the end.
const STDERR_LINES: usize = 12;

/// A program to run.
#[derive(Debug, Clone)]
pub struct Cmd {
    program: String,
    args: Vec<OsString>,
    envs: Vec<(String, OsString)>,
    stdin: Option<Vec<u8>>,
    directory: Option<PathBuf>,
    output: Option<PathBuf>,
    timeout: Duration,
    interruptible: bool,
    shown_from: usize,
    place: Option<String>,
}

/// What is left of a program that ended by itself, not by a signal.
#[derive(Debug, Clone)]
pub struct Output {
    /// Exit status, 0 to 255.
    pub code: i32,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
    line: String,
}

impl Cmd {
    /// A command without arguments; `program` is looked up in PATH.
    pub fn new(program: impl Into<String>) -> Self {
        Cmd {
            program: program.into(),
            args: Vec::new(),
            envs: Vec::new(),
            stdin: None,
            directory: None,
            output: None,
            timeout: DEFAULT_TIMEOUT,
            interruptible: false,
            shown_from: 0,
            place: None,
        }
    }

    /// When this process gets a signal to end, ends the program too and waits for it: for a program
    /// that takes long and puts back its changes. Without this a signal does not reach the program,
    /// so that a short one is not torn apart in the middle of a change.
    pub fn interruptible(mut self) -> Self {
        self.interruptible = true;
        self
    }

    /// In messages, shows only the arguments that are added from here on, behind the name of this
    /// place: for a program that is run through another program.
    pub fn shown_from_here(mut self, place: impl Into<String>) -> Self {
        self.shown_from = self.args.len();
        self.place = Some(place.into());
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable for the program.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.envs.push((name.to_owned(), value.into()));
        self
    }

    /// Gives the program these bytes on standard input; without them its standard input is
    /// /dev/null.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Runs the program in this directory.
    pub fn directory(mut self, path: &Path) -> Self {
        self.directory = Some(path.to_owned());
        self
    }

    /// For [`Cmd::start`]: standard output and error go to this file, which is made or emptied
    /// first, and standard input is /dev/null.
    pub fn output_to(mut self, path: &Path) -> Self {
        self.output = Some(path.to_owned());
        self
    }

    /// Ends the program (SIGTERM, then SIGKILL) after this long.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The command line as one would type it, for messages only.
    pub fn line(&self) -> String {
        let mut line = match &self.place {
            Some(place) => format!("{place}:"),
            None => self.program.clone(),
        };
        for arg in &self.args[self.shown_from..] {
            let arg = arg.to_string_lossy();
            line.push(' ');
            if arg.is_empty() || arg.contains([' ', '"', '\'', ';', '<', '\n', '$', '*']) {
                line.push_str(&format!("{arg:?}"));
            } else {
                line.push_str(&arg);
            }
        }
        const LONGEST: usize = 300;
        if line.len() > LONGEST {
            let cut = (0..=LONGEST)
                .rev()
                .find(|&i| line.is_char_boundary(i))
                .unwrap_or(0);
            line.truncate(cut);
            line.push('…');
        }
        line
    }

    /// Runs the program and returns its exit status and output, whatever the status.
    ///
    /// Output goes to memory files: no pipe can fill up, and no pipe that a daemon inherited can
    /// keep us waiting. The program gets a process group of its own, so that a Ctrl-C meant for us
    /// does not tear it apart in the middle of a change.
    ///
    /// # Errors
    /// [`crate::error::Kind::Cant`] when there is no such program; [`crate::error::Kind::Failed`]
    /// when it could not be started, ran into the timeout or was ended by a signal.
    pub fn run(&self, host: &Host) -> Result<Output> {
        let began = Instant::now();
        let result = self.run_untraced(host);
        if host.verbose {
            let ending = match &result {
                Ok(output) => format!("exit {}", output.code),
                Err(e) => e.message().to_owned(),
            };
            crate::report::say(format!(
                "+ {:.3}s {} ({} ms, {ending})",
                host.elapsed().as_secs_f64(),
                self.line(),
                began.elapsed().as_millis()
            ));
        }
        result
    }

    // The one place that may.
    #[allow(clippy::disallowed_methods)]
    fn run_untraced(&self, host: &Host) -> Result<Output> {
        let program = self.found()?;
        let mut stdout = memory_file("stdout")?;
        let mut stderr = memory_file("stderr")?;
        let mut command = std::process::Command::new(program);
        command
            .args(&self.args)
            .env("LC_ALL", "C")
            .envs(self.envs.iter().map(|(n, v)| (n.as_str(), v.as_os_str())))
            .process_group(0)
            .stdin(self.stdin_file()?)
            .stdout(duplicate(&stdout)?)
            .stderr(duplicate(&stderr)?);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let mut child = command
            .spawn()
            .map_err(|e| Error::failed(format!("start {}: {e}", self.line())))?;
        let timeout = host.patience(&self.program, self.timeout);
        let waited = self
            .wait(host, &mut child, timeout)
            .map_err(|e| Error::failed(format!("wait for {}: {e}", self.line())))?;
        let Some(status) = waited else {
            end_group(&mut child);
            host.has_hung(&self.program);
            return Err(Error::failed(format!(
                "{} did not end within {} s",
                self.line(),
                timeout.as_secs_f32()
            ))
            .details(tail(&read_back(&mut stderr)?)));
        };
        let (stdout, stderr) = (read_back(&mut stdout)?, read_back(&mut stderr)?);
        Output::of(status, stdout, stderr, self.line())
    }

    /// Runs the program and returns its standard output.
    ///
    /// # Errors
    /// As [`Cmd::run`], and when the program exits with anything but 0.
    pub fn ok(&self, host: &Host) -> Result<String> {
        let output = self.run(host)?;
        if output.code == 0 {
            Ok(output.stdout)
        } else {
            Err(output.error())
        }
    }

    /// Starts the program with a pipe for standard input and one for standard output, for
    /// [`super::pipe::Pipe`] and [`super::stream::Stream`]. Its error output goes to the memory file that is returned.
    // The other place that may.
    #[allow(clippy::disallowed_methods)]
    pub(super) fn spawn_piped(&self) -> Result<(std::process::Child, File)> {
        let stderr = memory_file("stderr")?;
        let child = std::process::Command::new(self.found()?)
            .args(&self.args)
            .env("LC_ALL", "C")
            .envs(self.envs.iter().map(|(n, v)| (n.as_str(), v.as_os_str())))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(duplicate(&stderr)?)
            .spawn()
            .map_err(|e| Error::failed(format!("start {}: {e}", self.line())))?;
        Ok((child, stderr))
    }

    /// Starts the program with our terminal, standard streams and process group, and does not wait
    /// for it. The caller does; there is no timeout, and output is caught only with
    /// [`Cmd::output_to`].
    ///
    /// # Errors
    /// When there is no such program, or it cannot be started.
    // One more place that may.
    #[allow(clippy::disallowed_methods)]
    pub fn start(&self) -> Result<std::process::Child> {
        let mut command = std::process::Command::new(self.found()?);
        command
            .args(&self.args)
            .envs(self.envs.iter().map(|(n, v)| (n.as_str(), v.as_os_str())));
        if let Some(path) = &self.output {
            let file = File::create(path).map_err(|e| Error::io("make", path, e))?;
            command
                .stdin(Stdio::null())
                .stdout(duplicate(&file)?)
                .stderr(duplicate(&file)?);
        }
        command
            .spawn()
            .map_err(|e| Error::failed(format!("start {}: {e}", self.line())))
    }

    fn found(&self) -> Result<PathBuf> {
        which::which(&self.program).map_err(|_| {
            Error::cant(format!("{} is not installed", self.program))
                .mend(super::packages::mend_for_tool(&self.program))
        })
    }

    /// Waits for the program, and says so when one that should answer soon has not.
    fn wait(
        &self,
        host: &Host,
        child: &mut std::process::Child,
        timeout: Duration,
    ) -> std::io::Result<Option<std::process::ExitStatus>> {
        let began = Instant::now();
        // One that is given little more is asked again and again, as a node is that boots.
        let is_single = timeout >= SOON + Duration::from_secs(2);
        if host.tells_waits && is_single && timeout <= DEFAULT_TIMEOUT {
            let status = child.wait_timeout(SOON)?;
            if status.is_some() {
                return Ok(status);
            }
            let (line, most) = (self.line(), timeout.as_secs());
            crate::report::say(format!("waiting for up to {most} s: {line}"));
        }
        if !self.interruptible {
            return child.wait_timeout(timeout.saturating_sub(began.elapsed()));
        }
        let mut told = false;
        // Not by host::poll: a signal does not end this wait, it ends the program that is waited
        // for.
        loop {
            let status = child.wait_timeout(Duration::from_millis(100))?;
            if status.is_some() || began.elapsed() > timeout {
                return Ok(status);
            }
            if !told && super::signals::check().is_err() {
                told = true;
                if let Ok(pid) = i32::try_from(child.id()) {
                    let _ = killpg(Pid::from_raw(pid), Signal::SIGTERM);
                }
            }
        }
    }

    /// Replaces this process by the program, with our terminal, standard streams and pid, so that
    /// its exit status is ours. Returns only when that fails.
    #[allow(clippy::disallowed_methods)]
    pub fn become_it(&self) -> Error {
        let failed = std::process::Command::new(&self.program)
            .args(&self.args)
            .envs(self.envs.iter().map(|(n, v)| (n.as_str(), v.as_os_str())))
            .exec();
        if failed.kind() == std::io::ErrorKind::NotFound {
            return Error::cant(format!("{} is not installed", self.program))
                .mend(super::packages::mend_for_tool(&self.program));
        }
        Error::failed(format!("start {}: {failed}", self.line()))
    }

    /// Runs the command with this process's standard input and output, as a shell does, for as long as
    /// it takes, and with no other environment than its own variables.
    ///
    /// # Errors
    /// When it cannot be started.
    #[allow(clippy::disallowed_methods)]
    pub fn stand_in_for_us(&self) -> std::io::Result<ExitStatus> {
        std::process::Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .envs(self.envs.iter().map(|(n, v)| (n.as_str(), v.as_os_str())))
            .status()
    }

    /// Starts the program with these standard streams and no other environment than its own variables;
    /// `leads` a process group of its own.
    ///
    /// # Errors
    /// When it cannot be started.
    #[allow(clippy::disallowed_methods)]
    pub fn spawn_with(
        &self,
        [input, output, errors]: [Stdio; 3],
        leads: bool,
    ) -> std::io::Result<std::process::Child> {
        let mut command = std::process::Command::new(&self.program);
        if leads {
            command.process_group(0);
        }
        command
            .args(&self.args)
            .env_clear()
            .envs(self.envs.iter().map(|(n, v)| (n.as_str(), v.as_os_str())))
            .stdin(input)
            .stdout(output)
            .stderr(errors)
            .spawn()
    }

    fn stdin_file(&self) -> Result<Stdio> {
        let Some(bytes) = &self.stdin else {
            return Ok(Stdio::null());
        };
        let mut file = memory_file("stdin")?;
        file.write_all(bytes)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .map_err(|e| Error::failed(format!("prepare standard input: {e}")))?;
        Ok(Stdio::from(file))
    }
}

impl Output {
    /// Of a program that has ended, and must have done so by itself.
    pub(super) fn of(
        status: std::process::ExitStatus,
        stdout: String,
        stderr: String,
        line: String,
    ) -> Result<Output> {
        let Some(code) = status.code() else {
            let signal = status.signal().unwrap_or_default();
            let ended = format!("{line} was ended by signal {signal}");
            return Err(Error::failed(ended).details(tail(&stderr)));
        };
        Ok(Output {
            code,
            stdout,
            stderr,
            line,
        })
    }

    /// The error that says this program failed, with the end of its error output.
    pub fn error(&self) -> Error {
        let said = if self.stderr.trim().is_empty() {
            &self.stdout
        } else {
            &self.stderr
        };
        Error::failed(format!("{} exited with {}", self.line, self.code)).details(tail(said))
    }
}

fn memory_file(name: &str) -> Result<File> {
    memfd_create(name, MFdFlags::MFD_CLOEXEC)
        .map(File::from)
        .map_err(|e| Error::failed(format!("memfd_create: {e}")))
}

fn duplicate(file: &File) -> Result<Stdio> {
    file.try_clone()
        .map(Stdio::from)
        .map_err(|e| Error::failed(format!("duplicate a file descriptor: {e}")))
}

pub(super) fn read_back(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_end(&mut bytes))
        .map_err(|e| Error::failed(format!("read a program's output: {e}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) fn tail(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(STDERR_LINES);
    lines[from..].iter().map(|l| (*l).to_owned()).collect()
}

/// SIGTERM to the whole group, two seconds of grace, then SIGKILL.
pub(super) fn end_group(child: &mut std::process::Child) {
    let Ok(pid) = i32::try_from(child.id()) else {
        return;
    };
    let group = Pid::from_raw(pid);
    let _ = killpg(group, Signal::SIGTERM);
    if !matches!(child.wait_timeout(Duration::from_secs(2)), Ok(Some(_))) {
        let _ = killpg(group, Signal::SIGKILL);
        let _ = child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn host() -> Host {
        Host::new(false)
    }

    #[test]
    fn output_status_and_input_come_through() {
        let out = Cmd::new("cat").stdin("hello").ok(&host()).unwrap();
        assert_eq!(out, "hello");
        let out = Cmd::new("ls").arg("/no such place").run(&host()).unwrap();
        assert_eq!(out.code, 2);
        let said = out.error().to_string();
        assert!(
            said.starts_with("ls \"/no such place\" exited with 2\n  "),
            "{said}"
        );
        assert!(said.contains("No such file or directory"), "{said}");
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let began = Instant::now();
        let e = Cmd::new("sleep")
            .arg("60")
            .timeout(Duration::from_millis(100))
            .ok(&host())
            .unwrap_err();
        assert!(e.to_string().contains("did not end within"), "{e}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn one_that_has_hung_is_not_waited_for_as_long_again() {
        let host = Host {
            is_hasty: true,
            ..host()
        };
        let sleep = |timeout| Cmd::new("sleep").arg("60").timeout(timeout);
        let e = sleep(Duration::from_millis(100)).ok(&host).unwrap_err();
        assert!(e.to_string().contains("did not end within 0.1 s"), "{e}");
        let e = sleep(Duration::from_secs(50)).ok(&host).unwrap_err();
        assert!(e.to_string().contains("did not end within 2 s"), "{e}");
        // What is to be changed gets its time.
        assert_eq!(
            self::host().patience("sleep", DEFAULT_TIMEOUT),
            DEFAULT_TIMEOUT
        );
    }

    #[test]
    fn a_grandchild_that_keeps_the_output_open_does_not_keep_us() {
        let began = Instant::now();
        let out = Cmd::new("setsid")
            .args(["--fork", "sleep", "20"])
            .run(&host())
            .unwrap();
        assert_eq!(out.code, 0);
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_started_program_is_left_alone_and_says_it_to_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("said");
        let cmd = Cmd::new("ls").args(["-l", "--", "/no such place", "/proc/self/fd/0"]);
        let mut child = cmd.output_to(&file).start().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2));
        let said = std::fs::read_to_string(&file).unwrap();
        assert!(said.contains("/no such place"), "{said}");
        assert!(said.contains("/proc/self/fd/0 -> /dev/null\n"), "{said}");
    }

    #[test]
    fn a_missing_program_is_named_with_its_mend() {
        let e = Cmd::new("virsh-that-is-not-there").ok(&host()).unwrap_err();
        assert_eq!(e.kind, Kind::Cant);
        assert!(e.mend_text().is_some());
    }
}
