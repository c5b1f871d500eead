//! `--version`: the version of this program, and those of the programs that it works with here.

use crate::host::Host;
use crate::report;
use std::path::Path;

/// The other programs' names as shown, and the commands that tell their versions.
const OTHERS: &[(&str, &str)] = &[("libvirt", "virsh"), ("Pacemaker", "pacemakerd")];

/// Prints the versions, a line each. A program that is not there is shown as missing, which is no
/// failure.
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
