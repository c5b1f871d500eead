//! Records that nobody of ours wrote are refused, kind by kind, and those of version 0.1.0 are not.

use super::golden::{KINDS, kind, records};
use super::{Change, StateDir, StateDirectory};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const DIR: &str = "/var/lib/lxc-autogen";

/// The one field that is wrong in each stands first.
const FORGED: &[&str] = &[
    r#"{"id":"x' or '1'='1","undo":"resource","container":null}"#,
    r#"{"id":"theirs","undo":"cib-object"}"#,
    r#"{"id":"lxc-autogen-x']|//resources|x[@id='","undo":"cib-object"}"#,
    r#"{"name":"--query","undo":"node"}"#,
    r#"{"name":"a/b","undo":"node"}"#,
    r#"{"name":"stonith-enabled","undo":"property","previous":"false"}"#,
    r#"{"name":"no-quorum-policy","undo":"throttle","nvpair":"p","raised":"100","previous":null}"#,
    r#"{"raised":"1","undo":"throttle","name":"node-action-limit","nvpair":"p","previous":null}"#,
    r#"{"nvpair":"p']|//x['","undo":"throttle","name":"node-action-limit","raised":"100","previous":null}"#,
    r#"{"xpath":"//resources","undo":"joining","id":"op_defaults","then":null}"#,
    r#"{"xpath":"//primitive[@id='lxc-autogen-a']","undo":"joining","id":"lxc-autogen-a","then":null}"#,
    r#"{"id":"theirs","undo":"joining","xpath":"//rsc_location[@id='theirs' and @resource-discovery='never']","then":"<rsc_location id=\"theirs\"/>"}"#,
    r#"{"then":"<resources id=\"lxc-autogen-a\"/>","undo":"joining","id":"lxc-autogen-a","xpath":"//rsc_location[@id='lxc-autogen-a' and @resource-discovery='never']"}"#,
    r#"{"set":"theirs","undo":"monitors","interval_s":20}"#,
    r#"{"node":"-oProxyCommand=sh","undo":"peer","program":"/usr/sbin/lxc-autogen","options":[],"group":""}"#,
    r#"{"program":"lxc-autogen","undo":"peer","node":"node2","options":[],"group":""}"#,
    r#"{"options":["Port=22\nProxyCommand=sh"],"undo":"peer","node":"node2","program":"/usr/sbin/lxc-autogen","group":""}"#,
    r#"{"configuration":"/etc/ssh/sshd_config","undo":"daemon","program":"sshd"}"#,
    r#"{"configuration":"/var/lib/lxc-autogen/../x","undo":"daemon","program":"fence_virtd"}"#,
    r#"{"configuration":"/var/lib/lxc-autogen","undo":"daemon","program":"fence_virtd"}"#,
    r#"{"directory":"/etc","undo":"shared-daemon","program":"virtlogd","files":[]}"#,
    r#"{"program":"../etc","undo":"shared-daemon","directory":"/run/lxc-autogen-../etc","files":[]}"#,
    r#"{"files":["/run/libvirt/../../etc/passwd"],"undo":"shared-daemon","program":"virtlogd","directory":"/run/lxc-autogen-virtlogd"}"#,
    r#"{"name":"--undefine","undo":"domain"}"#,
    r#"{"name":"","undo":"domain"}"#,
    r#"{"name":"a b","undo":"network","uuid":"1-2"}"#,
    r#"{"settings":[["/proc/sys/kernel/core_pattern","1"]],"undo":"forwarding"}"#,
    r#"{"settings":[["/proc/sys/net/ipv4/conf/../ip_default_ttl","1"]],"undo":"forwarding"}"#,
    r#"{"settings":[["/proc/sys/net/ipv4/ip_forward","|/bin/sh"]],"undo":"forwarding"}"#,
    r#"{"path":"/sys/fs/cgroup/memory/system.slice","undo":"cgroup"}"#,
    r#"{"path":"/sys/fs/cgroup/../../../home/machine","undo":"cgroup"}"#,
    r#"{"file":"/srv/vda.img","undo":"loop-device"}"#,
    r#"{"file":"/var/lib/lxc-autogen/disks/../../vda.img","undo":"loop-device"}"#,
    r#"{"path":"/etc/shadow","undo":"file","container":"shadow"}"#,
    r#"{"path":"/var/log/libvirt/lxc/../../lxc1","undo":"file","container":"lxc1"}"#,
    r#"{"path":"/var/log/libvirt/lxc/theirs.log","undo":"file","container":"lxc1"}"#,
    r#"{"path":"/run/libvirt/libvirt-sock","undo":"file","container":null}"#,
    r#"{"path":"/srv","undo":"empty-dir"}"#,
    r#"{"path":"/etc/libvirt/../x","undo":"empty-dir"}"#,
    r#"{"path":"/etc/passwd","undo":"hosts-block","marker":"lxc in /var/lib/lxc-autogen"}"#,
    r#"{"marker":"lxc in /var/lib/other","undo":"hosts-block","path":"/etc/hosts"}"#,
    r#"{"path":"/etc/shadow","undo":"authkey","sha256":"ab","previous":null}"#,
    r#"{"previous":"../../../etc/shadow","undo":"authkey","path":"/etc/pacemaker/authkey","sha256":"ab"}"#,
    r#"{"path":"/etc/cron.d/VirtualDomain","undo":"agent","sha256":["ab"],"previous":null}"#,
    r#"{"path":"/usr/../resource.d/heartbeat/VirtualDomain","undo":"agent","sha256":["ab"],"previous":null}"#,
    r#"{"previous":"/etc/shadow","undo":"agent","path":"/usr/lib/ocf/resource.d/heartbeat/VirtualDomain","sha256":["ab"]}"#,
    r#"{"name":"..","undo":"state-file"}"#,
    r#"{"name":"../lxc-autogen-lab-lab","undo":"state-file"}"#,
    r#"{"name":"journal.jsonl","undo":"state-file"}"#,
    r#"{"name":"./lock","undo":"state-file"}"#,
    r#"{"name":"..","undo":"container"}"#,
    r#"{"name":"/srv","undo":"container"}"#,
    r#"{"path":"/srv","undo":"state-dir","ino":2}"#,
    r#"{"path":"/srv","undo":"own-files"}"#,
];

