//! Files into nodes and out of them: whole, streamed, and past links that a node's root plants.
//! Parts of the one test in `outside.rs`, which has the lab for them.

use crate::lab::Lab;
use crate::world::{BINARY, Said, lxa, root_of, run, tool, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `lab cp` of places as they are typed; `out/` stands for the lab.
pub fn cp(source: impl AsRef<Path>, target: impl AsRef<Path>) -> Said {
    let arguments = [
        "lab".as_ref(),
        "cp".as_ref(),
        source.as_ref(),
        target.as_ref(),
    ];
    run(BINARY, arguments.map(Path::as_os_str))
}

pub fn files_go_in_and_out(lab: &Lab, directory: &Path) {
    let at = |path: &str| directory.join(path);
    fs::create_dir_all(at("tree/sub")).unwrap();
    fs::write(at("tree/sub/program"), "#!/bin/sh\necho ran\n").unwrap();
    tool(&format!("chmod 0750 {}", at("tree/sub/program").display()));
    tool(&format!("chown 7:7 {}", at("tree/sub/program").display()));
    symlink("sub/program", at("tree/link")).unwrap();
    // Into a cluster node and a guest, under a new name and into a directory.
    cp(at("tree"), "out/node1:/srv/new").exits(0);
    cp(at("tree"), "out/lxc1:/var").exits(0);
    cp(at("tree"), "out/lxc1:/usr/local/sbin/")
        .exits(1)
        .complains("copy to where the node can be written");
    cp(at("tree"), "out-node1:/srv").exits(0);
    for (node, path) in [
        ("node1", "/srv/new"),
        ("lxc1", "/var/tree"),
        ("node1", "/srv/tree"),
    ] {
        assert_eq!(lab.ok(node, &format!("{path}/link")), "ran\n");
        let seen = lab.ok(node, &format!("stat -c %a,%u,%g {path}/sub/program"));
        assert_eq!(seen.trim(), "750,0,0");
    }
    // Out again; with everything that there is, over what is there.
    let out = at("out");
    for _ in 0..2 {
        cp("out/node1:/srv/new/", &out).exits(0);
    }
    assert_eq!(
        fs::read_link(out.join("link")).unwrap(),
        Path::new("sub/program")
    );
    let (was, is) = (at("tree/sub/program"), out.join("sub/program"));
    let seen = |path: &PathBuf| {
        let seen = fs::metadata(path).unwrap();
        (seen.mode(), seen.mtime(), fs::read(path).unwrap())
    };
    assert_eq!(seen(&was), seen(&is));
    assert_eq!(fs::metadata(&is).unwrap().uid(), 0);
    cp("out/node1:srv/new/link", directory).exits(0);
    let link = fs::symlink_metadata(at("link")).unwrap();
    assert!(link.is_file(), "a link that is named is followed");
    let json = run(
        BINARY,
        [
            "lab",
            "cp",
            "--json",
            "out/lxc1:/etc/hosts",
            "/dev/shm/hosts",
        ],
    );
    let json = crate::schema::conforms("copied", &json.exits(0).out);
    assert_eq!(json["files"], 1);
    fs::remove_file("/dev/shm/hosts").unwrap();
    let plan = lxa("lab cp --dry-run out/node1:/a b").exits(0).out;
    assert_eq!(plan, "would copy out/node1:/a to b\n");
}

/// Its root plants links that lead to files of the host, where the host would follow them.
pub fn a_node_cannot_reach_the_host(lab: &Lab, directory: &Path) {
    let own = directory.join("own");
    fs::write(&own, "the host's").unwrap();
    let own_path = own.to_str().unwrap();
    let planted = format!(
        "mkdir -p /srv/planted && cd /srv/planted && echo fine > fine && \
         ln -s {own_path} link && ln -s {} above && mkfifo pipe",
        directory.display()
    );
    lab.shell("node1", &planted).exits(0);
    let out = directory.join("planted");
    let said = cp("out/node1:/srv/planted", directory).exits(0);
    for left in ["planted/link", "planted/above", "planted/pipe"] {
        assert!(said.err.contains(left), "{said:?}");
    }
    let names: Vec<_> = fs::read_dir(&out).unwrap().flatten().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    // In the node there is nothing where it leads.
    cp("out/node1:/srv/planted/link", directory.join("read"))
        .exits(3)
        .complains("there is no");
    // Into the node through its link: it is the node's file that is written.
    let other = directory.join("other");
    fs::write(&other, "for the node").unwrap();
    lab.shell("node1", &format!("mkdir -p {}", directory.display()))
        .exits(0);
    cp(&other, "out/node1:/srv/planted/above/own").exits(0);
    let there = lab.ok("node1", &format!("cat {own_path}"));
    assert_eq!(there, "for the node");
    assert_eq!(fs::read_to_string(&own).unwrap(), "the host's");
    // What its tar sends is not believed.
    let liar = directory.join("liar.tar");
    fs::write(&liar, a_hostile_archive()).unwrap();
    cp(&liar, "out/node1:/srv/liar.tar").exits(0);
    let script = "#!/bin/sh\ncat /srv/liar.tar\n";
    fs::write(directory.join("tar"), script).unwrap();
    tool(&format!("chmod 0755 {}", directory.join("tar").display()));
    cp(directory.join("tar"), "out/node1:/srv/").exits(0);
    lab.ok("node1", "mount --bind /srv/tar /usr/bin/tar");
    cp("out/node1:/srv/planted", directory.join("lies"))
        .exits(1)
        .complains("leads out of the target");
    lab.ok("node1", "umount /usr/bin/tar");
    assert_eq!(fs::read_to_string(&own).unwrap(), "the host's");
}

fn a_hostile_archive() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    let name = b"../own";
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_mode(0o644);
    header.set_size(4);
    header.set_cksum();
    archive.append(&header, &b"evil"[..]).unwrap();
    archive.into_inner().unwrap()
}

