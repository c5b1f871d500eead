//! SBD, which fences by messages on a shared disk, in nodes whose PID 1 is systemd (sbd(8); source
//! of sbd 1.5.2).

use super::units::{UNITS, VENDOR, drop_in};
use super::{Init, Lab, LabSpec, config, shared_disk};
use crate::error::{Error, Result};
use crate::plan::{Form, Machine, dir, file, link, uuid};
use crate::rootfs::{Content, Entry, Owner};

/// Units that do not start without it, as in its own unit's `[Install]`.
const NEEDED_BY: &[&str] = &["corosync", "pacemaker"];

/// Refuses SBD where it has no disk or no unit, and where no cluster is configured.
///
/// # Errors
/// [`crate::error::Kind::Usage`] with the option that is missing or too much.
pub(super) fn check(spec: &LabSpec) -> Result<()> {
    if !spec.sbd {
        return Ok(());
    }
    let (why, mend) = match (spec.shared_disks_mib.is_empty(), spec.init, spec.bare) {
        (true, ..) => ("takes a shared disk", "add --shared-disk 8"),
        (_, Init::Own, _) => ("takes systemd in the nodes", "use --init systemd"),
        (.., true) => (
            "takes a cluster, and with --bare there is none",
            "leave it out; pcs stonith sbd enable sets SBD up with the cluster",
        ),
        _ => return Ok(()),
    };
    Err(Error::usage(format!("--sbd {why}")).mend(mend))
}

/// What the first shared disk begins with where the nodes run SBD. The rest is zeros: slots in which
/// no node is, and no messages.
pub(super) fn disk(lab: &Lab) -> Option<Vec<u8>> {
    (lab.spec.sbd).then(|| header(&uuid(&lab.seed, "sbd"), watchdog_seconds(lab)))
}

/// How long a node may go without SBD's look at the disk, in seconds: as `sbd create` has it; a machine
/// that is emulated stands still for some seconds where this host has other work.
fn watchdog_seconds(lab: &Lab) -> u32 {
    match lab.spec.has_vms() && !lab.vm.kvm {
        true => 15,
        false => 5,
    }
}

/// The header as `sbd create` writes it (src/sbd.h, `struct sector_header_s`; src/sbd-md.c,
/// init_device): with its default times but for the watchdog's, in seconds.
fn header(uuid: &str, watchdog: u32) -> Vec<u8> {
    const VERSION: u8 = 2;
    const MINOR: u8 = 1;
    const SLOTS: u8 = 255;
    const SECTOR: u32 = 512;
    // Of the watchdog, of giving a slot to a node, between two looks, for a message to be read.
    let times = [watchdog, 2, 1, 2 * watchdog];
    let mut bytes = b"SBD_SBD_".to_vec();
    // Numbers begin at a multiple of four.
    bytes.extend([VERSION, SLOTS, 0, 0]);
    for number in [SECTOR].iter().chain(&times) {
        bytes.extend(number.to_be_bytes());
    }
    bytes.push(MINOR);
    let uuid = uuid::Uuid::parse_str(uuid).unwrap_or_default();
    bytes.extend(uuid.as_bytes());
    bytes
}

/// SBD's files in a node: a container with shared disks ends when SBD wants it to, whoever set it up; a
/// virtual machine has a kernel of its own to reset it.
pub(super) fn files(lab: &Lab, node: &Machine) -> Vec<Entry> {
    let mut entries = Vec::new();
    let disks = shared_disk::of(lab);
    if !disks.is_empty() && node.form == Form::Container {
        entries.extend(drop_in("sbd", ends_the_node()));
    }
    if let Some(disk) = disks.first().filter(|_| lab.spec.sbd) {
        let watchdog = match (node.form, lab.vm.watchdog) {
            (Form::Virtual, Some(_)) => "/dev/watchdog",
            _ => "/dev/null",
        };
        let options = options(
            &disk.in_node().display().to_string(),
            watchdog,
            watchdog_seconds(lab),
        );
        let (directory, _) = config::settings(lab);
        entries.push(file(&format!("{directory}/sbd"), Content::Text(options)));
        for unit in NEEDED_BY {
            let directory = format!("{UNITS}/{unit}.service.requires");
            entries.push(dir(&directory, 0o755, Owner::Root));
            let path = format!("{directory}/sbd.service");
            entries.push(link(&path, &format!("{VENDOR}/sbd.service")));
        }
    }
    entries
}

/// SBD resets a machine by the kernel, which no node may, and then ends with status 1
/// (src/sbd-common.c, do_exit). systemd would first wait until its watchers have ended
/// (systemd.kill(5), `KillMode=`); they do so by themselves.
fn ends_the_node() -> String {
    "[Service]\nKillMode=process\n\
     ExecStopPost=/opt/lxc-autogen/lxc-autogen node-plug --pull-after 1\n"
        .to_owned()
}

/// The daemon's options: those of its packages, but for the disk and the watchdog; /dev/null is none.
fn options(device: &str, watchdog: &str, seconds: u32) -> String {
    format!(
        "SBD_DEVICE={device}\nSBD_WATCHDOG_DEV={watchdog}\nSBD_PACEMAKER=yes\n\
         SBD_STARTMODE=always\nSBD_DELAY_START=no\nSBD_WATCHDOG_TIMEOUT={seconds}\n\
         SBD_TIMEOUT_ACTION=flush,reboot\nSBD_MOVE_TO_ROOT_CGROUP=auto\n\
         SBD_SYNC_RESOURCE_STARTUP=yes\nSBD_OPTS=\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Root;

    #[test]
    fn what_it_takes() {
        let machine = LabSpec {
            sbd: true,
            shared_disks_mib: vec![8],
            init: Init::Systemd,
            root: Root::Full,
            ..LabSpec::default()
        };
        check(&machine).unwrap();
        let without = |change: fn(&mut LabSpec)| {
            let mut spec = machine.clone();
            change(&mut spec);
            check(&spec).unwrap_err().to_string()
        };
        assert!(without(|s| s.shared_disks_mib.clear()).contains("a shared disk"));
        assert!(without(|s| s.init = Init::Own).contains("systemd"));
        assert!(without(|s| s.bare = true).contains("--bare"));
        check(&LabSpec::default()).unwrap();
    }

    #[test]
    fn the_header_is_laid_out_as_in_c() {
        let bytes = header("12345678-9abc-4def-8123-456789abcdef", 5);
        assert_eq!(bytes.len(), 8 + 4 + 5 * 4 + 1 + 16);
        assert_eq!(bytes[8..16], [2, 255, 0, 0, 0, 0, 2, 0]);
        assert_eq!(
            bytes[16..33],
            [0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 10, 1]
        );
        assert_eq!(bytes[33..35], [0x12, 0x34]);
    }
}