#[test]
fn what_nobody_of_ours_wrote_is_refused() {
    let mut there = BTreeSet::new();
    for text in FORGED {
        let change: Change = serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let refused = change.check(Path::new(DIR)).err();
        let refused = refused.unwrap_or_else(|| panic!("{text} is taken for ours"));
        assert!(refused.message().starts_with("refused, "), "{refused}");
        there.insert(kind(&change));
    }
    assert_eq!(
        there,
        KINDS.iter().copied().collect(),
        "a kind is not tried"
    );
}

/// The state directory that 0.1.0's record of this kind was written in.
fn written_in(change: &Change) -> PathBuf {
    match change {
        Change::StateDir(StateDirectory::StateDir(StateDir { path, .. })) => path.clone(),
        Change::StateDir(StateDirectory::OwnFiles(it)) => it.path.clone(),
        Change::Daemons(_) => "/var/lib/lxc-autogen-lab-lab".into(),
        _ => DIR.into(),
    }
}

#[test]
fn what_0_1_0_wrote_is_ours() {
    for change in records() {
        if let Err(e) = change.check(&written_in(&change)) {
            panic!("{}: {e}", change.key());
        }
    }
}

/// How an element was put back that differed while nodes joined, as 0.1.0 and this version write it.
#[test]
fn every_element_that_a_join_changes_is_ours() {
    let tag = "lxc-autogen-lxc";
    for (id, xpath, then) in [
        ("tags", "/cib/configuration/tags[not(*)]".to_owned(), None),
        (
            "lxc-autogen-lxc-joining-connections",
            format!(
                "//meta_attributes[@id='{tag}-joining-connections' and \
                 nvpair[@name='migration-threshold' and @value='0']]"
            ),
            None,
        ),
        (
            "lxc-autogen-lxc-monitor-20",
            format!("//op[@id='{tag}-monitor-20' and @enabled='false']"),
            Some(r#"<op id="lxc-autogen-lxc-monitor-20" name="monitor"/>"#),
        ),
    ] {
        let then = then.map(str::to_owned);
        let (id, change) = (
            id.to_owned(),
            super::Joining {
                id: id.to_owned(),
                xpath,
                then,
            },
        );
        assert!(Change::from(change).check(Path::new(DIR)).is_ok(), "{id}");
    }
}
