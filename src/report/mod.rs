//! Output for people while we work: bars on a terminal, plain lines elsewhere, always on stderr.

mod table;
mod usage;

pub use table::table;
pub use usage::used;

use crate::error::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Whether this run has printed a result.
static HAS_RESULT: AtomicBool = AtomicBool::new(false);

/// Why a result could not be printed.
static LOST: OnceLock<String> = OnceLock::new();

/// Prints a result to stdout. A reader that has gone away (`| head`) is no error; any other is told
/// at the end, by [`lost`].
pub fn result(text: impl AsRef<str>) {
    use std::io::Write;
    HAS_RESULT.store(true, Ordering::Relaxed);
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_ref().as_bytes());
    if let Err(e) = written.and_then(|()| out.flush()) {
        if e.kind() != std::io::ErrorKind::BrokenPipe {
            LOST.get_or_init(|| e.to_string());
        }
    }
}

/// The error of a run that has done its work and could not print what came of it: whoever reads the
/// file must not take half of it for the whole.
///
/// # Errors
/// When something could not be written to standard output.
pub fn lost() -> Result<()> {
    match LOST.get() {
        None => Ok(()),
        Some(why) => Err(Error::failed(format!(
            "the result cannot be written to standard output: {why}"
        ))
        .mend("make room where it goes, or send it elsewhere; what was done stays done")),
    }
}

/// Prints a line to stderr. A closed terminal is no error, since it must not end us while we undo
/// work.
pub fn say(text: impl AsRef<str>) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
}

/// Prints a result as JSON.
///
/// # Errors
/// When the value has no JSON form.
pub fn json(value: &serde_json::Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::failed(e.to_string()))?;
    result(text + "\n");
    Ok(())
}

/// Prints the error that ends the run to stderr; and to stdout as JSON, if that is asked for and no
/// result was printed, since there is to be one JSON value there.
pub fn failure(error: &Error, as_json: bool) {
    say(format!("lxc-autogen: {error}"));
    if as_json && !HAS_RESULT.load(Ordering::Relaxed) {
        // Strings and lists of them always have a JSON form.
        let _ = json(&error.as_json());
    }
}

/// A number with its noun: `1 container`, `8 containers`.
pub fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// `lxc6 … lxc12 (7)`, or the names when they are few.
pub fn in_short(names: &[String]) -> String {
    match names {
        [first, .., last] if names.len() > 4 => format!("{first} … {last} ({})", names.len()),
        few => few.join(", "),
    }
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Quiet,
    Plain,
    Bars,
}

/// Where progress is shown.
#[derive(Debug)]
pub struct Report {
    mode: Mode,
}

/// A step of the work that counts up to a total.
#[derive(Debug)]
pub struct Stage {
    mode: Mode,
    name: String,
    total: u64,
    shown: u64,
    began: Instant,
    bar: Option<ProgressBar>,
}

impl Report {
    /// Shows bars when stderr is a terminal and no trace is printed between them.
    pub fn new(quiet: bool, verbose: bool) -> Self {
        let mode = if quiet {
            Mode::Quiet
        } else if std::io::stderr().is_terminal() && !verbose {
            Mode::Bars
        } else {
            Mode::Plain
        };
        Report { mode }
    }

    /// Prints a line of progress, unless --quiet is given.
    pub fn line(&self, text: impl AsRef<str>) {
        if self.mode != Mode::Quiet {
            say(text);
        }
    }

    /// Prints a warning, about something that does not end the work; shown with --quiet too.
    pub fn warn(&self, text: impl AsRef<str>) {
        say(format!("warning: {}", text.as_ref()));
    }

    /// Begins a step that will count to `total`.
    pub fn stage(&self, name: &str, total: usize) -> Stage {
        let total = total as u64;
        let bar = (self.mode == Mode::Bars).then(|| {
            let bar = ProgressBar::new(total);
            let style =
                ProgressStyle::with_template("{spinner} {msg:<16} {bar:30} {pos}/{len}  {elapsed}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Stage {
            mode: self.mode,
            name: name.to_owned(),
            total,
            shown: 0,
            began: Instant::now(),
            bar,
        }
    }
}

impl Stage {
    /// Shows that `count` is reached. Plain output has at most ten such lines.
    pub fn at(&mut self, count: usize) {
        let count = count as u64;
        if let Some(bar) = &self.bar {
            bar.set_position(count);
        } else if self.mode == Mode::Plain && count < self.total {
            let step = (self.total / 10).max(1);
            if count >= self.shown + step {
                self.shown = count;
                say(format!("{} {count}/{}", self.name, self.total));
            }
        }
    }

    /// Ends the step with success, and prints how long it took.
    pub fn done(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.mode != Mode::Quiet {
            let seconds = self.began.elapsed().as_secs_f32();
            say(format!(
                "{} {}/{} ({seconds:.1} s)",
                self.name, self.total, self.total
            ));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
