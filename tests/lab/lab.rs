//! A lab under test: made, asked, and taken down whatever happens.

use crate::mon::View;
use crate::world::{BINARY, Before, Said, lxa, run, tool, until};
use lxc_autogen::libvirt::hypervisor;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;

/// A lab by name, with what the world looked like before it.
pub struct Lab {
    pub name: &'static str,
    before: Before,
}

/// Options that say which kind of lab tests are about that do not say it themselves: our own init
/// is faster, and `scripts/test --long` runs them all again with `--init systemd --root full`.
fn kind() -> String {
    std::env::var("LXC_AUTOGEN_LAB_OPTIONS").unwrap_or_else(|_| "--init own".to_owned())
}

/// Whether systemd is PID 1 in the labs of this run.
pub fn by_systemd() -> bool {
    kind().contains("systemd")
}

impl Lab {
    /// `lab up` with these options.
    #[track_caller]
    pub fn up(name: &'static str, options: &str) -> Lab {
        let before = Before::new();
        let lab = Lab { name, before };
        let says = options.contains("--init") || options.contains("--bare");
        let kind = if says { String::new() } else { kind() };
        lab.change(&format!("{options} {kind}")).exits(0);
        lab
    }

    /// `lab up` again, with other options. A build's pacemaker-remoted runs where no other is named.
    pub fn change(&self, options: &str) -> Said {
        let up = format!("lab up --name {} {options}", self.name);
        if !options.contains("--overlay") {
            return lxa(&up);
        }
        let unnamed = ["-u", "LXC_AUTOGEN_REMOTED", BINARY];
        run("env", unnamed.into_iter().chain(up.split_whitespace()))
    }

    /// `lab down`, after which the world must be as it was.
    #[track_caller]
    pub fn down(self) {
        lxa(&format!("lab down --name {}", self.name)).exits(0);
        self.before.is_as_now();
    }

    /// Takes it down while another is up, whose own changes would show in the comparison.
    #[track_caller]
    pub fn down_beside_another(self) {
        let said = lxa(&format!("lab down --name {}", self.name)).exits(0);
        // The other puts it back.
        assert!(!said.err.contains("IPv4 forwarding stays on"), "{said:?}");
        let left = tool("virsh -c lxc:/// list --all --name");
        assert!(!left.contains(&format!("{}-", self.name)), "{left}");
        let link = format!("/sys/class/net/lab-{}", self.name);
        assert!(!std::path::Path::new(&link).exists());
    }

    /// The full name of a node.
    pub fn node(&self, short: &str) -> String {
        format!("{}-{short}", self.name)
    }

    /// Runs a command in a node.
    pub fn exec(&self, node: &str, command: &str) -> Said {
        lxa(&format!("lab exec {}/{node} -- {command}", self.name))
    }

    /// Runs a line of a shell in a node.
    pub fn shell(&self, node: &str, line: &str) -> Said {
        let node = format!("{}/{node}", self.name);
        run(BINARY, ["lab", "exec", &node, "--", "sh", "-c", line])
    }

    /// As [`Lab::exec`]; it must succeed, and its output is given back.
    #[track_caller]
    pub fn ok(&self, node: &str, command: &str) -> String {
        self.exec(node, command).exits(0).out
    }

    /// The cluster as a node sees it.
    pub fn view(&self, node: &str) -> View {
        let said = self.exec(node, "crm_mon -1 --output-as=xml");
        if said.code == 0 {
            View::parse(&said.out)
        } else {
            View::default()
        }
    }

    /// Names of nodes that are online and nothing else, as a node sees it.
    pub fn online(&self, node: &str) -> BTreeSet<String> {
        self.view(node).all_online().map(str::to_owned).collect()
    }

