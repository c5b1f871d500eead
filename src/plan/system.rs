//! A machine of a set with an init of ours: a virtual machine. Its kernel would panic when PID 1 ends,
//! as pacemaker-remoted does when its node is shut down.

use super::{Mount, Set, dir, text};
use crate::rootfs::{Entry, Owner};
use crate::supervisor::{self, Config, Daemon};
use std::path::Path;

/// The directory of the programs that machines with an init are shown, in the state directory.
pub const PROGRAMS: &str = "bin";
/// Where they see it.
pub const PROGRAMS_AT: &str = "/opt/lxc-autogen";
/// Name of this program, in there.
pub const PROGRAM: &str = "lxc-autogen";

/// Search path of programs in a node, as root has it after a login by ssh.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Size of /run, MiB, as a lab's nodes have it.
const RUN_MIB: u32 = 64;
/// CRM_EX_FATAL and CRM_EX_PANIC, when Pacemaker could not reboot the machine itself (2.1.5,
/// lib/common/watchdog.c).
pub(crate) const PANICS: [i32; 2] = [100, 101];

/// PID 1 of a virtual machine, and its arguments.
pub(super) fn init() -> Vec<String> {
    let program = Path::new(PROGRAMS_AT).join(PROGRAM);
    let words = [&program.to_string_lossy(), "node-init", "--machine"];
    words.map(str::to_owned).into()
}

/// What is mounted in a virtual machine: it sees directories of this host as they were when its set was
/// last seen to.
pub(super) fn mounts(set: &Set) -> Vec<Mount> {
    let programs = Mount::read_only(&set.state_dir.join(PROGRAMS), Path::new(PROGRAMS_AT));
    let shown = set.spec.binds.iter();
    let memory = [(RUN_MIB, "/run"), (set.spec.shm_mib, "/dev/shm")];
    [programs]
        .into_iter()
        .chain(shown.map(|path| Mount::read_only(path, path)))
        .chain(memory.map(|(mib, target)| Mount::Memory { mib, target }))
        .collect()
}

/// What its init reads, and the places for that and for the programs.
pub(super) fn entries(set: &Set) -> Vec<Entry> {
    // This cannot fail: the configuration has strings and numbers only.
    let config = serde_json::to_string_pretty(&config(set)).unwrap_or_default();
    let programs = PROGRAMS_AT.trim_start_matches('/');
    vec![
        dir("etc/lxc-autogen", 0o755, Owner::Root),
        dir(programs, 0o755, Owner::Root),
        text(supervisor::CONFIG.trim_start_matches('/'), config),
    ]
}

fn config(set: &Set) -> Config {
    let directories = [
        ("/run", 0o755),
        ("/run/lock", 0o1777),
        ("/run/resource-agents", 0o1755),
    ];
    Config {
        directories: directories.map(|(path, mode)| (path.into(), mode)).into(),
        environment: environment(set),
        daemons: vec![remoted_daemon(&set.remoted.inside().to_string_lossy())],
        ..Config::default()
    }
}

/// The environment of programs in a set's nodes, as (name, value).
pub(crate) fn environment(set: &Set) -> Vec<(String, String)> {
    let own = [("PATH", PATH), ("HOME", "/root")];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.into_iter().chain(set.environment.clone()).collect()
}

/// The daemon of a guest or remote node that an init of ours runs.
pub(crate) fn remoted_daemon(path: &str) -> Daemon {
    Daemon {
        name: "pacemaker-remoted".to_owned(),
        command: vec![path.to_owned()],
        stage: 0,
        ready: None,
        panics: PANICS.to_vec(),
        stop_s: 600,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{blueprint, rootfs, tests::sample};
    use crate::spec::{Form, Vms};

    #[test]
    fn a_virtual_machine_of_a_set_has_an_init_that_runs_its_daemon() {
        let mut set = sample(1);
        set.spec.vms = Some(Vms::default());
        let guest = &set.guests()[0];
        assert_eq!(guest.form, Form::Virtual);
        let blueprint = blueprint(&set, guest);
        assert_eq!(
            blueprint.init,
            ["/opt/lxc-autogen/lxc-autogen", "node-init", "--machine"]
        );
        // Nothing of this host is written to.
        let writable = |m: &Mount| {
            matches!(
                m,
                Mount::Host {
                    read_only: false,
                    ..
                }
            )
        };
        assert!(
            !blueprint.mounts.iter().any(writable),
            "{:?}",
            blueprint.mounts
        );
        let config = config(&set);
        assert_eq!(
            config.daemons[0].command,
            ["/opt/lxc-autogen/pacemaker-remoted"]
        );
        let has = |name: &str| config.environment.iter().any(|(n, _)| n == name);
        assert!(has("PATH") && has("PCMK_logfacility"));
        let file = rootfs(&set, guest, Some(&[1]))
            .into_iter()
            .find_map(|e| match e {
                Entry::File { path, content, .. } if path == "etc/lxc-autogen/node.json" => {
                    Some(format!("{content:?}"))
                }
                _ => None,
            });
        assert!(file.unwrap().contains("pacemaker-remoted"));
    }
}
