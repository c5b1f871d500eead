//! The hypervisors whose domains our machines are: where libvirt answers for each, what it leaves on
//! the host, and how the death of a domain shows. Today there is one.

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// A driver of libvirt's.
#[derive(Debug, PartialEq, Eq)]
pub struct Hypervisor {
    /// The connection, also that of the primitives we make.
    pub uri: &'static str,
    /// What libvirt calls the driver.
    pub driver: &'static str,
    /// Its own daemon, where libvirt has one for each driver.
    pub daemon: &'static str,
    /// The program that runs a domain; it comes in the driver's package.
    pub emulator: &'static str,
    /// Where libvirt keeps a log for each domain.
    pub logs: &'static str,
    /// The directory that libvirt makes when a first domain is defined.
    pub defined: &'static str,
    /// Where libvirt keeps what it knows of a running domain, and how the names of those files end
    /// after the domain's.
    run: (&'static str, &'static [&'static str]),
}

/// Containers by libvirt-LXC (libvirt 9.0, src/lxc/lxc_process.c, lxc_controller.c). Its URI is the
/// connection of lxc_autogen.sh too.
pub static LXC: Hypervisor = Hypervisor {
    uri: "lxc:///",
    driver: "LXC",
    daemon: "virtlxcd",
    emulator: "libvirt_lxc",
    logs: "/var/log/libvirt/lxc",
    defined: "/etc/libvirt/lxc",
    run: (
        "/run/libvirt/lxc",
        &["dev", "devpts", "fuse", "sock", "pid", "xml"],
    ),
};

/// Another one, for tests of what must not depend on there being one.
#[cfg(test)]
pub(crate) static RECORDED: Hypervisor = Hypervisor {
    uri: "recorded:///",
    driver: "Recorded",
    daemon: "virtrecordedd",
    emulator: "recorder",
    logs: "/var/log/libvirt/recorded",
    defined: "/etc/libvirt/recorded",
    run: ("/run/libvirt/recorded", &["pid"]),
};

/// All that there can be domains of ours in.
pub static ALL: &[&Hypervisor] = &[&LXC];

/// The state of a domain that libvirt holds for running though its libvirt_lxc is gone. libvirt 9.0
/// now and then does not notice the end of one of two containers that end at the same time (seen
/// in our tests, with one end of file in its log and not two), and gives one up whose processes do
/// not die within 3 s (src/lxc/lxc_process.c, virLXCProcessStop). It stays so until somebody
/// destroys the domain, as a fence agent and the agent VirtualDomain do.
pub const DEAD: &str = "dead";

impl Hypervisor {
    /// The one that a record names by its connection; records of before there was a choice name
    /// none, and mean libvirt-LXC.
    ///
    /// # Errors
    /// When this lxc-autogen knows none of that connection.
    pub fn of(uri: Option<&str>) -> Result<&'static Hypervisor> {
        let uri = uri.unwrap_or(LXC.uri);
        let known = ALL.iter().copied().find(|h| h.uri == uri);
        known.ok_or_else(|| {
            Error::failed(format!("this lxc-autogen knows no hypervisor at {uri}"))
                .mend("use the lxc-autogen that made it")
        })
    }

    /// The log of a domain.
    pub fn log(&self, name: &str) -> PathBuf {
        Path::new(self.logs).join(format!("{name}.log"))
    }

    /// Files (and empty directories) that a domain leaves on the host: libvirt's log and run-time
    /// files, and VirtualDomain's state file (resource-agents 4.12).
    pub fn leftovers(&self, name: &str) -> Vec<PathBuf> {
        let mut all = vec![
            self.log(name),
            format!("/run/resource-agents/VirtualDomain-{name}-emu.state").into(),
        ];
        let (directory, endings) = self.run;
        let run = |ending| Path::new(directory).join(format!("{name}.{ending}"));
        all.extend(endings.iter().map(run));
        all
    }

    /// A domain's state: as virsh has it, or [`DEAD`]. A domain's id is the pid of its libvirt_lxc
    /// (src/lxc/lxc_controller.c); `alive` tells whether there is such a process.
    pub(super) fn state(&self, id: &str, said: &str, alive: impl Fn(u32) -> bool) -> String {
        let gone = said == "running" && id.parse().is_ok_and(|id| !alive(id));
        if gone { DEAD } else { said }.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_a_connection_means_containers() {
        assert_eq!(Hypervisor::of(None).unwrap(), &LXC);
        assert_eq!(Hypervisor::of(Some("lxc:///")).unwrap(), &LXC);
        let e = Hypervisor::of(Some("xen:///")).unwrap_err();
        assert!(e.message().contains("xen:///"), "{e}");
    }

    #[test]
    fn what_a_container_leaves_is_known_by_its_name() {
        let all = LXC.leftovers("lxc1");
        let all: Vec<&str> = all.iter().filter_map(|p| p.to_str()).collect();
        assert_eq!(
            all,
            [
                "/var/log/libvirt/lxc/lxc1.log",
                "/run/resource-agents/VirtualDomain-lxc1-emu.state",
                "/run/libvirt/lxc/lxc1.dev",
                "/run/libvirt/lxc/lxc1.devpts",
                "/run/libvirt/lxc/lxc1.fuse",
                "/run/libvirt/lxc/lxc1.sock",
                "/run/libvirt/lxc/lxc1.pid",
                "/run/libvirt/lxc/lxc1.xml",
            ]
        );
    }
}