    /// Waits until these nodes, separated by blanks, are online, and no others; short names are the
    /// lab's own.
    #[track_caller]
    pub fn await_online(&self, node: &str, seconds: u64, wanted: &str) {
        let wanted: BTreeSet<String> = wanted
            .split_whitespace()
            .map(|n| {
                if n.starts_with("lxc") {
                    n.to_owned()
                } else {
                    self.node(n)
                }
            })
            .collect();
        let mut last = BTreeSet::new();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
        while last != wanted {
            last = self.online(node);
            assert!(
                last == wanted || std::time::Instant::now() < end,
                "online after {seconds} s: {last:?}, not {wanted:?}\n{}",
                self.exec(node, "crm_mon -1rf").out
            );
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
    }

    /// What the cluster knows of fencing a node.
    pub fn fenced(&self, by: &str, node: &str) -> bool {
        let history = self.exec(by, &format!("stonith_admin --history {}", self.node(node)));
        history.out.contains("successful")
    }

    /// The state of a domain of this host's libvirt.
    pub fn domain(&self, node: &str) -> String {
        let name = self.node(node);
        tool(&format!("virsh -c lxc:/// domstate {name}"))
            .trim()
            .to_owned()
    }

    /// The cluster node that a resource is active on; none, or two, are errors in most tests.
    pub fn runs_on(&self, asked: &str, resource: &str) -> Vec<String> {
        self.view(asked).runs_on(resource)
    }

    /// Waits until a node is in this state in the cluster's eyes: `unclean`, `pending` and so on.
    #[track_caller]
    pub fn await_note(&self, asked: &str, node: &str, seconds: u64, note: &str) {
        until(&format!("{node} {note}"), seconds, || {
            let seen = self.view(asked).nodes.get(&self.node(node)).cloned();
            seen.is_some_and(|(_, notes)| notes.iter().any(|n| n == note))
        });
    }

    /// What its fence_virtd is told of who may fence whom; nothing where that could not be.
    pub fn fence_groups(&self) -> String {
        let path = format!(
            "/var/lib/lxc-autogen-lab-{}/fence/fence_virt.conf",
            self.name
        );
        let text = std::fs::read_to_string(path).unwrap();
        text.split_once("groups {")
            .map_or_else(String::new, |(_, groups)| groups.to_owned())
    }

    /// PID 1 of a node, as the world sees it.
    pub fn init(&self, node: &str) -> u32 {
        crate::world::init_of(&self.node(node))
    }

    /// Sends a signal to every process of a node, nested ones included: those in its pid namespace
    /// and in those below, found as descendants of its PID 1.
    pub fn signal_all(&self, node: &str, signal: Signal) {
        let mut all = vec![self.init(node)];
        let mut next = 0;
        while next < all.len() {
            let pid = all[next];
            next += 1;
            let path = format!("/proc/{pid}/task/{pid}/children");
            let children = std::fs::read_to_string(path).unwrap_or_default();
            all.extend(
                children
                    .split_whitespace()
                    .map(|p| p.parse::<u32>().unwrap()),
            );
        }
        for pid in all {
            let _ = kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal);
        }
    }

    /// Cuts a node off from the others, by a packet filter on the bridge, until what it gives back
    /// is dropped.
    #[track_caller]
    pub fn cut(&self, node: &str) -> Cut {
        let xml = tool(&format!("virsh -c lxc:/// dumpxml {}", self.node(node)));
        let xml = lxc_autogen::xml::parse(&xml, "domain").unwrap();
        let mac = xml.all("mac")[0].get("address").unwrap();
        let cut = Cut {
            table: format!("cut-{node}"),
        };
        let table = format!("bridge {}", cut.table);
        tool(&format!("nft add table {table}"));
        tool(&format!(
            "nft add chain {table} forward {{ type filter hook forward priority 0 ; }}"
        ));
        for direction in ["saddr", "daddr"] {
            tool(&format!(
                "nft add rule {table} forward ether {direction} {mac} drop"
            ));
        }
        cut
    }

    /// Waits until a domain of this host's libvirt has ended, whether libvirt noticed or not.
    #[track_caller]
    pub fn await_end(&self, node: &str, seconds: u64) {
        let host = lxc_autogen::host::Host::new(false);
        until(&format!("{node} has ended"), seconds, || {
            let all = lxc_autogen::libvirt::virsh::domains(&host, &hypervisor::LXC).unwrap();
            let row = all.iter().find(|d| d.name == self.node(node)).unwrap();
            ["shut off", hypervisor::DEAD].contains(&row.state.as_str())
        });
    }

    /// Waits until a domain of this host's libvirt is in a state.
    #[track_caller]
    pub fn await_domain(&self, node: &str, seconds: u64, state: &str) {
        until(&format!("{node} {state}"), seconds, || {
            self.domain(node) == state
        });
    }
}

/// A node that is cut off.
pub struct Cut {
    table: String,
}

impl Drop for Cut {
    fn drop(&mut self) {
        let said = run("nft", ["delete", "table", "bridge", &self.table]);
        if !std::thread::panicking() {
            said.exits(0);
        }
    }
}

impl Drop for Lab {
    /// A test that failed must not make those after it fail.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let states = "pid,ppid,stat,wchan:24,etimes,args";
            eprintln!("{}", run("ps", ["-e", "--forest", "-o", states]).out);
            eprintln!(
                "{}",
                run("tail", ["-n", "30", "/var/log/libvirt/libvirtd.log"]).out
            );
            for node in ["node1", "node2", "node3"] {
                let name = format!("{}/{node}", self.name);
                let command =
                    "grep -E '(warning|error|crit):' /var/log/pacemaker/pacemaker.log | tail -n 8";
                let arguments = ["lab", "exec", &name, "--", "sh", "-c", command];
                eprintln!("{node}: {}", run(crate::world::BINARY, arguments).out);
            }
            eprintln!("{}", lxa(&format!("lab status --name {}", self.name)).out);
            let said = lxa(&format!("lab down --name {}", self.name));
            eprintln!("taken down after the failure: {}", said.err);
        }
    }
}
