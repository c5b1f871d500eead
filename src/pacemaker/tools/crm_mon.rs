//! crm_mon(8): the cluster as the scheduler sees it.

use crate::error::Result;
use crate::host::at::At;
use crate::pacemaker::monitor::View;
use std::time::Duration;

/// The cluster's state.
///
/// # Errors
/// When crm_mon fails.
pub fn view(at: &dyn At) -> Result<View> {
    view_within(at, Duration::from_secs(60))
}

/// The cluster's state, as [`view`], with a timeout of the caller's instead of 60 s.
///
/// # Errors
/// When crm_mon fails, or does not end in time.
pub fn view_within(at: &dyn At, timeout: Duration) -> Result<View> {
    let text = at
        .cmd("crm_mon")
        .args(["--one-shot", "--output-as=xml"])
        .timeout(timeout)
        .ok(at.host())?;
    View::parse(&text)
}
