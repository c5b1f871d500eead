//! `--version`: this program's, and those of what it works with here.

use crate::host::Host;
use crate::report;
use std::path::Path;

/// What is asked, and what its version is called.
const OTHERS: &[(&str, &str)] = &[("libvirt", "virsh"), ("Pacemaker", "pacemakerd")];

/// Prints the versions, a line each. What is not there is said to be missing, and no failure.
pub fn run() {
    let host = Host::new(false);
    report::result(format!("lxc-autogen {}\n", env!("CARGO_PKG_VERSION")));
    for (name, program) in OTHERS {
        let said = match crate::rootfs::version(&host, Path::new(program)) {
            Ok(version) => version,
            Err(_) if which::which(program).is_err() => format!("not found (no {program})"),
            Err(e) => format!("unknown ({})", e.message()),
        };
        report::result(format!("{name} {said}\n"));
    }
}
