//! The program where every user can start it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A copy of a program in a directory that every user can enter, removed with this value. The
/// build's own may lie in a clone that only root can enter (`/root` has mode 0700), and tests start
/// it as other users.
pub struct ForAnyone {
    directory: tempfile::TempDir,
}

impl ForAnyone {
    /// Copies it.
    pub fn new(program: &str) -> Self {
        // Where pam_tmpdir(8) gives every user a directory for temporary files, it is the user's.
        let places = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()];
        let place = places.iter().find(|place| all_can_enter(place));
        let place = place.unwrap_or_else(|| panic!("all can enter none of {places:?}"));
        let directory = tempfile::tempdir_in(place).unwrap();
        let copy = Self { directory };
        std::fs::copy(program, copy.path()).unwrap();
        for path in [copy.directory.path(), &copy.path()] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        copy
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("lxc-autogen")
    }
}

fn all_can_enter(directory: &Path) -> bool {
    let others_may = |path: &Path| {
        path.metadata()
            .is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
    };
    directory.ancestors().all(others_may)
}
