//! Disks that all cluster nodes of a lab share: sparse files in its directory, each with a loop
//! device, which the nodes have by the same name.

use super::{Lab, LabSpec};
use crate::change::DISKS;
use crate::error::{Error, Result};
use crate::spec::bounds;
use std::path::{Path, PathBuf};

/// Most shared disks of a lab. SBD takes three at most (sbd(8)).
const MOST: usize = 8;
/// Largest shared disk, MiB: ext4's largest file, 16 TiB (ext4(5)).
const LARGEST: u32 = 1 << 24;

/// One disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedDisk {
    /// Name of the block device in the nodes' /dev: vda, vdb and so on.
    pub name: String,
    /// Size in MiB.
    pub mib: u32,
    directory: PathBuf,
}

impl SharedDisk {
    /// Path of the file with its content.
    pub fn file(&self) -> PathBuf {
        self.directory.join(format!("{}.img", self.name))
    }

    /// Path of a symbolic link to its loop device, whose number is another each time. libvirt
    /// follows it when a node starts (libvirt 9.0, src/lxc/lxc_controller.c,
    /// virLXCControllerSetupDisk).
    pub fn link(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// Path of the block device in the nodes.
    pub fn in_node(&self) -> PathBuf {
        Path::new("/dev").join(&self.name)
    }
}

/// A lab's shared disks, in the order in which they were asked for.
pub fn of(lab: &Lab) -> Vec<SharedDisk> {
    let names = ('a'..='z').map(|letter| format!("vd{letter}"));
    let disk = |(name, mib): (String, &u32)| SharedDisk {
        name,
        mib: *mib,
        directory: lab.path(DISKS),
    };
    names.zip(&lab.spec.shared_disks_mib).map(disk).collect()
}

/// Refuses too many disks, and sizes out of bounds.
///
/// # Errors
/// [`crate::error::Kind::Usage`] with the bounds.
pub(super) fn check(spec: &LabSpec) -> Result<()> {
    let all = &spec.shared_disks_mib;
    if all.len() > MOST {
        let why = format!("--shared-disk: a lab has {MOST} at most, not {}", all.len());
        return Err(Error::usage(why).mend("leave some out"));
    }
    all.iter()
        .try_for_each(|mib| bounds("--shared-disk", *mib, 1, LARGEST, " MiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(sizes: &[u32]) -> LabSpec {
        LabSpec {
            shared_disks_mib: sizes.to_vec(),
            ..LabSpec::default()
        }
    }

    #[test]
    fn number_and_sizes_have_bounds() {
        check(&with(&[])).unwrap();
        check(&with(&[1, 2, 3, 4, 5, 6, 7, 1 << 24])).unwrap();
        let said = |sizes: &[u32]| check(&with(sizes)).unwrap_err().to_string();
        assert!(said(&[1; 9]).contains("8 at most, not 9"));
        assert!(said(&[0]).contains("1 to"), "{}", said(&[0]));
        assert!(said(&[8, (1 << 24) + 1]).contains("--shared-disk"));
    }

    #[test]
    fn each_has_a_name_in_the_nodes_and_a_file_here() {
        let mut lab = crate::lab::tests::sample(1, 0);
        lab.spec = with(&[16, 8]);
        let all = of(&lab);
        let second = "/var/lib/lxc-autogen-lab-lab/disks/vdb";
        assert_eq!(all[1].link(), Path::new(second));
        assert_eq!(all[1].file(), PathBuf::from(format!("{second}.img")));
        assert_eq!((all[1].in_node(), all[1].mib), ("/dev/vdb".into(), 8));
    }
}
