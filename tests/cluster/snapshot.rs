//! `snapshot` finds what is different: each kind of thing is really made, changed or taken away here.

use crate::Test;
use crate::world::{BINARY, Said, lxa, run, tool};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

pub const TESTS: &[Test] = &[
    (
        "an_unchanged_machine_does_not_differ",
        an_unchanged_machine_does_not_differ,
    ),
    ("each_kind_of_difference_is_found", each_kind_of_difference),
    ("what_is_no_snapshot_is_refused", what_is_no_snapshot),
];

/// A place that is looked at.
const PLACE: &str = "/etc/qa-snapshot";

fn compare(file: &Path) -> Said {
    let compare = ["snapshot", "--json", "--compare"].map(std::ffi::OsStr::new);
    run(BINARY, compare.into_iter().chain([file.as_os_str()]))
}

fn take(file: &Path) {
    lxa(&format!("snapshot --quiet -o {}", file.display())).exits(0);
}

/// `kind name change` of each difference.
fn told(said: &Said) -> Vec<String> {
    let all = crate::schema::conforms("differences", &said.out);
    let all = all["differences"].as_array().unwrap();
    let text = |d: &Value, key: &str| d[key].as_str().unwrap().to_owned();
    let line = |d: &Value| {
        format!(
            "{} {} {}",
            text(d, "kind"),
            text(d, "name"),
            text(d, "change")
        )
    };
    all.iter().map(line).collect()
}

fn an_unchanged_machine_does_not_differ() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("before");
    take(&file);
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600);
    assert_eq!(told(&compare(&file).exits(0)), [""; 0]);
    let said = lxa(&format!("snapshot --compare {}", file.display())).exits(0);
    assert!(said.out.starts_with("no difference, in "), "{}", said.out);
    // The same on standard output.
    let printed = lxa("snapshot -o -").exits(0).out;
    fs::write(&file, printed).unwrap();
    compare(&file).exits(0);
}

fn what_is_no_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    for text in ["", "[]", "{}", r#"{"format": "other", "version": 1}"#] {
        fs::write(&file, text).unwrap();
        compare(&file).exits(2).complains("is not a snapshot");
    }
    let newer = r#"{"format": "lxc-autogen snapshot", "version": 99}"#;
    fs::write(&file, newer).unwrap();
    compare(&file)
        .exits(2)
        .complains("is not a snapshot of version");
    compare(Path::new("/nowhere"))
        .exits(2)
        .complains("is not a snapshot: No such file");
}

/// What has been made, and goes again when the test ends, however it ends.
struct Planted {
    place: PathBuf,
    process: Option<Child>,
    had_lxc: bool,
}

impl Planted {
    /// Files that will be changed, and a domain that will run.
    fn prepare() -> Planted {
        let had_lxc = Path::new("/etc/libvirt/lxc").exists();
        let place = PathBuf::from(PLACE);
        fs::create_dir(&place).unwrap();
        for name in ["content", "mode", "owner", "gone"] {
            fs::write(place.join(name), name).unwrap();
        }
        symlink("one", place.join("link")).unwrap();
        tool("ip link add qa-old type bridge");
        // It is slow in getting addresses of its own.
        tool("ip link set qa-old addrgenmode none");
        Planted {
            place,
            process: None,
            had_lxc,
        }
    }

    fn plant(&mut self) {
        self.files();
        self.network();
        self.kernel();
        self.libvirt();
        let property = "crm_attribute --type crm_config --name last-lrm-refresh --update 77";
        tool(property);
        let primitive = r#"<primitive id="qa-dummy" class="ocf" provider="pacemaker" type="Dummy">
            <meta_attributes id="qa-m"><nvpair id="qa-t" name="target-role" value="Stopped"/></meta_attributes>
            </primitive>"#;
        let create = ["--create", "--scope", "resources", "--xml-text", primitive];
        run("cibadmin", create).exits(0);
    }

    fn files(&self) {
        fs::write(self.place.join("content"), "another").unwrap();
        let mode = fs::Permissions::from_mode(0o4711);
        fs::set_permissions(self.place.join("mode"), mode).unwrap();
        chown(self.place.join("owner"), Some(7), Some(8)).unwrap();
        fs::remove_file(self.place.join("gone")).unwrap();
        fs::write(self.place.join("new"), "new").unwrap();
        fs::remove_file(self.place.join("link")).unwrap();
        symlink("two", self.place.join("link")).unwrap();
    }

    fn network(&self) {
        for line in [
            "ip link add qa-new type bridge",
            "ip address add 10.99.7.1/24 dev qa-new",
            "ip link set qa-new up",
            "ip route add blackhole 10.99.8.0/24",
            "ip rule add from 10.99.9.0/24 table 77 priority 777",
            "ip neighbour add 10.99.7.2 lladdr 02:00:00:00:00:77 nud permanent dev qa-new",
            "tc qdisc add dev qa-old root tbf rate 1mbit burst 10k latency 10ms",
            "iptables -A INPUT -s 10.99.7.9 -j ACCEPT",
            "ip6tables -A INPUT -s fd99::9 -j ACCEPT",
            "ebtables -A FORWARD -s 02:00:00:00:00:77 -j DROP",
            "nft add table inet qa-table",
        ] {
            tool(line);
        }
    }

