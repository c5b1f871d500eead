//! What nodes are made from: another tree than the host's; a kernel that is another by now.

use crate::Test;
use crate::lab::Lab;
use crate::runner::not_proven;
use crate::world::{lxa, root_of, run, tool};
use lxc_autogen::libvirt::container::{SYSRQ, masked_sysrq};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub const TESTS: &[Test] = &[
    ("over_another_tree", over_another_tree),
    ("on_another_kernel", on_another_kernel),
];

/// The ids that Pacemaker's user and group have in the tree.
const UID: u32 = 4712;
const GID: u32 = 4711;

/// A tree with the host's /usr, and a /etc of its own in which Pacemaker's user and group have other
/// ids; while it is there the host has neither.
struct Tree {
    directory: tempfile::TempDir,
    host: Vec<(PathBuf, String)>,
}

impl Tree {
    fn new() -> Tree {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
            if let Ok(target) = std::fs::read_link(Path::new("/").join(name)) {
                std::os::unix::fs::symlink(target, at(name)).unwrap();
            }
        }
        tool(&format!("cp -a /etc {}", at("etc").display()));
        std::fs::create_dir(at("usr")).unwrap();
        tool(&format!("mount --bind /usr {}", at("usr").display()));
        let mut tree = Tree {
            directory,
            host: Vec::new(),
        };
        for (path, name, ids) in [
            ("etc/passwd", "hacluster", format!("{UID}:{GID}")),
            ("etc/group", "haclient", GID.to_string()),
        ] {
            let real = Path::new("/").join(path);
            let text = std::fs::read_to_string(&real).unwrap();
            let (mine, others): (Vec<&str>, Vec<&str>) = text
                .lines()
                .partition(|l| l.split(':').next() == Some(name));
            assert_eq!(mine.len(), 1, "{name} in {path}");
            let others = others.join("\n") + "\n";
            let rest = if path == "etc/passwd" {
                ":/var/lib/pacemaker:/usr/sbin/nologin"
            } else {
                ":"
            };
            let theirs = format!("{others}{name}:x:{ids}{rest}\n");
            std::fs::write(tree.path().join(path), theirs).unwrap();
            tree.host.push((real.clone(), text));
            std::fs::write(&real, others).unwrap();
        }
        tree
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn host_has_its_users_again(&mut self) {
        for (path, text) in self.host.drain(..) {
            std::fs::write(path, text).unwrap();
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.host_has_its_users_again();
        run("umount", [self.path().join("usr")]);
    }
}

fn over_another_tree() {
    let mut tree = Tree::new();
    lxa("lab up")
        .exits(3)
        .complains("there is no group haclient");
    let options = format!(
        "--cluster-nodes 1 --remote-nodes 1 -c 1 --base {}",
        tree.path().display()
    );
    let lab = Lab::up("lab", &options);
    // Fenced, encrypted, and with daemons that can read what they are to read.
    lab.await_online("node1", 1, "node1 remote1 lxc1");
    for (path, uid) in [
        ("etc/pacemaker/authkey", 0),
        ("var/lib/pacemaker/cib/cib.xml", UID),
    ] {
        let file = std::fs::metadata(root_of("lab-node1").join(path)).unwrap();
        assert_eq!((file.uid(), file.gid()), (uid, GID), "{path}");
    }
    let daemons = lab.ok("node1", "ps -C pacemaker-based -o uid=");
    assert_eq!(daemons.trim(), UID.to_string());
    lab.down();
    tree.host_has_its_users_again();
}

/// The host was booted again into a kernel that has the file which the one before had not, or the
/// other way round: its nodes mask what there is.
fn on_another_kernel() {
    let has = Path::new(SYSRQ).exists();
    if !has {
        not_proven("this kernel has no sysrq-trigger, so not that nodes mask it");
    }
    let lab = Lab::up("lab", "--cluster-nodes 1 -c 0 --fencing false");
    let file = "/var/lib/lxc-autogen-lab-lab/lab-node1/domain.xml";
    let good = std::fs::read_to_string(file).unwrap();
    let xml = lxc_autogen::xml::parse(&good, file).unwrap();
    let masks = |xml: &lxc_autogen::xml::El| {
        let targets = xml.all("target").into_iter();
        targets.filter(|t| t.get("dir") == Some(SYSRQ)).count() == 1
    };
    assert_eq!(masks(&xml), has);
    // As it would have been made on the other kernel.
    let mask = masked_sysrq().render();
    let mask = mask.trim();
    let lines = |text: &str| -> String { text.lines().map(str::trim).collect() };
    let other = if has {
        lines(&good).replace(&lines(mask), "")
    } else {
        good.replacen("</devices>", &format!("{mask}</devices>"), 1)
    };
    assert_ne!(masks(&lxc_autogen::xml::parse(&other, file).unwrap()), has);
    std::fs::write(file, &other).unwrap();
    let kept = "/var/lib/lxc-autogen-lab-lab/lab.json";
    let text = std::fs::read_to_string(kept).unwrap();
    let (is, was) = (
        format!("\"mask_sysrq\": {has}"),
        format!("\"mask_sysrq\": {}", !has),
    );
    assert!(text.contains(&is), "{text}");
    std::fs::write(kept, text.replace(&is, &was)).unwrap();
    tool("virsh -c lxc:/// destroy lab-node1");
    tool(&format!("virsh -c lxc:/// define {file}"));
    if !has {
        let said = run("virsh", ["-c", "lxc:///", "start", "lab-node1"]);
        assert_ne!(said.code, 0, "it cannot start on this kernel");
    }
    lab.change("").exits(0);
    lab.await_online("node1", 5, "node1");
    let defined = tool("virsh -c lxc:/// dumpxml lab-node1");
    assert_eq!(
        masks(&lxc_autogen::xml::parse(&defined, "virsh").unwrap()),
        has
    );
    assert_eq!(std::fs::read_to_string(file).unwrap(), good);
    lab.down();
}
