//! Where a tool runs: on this host, or in a running container.
//!
//! Another cluster node is no such place: our own program serves there (`src/peer/`), and runs the
//! tools on what is its own host.

use super::Host;
use super::command::Cmd;
use super::inside::Inside;

/// A place where tools run. What speaks a tool takes one, so that it serves all of them.
pub trait At: Sync {
    /// A program to run in this place.
    fn cmd(&self, program: &str) -> Cmd;

    /// The door by which it is run, and in whose trace it shows.
    fn host(&self) -> &Host;

    /// The container's name; `None` on this host. Messages about this host are wrong elsewhere.
    fn place(&self) -> Option<&str>;
}

impl At for Host {
    fn cmd(&self, program: &str) -> Cmd {
        Cmd::new(program)
    }

    fn host(&self) -> &Host {
        self
    }

    fn place(&self) -> Option<&str> {
        None
    }
}

/// A running container as seen from this host; see [`Inside::at`].
#[derive(Debug, Clone, Copy)]
pub struct Entered<'a> {
    inside: &'a Inside,
    host: &'a Host,
}

impl Inside {
    /// This container as a place for tools, entered from this host.
    pub fn at<'a>(&'a self, host: &'a Host) -> Entered<'a> {
        Entered { inside: self, host }
    }
}

impl At for Entered<'_> {
    fn cmd(&self, program: &str) -> Cmd {
        self.inside.cmd(program)
    }

    fn host(&self) -> &Host {
        self.host
    }

    fn place(&self) -> Option<&str> {
        Some(self.inside.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a tool's function is written.
    fn greet(at: &dyn At) -> crate::error::Result<String> {
        at.cmd("echo").arg("hello").ok(at.host())
    }

    #[test]
    fn on_this_host() {
        let host = Host::new(false);
        assert_eq!(greet(&host).unwrap(), "hello\n");
        assert_eq!(host.cmd("echo").arg("hello").line(), "echo hello");
        assert_eq!(host.place(), None);
    }

    /// Run for real by the lab's tests: what enters a container is our own program, which unit
    /// tests are not.
    #[test]
    fn in_a_container_whose_name_errors_show() {
        let host = Host::new(false);
        let inside = Inside::of("node1", std::process::id(), Vec::new()).unwrap();
        let at = inside.at(&host);
        assert_eq!(at.place(), Some("node1"));
        assert_eq!(
            at.cmd("echo").arg("hello").line(),
            "node1: echo hello".to_owned()
        );
        assert!(std::ptr::eq(at.host(), &raw const host));
    }
}
