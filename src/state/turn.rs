//! `--wait`: another run in the same state directory, or with the lock of the host, is waited for.

use super::State;
use crate::change::LOCK_FILE;
use crate::context as work;
use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::host::lock::{self, HELD, Lock};
use crate::host::poll::{Poll, Seen};
use std::path::PathBuf;
use std::time::Duration;

/// The lock of the whole host, at a moment when no other run is at work in these state directories.
/// It is let go between two looks: the run that is waited for may need it to come to its end.
///
/// # Errors
/// [`Kind::Cant`] when another run is at work for longer than `--wait` says;
/// [`Kind::Interrupted`] on a signal.
pub fn host(context: &work::Context, directories: &[PathBuf]) -> Result<Lock> {
    patiently(context, || {
        let host = lock::host()?;
        let locks = directories.iter().map(|dir| dir.join(LOCK_FILE));
        let mut held = locks.filter(|path| files::exists(path));
        held.try_for_each(|path| lock::check_free(&path))?;
        Ok(host)
    })
}

impl State {
    /// As [`State::open`], once no other run is at work in the context's state directory. For those
    /// who do not take the lock of the host.
    ///
    /// # Errors
    /// As [`State::open`], and [`host`].
    pub fn open_in_turn(context: &work::Context) -> Result<Option<State>> {
        patiently(context, || State::open(&context.state_dir))
    }
}

/// Tries again while another run is at work, for as long as `--wait` says; without it, once.
fn patiently<T>(context: &work::Context, attempt: impl Fn() -> Result<T>) -> Result<T> {
    let Some(seconds) = context.options.wait else {
        return attempt().map_err(offer);
    };
    let mut said = false;
    let look = |_: &mut Poll| match attempt() {
        Ok(there) => Ok(Seen::Ready(there)),
        Err(e) if e.kind == Kind::Cant && e.message().starts_with(HELD) => {
            if !said {
                said = true;
                let text = format!("waiting for up to {seconds} s: {}", e.message());
                context.report.line(text);
            }
            Ok(Seen::Waiting(e))
        }
        Err(e) => Err(e),
    };
    let poll = Poll::every(Duration::from_millis(200), Duration::from_secs(seconds));
    poll.until(look, |held| waited(&held, seconds))
}

/// The error of who holds a lock, with the option that waits.
fn offer(error: Error) -> Error {
    match error.mend_text() {
        Some(mend) if error.message().starts_with(HELD) => {
            let mend = format!("{mend}; --wait SECONDS waits");
            error.mend(mend)
        }
        _ => error,
    }
}

/// The error of who holds a lock, with how long that has been waited for.
fn waited(held: &Error, seconds: u64) -> Error {
    let error = Error::cant(format!("{}; waited for {seconds} s", held.message()));
    match held.mend_text() {
        Some(mend) => error.mend(format!("{mend}; or a longer --wait")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Context, Options};

    #[test]
    fn another_run_is_waited_for_as_long_as_one_is_told_to() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join(LOCK_FILE);
        let with = |wait: Option<u64>| {
            let options = Options {
                wait,
                quiet: true,
                ..Options::default()
            };
            Context::new(options, parent.path().to_owned())
        };
        let attempt = || lock::check_free(&path);
        let first = lock::take(&path).unwrap();
        let e = patiently(&with(None), attempt).unwrap_err();
        assert!(!e.message().contains("waited"), "{e}");
        assert!(e.mend_text().unwrap().ends_with("; --wait SECONDS waits"));
        let e = patiently(&with(Some(1)), attempt).unwrap_err();
        assert!(e.message().starts_with(HELD), "{e}");
        assert!(e.message().ends_with("; waited for 1 s"), "{e}");
        let later = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            drop(first);
        });
        patiently(&with(Some(60)), attempt).unwrap();
        later.join().unwrap();
        // What is no other run's doing does not go away by waiting.
        let failing = || Err::<(), _>(Error::cant("no libvirt"));
        let e = patiently(&with(Some(60)), failing).unwrap_err();
        assert_eq!(e.message(), "no libvirt");
    }
}
