//! A set: guest nodes or remote nodes of the cluster that runs here.

pub(crate) mod adjust;
pub(crate) mod agent;
pub(crate) mod batches;
pub(crate) mod changes;
pub(crate) mod cib;
pub(crate) mod discover;
pub(crate) mod easing;
pub(crate) mod held;
pub(crate) mod make;
pub(crate) mod prestart;
pub(crate) mod preview;
pub(crate) mod push;
pub(crate) mod resolve;
pub(crate) mod rollback;
pub(crate) mod shrink;
pub(crate) mod single;
pub(crate) mod steps;
pub(crate) mod wait;
