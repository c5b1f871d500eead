//! SIGINT, SIGTERM and SIGHUP ask us to stop and put back; a second one ends the process at once.

use crate::error::{Error, Kind, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn flag() -> &'static Arc<AtomicBool> {
    ASKED.get_or_init(|| Arc::new(AtomicBool::new(false)))
}

/// Starts listening.
///
/// # Errors
/// When a handler cannot be installed.
pub fn listen() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Order matters: the conditional exit sees the flag of an earlier signal, then this one
        // sets it. The journal knows what is left, so leaving at once loses nothing.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(flag()))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(flag())))
            .map_err(|e| Error::failed(format!("listen for signal {signal}: {e}")))?;
    }
    Ok(())
}

/// Ends the current work when a signal has come.
///
/// # Errors
/// [`Kind::Interrupted`] after a signal, until [`forget`] is called.
pub fn check() -> Result<()> {
    if flag().load(Ordering::Relaxed) {
        return Err(Error::new(Kind::Interrupted, "interrupted by a signal"));
    }
    Ok(())
}

/// Takes note of the signal and lets work go on, so that putting back is not itself cut short.
pub fn forget() {
    flag().store(false, Ordering::Relaxed);
}

/// Waits, at most this long, ending early when a signal comes.
///
/// # Errors
/// As [`check`].
pub fn sleep(time: std::time::Duration) -> Result<()> {
    let end = std::time::Instant::now() + time;
    loop {
        check()?;
        let left = end.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(std::time::Duration::from_millis(100)));
    }
}
