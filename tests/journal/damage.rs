//! Journals and sets that are damaged or gone: what can be known of them is undone, and the rest is
//! named.

use crate::place::{Place, complains, exits};
use std::collections::BTreeMap;
use std::path::PathBuf;

type Content = BTreeMap<PathBuf, (u32, u32, Vec<u8>)>;

/// A set's directory with a tree and two files in it, and what there was before.
fn set() -> (Place, Content) {
    let mut place = Place::new("var/lib/lxc-autogen");
    let before = place.content();
    place.begin();
    place.record(&["state-file"], &[]);
    place.record(&["state-file"], &[("set.json", "network.xml")]);
    place.record(&[r#""undo":"container""#], &[]);
    let dir = format!("/{}", place.state);
    let mark = format!(
        "<metadata><lxc-autogen:set xmlns:lxc-autogen='urn:lxc-autogen:1' state-dir='{dir}'/></metadata>"
    );
    std::fs::create_dir_all(place.state("lxc1/rootfs/etc")).unwrap();
    let domain = format!("<domain><name>lxc1</name>{mark}</domain>");
    std::fs::write(place.state("lxc1/domain.xml"), domain).unwrap();
    let network = format!("<network>{mark}</network>");
    std::fs::write(place.state("network.xml"), network).unwrap();
    place.save_journal();
    (place, before)
}

/// Lines that nobody reads; in each, what is wrong with it.
const BAD: [(&str, &[u8]); 4] = [
    ("garbage", b"/* what is this */"),
    ("NULs", &[0; 512]),
    (
        "not UTF-8",
        b"{\"do\":{\"seq\":3,\"undo\":{\"undo\":\"state-file\",\"name\":\"\xff\"}}}",
    ),
    (
        "unknown kind",
        b"{\"do\":{\"seq\":9,\"undo\":{\"undo\":\"moon\",\"name\":\"lxc1\"}}}",
    ),
];

pub fn one_bad_line_keeps_nothing_else() {
    for (what, bad) in BAD {
        // The record of the directory, one in the middle, and the last one.
        for number in [1, 3, 4] {
            println!("{what} in line {number}");
            let (place, before) = set();
            let lines = place.records.iter().map(|line| line.as_bytes().to_vec());
            let mut lines: Vec<Vec<u8>> = lines.collect();
            lines[number - 1] = bad.to_vec();
            let text = [lines.join(&b'\n'), b"\n".to_vec()].concat();
            std::fs::write(place.state("journal.jsonl"), &text).unwrap();

            let planned = place.cleanup(&["--dry-run"]);
            exits(&planned, 0);
            complains(&planned, &format!("in line {number}: "));
            let said = place.cleanup(&[]);
            exits(&said, 4);
            let aside = place.state("journal.unreadable");
            complains(&said, &format!("in line {number}: it cannot be read"));
            complains(&said, "/var/lib/lxc-autogen/journal.unreadable");
            let mut wanted = format!("{number}: ").into_bytes();
            wanted.extend_from_slice(bad);
            wanted.push(b'\n');
            assert_eq!(std::fs::read(&aside).unwrap(), wanted);
            let mut left: Vec<_> = std::fs::read_dir(place.at(place.state)).unwrap().collect();
            left.retain(|it| it.as_ref().unwrap().file_name() != "lock");
            assert_eq!(left.len(), 2, "{left:?}");

            // It is told of until somebody has looked at it.
            exits(&place.cleanup(&[]), 4);
            std::fs::remove_file(aside).unwrap();
            exits(&place.cleanup(&[]), 0);
            assert_eq!(place.content(), before);
        }
    }
}

pub fn what_is_no_line_is_no_harm() {
    for torn in [&b"{\"do\":{\"seq\":5,\"un\xc3"[..], b"\n\n", &[0; 4096]] {
        let (place, before) = set();
        let mut text = std::fs::read(place.state("journal.jsonl")).unwrap();
        text.extend_from_slice(torn);
        std::fs::write(place.state("journal.jsonl"), text).unwrap();
        exits(&place.cleanup(&[]), 0);
        assert_eq!(place.content(), before);
    }
}

pub fn a_mended_line_is_taken_back() {
    let (place, before) = set();
    let good = place.records[3].clone();
    let text = std::fs::read_to_string(place.state("journal.jsonl")).unwrap();
    let bad = text.replace("\"container\"", "\"kontainer\"");
    std::fs::write(place.state("journal.jsonl"), bad).unwrap();
    // Its mark is gone too, so that the line alone tells of it.
    std::fs::remove_file(place.state("lxc1/domain.xml")).unwrap();
    exits(&place.cleanup(&[]), 4);
    assert!(place.state("lxc1").exists());
    std::fs::write(place.state("journal.unreadable"), format!("4: {good}\n")).unwrap();
    exits(&place.cleanup(&[]), 0);
    assert_eq!(place.content(), before);
}

pub fn a_set_that_cannot_be_read_is_done_without() {
    for text in [
        "{\"version\":1,\"spec\":{\"con",
        "",
        "\0\0\0\0",
        "{\"version\":9}",
    ] {
        let (place, before) = set();
        std::fs::write(place.state("set.json"), text).unwrap();
        let said = place.cleanup(&[]);
        exits(&said, 0);
        complains(&said, "set.json");
        complains(&said, "going on without");
        assert_eq!(place.content(), before);
    }
}

pub fn a_lost_journal_is_done_without() {
    for empty in [true, false] {
        let (place, before) = set();
        // As 0.1.0 made it, and cut off.
        let dir = format!("/{}", place.state);
        let text = format!("{{\n  \"version\": 1,\n  \"state_dir\": \"{dir}\",\n");
        std::fs::write(place.state("set.json"), text).unwrap();
        std::fs::write(place.state("holiday.jpg"), "x").unwrap();
        match empty {
            true => std::fs::write(place.state("journal.jsonl"), "").unwrap(),
            false => std::fs::remove_file(place.state("journal.jsonl")).unwrap(),
        }
        let said = place.cleanup(&[]);
        exits(&said, 4);
        complains(&said, "damaged or gone");
        complains(&said, "it holds what we did not make: holiday.jpg");
        std::fs::remove_file(place.state("holiday.jpg")).unwrap();
        exits(&place.cleanup(&[]), 0);
        assert_eq!(place.content(), before);
    }
    // What says that it was made elsewhere, or nothing, is nobody's that we know.
    for said in ["{\"state_dir\":\"/var/lib/other\"}", "{}"] {
        let (place, _) = set();
        std::fs::remove_file(place.state("journal.jsonl")).unwrap();
        std::fs::remove_dir_all(place.state("lxc1")).unwrap();
        std::fs::write(place.state("network.xml"), "<network/>").unwrap();
        std::fs::write(place.state("set.json"), said).unwrap();
        let foreign = place.cleanup(&[]);
        exits(&foreign, 3);
        complains(&foreign, "no journal of lxc-autogen");
        assert!(place.state("network.xml").exists());
    }
}

/// A journal that somebody has written who may write anywhere gains nothing that ours would not do.
pub fn what_nobody_of_ours_wrote_is_refused() {
    let (mut place, before) = set();
    for (directory, file) in [
        ("var/lib/other", "kept"),
        ("srv", "kept"),
        ("var/log/moved", "lxc1.log"),
    ] {
        place.write(&format!("{directory}/{file}"), "x");
    }
    std::fs::create_dir_all(place.at("srv/empty")).unwrap();
    std::fs::create_dir_all(place.at("var/log/libvirt")).unwrap();
    std::os::unix::fs::symlink("../moved", place.at("var/log/libvirt/lxc")).unwrap();
    let mut bystander = crate::daemon("/etc/ssh/sshd_config");
    let theirs = [
        r#""undo":"state-file","name":"../other/kept""#,
        r#""undo":"container","name":"../other""#,
        r#""undo":"container","name":"..""#,
        r#""undo":"empty-dir","path":"/srv/empty""#,
        r#""undo":"file","path":"/srv/kept","container":"kept""#,
        r#""undo":"file","path":"/srv/kept","container":null"#,
        r#""undo":"daemon","program":"fence_virtd","configuration":"/etc/ssh/sshd_config""#,
    ];
    for record in theirs {
        let number = place.records.len() + 1;
        place.records.push(format!(
            r#"{{"do":{{"seq":{number},"undo":{{{record}}}}}}}"#
        ));
    }
    // Of the right path, which leads elsewhere. (Nobody can say whether its domain runs.)
    place.record(
        &["empty-dir"],
        &[("/var/log/libvirt/lxc", "/var/log/libvirt/lxc/full")],
    );
    std::fs::create_dir(place.at("var/log/moved/full")).unwrap();
    place.save_journal();
    let said = place.cleanup(&[]);
    exits(&said, 4);
    for what in [
        "../other/kept in the state directory: refused",
        "files of container ..: refused",
        "directory /srv/empty: refused",
        "file /srv/kept: refused",
        "fence_virtd with /etc/ssh/sshd_config: refused",
        "a symlink, or a file, is in the way below /var/log/libvirt",
    ] {
        complains(&said, what);
    }
    assert!(
        bystander.try_wait().unwrap().is_none(),
        "the process was ended"
    );
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    for kept in [
        "var/lib/other/kept",
        "srv/kept",
        "srv/empty",
        "var/log/moved/full",
    ] {
        assert!(place.at(kept).exists(), "{kept}");
    }
    // What is ours is undone, and with those lines gone the rest is.
    assert!(!place.state("lxc1").exists());
    let text = std::fs::read_to_string(place.state("journal.jsonl")).unwrap();
    let ours = |line: &&str| !is_forged(line);
    let lines: Vec<&str> = text.lines().filter(ours).collect();
    std::fs::write(place.state("journal.jsonl"), lines.join("\n") + "\n").unwrap();
    exits(&place.cleanup(&[]), 0);
    for directory in ["var/lib/other", "srv", "var/log"] {
        std::fs::remove_dir_all(place.at(directory)).unwrap();
    }
    assert_eq!(place.content(), before);
}

fn is_forged(line: &str) -> bool {
    let theirs = ["../other", "\"..\"", "/srv/", "sshd_config", "lxc/full"];
    theirs.iter().any(|it| line.contains(it))
}

/// What fills the disk goes first, and what is put back is written then.
pub fn a_full_disk_is_no_reason_to_stay() {
    let mut place = Place::on_disk("var/lib/lxc-autogen", 512);
    let hosts = "127.0.0.1 localhost\n";
    place.write("etc/hosts", hosts);
    place.write("etc/pacemaker/authkey", "theirs");
    let before = place.content();
    place.begin();
    place.record(&["state-file"], &[]);
    place.record(&["state-file"], &[("set.json", "authkey.previous")]);
    place.record(&["hosts-block"], &[]);
    let marker = "lxc in /var/lib/lxc-autogen";
    let block =
        format!("# BEGIN lxc-autogen {marker}\n192.168.123.11 lxc1\n# END lxc-autogen {marker}\n");
    place.write("etc/hosts", &format!("{hosts}{block}"));
    std::fs::rename(
        place.at("etc/pacemaker/authkey"),
        place.state("authkey.previous"),
    )
    .unwrap();
    let sha = "39b0ab8630aaa01cbfecdafd947314744b27e54203ef4c20db912c958211f0bb";
    let ours = lxc_autogen::host::files::sha256(b"our key");
    place.record(&["authkey", sha], &[(sha, &ours)]);
    place.write("etc/pacemaker/authkey", "our key");
    place.record(&[r#""undo":"container""#], &[]);
    place.save_journal();
    std::fs::create_dir(place.state("lxc1")).unwrap();
    place.fill("var/lib/lxc-autogen/lxc1/core");
    let said = place.cleanup(&[]);
    exits(&said, 0);
    complains(&said, "6 changes undone, nothing left");
    assert_eq!(place.content(), before);

    // Where something else fills it, it is said what mends that, and nothing is lost.
    let mut place = Place::on_disk("var/lib/lxc-autogen", 512);
    let before = place.content();
    place.begin();
    place.record(&["hosts-block"], &[]);
    place.save_journal();
    place.write("etc/hosts", &format!("{hosts}{block}"));
    place.fill("filler");
    let said = place.cleanup(&[]);
    exits(&said, 4);
    complains(&said, "block lxc in /var/lib/lxc-autogen of /etc/hosts: ");
    complains(&said, "mend: make room");
    std::fs::remove_file(place.at("filler")).unwrap();
    exits(&place.cleanup(&[]), 0);
    assert_eq!(place.read("etc/hosts"), hosts);
    std::fs::remove_dir_all(place.at("etc")).unwrap();
    assert_eq!(place.content(), before);
}
