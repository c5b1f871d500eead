//! SIGINT, SIGTERM and SIGHUP ask this process to stop and to undo its work; a second signal ends
//! the process at once.

use crate::error::{Error, Kind, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn flag() -> &'static Arc<AtomicBool> {
    ASKED.get_or_init(|| Arc::new(AtomicBool::new(false)))
}

/// Installs the signal handlers.
///
/// # Errors
/// When a handler cannot be installed.
pub fn listen() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Order matters: the conditional shutdown looks at the flag as an earlier signal left it,
        // and then this signal sets the flag. Leaving at once loses nothing, since the journal
        // knows what is left to undo.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(flag()))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(flag())))
            .map_err(|e| Error::failed(format!("listen for signal {signal}: {e}")))?;
    }
    Ok(())
}

/// Fails when a signal has come, so that the present work ends.
///
/// # Errors
/// [`Kind::Interrupted`] after a signal, until [`forget`] is called.
pub fn check() -> Result<()> {
    if flag().load(Ordering::Relaxed) {
        return Err(Error::new(Kind::Interrupted, "interrupted by a signal"));
    }
    Ok(())
}

/// Forgets the signal, so that undoing the work is not cut short itself.
pub fn forget() {
    flag().store(false, Ordering::Relaxed);
}

/// Sleeps for this time; a signal ends the sleep early.
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
