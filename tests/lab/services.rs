//! Services that people run under Pacemaker, each behind an address, in nodes that are machines. Their
//! packages are put into the nodes and never on this machine: `scripts/test --long` fetches them.

use crate::Test;
use crate::lab::Lab;
use crate::runner::not_proven;
use crate::world::{BINARY, ROOT, run, tool, until};
use std::path::Path;

pub const LONG: &[Test] = &[("web_servers_fail_over", web_servers_fail_over)];

const NODES: [&str; 3] = ["node1", "node2", "node3"];
/// Addresses in the lab's network that no node has.
const OF_APACHE: &str = "172.31.200.200";
const OF_NGINX: &str = "172.31.200.201";

/// A lab of machines in which these packages are installed and their services are Pacemaker's;
/// nothing where the packages could not be fetched.
pub fn lab_with(services: &[&str]) -> Option<Lab> {
    let archives = Path::new(ROOT).join("target/services");
    let missing: Vec<_> = services
        .iter()
        .filter(|name| !archives.join(name).exists())
        .collect();
    if !missing.is_empty() {
        let names = missing.iter().map(|n| **n).collect::<Vec<_>>().join(", ");
        not_proven(&format!(
            "no archives of {names} in target/services (scripts/test --long fetches them, where \
             there is apt), so not that services of theirs fail over"
        ));
        return None;
    }
    let machines = "--cluster-nodes 3 -c 0 --init systemd --root full";
    let lab = Lab::up("lab", machines);
    for service in services {
        install(&lab, &archives.join(service));
        // Pacemaker starts it, and nothing else.
        on_all(&lab, &format!("systemctl disable --now {service}"));
    }
    Some(lab)
}

/// Puts a directory of archives into all nodes, and what is in them into their systems. There are none
/// of a package that this machine has, since its nodes have it as well.
fn install(lab: &Lab, archives: &Path) {
    if std::fs::read_dir(archives).unwrap().next().is_none() {
        return;
    }
    for node in NODES {
        let target = format!("{}/{node}:/root", lab.name);
        run(
            BINARY,
            ["lab", "cp", archives.to_str().unwrap(), target.as_str()],
        )
        .exits(0);
    }
    let name = archives.file_name().unwrap().to_str().unwrap();
    let dpkg = "DEBIAN_FRONTEND=noninteractive dpkg --install";
    on_all(lab, &format!("{dpkg} /root/{name}/*.deb"));
    on_all(lab, "dpkg --audit | diff - /dev/null");
}

/// Runs a line of a shell in all nodes, side by side.
#[track_caller]
pub fn on_all(lab: &Lab, line: &str) {
    assert_eq!(lab.name, "lab", "which is the one that is meant");
    run(BINARY, ["lab", "exec", "--all", "--", "sh", "-c", line]).exits(0);
}

/// Pulls the plug of a node, which must be fenced.
#[track_caller]
pub fn dies(lab: &Lab, node: &str, asked: &str) {
    tool(&format!("virsh -c lxc:/// destroy {}", lab.node(node)));
    until("it is fenced", 60, || lab.fenced(asked, node));
}

/// The node on which a resource runs, which is one.
#[track_caller]
pub fn place(lab: &Lab, asked: &str, resource: &str) -> &'static str {
    let all = lab.runs_on(asked, resource);
    assert_eq!(all.len(), 1, "{resource}: {all:?}");
    let mut nodes = NODES.into_iter();
    nodes.find(|node| lab.node(node) == all[0]).unwrap()
}

/// A node that is none of these.
pub fn other_than(nodes: &[&str]) -> &'static str {
    let mut all = NODES.into_iter();
    all.find(|node| !nodes.contains(node)).unwrap()
}

/// What a web server says to this host; nothing where none answers.
fn get(address: &str) -> String {
    let url = format!("http://{address}/");
    run("curl", ["--silent", "--fail", "--max-time", "2", &url]).out
}

/// Apache by its agent, set up with pcs, and nginx by its unit, set up with crmsh.
fn web_servers_fail_over() {
    let Some(lab) = lab_with(&["apache2", "nginx"]) else {
        return;
    };
    on_all(
        &lab,
        "echo apache2 on $(hostname) > /var/www/html/index.html",
    );
    // Beside the other one, and so not at port 80.
    on_all(
        &lab,
        "rm /etc/nginx/sites-enabled/default && printf 'server { listen 8080; return 200 \"nginx on %s\\n\"; }' \
         $(hostname) > /etc/nginx/conf.d/qa.conf",
    );
    for command in [
        "resource defaults update resource-stickiness=100",
        &format!(
            "resource create web-ip ocf:heartbeat:IPaddr2 ip={OF_APACHE} cidr_netmask=24 \
             op monitor interval=5s --group web"
        ),
        "resource create apache ocf:heartbeat:apache configfile=/etc/apache2/apache2.conf \
         statusurl=http://localhost/server-status op monitor interval=5s --group web --wait=60",
    ] {
        lab.ok("node1", &format!("pcs {command}"));
    }
    for command in [
        &format!(
            "primitive proxy-ip IPaddr2 params ip={OF_NGINX} cidr_netmask=24 op monitor interval=5s"
        ),
        "primitive nginx systemd:nginx op monitor interval=5s",
        "group proxy proxy-ip nginx",
        "colocation proxy-with-web inf: proxy web",
    ] {
        lab.ok("node1", &format!("crm configure {command}"));
    }
    let answers = |node: &str| {
        let name = lab.node(node);
        get(OF_APACHE) == format!("apache2 on {name}\n")
            && get(&format!("{OF_NGINX}:8080")) == format!("nginx on {name}\n")
    };
    let first = place(&lab, "node1", "apache");
    until("both answer", 60, || answers(first));

    // Each is started again where it was when it has died.
    for resource in ["apache", "nginx"] {
        lab.ok(first, &format!("pkill --oldest --exact {resource}2?"));
        until("it is seen", 30, || {
            let failed = format!("{resource}_monitor_5000");
            lab.view(first).failures.contains(&failed)
        });
        until("both answer again", 30, || answers(first));
        lab.ok(first, &format!("crm_resource --cleanup -r {resource}"));
    }

    // Their node dies, and they answer from another.
    let witness = other_than(&[first]);
    dies(&lab, first, witness);
    until("they have moved", 60, || {
        let places = ["apache", "nginx"].map(|r| lab.runs_on(witness, r));
        places
            .iter()
            .all(|p| p.len() == 1 && p[0] != lab.node(first))
    });
    let second = place(&lab, witness, "apache");
    until("both answer from there", 30, || answers(second));

    // It comes back, and they stay.
    lab.await_online(witness, 90, "node1 node2 node3");
    assert_eq!(place(&lab, witness, "apache"), second);
    assert_eq!(place(&lab, witness, "nginx"), second);
    // Nobody but Pacemaker has started them there.
    for unit in ["apache2", "nginx"] {
        let said = lab.exec(first, &format!("pgrep --exact {unit}"));
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{unit}");
    }
    assert!(answers(second));
    // In good order, by each of the two tools.
    lab.ok(witness, &format!("pcs node standby {}", lab.node(second)));
    until("they have moved", 60, || {
        let place = lab.runs_on(witness, "nginx");
        place.len() == 1 && place[0] != lab.node(second)
    });
    let third = place(&lab, witness, "nginx");
    until("both answer from there", 30, || answers(third));
    lab.ok(witness, &format!("crm node online {}", lab.node(second)));
    lab.await_online(witness, 10, "node1 node2 node3");
    lab.down();
}
