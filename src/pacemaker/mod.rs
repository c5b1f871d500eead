//! Pacemaker: what lxc-autogen adds to the CIB (pure), what it reads from it, Pacemaker's tools,
//! and the authentication key.

pub mod authkey;
pub mod cib;
pub mod config;
pub mod connections;
pub mod forecast;
pub mod held;
mod hindrances;
pub mod hint;
pub mod monitor;
mod ownership;
mod properties;
pub mod schema;
mod tags;
pub mod throttle;
pub mod tools;
