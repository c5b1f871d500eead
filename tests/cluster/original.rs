//! The options of lxc_autogen.sh, in its order.

use crate::Test;
use crate::world::{Before, STATE, lxa, names, online, tool, until};
use std::path::Path;

pub const TESTS: &[Test] = &[
    ("the_originals_options", the_originals_options),
    (
        "the_agent_is_fetched_and_put_back",
        the_agent_is_fetched_and_put_back,
    ),
];

fn the_originals_options() {
    let before = Before::new();
    lxa("-R").exits(0);
    lxa("-s -R").exits(0).complains("nothing to clean up");
    lxa("-a").exits(3).complains("generate first");

    // -c alone generates: files, key and network, and nothing in the CIB.
    lxa("--containers 2").exits(0);
    assert!(Path::new(STATE).join("lxc2/domain.xml").exists());
    assert!(tool("virsh -c lxc:/// net-list --name").contains("lxc-autogen"));
    assert!(!tool("cibadmin --query").contains("container1"));
    lxa("--cleanup").exits(0);
    before.is_as_now();

    // As Pacemaker's test RemoteLXC calls it, but for -s.
    lxa("-v").exits(0);
    lxa("-g -a -m -c 2")
        .exits(0)
        .complains("-m/--add-master is deprecated");
    until("both are online", 60, || online() == names("lxc", 2));
    let cib = tool("cibadmin --query");
    assert!(cib.contains(r#"<clone id="lxc-clone">"#), "{cib}");

    // Taken away under the cluster it would restart them.
    lxa("-r").exits(3).complains("-p");
    lxa("-p").exits(0);
    assert_eq!(online(), Vec::<String>::new());
    assert!(!tool("cibadmin --query").contains("lxc"));
    assert_eq!(tool("virsh -c lxc:/// list --all --name").trim(), "");
    assert!(
        Path::new(STATE).join("lxc1/domain.xml").exists(),
        "-p keeps the files"
    );

    // And in again, from the files that are there, clone by itself.
    lxa("-a").exits(0);
    lxa("-C").exits(0);
    until("both are online again", 60, || online() == names("lxc", 2));
    lxa("-p -r").exits(0);
    assert!(!tool("virsh -c lxc:/// net-list --all --name").contains("lxc-autogen"));
    lxa("-R").exits(0);
    before.is_as_now();
}

fn the_agent_is_fetched_and_put_back() {
    let before = Before::new();
    let agent = "/usr/lib/ocf/resource.d/heartbeat/VirtualDomain";
    let was = std::fs::read_to_string(agent).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let offered = directory.path().join("VirtualDomain");
    let url = format!("file://{}", offered.display());

    for (text, why) in [
        ("hello", "start"),
        ("#!/bin/sh\nexit 3\n", "exited with 3"),
        ("#!/bin/sh\necho '<x/>'\n", "something else"),
    ] {
        std::fs::write(&offered, text).unwrap();
        lxa(&format!("-d --agent-url {url}"))
            .exits(1)
            .complains("is no VirtualDomain agent");
        assert_eq!(std::fs::read_to_string(agent).unwrap(), was, "{why}");
        before.is_as_now();
    }
    let said = lxa(&format!("-d --agent-url {url}.missing")).exits(1).err;
    assert_eq!(said.matches("cannot be fetched").count(), 1, "{said}");
    assert!(!said.contains("putting back"), "{said}");
    before.is_as_now();

    let newer = was.clone() + "# newer\n";
    std::fs::write(&offered, &newer).unwrap();
    lxa(&format!("-d --agent-url {url}")).exits(0);
    assert_eq!(std::fs::read_to_string(agent).unwrap(), newer);
    std::fs::write(&offered, newer + "# newest\n").unwrap();
    lxa(&format!("download-agent --agent-url {url}")).exits(0);
    // Somebody else's by now: it stays, and so does what is to be put back.
    let newest = std::fs::read_to_string(agent).unwrap();
    std::fs::write(agent, newest.clone() + "# theirs\n").unwrap();
    for _ in 0..2 {
        lxa("cleanup")
            .exits(4)
            .complains("not the one we installed any more");
    }
    std::fs::write(agent, newest).unwrap();
    lxa("cleanup").exits(0);
    assert_eq!(std::fs::read_to_string(agent).unwrap(), was);
    before.is_as_now();
}
