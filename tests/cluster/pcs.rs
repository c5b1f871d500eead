//! What we put into a CIB, pcs and crmsh can read, and what they change in it stays.

use crate::Test;
use crate::world::{Before, lxa, names, online, run, tool};

pub const TESTS: &[Test] = &[("pcs_and_crmsh_can_read_it", pcs_and_crmsh_can_read_it)];

/// Asks as people do; a traceback counts as no answer.
#[track_caller]
fn asked(command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let said = run(words[0], &words[1..]);
    assert!(!said.err.contains("Traceback"), "{command}: {said:?}");
    said.exits(0).out
}

fn pcs_and_crmsh_can_read_it() {
    let before = Before::new();
    lxa("up -c 2 -C").exits(0);
    lxa("up -c 1 --kind remote --prefix rem --state-dir /var/lib/rem").exits(0);
    let all = asked("pcs config");
    for what in [
        "Resource: container2 (class=ocf provider=heartbeat type=VirtualDomain)",
        "config=/var/lib/lxc-autogen/lxc2/domain.xml",
        "Resource: rem1 (class=ocf provider=pacemaker type=remote)",
        "lxc-autogen-lxc-containers",
        "lxc-autogen-rem-containers",
    ] {
        assert!(all.contains(what), "{what} in {all}");
    }
    let one = asked("pcs resource config container1");
    assert!(one.contains("remote-node=lxc1"), "{one}");
    for command in [
        "pcs resource",
        "pcs constraint",
        "pcs property",
        "pcs status",
        "crm configure show",
    ] {
        asked(command);
    }
    let tags = asked("pcs tag config lxc-autogen-lxc-containers");
    assert!(
        tags.contains("container1") && tags.contains("container2"),
        "{tags}"
    );
    let shown = asked("crm configure show lxc-autogen-lxc-home");
    assert!(shown.contains("lxc-autogen-lxc-containers"), "{shown}");
    // Of what is ours it has nothing to say.
    let verified = run("crm", ["configure", "verify"]).exits(0);
    let said = verified.out + &verified.err;
    assert!(!said.contains("lxc") && !said.contains("None"), "{said}");
    let shown = asked("crm configure show container2");
    assert!(shown.contains("primitive container2"), "{shown}");

    // Each has a way of its own to change an operation. It holds, when the set grows, too.
    asked("pcs resource update container1 op monitor interval=33s");
    asked("pcs resource update container1 op start timeout=101s");
    lxa("up -c 3").exits(0);
    assert_eq!(online(), [names("lxc", 3), names("rem", 1)].concat());
    let path = "//primitive[@id='container1']/operations";
    let operations = run("cibadmin", ["--query", "--xpath", path]).exits(0).out;
    assert_eq!(
        operations.matches("name=\"monitor\"").count(),
        1,
        "{operations}"
    );
    assert!(operations.contains("\"33s\""), "{operations}");
    assert_eq!(
        operations.matches("name=\"start\"").count(),
        1,
        "{operations}"
    );
    assert!(operations.contains("\"101s\""), "{operations}");
    tool("crm_verify --live-check");

    lxa("cleanup --state-dir /var/lib/rem").exits(0);
    lxa("cleanup").exits(0);
    before.is_as_now();
}
