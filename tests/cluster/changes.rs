//! What containers are like, changed while they are there.

use crate::Test;
use crate::kill::killed;
use crate::world::{Before, STATE, init_of, lxa, names, online, root_of, tool};
use std::path::{Path, PathBuf};

pub const TESTS: &[Test] = &[("changed_while_they_run", changed_while_they_run)];

fn file(name: &str) -> PathBuf {
    Path::new(STATE).join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

/// The memory that a container has, in MiB, by its own /proc.
fn memory(name: &str) -> u32 {
    let seen = tool(&format!("cat {}/proc/meminfo", root_of(name).display()));
    let kib = seen.split_whitespace().nth(1).unwrap();
    kib.parse::<u32>().unwrap() / 1024
}

/// How a container's /dev/shm is mounted, without its size, and its size in KiB.
fn shm(name: &str) -> (String, String) {
    let mounts = tool(&format!("cat /proc/{}/mountinfo", init_of(name)));
    let line = mounts.lines().find(|l| l.contains(" /dev/shm ")).unwrap();
    let mut words: Vec<&str> = line.split([' ', ',']).collect();
    let at = words.iter().position(|w| w.starts_with("size=")).unwrap();
    let size = words.remove(at).to_owned();
    (words.join(" "), size)
}

fn interval(id: &str) -> String {
    let path = format!("//primitive[@id='{id}']/operations/op[@name='monitor']");
    let op = tool(&format!("cibadmin --query --xpath {path}"));
    let op = lxc_autogen::xml::parse(&op, "op").unwrap();
    op.get("interval").unwrap().to_owned()
}

fn changed_while_they_run() {
    let before = Before::new();
    lxa("up -c 3").exits(0);
    // What people have changed is theirs.
    let by_hand = text("lxc3/domain.xml").replace(">196<", ">180<");
    std::fs::write(file("lxc3/domain.xml"), by_hand).unwrap();
    tool("pcs resource update container2 op monitor interval=33s");
    let inits = || {
        names("lxc", 3)
            .iter()
            .map(|n| init_of(n))
            .collect::<Vec<_>>()
    };
    let (was, mounted) = (inits(), shm("lxc3").0);

    let change = "up --memory 256 --shm 100 --monitor-interval 30";
    let what = "memory to 256 MiB, /dev/shm to 100 MiB, monitors to every 30 s";
    let plan = lxa(&format!("{change} --dry-run")).exits(0).out;
    let step = format!("\n  change {what}, while they run\n");
    assert!(plan.contains(&step), "{plan}");
    assert_eq!(memory("lxc1"), 196);
    lxa(change)
        .exits(0)
        .complains(&format!("changed {what}"))
        .complains("left as somebody made them: lxc3 (memory), lxc2 (monitor)");
    assert_eq!(inits(), was, "restarted");
    assert_eq!(online(), names("lxc", 3));
    assert_eq!(["lxc1", "lxc2", "lxc3"].map(memory), [256, 256, 196]);
    assert_eq!(shm("lxc3"), (mounted, "size=102400k".to_owned()));
    let intervals = ["container1", "container2", "container3"].map(interval);
    assert_eq!(intervals, ["30s", "33s", "30s"]);
    tool("crm_verify --live-check");
    tool(&format!("virt-xml-validate {STATE}/lxc1/domain.xml domain"));
    let primitive = text("lxc1/primitive.xml");
    assert!(primitive.contains("interval=\"30s\""), "{primitive}");

    // So it stays when the cluster starts one again, and there is no more to change.
    tool("crm_resource --restart --resource container1");
    assert_eq!(memory("lxc1"), 256);
    let again = lxa(change).exits(0);
    assert!(!again.err.contains("changed"), "{}", again.err);
    let plan = lxa(&format!("{change} --dry-run")).exits(0).out;
    assert!(!plan.contains("change"), "{plan}");

    // Killed half-way, the next run goes on with it, without being told.
    killed("up --memory 300", "the first", || {
        text("lxc1/domain.xml").contains(">300<")
    });
    assert!(text("set.json").contains("\"former\""));
    lxa("up").exits(0).complains("changed memory to 300 MiB");
    assert!(!text("set.json").contains("\"former\""));
    assert_eq!(["lxc1", "lxc2"].map(memory), [300, 300]);

    // What a container has no room for is put back.
    let full = root_of("lxc2").join("dev/shm/full");
    std::fs::write(&full, vec![1; 30 << 20]).unwrap();
    let said = lxa("up --memory 310 --shm 20").exits(1).err;
    let cause = "lxc2: /dev/shm cannot be 20 MiB";
    assert_eq!(said.matches(cause).count(), 1, "once: {said}");
    assert!(
        said.contains("failed: putting back what was done"),
        "{said}"
    );
    std::fs::remove_file(full).unwrap();
    assert_eq!(["lxc1", "lxc2"].map(memory), [300, 300]);
    assert_eq!(["lxc1", "lxc2"].map(|n| shm(n).1), ["size=102400k"; 2]);
    assert!(!text("set.json").contains("\"former\""));
    assert!(text("lxc1/domain.xml").contains(">300<"));

    // What cannot be changed is refused, with the reason.
    lxa("up --kind remote --prefix qa")
        .exits(2)
        .complains("made with another --prefix, --kind")
        .complains("--prefix: all names have it");
    lxa("generate --memory 64")
        .exits(2)
        .complains("lxc-autogen up changes it");
    lxa("cleanup").exits(0);

    // Remote nodes, which the cluster does not start.
    lxa("up -c 1 --kind remote").exits(0);
    let was = init_of("lxc1");
    lxa("up --memory 220 --monitor-interval 25").exits(0);
    assert_eq!((init_of("lxc1"), memory("lxc1")), (was, 220));
    assert_eq!(interval("lxc1"), "25s");
    assert_eq!(online(), names("lxc", 1));
    lxa("cleanup").exits(0);
    before.is_as_now();
}
