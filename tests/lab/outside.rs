//! Into a lab from outside: by ssh, by names in /etc/hosts, and files in and out; and by ssh from
//! node to node.

use crate::Test;
use crate::copy;
use crate::inside;
use crate::lab::Lab;
use crate::world::{lxa, run};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub const TESTS: &[Test] = &[("in_from_outside", in_from_outside)];

fn in_from_outside() {
    let lab = Lab::up("out", "--cluster-nodes 2 -c 1 --ssh --hosts");
    let directory = tempfile::tempdir().unwrap();
    by_ssh(&lab, directory.path());
    inside::from_node_to_node_by_ssh(&lab);
    for_ansible();
    copy::files_go_in_and_out(&lab, directory.path());
    copy::a_node_cannot_reach_the_host(&lab, directory.path());
    copy::what_is_big_is_streamed(&lab, directory.path());
    copy::both_sides_end(&lab, directory.path());
    copy::what_cannot_be_is_said(directory.path());
    names_follow(&lab);
    lab.down();
}

fn by_ssh(lab: &Lab, directory: &Path) {
    let config = directory.join("config");
    fs::write(&config, lxa("lab ssh-config --name out").exits(0).out).unwrap();
    let ssh = |options: &[&str], host: &str, command: &str| {
        let config = config.to_str().unwrap();
        let beginning = ["-F", config, "-o", "BatchMode=yes"];
        let end = [host, command];
        run("ssh", beginning.iter().chain(options).chain(&end))
    };
    for host in ["out-node1", "node2"] {
        let said = ssh(&[], host, "hostname").exits(0);
        assert!(said.out.trim().ends_with(host), "{said:?}");
    }
    // It is the lab's host key that is asked for, and no other.
    let other = format!("UserKnownHostsFile={}", directory.join("none").display());
    ssh(&["-o", &other], "node1", "true")
        .exits(255)
        .complains("Host key verification failed");
    // The names in /etc/hosts are the nodes'.
    let said = ssh(&["-o", "HostName=out-node1"], "node2", "hostname").exits(0);
    assert_eq!(said.out.trim(), lab.node("node1"));
    let json = lxa("lab ssh-config --name out --json").exits(0).out;
    let json = crate::schema::conforms("ssh-config", &json);
    assert_eq!(json["hosts"][1]["short_name"], "node2", "{json}");
    let key = Path::new(json["identity_file"].as_str().unwrap());
    assert_eq!(fs::metadata(key).unwrap().mode() & 0o777, 0o600);
}

fn for_ansible() {
    let yaml = lxa("lab inventory --name out").exits(0).out;
    for line in [
        "cluster_nodes:",
        "    out-node2:",
        "    ansible_user: root",
        "ansible_ssh_common_args: -o IdentitiesOnly=yes -o HostKeyAlias=",
    ] {
        assert!(yaml.contains(line), "no {line:?} in {yaml}");
    }
    assert!(!yaml.contains("lxc1"), "{yaml}");
    let json = lxa("lab inventory --name out --json").exits(0).out;
    let json = crate::schema::conforms("inventory", &json);
    assert!(json["cluster_nodes"]["hosts"]["out-node1"].is_object());
}

/// The nodes' names on this host, which are those of the lab whenever it changes.
fn names_follow(lab: &Lab) {
    let named = || {
        let text = fs::read_to_string("/etc/hosts").unwrap();
        let lines = text.lines().map(str::to_owned);
        let begins =
            |line: &String| *line == "# BEGIN lxc-autogen lab out in /var/lib/lxc-autogen-lab-out";
        let block = lines.skip_while(|line| !begins(line)).skip(1);
        let block = block.take_while(|line| !line.starts_with('#'));
        let names = block.map(|line| line.split(' ').nth(1).unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(named(), "out-node1 out-node2");
    lab.change("--remote-nodes 1").exits(0);
    assert_eq!(named(), "out-node1 out-node2 out-remote1");
    copy::cp("/etc/hosts", "out/remote1:/var/names").exits(0);
    assert!(lab.ok("remote1", "cat /var/names").contains("out-remote1"));
    lab.change("--hosts=false").exits(0);
    assert_eq!(named(), "");
    lab.change("--hosts --remote-nodes 0").exits(0);
    assert_eq!(named(), "out-node1 out-node2");
}
