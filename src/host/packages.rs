//! Which package brings a missing tool, by distribution family.

use std::path::Path;

/// Lines of tab-separated fields: tool, its package for apt, dnf and zypper, groups.
const PACKAGES: &str = include_str!("../../packaging/packages.tsv");

/// The packages that bring a tool, for apt, dnf and zypper.
fn packages_of(tool: &str) -> Option<[&'static str; 3]> {
    let lines = PACKAGES.lines().filter(|line| !line.starts_with('#'));
    let mut rows = lines.map(|line| line.split('\t').collect::<Vec<_>>());
    let row = rows.find(|row| row[0] == tool)?;
    // A leading dash tells scripts not to install the package.
    Some([row[1], row[2], row[3]].map(|name| name.trim_start_matches('-')))
}

/// One line that says how to get `tool` on this distribution.
pub fn mend_for_tool(tool: &str) -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    mend_on(tool, &release)
}

/// The same for a tree, such as `--base` names one: the command is run in it.
pub fn mend_in(base: &Path, tool: &str) -> String {
    if base == Path::new("/") {
        return mend_for_tool(tool);
    }
    // The first is a link to the second, which is there without /etc as well (os-release(5)).
    let places = ["etc/os-release", "usr/lib/os-release"].map(|place| base.join(place));
    let release = places.iter().find_map(|p| std::fs::read_to_string(p).ok());
    let mend = mend_on(tool, &release.unwrap_or_default());
    match mend.starts_with("install ") {
        true => format!("in the tree {}: {mend}", base.display()),
        false => format!("chroot {} {mend}", base.display()),
    }
}

fn mend_on(tool: &str, os_release: &str) -> String {
    let Some([debian, fedora, suse]) = packages_of(tool) else {
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
    use super::{PACKAGES, mend_in, mend_on};
    use std::path::Path;

    #[test]
    fn what_a_tree_lacks_is_installed_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let (base, shown) = (directory.path(), directory.path().display());
        assert!(mend_in(base, "virsh").starts_with(&format!("in the tree {shown}: install ")));
        // Without /etc.
        std::fs::create_dir_all(base.join("usr/lib")).unwrap();
        std::fs::write(base.join("usr/lib/os-release"), "ID=debian\n").unwrap();
        let apt = format!("chroot {shown} apt-get install libvirt-clients");
        assert_eq!(mend_in(base, "virsh"), apt);
        assert!(!mend_in(Path::new("/"), "virsh").contains("chroot"));
    }

    #[test]
    fn every_line_has_its_columns() {
        for line in PACKAGES.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            assert_eq!(columns.len(), 5, "{line}");
            assert!(columns[..4].iter().all(|c| !c.is_empty()), "{line}");
        }
    }

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
        assert_eq!(
            mend_on("pacemaker-remoted", "ID=debian\n"),
            "apt-get install pacemaker-remote"
        );
        assert!(mend_on("ip", "").contains("iproute2"));
        assert!(mend_on("frob", "ID=debian\n").contains("frob"));
    }
}
