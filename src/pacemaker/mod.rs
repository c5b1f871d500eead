//! Pacemaker: what we put into the CIB (pure), what we read from it, its tools, and the key.

pub mod authkey;
pub mod cib;
pub mod config;
pub mod connections;
pub mod monitor;
mod ownership;
mod properties;
pub mod schema;
pub mod throttle;
pub mod tools;