    fn kernel(&mut self) {
        flip("/proc/sys/net/ipv4/conf/qa-old/proxy_arp");
        fs::create_dir(self.place.join("mount")).unwrap();
        let mount = format!("mount -t tmpfs qa-tmpfs {PLACE}/mount");
        tool(&mount);
        fs::create_dir(cgroup()).unwrap();
        // It counts by its name.
        let program = self.place.join("mount/fence_virtd");
        fs::copy("/bin/sleep", &program).unwrap();
        let mut command = Command::new(&program);
        self.process = Some(command.arg("7777").spawn().unwrap());
    }

    fn libvirt(&self) {
        let domain = "<domain type='lxc'><name>qa-domain</name><memory>65536</memory>\
            <os><type>exe</type><init>/bin/true</init></os></domain>";
        let network = "<network><name>qa-net</name><bridge name='qa-net'/></network>";
        for (verb, xml) in [("define", domain), ("net-define", network)] {
            let file = self.place.join("xml");
            fs::write(&file, xml).unwrap();
            tool(&format!("virsh -c lxc:/// {verb} {}", file.display()));
            fs::remove_file(file).unwrap();
        }
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
            flip("/proc/sys/net/ipv4/conf/qa-old/proxy_arp");
        }
        for line in [
            "ip link delete qa-new",
            "ip link delete qa-old",
            "ip route delete blackhole 10.99.8.0/24",
            "ip rule delete priority 777",
            "iptables -D INPUT -s 10.99.7.9 -j ACCEPT",
            "ip6tables -D INPUT -s fd99::9 -j ACCEPT",
            "ebtables -D FORWARD -s 02:00:00:00:00:77 -j DROP",
            &format!("umount {PLACE}/mount"),
            "nft delete table inet qa-table",
            "virsh -c lxc:/// undefine qa-domain",
            "virsh -c lxc:/// net-undefine qa-net",
            "crm_attribute --type crm_config --name last-lrm-refresh --delete",
            "cibadmin --delete --xpath //primitive[@id='qa-dummy']",
        ] {
            let mut words = line.split(' ');
            run(words.next().unwrap(), words);
        }
        let _ = fs::remove_dir(cgroup());
        let _ = fs::remove_dir_all(&self.place);
        if !self.had_lxc {
            let _ = fs::remove_dir("/etc/libvirt/lxc");
        }
    }
}

/// In the first hierarchy there is.
fn cgroup() -> PathBuf {
    let mounts = lxc_autogen::host::cgroups::hierarchies().unwrap();
    mounts[0].join("qa-group")
}

fn flip(switch: &str) {
    let now = fs::read_to_string(switch).unwrap_or_default();
    let other = if now.trim() == "0" { "1" } else { "0" };
    let _ = fs::write(switch, other);
}

fn each_kind_of_difference() {
    let directory = tempfile::tempdir().unwrap();
    let [first, file] = ["first", "file"].map(|name| directory.path().join(name));
    // The first rule makes its table and chain, and they stay.
    for chain in ["iptables INPUT", "ip6tables INPUT", "ebtables FORWARD"] {
        let (filter, chain) = chain.split_once(' ').unwrap();
        tool(&format!("{filter} -A {chain} -j ACCEPT"));
        tool(&format!("{filter} -D {chain} -j ACCEPT"));
    }
    take(&first);
    let mut planted = Planted::prepare();
    take(&file);
    planted.plant();
    let said = compare(&file).exits(4).complains("differences from");
    let found = told(&said);
    let group = format!("cgroup {} left", cgroup().display());
    let mut expected: Vec<&str> = vec![
        "domain qa-domain left",
        "network qa-net left",
        "link qa-new left",
        "address qa-new 10.99.7.1/24 left",
        "route ipv4 10.99.7.0/24 dev qa-new",
        "route ipv4 blackhole 10.99.8.0/24 left",
        "rule ipv4 777 left",
        "neighbour qa-new 10.99.7.2 left",
        "qdisc qa-old root",
        "iptables filter INPUT changed",
        "ip6tables filter INPUT changed",
        "ebtables filter FORWARD left",
        "sysctl net.ipv4.conf.qa-old.proxy_arp changed",
        "mount /etc/qa-snapshot/mount left",
        "process fence_virtd 7777 left",
        "file /etc/qa-snapshot/content changed",
        "file /etc/qa-snapshot/mode changed",
        "file /etc/qa-snapshot/owner changed",
        "file /etc/qa-snapshot/link changed",
        "file /etc/qa-snapshot/gone gone",
        "file /etc/qa-snapshot/new left",
        "file /etc/qa-snapshot/mount/fence_virtd left",
        "cib resources primitive qa-dummy left",
        "cib crm_config cluster_property_set",
        "nftables table inet qa-table left",
        &group,
    ];
    expected.retain(|one| !found.iter().any(|f| f.starts_with(one)));
    assert!(
        expected.is_empty(),
        "not found: {expected:#?}\nin {found:#?}"
    );
    // What of a file has changed is told.
    let human = lxa(&format!("snapshot --compare {}", file.display())).exits(4);
    for line in [
        "mode: 0644 → 4711",
        "owner: 0:0 → 7:8",
        "to: one → two",
        "+ /etc/qa-snapshot/new",
        "- /etc/qa-snapshot/gone",
        "+ -s 10.99.7.9/32 -j ACCEPT",
    ] {
        assert!(human.out.contains(line), "no {line:?} in {}", human.out);
    }
    drop(planted);
    assert_eq!(told(&compare(&first)), [""; 0]);
}
