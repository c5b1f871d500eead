//! Files that change without lxc-autogen's doing, each with the reason. The kernel, an init, a
//! running cluster or other programs write them by themselves, and they would show as a difference
//! each time.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The reason, and the paths. In a path's last part one `*` stands for any text.
pub type Reason = (&'static str, &'static [&'static str]);

/// Files that are always left out. The man page has the same list (tests/docs.rs compares them).
pub const ALWAYS: &[Reason] = &[
    (
        "a running cluster's history: old CIBs, what the scheduler was given, corosync's counters",
        &[
            "/var/lib/pacemaker/cib",
            "/var/lib/pacemaker/pengine",
            "/var/lib/pacemaker/blackbox",
            "/var/lib/corosync/ringid_*",
        ],
    ),
    (
        "PID 1 of a lab's node says there how its daemons are",
        &["/run/lxc-autogen/daemons.json"],
    ),
    (
        "numbers of libvirt's daemons, which end when nobody needs them and start when asked",
        &[
            "/run/libvirt/common/system.token",
            "/run/libvirt/interface/driver.pid",
            "/run/libvirt/lxc/driver.pid",
            "/run/libvirt/network/driver.pid",
            "/run/libvirt/nodedev/driver.pid",
            "/run/libvirt/nwfilter/driver.pid",
            "/run/libvirt/qemu/driver.pid",
            "/run/libvirt/secrets/driver.pid",
            "/run/libvirt/storage/driver.pid",
            "/run/libvirtd.pid",
            "/run/virt*.pid",
        ],
    ),
    (
        "disks of virtual machines, written to while they run",
        &["/var/lib/libvirt/images"],
    ),
    (
        "what libvirt has found out about QEMU, which it does anew after each upgrade of either",
        &["/var/cache/libvirt/qemu/capabilities"],
    ),
    (
        "kernels and images of /usr for virtual machines of all labs and sets, which lab down and cleanup keep",
        &["/var/cache/lxc-autogen"],
    ),
    (
        "notes of mount(8) and blkid(8); mounts are looked at themselves",
        &["/run/mount", "/run/blkid"],
    ),
    (
        "what systemd and udev note of services, logins and devices; of /run/systemd the machines, \
         their scopes and drop-ins are looked at",
        &[
            "/run/credentials",
            "/run/initctl",
            "/run/log",
            "/run/systemd/ask-password",
            "/run/systemd/dynamic-uid",
            "/run/systemd/generator*",
            "/run/systemd/inhibit",
            "/run/systemd/incoming",
            "/run/systemd/inaccessible",
            "/run/systemd/journal",
            "/run/systemd/netif",
            "/run/systemd/propagate",
            "/run/systemd/resolve",
            "/run/systemd/seats",
            "/run/systemd/sessions",
            "/run/systemd/timesync",
            "/run/systemd/transient/run-*",
            "/run/systemd/transient/session-*",
            "/run/systemd/transient/user-*",
            "/run/systemd/unit-root",
            "/run/systemd/units",
            "/run/systemd/users",
            "/run/udev",
            "/var/lib/private",
            "/var/lib/systemd",
            "/var/lib/udisks2",
        ],
    ),
    (
        "logins, and what a person's programs keep while they are logged in",
        &[
            "/run/console",
            "/run/faillock",
            "/run/gdm*",
            "/run/motd*",
            "/run/screen",
            "/run/sudo",
            "/run/tmux",
            "/run/user",
            "/run/utmp",
            "/var/lib/AccountsService",
            "/var/lib/gdm*",
            "/var/lib/lastlog",
            "/var/lib/lightdm",
            "/var/lib/sddm",
            "/var/lib/sudo",
            "/var/lib/wtmpdb",
        ],
    ),
    (
        "leases and clocks",
        &[
            "/etc/adjtime",
            "/run/NetworkManager",
            "/run/chrony",
            "/run/dhclient*",
            "/run/dhcpcd",
            "/run/resolvconf",
            "/var/lib/NetworkManager",
            "/var/lib/chrony",
            "/var/lib/dhcp",
            "/var/lib/dhcpcd",
            "/var/lib/ntp*",
        ],
    ),
    (
        "container engines: images, layers and containers",
        &[
            "/run/containerd",
            "/run/containers",
            "/run/crio",
            "/run/docker",
            "/run/libpod",
            "/run/podman",
            "/run/runc",
            "/run/snapd",
            "/var/lib/buildkit",
            "/var/lib/containerd",
            "/var/lib/containers",
            "/var/lib/docker",
            "/var/lib/flatpak",
            "/var/lib/incus",
            "/var/lib/kubelet",
            "/var/lib/lxcfs",
            "/var/lib/lxd",
            "/var/lib/machines",
            "/var/lib/rancher",
            "/var/lib/snapd",
        ],
    ),
    (
        "databases and monitors",
        &[
            "/run/mysqld",
            "/run/postgresql",
            "/var/lib/elasticsearch",
            "/var/lib/etcd",
            "/var/lib/grafana",
            "/var/lib/influxdb",
            "/var/lib/mongodb",
            "/var/lib/mysql",
            "/var/lib/pcp",
            "/var/lib/postgresql",
            "/var/lib/prometheus",
            "/var/lib/redis",
            "/var/lib/vnstat",
        ],
    ),
    (
        "what services and timers write down by themselves",
        &[
            "/etc/cups/subscriptions.conf*",
            "/run/cups",
            "/run/fail2ban",
            "/run/samba",
            "/var/lib/PackageKit",
            "/var/lib/apt",
            "/var/lib/bluetooth",
            "/var/lib/colord",
            "/var/lib/dnf",
            "/var/lib/exim4",
            "/var/lib/fail2ban",
            "/var/lib/fwupd",
            "/var/lib/logrotate",
            "/var/lib/mlocate",
            "/var/lib/nfs",
            "/var/lib/plocate",
            "/var/lib/postfix",
            "/var/lib/samba",
            "/var/lib/smartmontools",
            "/var/lib/sss",
            "/var/lib/tuned",
            "/var/lib/update-notifier",
            "/var/lib/upower",
        ],
    ),
];

/// The paths that are left out, those of [`ALWAYS`] and some more, by their directory.
#[derive(Debug)]
pub(super) struct LeftOut {
    by_directory: HashMap<PathBuf, Vec<Pattern>>,
}

/// A file name, in which one `*` may stand for any text.
#[derive(Debug)]
struct Pattern {
    before: String,
    /// The text after the `*`; `None` where the name has no `*`.
    after: Option<String>,
}

impl Pattern {
    fn new(name: &str) -> Pattern {
        let (before, after) = match name.split_once('*') {
            Some((before, after)) => (before, Some(after.to_owned())),
            None => (name, None),
        };
        let before = before.to_owned();
        Pattern { before, after }
    }

    fn matches(&self, name: &str) -> bool {
        match &self.after {
            None => name == self.before,
            Some(after) => name
                .strip_prefix(self.before.as_str())
                .is_some_and(|rest| rest.ends_with(after.as_str())),
        }
    }
}

impl LeftOut {
    pub(super) fn new(more: &[PathBuf]) -> LeftOut {
        let always = ALWAYS.iter().flat_map(|(_, paths)| *paths).map(Path::new);
        let mut by_directory: HashMap<PathBuf, Vec<Pattern>> = HashMap::new();
        for path in always.chain(more.iter().map(PathBuf::as_path)) {
            if let (Some(directory), Some(name)) = (path.parent(), path.file_name()) {
                let pattern = Pattern::new(&name.to_string_lossy());
                by_directory
                    .entry(directory.to_owned())
                    .or_default()
                    .push(pattern);
            }
        }
        LeftOut { by_directory }
    }

    /// Whether this very path is left out.
    pub(super) fn has(&self, path: &Path) -> bool {
        let patterns = path.parent().and_then(|d| self.by_directory.get(d));
        patterns.is_some_and(|all| {
            let name = path.file_name().map(OsStr::to_string_lossy);
            all.iter()
                .any(|p| name.as_ref().is_some_and(|n| p.matches(n)))
        })
    }

    /// Whether this path, or a directory above it, is left out.
    pub(super) fn has_above(&self, path: &Path) -> bool {
        path.ancestors().any(|p| self.has(p))
    }
}

#[cfg(test)]
mod tests;
