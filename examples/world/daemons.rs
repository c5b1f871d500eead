//! libvirtd and a cluster inside a world.

use crate::files::{directory, write};
use crate::{Plan, init};
use lxc_autogen::error::{Error, Kind, Result};
use lxc_autogen::host::command::Cmd;
use lxc_autogen::host::{Host, files, mounts};
use lxc_autogen::lab::sharable;
use lxc_autogen::report;
use lxc_autogen::supervisor::{Config, Daemon, Daemons, Ready};
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A libvirtd without the machine's networks, domains or storage, and without polkit, which would
/// need a system bus: root is the only user in a world.
const LIBVIRTD: &str = "\
auth_unix_ro = \"none\"
auth_unix_rw = \"none\"
log_filters = \"1:lxc.lxc_conf 3:object 3:event\"
log_outputs = \"2:file:/var/log/libvirt/libvirtd.log\"
";

/// Makes libvirt's directories as Debian's libvirt-daemon-config-network leaves them, without its
/// network.
fn configure_libvirt() -> Result<()> {
    files::remove_tree(Path::new("/etc/libvirt"), &mounts::points()?)?;
    for (path, mode) in [
        ("/etc/libvirt/qemu/networks/autostart", 0o755),
        ("/var/lib/libvirt", 0o755),
        ("/var/lib/libvirt/boot", 0o711),
        ("/var/lib/libvirt/images", 0o711),
        ("/var/cache/libvirt", 0o711),
        ("/var/log/libvirt", 0o755),
    ] {
        directory(Path::new(path), mode)?;
    }
    write(Path::new("/etc/libvirt/libvirtd.conf"), LIBVIRTD)
}

/// The daemons in place of libvirtd, where a distribution has dropped it. UNTRIED: Debian 12 and 13
/// have libvirtd.
const PARTS: [&str; 3] = ["virtlogd", "virtnetworkd", "virtlxcd"];

/// How long libvirt may take to answer. On an emulated machine whose host was busy it took 15 s.
const PATIENCE: Duration = Duration::from_secs(90);

/// Starts libvirt and waits until it answers.
pub fn start_libvirt() -> Result<()> {
    configure_libvirt()?;
    let (programs, socket): (&[&str], &str) = if which::which("libvirtd").is_ok() {
        (&["libvirtd"], "/run/libvirt/libvirt-sock")
    } else {
        (&PARTS, "/run/libvirt/virtlxcd-sock")
    };
    if let Some(missing) = programs.iter().find(|p| which::which(p).is_err()) {
        return Err(
            Error::cant(format!("neither libvirtd nor {missing} is installed"))
                .mend("scripts/test or scripts/demo installs it"),
        );
    }
    let mut daemons = Daemons::new(Config {
        environment: std::env::vars().collect(),
        daemons: programs.iter().map(|name| daemon(name)).collect(),
        ..Config::default()
    });
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        daemons.advance()?;
        daemons.reap();
        if Path::new(socket).exists() && answers() {
            return Ok(());
        }
        if !daemons.are_well() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    show_ends(&["/var/log/libvirtd.out", "/var/log/libvirt/libvirtd.log"]);
    Err(Error::cant("libvirtd does not answer for lxc:///")
        .mend("is libvirt-daemon-driver-lxc installed?"))
}

fn daemon(name: &str) -> Daemon {
    Daemon {
        name: name.to_owned(),
        command: vec![name.to_owned()],
        stage: 0,
        ready: None::<Ready>,
        panics: Vec::new(),
        stop_s: 0,
    }
}

fn answers() -> bool {
    let cmd = Cmd::new("virsh").args(["-q", "-c", "lxc:///", "list"]);
    let said = cmd.timeout(PATIENCE).run(&Host::new(false));
    said.is_ok_and(|s| s.code == 0)
}

/// The node in which a world's command runs. The world's cluster is a lab of this one node, which
/// lxc-autogen makes.
const NODE: &str = "world/node1";
/// The node's root.
const ROOT: &str = "/var/lib/lxc-autogen-lab-world/world-node1/rootfs";

/// The arguments of lxc-autogen for the cluster. The timeout is long for slow machines; nobody is
/// in a hurry on a broken one. Without a disk its files can be reached at [`ROOT`].
const UP: &str = "lab up --quiet --name world --cluster-nodes 1 --containers 0 --fencing false \
                  --memory 20000 --disk 0 --init own --timeout 600";

/// Makes the cluster. A failure is an error of lxc-autogen's, not of the machine's.
pub fn start_cluster(plan: &Plan) -> Result<()> {
    set_ipc_buffer()?;
    let mut cmd = Cmd::new(plan.tool.to_string_lossy()).args(UP.split_whitespace());
    for path in shown(plan) {
        cmd = cmd.arg("--share").arg(path);
    }
    if init::wait_for(&cmd)? != 0 {
        show_ends(&[&format!("{ROOT}/var/log/pacemaker/pacemaker.log")]);
        let failed = Error::new(Kind::Failed, "the world's cluster is not up");
        return Err(failed.mend("see the logs above"));
    }
    ready_for_tests(&plan.tool.to_string_lossy())
}

/// The directories of the machine that the node is shown: this tree, and where the command is run.
/// A node sees all of the machine's /usr anyway.
fn shown(plan: &Plan) -> Vec<&Path> {
    let (tree, here) = (plan.tree.as_path(), plan.directory.as_path());
    let mut all = vec![tree, here];
    // One that lies in the other is shown with it.
    if here.starts_with(tree) || !sharable(here) || !here.is_dir() {
        all.pop();
    } else if tree.starts_with(here) {
        all.remove(0);
    }
    all.retain(|path| !path.starts_with("/usr"));
    all
}

