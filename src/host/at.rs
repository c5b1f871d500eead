//! Where a tool runs: on this host, or in a running container.
//!
//! Another cluster node is not such a place: there our own program serves (`src/peer/`) and runs
//! the tools on its own host.

use super::Host;
use super::command::Cmd;
use super::inside::Inside;

/// A place where tools run. A function that runs a tool takes a place, and so works for all places.
pub trait At: Sync {
    /// A command that runs this program in the place.
    fn cmd(&self, program: &str) -> Cmd;

    /// This host's handle, through which the command is run and traced.
    fn host(&self) -> &Host;

    /// The container's name; `None` on this host. Advice in messages about this host is wrong for a
    /// container.
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
