//! The places of a base tree's /etc of which nodes get nothing.

use std::path::Path;

/// Places below /etc that stay out, and why. A path stands for all that is below it, too; a `*` at
/// its end for every name that begins so, one at its beginning for every name that ends so.
pub const LEFT_OUT: &[(&str, &[&str])] = &[
    (
        "hashes of passwords, and who may become whom",
        &[
            "shadow*",
            "gshadow*",
            "passwd-",
            "group-",
            "subuid*",
            "subgid*",
            "security/opasswd",
            "sudoers*",
            "doas.conf",
        ],
    ),
    (
        "keys and passwords, under whichever mode",
        &[
            "ssl/private",
            "pki/tls/private",
            "letsencrypt",
            "acme*",
            "krb5.keytab",
            "ppp",
            "ipsec*",
            "swanctl",
            "strongswan*",
            "openvpn",
            "wireguard",
            "wpa_supplicant",
            "chrony*",
            "ntpsec",
            "apt/auth.conf*",
            "docker",
            "containers",
            "kubernetes",
            "rancher",
            "vault*",
            "consul*",
            "cifs*",
            "samba",
            "davfs2",
            "msmtprc",
            "fetchmailrc",
            "postfix",
            "exim4",
            "mail",
            "dovecot",
            "openldap",
            "ldap*",
            "sssd",
            "nslcd.conf",
            "mysql",
            "postgresql",
            "redis",
            "rabbitmq",
            "bind",
            "cups",
            "snmp",
            "fence_virt*",
            "nut",
        ],
    ),
    (
        "stores of keys, by their names",
        &[
            "*.key",
            "*.p12",
            "*.pfx",
            "*.jks",
            "*.keystore",
            "*.keytab",
            "*.kdbx",
            "*.ovpn",
        ],
    ),
    (
        "the host's own cluster and its storage",
        &[
            "corosync",
            "pacemaker",
            "cluster",
            "booth",
            "drbd*",
            "sbd*",
            "sysconfig/sbd",
            "default/sbd",
            "iscsi",
            "nvme",
            "multipath*",
            "lvm",
            "mdadm*",
            "fstab",
            "crypttab",
            "exports*",
            "auto.*",
            "auto.master.d",
            "ceph",
            "glusterfs",
        ],
    ),
    (
        "the host's libvirt, and ours",
        &["libvirt", "lxc", "lxc-autogen", "qemu"],
    ),
    (
        "the host's names, addresses and ways",
        &[
            "hostname",
            "hosts",
            "hosts.*",
            "machine-id",
            "machine-info",
            "mailname",
            "resolv.conf",
            "network",
            "netplan",
            "NetworkManager",
            "sysconfig/network*",
            "systemd/network",
            "dhcp*",
            "iproute2",
            "nftables*",
            "iptables*",
            "firewalld",
            "ufw",
            "adjtime",
        ],
    ),
    ("ssh: a lab has keys and settings of its own", &["ssh"]),
    (
        "what the host starts, and when",
        &[
            "systemd/system",
            "systemd/user",
            "rc0.d",
            "rc1.d",
            "rc2.d",
            "rc3.d",
            "rc4.d",
            "rc5.d",
            "rc6.d",
            "rcS.d",
            "cron*",
            "anacrontab",
            "at.*",
            "udev",
            "modules*",
            "sysctl*",
            "tmpfiles.d",
            "grub.d",
            "default/grub*",
            "kernel",
            "initramfs-tools",
            "inittab",
            "init",
        ],
    ),
];

/// Why a path below /etc stays out; `None` where it need not.
pub fn reason(path: &Path) -> Option<&'static str> {
    let path = path.to_string_lossy();
    let meets = |pattern: &str| match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
        (Some(begin), _) => path.starts_with(begin),
        (_, Some(end)) => path.ends_with(end),
        (None, None) => path
            .strip_prefix(pattern)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
    };
    let all = LEFT_OUT.iter();
    let mut found = all.filter(|(_, patterns)| patterns.iter().any(|p| meets(p)));
    found.next().map(|(why, _)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_stay_out() {
        for path in [
            "shadow-",
            "ssh",
            "ssh/moduli",
            "cron.d/x",
            "systemd/system/a.service",
            "apache2/web.key",
        ] {
            assert!(reason(Path::new(path)).is_some(), "{path}");
        }
        for path in [
            "apache2/ports.conf",
            "systemd/journald.conf",
            "sshguard",
            "hosts2",
            "apache2/web.key.d/a",
        ] {
            assert_eq!(reason(Path::new(path)), None, "{path}");
        }
    }
}