/// The directory of the node in which a command is run that was typed in this one: the same, where
/// the node has it.
pub fn directory_in_node(tool: &str, wanted: &Path) -> PathBuf {
    let cmd = Cmd::new(tool).args(["lab", "exec", NODE, "--", "test", "-d"]);
    let said = cmd.arg(wanted).run(&Host::new(false));
    if said.is_ok_and(|said| said.code == 0) {
        return wanted.to_owned();
    }
    report::say(format!(
        "world: its node has no {}; in / instead",
        wanted.display()
    ));
    "/".into()
}

/// Removes the lab's authentication key, which nobody uses: the lxc-autogen under test makes its
/// own. And makes /usr/lib/ocf writable, since lxc-autogen installs an agent there.
fn ready_for_tests(tool: &str) -> Result<()> {
    files::remove_file(&Path::new(ROOT).join("etc/pacemaker/authkey"))?;
    for line in [
        "cp -a /usr/lib/ocf /run/",
        "mount --bind /run/ocf /usr/lib/ocf",
    ] {
        Cmd::new(tool)
            .args(["lab", "exec", NODE, "--"])
            .args(line.split(' '))
            .ok(&Host::new(false))?;
    }
    Ok(())
}

/// Writes the size into /etc/default/pacemaker, which a lab's nodes have from this machine.
fn set_ipc_buffer() -> Result<()> {
    let Some(bytes) = std::env::var("WORLD_IPC_BUFFER")
        .ok()
        .filter(|b| !b.is_empty())
    else {
        return Ok(());
    };
    let path = Path::new("/etc/default/pacemaker");
    directory(Path::new("/etc/default"), 0o755)?;
    let file = fs::File::options().append(true).create(true).open(path);
    file.and_then(|mut f| writeln!(f, "PCMK_ipc_buffer={bytes}"))
        .map_err(|e| Error::io("write", path, e))
}

/// The command line that runs a command in the world's cluster node, in this directory.
/// LXC_AUTOGEN_STATE_DIR is unset, so that the node has the state directory that is usual outside
/// of labs.
pub fn in_node(tool: &str, directory: &Path, world: &Path, command: &[OsString]) -> Vec<OsString> {
    let variable = |name: &str, value: OsString| {
        let mut text = OsString::from(format!("{name}="));
        text.push(value);
        text
    };
    let backtrace = std::env::var_os("RUST_BACKTRACE").unwrap_or_default();
    let mut line: Vec<OsString> = [tool, "lab", "exec", NODE, "--", "env"]
        .map(OsString::from)
        .into();
    line.extend(["-u", "LXC_AUTOGEN_STATE_DIR", "-C"].map(OsString::from));
    // A node sees the kernels there, and has a directory of its own for such things.
    let cache = std::env::var_os("LXC_AUTOGEN_CACHE_DIR").unwrap_or_default();
    line.extend([
        directory.into(),
        variable("LXC_AUTOGEN_WORLD", world.into()),
        variable("WORLD_CACHE", cache),
        variable("RUST_BACKTRACE", backtrace),
    ]);
    // That tests take long is asked for outside, too.
    let long = std::env::var_os("LXC_AUTOGEN_LONG");
    line.extend(long.map(|value| variable("LXC_AUTOGEN_LONG", value)));
    line.extend(command.iter().cloned());
    line
}

/// Prints the last 25 lines of each log.
fn show_ends(logs: &[&str]) {
    const LINES: usize = 25;
    for log in logs {
        let text = files::read_trimmed(log).unwrap_or_default();
        if !text.is_empty() {
            let lines: Vec<&str> = text.lines().collect();
            let end = lines[lines.len().saturating_sub(LINES)..].join("\n");
            report::say(format!("--- the end of {log}:\n{end}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_sees_where_the_command_is_run() {
        let plan = |tree: &str, directory: &str| Plan {
            libvirt: true,
            cluster: true,
            root: None,
            binds: Vec::new(),
            tool: "/x".into(),
            tree: tree.into(),
            directory: directory.into(),
        };
        let other = tempfile::tempdir().unwrap();
        let other = other.path().to_str().unwrap();
        for (tree, directory, both) in [
            ("/srv/tree", "/srv/tree/target", vec!["/srv/tree"]),
            ("/srv/tree", other, vec!["/srv/tree", other]),
            ("/srv/tree", "/srv", vec!["/srv"]),
            // A node has its own.
            ("/srv/tree", "/etc", vec!["/srv/tree"]),
            ("/srv/tree", "/", vec!["/srv/tree"]),
            ("/usr/src/x", "/usr/bin", vec![]),
        ] {
            let plan = plan(tree, directory);
            let both: Vec<&Path> = both.into_iter().map(Path::new).collect();
            assert_eq!(shown(&plan), both, "{tree} {directory}");
        }
    }

    #[test]
    fn a_command_in_the_node_knows_where_it_is() {
        let command = ["a", "b c"].map(OsString::from);
        let line = in_node("/x/tool", Path::new("/here"), Path::new("/tmp/w"), &command);
        let line: Vec<String> = line
            .iter()
            .map(|w| w.to_string_lossy().into_owned())
            .collect();
        assert_eq!(
            line[..6],
            ["/x/tool", "lab", "exec", "world/node1", "--", "env"]
        );
        assert_eq!(
            line[6..11],
            [
                "-u",
                "LXC_AUTOGEN_STATE_DIR",
                "-C",
                "/here",
                "LXC_AUTOGEN_WORLD=/tmp/w"
            ]
        );
        assert_eq!(line[13..], ["a", "b c"]);
    }
}
