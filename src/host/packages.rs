//! Which package brings a missing tool, by distribution family.

/// A tool, and its package on Debian, Fedora and SUSE.
const PACKAGES: &[(&str, &str, &str, &str)] = &[
    (
        "virsh",
        "libvirt-clients",
        "libvirt-client",
        "libvirt-client",
    ),
    (
        "virt-xml-validate",
        "libvirt-clients",
        "libvirt-client",
        "libvirt-client",
    ),
    (
        "libvirtd",
        "libvirt-daemon-system",
        "libvirt-daemon",
        "libvirt-daemon",
    ),
    (
        "libvirt_lxc",
        "libvirt-daemon-driver-lxc",
        "libvirt-daemon-driver-lxc",
        "libvirt-daemon-driver-lxc",
    ),
    ("ip", "iproute2", "iproute", "iproute2"),
    ("pacemakerd", "pacemaker", "pacemaker", "pacemaker"),
    (
        "cibadmin",
        "pacemaker-cli-utils",
        "pacemaker-cli",
        "pacemaker-cli",
    ),
    (
        "crm_mon",
        "pacemaker-cli-utils",
        "pacemaker-cli",
        "pacemaker-cli",
    ),
    (
        "crm_node",
        "pacemaker-cli-utils",
        "pacemaker-cli",
        "pacemaker-cli",
    ),
    (
        "crm_resource",
        "pacemaker-cli-utils",
        "pacemaker-cli",
        "pacemaker-cli",
    ),
    (
        "crm_verify",
        "pacemaker-cli-utils",
        "pacemaker-cli",
        "pacemaker-cli",
    ),
    (
        "crm_attribute",
        "pacemaker-cli-utils",
        "pacemaker-cli",
        "pacemaker-cli",
    ),
    (
        "pacemaker-remoted",
        "pacemaker-remote",
        "pacemaker-remote",
        "pacemaker-remote",
    ),
    (
        "VirtualDomain",
        "resource-agents",
        "resource-agents",
        "resource-agents",
    ),
    ("corosync", "corosync", "corosync", "corosync"),
    ("fence_virt", "fence-virt", "fence-virt", "fence-agents"),
    ("fence_virtd", "fence-virtd", "fence-virtd", "fence-agents"),
    (
        "fence_virtd's module virt",
        "fence-virtd",
        "fence-virtd-libvirt",
        "fence-agents",
    ),
    (
        "fence_virtd's module tcp",
        "fence-virtd",
        "fence-virtd-tcp",
        "fence-agents",
    ),
    ("sshd", "openssh-server", "openssh-server", "openssh"),
    ("ssh-keygen", "openssh-client", "openssh", "openssh-common"),
    (
        "ssh",
        "openssh-client",
        "openssh-clients",
        "openssh-clients",
    ),
    ("dnsmasq", "dnsmasq-base", "dnsmasq", "dnsmasq"),
    ("nsenter", "util-linux", "util-linux", "util-linux"),
    ("setpriv", "util-linux", "util-linux", "util-linux"),
    ("curl", "curl", "curl", "curl"),
    ("wget", "wget", "wget", "wget"),
    ("dpkg-deb", "dpkg", "dpkg", "dpkg"),
];

/// One line that says how to get `tool` on this distribution.
pub fn mend_for_tool(tool: &str) -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    mend_on(tool, &release)
}

fn mend_on(tool: &str, os_release: &str) -> String {
    let Some((_, debian, fedora, suse)) = PACKAGES.iter().find(|p| p.0 == tool) else {
        return format!("install the package that brings {tool}, or put it in PATH");
    };
    let family: Vec<&str> = os_release
        .lines()
        .filter_map(|l| l.strip_prefix("ID=").or_else(|| l.strip_prefix("ID_LIKE=")))
        .flat_map(|v| v.trim_matches('"').split(' '))
        .collect();
    let is = |names: &[&str]| family.iter().any(|f| names.contains(f));
    if is(&["debian", "ubuntu"]) {
        format!("apt-get install {debian}")
    } else if is(&["fedora", "rhel", "centos"]) {
        format!("dnf install {fedora}")
    } else if is(&["suse", "opensuse", "sles"]) {
        format!("zypper install {suse}")
    } else {
        format!("install {debian} (Debian's name) or {fedora} (Fedora's)")
    }
}

#[cfg(test)]
mod tests {
    use super::mend_on;

    #[test]
    fn each_family_gets_its_own_command() {
        assert_eq!(
            mend_on("virsh", "ID=debian\n"),
            "apt-get install libvirt-clients"
        );
        let rocky = "NAME=x\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n";
        assert_eq!(mend_on("cibadmin", rocky), "dnf install pacemaker-cli");
        let leap = "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n";
        assert_eq!(mend_on("ip", leap), "zypper install iproute2");
        assert!(mend_on("ip", "").contains("iproute2"));
        assert!(mend_on("frob", "ID=debian\n").contains("frob"));
    }
}
