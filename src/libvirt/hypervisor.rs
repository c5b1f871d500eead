//! The hypervisors that run the domains of our machines: how libvirt is reached for each, which
//! files libvirt leaves on the host, and how a dead domain is told.

use crate::error::{Error, Result};
use crate::spec::Form;
use std::path::{Path, PathBuf};

/// A hypervisor, that is, one of libvirt's drivers.
#[derive(Debug, PartialEq, Eq)]
pub struct Hypervisor {
    /// The URI of libvirt's connection, which the primitives we make use too.
    pub uri: &'static str,
    /// The driver's name in libvirt.
    pub driver: &'static str,
    /// The driver's own daemon, for a libvirt with one daemon for each driver.
    pub daemon: &'static str,
    /// The program that runs a domain, in the driver's package.
    pub emulator: &'static str,
    /// The directory of the domains' logs.
    pub logs: &'static str,
    /// The directory that libvirt makes when the first domain is defined.
    pub defined: &'static str,
    /// The directory of libvirt's run-time files for running domains, and the endings of those
    /// files' names: each is called NAME.ENDING, with the domain's name. LXC's `root` is where a
    /// disk is mounted, inside the container.
    run: (&'static str, &'static [&'static str]),
    /// Whether a domain's id is the pid of the process that runs it.
    id_is_pid: bool,
}

/// Containers by libvirt-LXC (libvirt 9.0, src/lxc/lxc_process.c, lxc_controller.c). lxc_autogen.sh
/// uses the same URI.
pub static LXC: Hypervisor = Hypervisor {
    uri: "lxc:///",
    driver: "LXC",
    daemon: "virtlxcd",
    emulator: "libvirt_lxc",
    logs: "/var/log/libvirt/lxc",
    defined: "/etc/libvirt/lxc",
    run: (
        "/run/libvirt/lxc",
        &["dev", "devpts", "fuse", "sock", "pid", "xml", "root"],
    ),
    id_is_pid: true,
};

/// Virtual machines by QEMU (libvirt 9.0, src/qemu/qemu_conf.c, qemu_process.c).
pub static QEMU: Hypervisor = Hypervisor {
    uri: "qemu:///system",
    driver: "QEMU",
    daemon: "virtqemud",
    emulator: "qemu-system-x86_64",
    logs: "/var/log/libvirt/qemu",
    defined: "/etc/libvirt/qemu",
    run: ("/run/libvirt/qemu", &["pid", "xml"]),
    id_is_pid: false,
};

/// A second hypervisor, for tests that code does not depend on there being only one.
#[cfg(test)]
pub(crate) static RECORDED: Hypervisor = Hypervisor {
    uri: "recorded:///",
    driver: "Recorded",
    daemon: "virtrecordedd",
    emulator: "recorder",
    logs: "/var/log/libvirt/recorded",
    defined: "/etc/libvirt/recorded",
    run: ("/run/libvirt/recorded", &["pid"]),
    id_is_pid: true,
};

/// All hypervisors that can have domains of ours.
pub static ALL: &[&Hypervisor] = &[&LXC, &QEMU];

/// The state of a domain that libvirt takes for running though its libvirt_lxc has ended. There are
/// two causes in libvirt 9.0. When two containers end at the same time, it now and then misses the
/// end of one (seen in our tests: its log had one end of file instead of two). And when a
/// container's processes do not die within 3 s, it gives up on that container
/// (src/lxc/lxc_process.c, virLXCProcessStop). The domain stays so until somebody destroys it, as a
/// fence agent and the agent VirtualDomain do.
pub const DEAD: &str = "dead";

impl Hypervisor {
    /// The hypervisor with the connection URI that a record names. Records from before there was a
    /// choice name none and mean libvirt-LXC.
    ///
    /// # Errors
    /// When this lxc-autogen knows no hypervisor with that URI.
    pub fn of(uri: Option<&str>) -> Result<&'static Hypervisor> {
        let uri = uri.unwrap_or(LXC.uri);
        let known = ALL.iter().copied().find(|h| h.uri == uri);
        known.ok_or_else(|| {
            Error::failed(format!("this lxc-autogen knows no hypervisor at {uri}"))
                .mend("use the lxc-autogen that made it")
        })
    }

    /// The hypervisor that runs machines of this form.
    pub fn of_form(form: Form) -> &'static Hypervisor {
        match form {
            Form::Container => &LXC,
            Form::Virtual => &QEMU,
        }
    }

    /// Whether it has domains, by libvirt's files: asking one that nobody uses would start its daemon, or
    /// fail where its driver is not there. That of containers is asked in any case.
    pub fn has_domains(&self) -> bool {
        let has = |directory: &str, ending: &str| {
            let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
            let mut paths = entries.map(|entry| entry.path());
            paths.any(|path| path.extension().is_some_and(|e| e == ending))
        };
        self == &LXC || has(self.defined, "xml") || has(self.run.0, "pid")
    }

    /// The path of a domain's log.
    pub fn log(&self, name: &str) -> PathBuf {
        Path::new(self.logs).join(format!("{name}.log"))
    }

    /// Paths of the files and empty directories that a domain leaves on the host: libvirt's log and
    /// run-time files, and VirtualDomain's state file (resource-agents 4.12).
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

    /// The state of a domain: as virsh printed it (`said`), or [`DEAD`]. The id of a domain is the
    /// pid of its libvirt_lxc (src/lxc/lxc_controller.c); `alive` tells whether a process with that
    /// pid exists.
    pub(super) fn state(&self, id: &str, said: &str, alive: impl Fn(u32) -> bool) -> String {
        let gone = self.id_is_pid && said == "running" && id.parse().is_ok_and(|id| !alive(id));
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
                "/run/libvirt/lxc/lxc1.root",
            ]
        );
    }
}