/// With less memory than the file has bytes.
pub fn what_is_big_is_streamed(lab: &Lab, directory: &Path) {
    const MIB: u64 = 200;
    let (big, back) = (directory.join("big"), directory.join("back"));
    let of = format!("of={}", big.display());
    let count = format!("count={MIB}");
    run(
        "dd",
        ["if=/dev/urandom", &of, "bs=1M", &count, "status=none"],
    )
    .exits(0);
    let little = |source: &Path, target: &Path| {
        let limit = ["--data=100000000", BINARY, "lab", "cp"].map(std::ffi::OsStr::new);
        let places = [source.as_os_str(), target.as_os_str()];
        run("prlimit", limit.iter().chain(&places)).exits(0);
    };
    little(&big, Path::new("out/node2:/root/big"));
    little(Path::new("out/node2:/root/big"), &back);
    run("cmp", [&big, &back]).exits(0);
    lab.ok("node2", "rm /root/big");
    fs::remove_file(&back).unwrap();
    // There is no room for it in a node's /dev.
    cp(&big, "out/node2:/dev/big")
        .exits(1)
        .complains("make room in the node");
    lab.ok("node2", "rm -f /dev/big");
    fs::remove_file(&big).unwrap();
}

/// Ctrl-C in the middle of something that would take long.
pub fn both_sides_end(lab: &Lab, directory: &Path) {
    let (endless, target) = (directory.join("endless"), directory.join("target"));
    tool(&format!("truncate -s 1T {}", endless.display()));
    lab.ok("node1", "truncate -s 1T /root/endless");
    let unfinished = || {
        let entries = fs::read_dir(directory).unwrap().flatten();
        let mut names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
        names.any(|name| name.starts_with(".lxc-autogen-"))
    };
    interrupted(Path::new("out/node1:/root/endless"), &target, unfinished);
    assert!(!unfinished() && !target.exists());
    let in_node = "out/node1:/root/target";
    // Seen from here, since it fills the node's memory while a program would be started there.
    let seen = root_of("out-node1").join("root/target");
    let arrived = || fs::symlink_metadata(&seen).is_ok_and(|file| file.len() > 0);
    interrupted(&endless, Path::new(in_node), arrived);
    assert_ne!(lab.exec("node1", "pgrep -x tar").code, 0);
    lab.ok("node1", "rm /root/endless /root/target");
    fs::remove_file(&endless).unwrap();
}

#[track_caller]
fn interrupted(source: &Path, target: &Path, begun: impl FnMut() -> bool) {
    let mut child = Command::new(BINARY)
        .args([Path::new("lab"), Path::new("cp"), source, target])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("it is being copied", 20, begun);
    kill(
        Pid::from_raw(i32::try_from(child.id()).unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    until("it ends", 10, || child.try_wait().unwrap().is_some());
    let said = Said::from(child.wait_with_output().unwrap());
    said.exits(130).complains("may be incomplete");
}

pub fn what_cannot_be_is_said(directory: &Path) {
    let file = directory.join("own");
    cp(&file, &file).exits(2).complains("NODE:PATH");
    cp("out/node1:/a", "out/node2:/a").exits(2);
    cp("out/node9:/a", &file)
        .exits(3)
        .complains("no node node9");
    cp("out/node*:/a", &file).exits(2);
    cp(&file, "out/node1:/no/such/place")
        .exits(3)
        .complains("mkdir -p /no/such");
    cp(directory.join("nothing"), "out/node1:/").exits(3);
    cp(directory, "out/node1:/etc/hosts")
        .exits(3)
        .complains("a directory is to come there");
    cp("out/node1:/", directory).exits(2).complains("no name");
}
