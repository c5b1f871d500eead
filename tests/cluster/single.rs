//! Single nodes of a set: a command in one, a shell, a restart.

use crate::Test;
use crate::world::{Before, init_of, lxa, names, online, tool};

pub const TESTS: &[Test] = &[(
    "single_nodes_have_commands_of_their_own",
    single_nodes_have_commands_of_their_own,
)];

fn single_nodes_have_commands_of_their_own() {
    let before = Before::new();
    lxa("up -c 3").exits(0);
    lxa("up -c 1 --kind remote --prefix rem --state-dir /var/lib/rem").exits(0);
    assert_eq!(lxa("exec lxc2 -- uname -n").exits(0).out, "lxc2\n");
    assert_eq!(
        lxa("exec rem1 --state-dir /var/lib/rem -- uname -n")
            .exits(0)
            .out,
        "rem1\n"
    );
    lxa("exec lxc2 -- false").exits(1);
    let all = lxa("exec lxc[13] -- uname -n").exits(0).out;
    let mut lines: Vec<&str> = all.lines().collect();
    lines.sort();
    assert_eq!(lines, ["lxc1: lxc1", "lxc3: lxc3"]);
    for (line, text) in [
        ("exec lxc4 -- true", "its nodes are lxc1, lxc2, lxc3"),
        ("exec lxc1", "exec lacks COMMAND"),
        ("shell lxc4", "no node of the set is called lxc4"),
        ("exec lxc1 -- /no/such", "/no/such"),
    ] {
        let said = lxa(line);
        assert!([125, 127].contains(&said.code), "{line}: {said:?}");
        assert!(said.err.contains(text), "{line}: {}", said.err);
    }
    let was: Vec<u32> = (1..=3).map(|n| init_of(&format!("lxc{n}"))).collect();
    lxa("restart lxc4").exits(3).complains("called lxc4");
    let plan = lxa("restart lxc2 lxc3 --dry-run").exits(0).out;
    assert_eq!(plan, "would:\n  restart lxc2, lxc3\n");
    lxa("restart lxc2").exits(0);
    assert_eq!(online(), [names("lxc", 3), names("rem", 1)].concat());
    assert_eq!((init_of("lxc1"), init_of("lxc3")), (was[0], was[2]));
    assert_ne!(init_of("lxc2"), was[1]);
    let remote = init_of("rem1");
    lxa("restart rem1 --state-dir /var/lib/rem").exits(0);
    assert_eq!(online(), [names("lxc", 3), names("rem", 1)].concat());
    assert_ne!(init_of("rem1"), remote);
    // A paused one says so, and what has ended, too.
    tool("virsh -c lxc:/// suspend lxc1");
    lxa("exec lxc1 -- true")
        .exits(125)
        .complains("lxc1 is paused");
    tool("virsh -c lxc:/// resume lxc1");
    lxa("cleanup --state-dir /var/lib/rem").exits(0);
    lxa("cleanup").exits(0);
    lxa("exec lxc1 -- true")
        .exits(125)
        .complains("no containers in");
    before.is_as_now();
}
