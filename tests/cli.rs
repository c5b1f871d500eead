//! The command line as people meet it, without a cluster: usage errors, help, dry runs.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "common/anyone.rs"]
mod anyone;
#[path = "common/nobody.rs"]
mod nobody;
#[path = "common/schema.rs"]
mod schema;

use nobody::{lxa, lxa_into, run_all};
use schema::conforms;
use std::process::Command;

const TESTS: &[(&str, fn())] = &[
    (
        "what_cannot_be_carried_out_as_written_exits_with_2_and_a_hint",
        what_cannot_be_carried_out_as_written_exits_with_2_and_a_hint,
    ),
    (
        "help_has_examples_and_goes_to_stdout",
        help_has_examples_and_goes_to_stdout,
    ),
    (
        "versions_of_what_is_not_there_are_not_made_up",
        versions_of_what_is_not_there_are_not_made_up,
    ),
    (
        "names_that_cannot_be_looked_up_leave_the_shell_alone",
        names_that_cannot_be_looked_up_leave_the_shell_alone,
    ),
    (
        "whatever_changes_something_needs_root_and_says_so",
        whatever_changes_something_needs_root_and_says_so,
    ),
    (
        "a_dry_run_needs_nothing_and_shows_everything",
        a_dry_run_needs_nothing_and_shows_everything,
    ),
    (
        "the_deprecated_name_is_noted_and_sharing_is_shown",
        the_deprecated_name_is_noted_and_sharing_is_shown,
    ),
    (
        "json_is_all_there_is_on_stdout",
        json_is_all_there_is_on_stdout,
    ),
    (
        "a_result_that_cannot_be_written_is_a_failure",
        a_result_that_cannot_be_written_is_a_failure,
    ),
    (
        "verify_without_anything_names_a_mend_for_every_failure",
        verify_without_anything_names_a_mend_for_every_failure,
    ),
];

fn main() {
    run_all(TESTS);
}

fn what_cannot_be_carried_out_as_written_exits_with_2_and_a_hint() {
    for (args, hint) in [
        ("", "lxc-autogen up -c 8"),
        ("up -c 0", "1 to 60000"),
        ("up -c 60001", "1 to 60000"),
        ("up -c eight", "--containers cannot be 'eight'"),
        ("-c -1", "lxc-autogen has no option -1"),
        ("up -c 300 -n 10.0.0.1/24", "a shorter prefix holds more"),
        ("generate -n 10.0.0", "is no IPv4 address"),
        ("generate -n 127.0.0.1", "cannot use this address range"),
        ("generate -n 10.0.0.1/33", "number from 8 to 30"),
        ("up --prefix 12", "a letter, then"),
        ("up --prefix a/b", "a letter, then"),
        ("up --memory 1", "16 to 1048576 MiB"),
        ("up --monitor-interval 0", "1 to 86400 s"),
        ("up --forward bridge", "--forward nat, open or isolated"),
        ("up --base /nonexistent", "there is no directory usr in it"),
        ("up --remoted /nonexistent", "no executable file there"),
        ("up --state-dir /", "a directory of its own"),
        ("up --contianers 8", "--containers"),
        ("clenup", "cleanup"),
        ("up --quiet --verbose", "cannot be used with"),
        ("snapshot", "snapshot lacks -o <FILE> or --compare <FILE>"),
        ("snapshot -o before --compare before", "cannot be used with"),
        ("snapshot -o before --files etc", "is not an absolute path"),
        ("-g up", "--generate cannot be used in front of 'up'"),
        ("-c 3 up", "--containers cannot be used in front of"),
    ] {
        // A dry run gets past the checks of rights, and to these.
        let said = lxa(&format!("{args} --dry-run"));
        assert_eq!(said.code, Some(2), "{args}: {}", said.err);
        assert!(
            said.err.contains(hint),
            "{args}: no {hint:?} in {}",
            said.err
        );
        assert_eq!(said.out, "", "{args}");
    }
}

fn help_has_examples_and_goes_to_stdout() {
    for command in [
        "generate",
        "up",
        "cleanup",
        "status",
        "snapshot",
        "verify",
        "key-gen",
        "download-agent",
        "completions",
    ] {
        let said = lxa(&format!("{command} --help"));
        assert_eq!(said.code, Some(0));
        assert!(
            said.out.contains(&format!("lxc-autogen {command}")),
            "{}",
            said.out
        );
        assert!(said.out.contains("Example"), "{}", said.out);
    }
    let said = lxa("--help");
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    // Labs first, and an example of each kind of node.
    let (lab, up) = (said.out.find("\n  lab "), said.out.find("\n  up "));
    assert!(lab.is_some() && lab < up, "{}", said.out);
    for example in ["lab up", "up -c 8", "up -c 8 --kind remote"] {
        let line = format!("\n  lxc-autogen {example} ");
        assert!(said.out.contains(&line), "{}", said.out);
    }
}

fn versions_of_what_is_not_there_are_not_made_up() {
    let own = format!("lxc-autogen {}", env!("CARGO_PKG_VERSION"));
    let said = lxa("--version");
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let lines: Vec<&str> = said.out.lines().collect();
    let missing = [
        "libvirt not found (no virsh)",
        "Pacemaker not found (no pacemakerd)",
    ];
    assert_eq!(lines, [&own, missing[0], missing[1]]);
}

fn names_that_cannot_be_looked_up_leave_the_shell_alone() {
    let said = lxa("completions bash");
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let said = Command::new(env!("CARGO_BIN_EXE_lxc-autogen"))
        .args(["--", "lxc-autogen", "lab", "exec", ""])
        .env("LXC_AUTOGEN_STATE_DIR", "/nonexistent/state")
        .envs([
            ("LXC_AUTOGEN_COMPLETE", "bash"),
            ("_CLAP_COMPLETE_INDEX", "3"),
        ])
        .output()
        .unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
    let said = lxa("completions tcsh");
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("mend: bash, zsh or fish"), "{}", said.err);
}

fn whatever_changes_something_needs_root_and_says_so() {
    for args in [
        "up -c 2", "generate", "-c 2", "-g", "-k", "-a", "-R", "-p", "cleanup", "key-gen", "status",
    ] {
        let said = lxa(args);
        assert_eq!(said.code, Some(3), "{args}: {}", said.err);
        assert!(said.err.contains("needs root"), "{args}: {}", said.err);
        assert!(
            said.err.contains("mend: run it with sudo"),
            "{args}: {}",
            said.err
        );
    }
    // Nobody is told to add what is there, or what would not help.
    for args in [
        "status --dry-run",
        "lab list --dry-run",
        "status",
        "lab exec n -- x",
    ] {
        let said = lxa(args);
        assert!(
            said.err.ends_with("mend: run it with sudo\n"),
            "{}",
            said.err
        );
    }
    let said = lxa("verify --quick --dry-run --json");
    assert!(!said.out.contains("--dry-run"), "{}", said.out);
}

fn a_dry_run_needs_nothing_and_shows_everything() {
    let said = lxa("up -c 3 -C --hosts --authkey copy --dry-run");
    assert_eq!(said.code, Some(0), "{}", said.err);
    for text in [
        "define and start network lxc-autogen on 192.168.123.0/24",
        "copy the key",
        "--- lxc3/domain.xml",
        "<name>lxc3</name>",
        "--- cib.xml",
        r#"<clone id="lxc-clone">"#,
        r#"value="192.168.123.13""#,
        "add 3 lines to /etc/hosts",
    ] {
        assert!(said.out.contains(text), "no {text:?} in {}", said.out);
    }
    for args in [
        "generate -c 2",
        "-g -a -C -c 2",
        "cleanup",
        "-R",
        "-p",
        "key-gen",
        "-k",
        "--containers 8",
    ] {
        let said = lxa(&format!("{args} --dry-run"));
        assert_eq!(said.code, Some(0), "{args}: {}", said.err);
        assert!(!said.out.is_empty(), "{args}");
    }
    // That needs the place where it would put the agent, and looks whether it is there.
    let said = lxa("download-agent --dry-run");
    match said.code {
        Some(0) => assert!(!said.out.is_empty()),
        code => {
            assert_eq!(code, Some(3), "{}", said.err);
            assert!(said.err.contains("resource-agents"), "{}", said.err);
        }
    }
}

fn the_deprecated_name_is_noted_and_sharing_is_shown() {
    let said = lxa("-g -m --dry-run");
    assert!(
        said.err.contains("-m/--add-master is deprecated"),
        "{}",
        said.err
    );
    assert!(said.out.contains("lxc-clone"), "{}", said.out);
    let said = lxa("generate --nodes node2,node3 -c 1 --dry-run");
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.out.contains("on each of node2, node3, by ssh"),
        "{}",
        said.out
    );
}

fn json_is_all_there_is_on_stdout() {
    let json = conforms("up-plan", &lxa("up -c 2 --dry-run --json").out);
    assert_eq!(json["containers"][1]["name"], "lxc2");
    let json = conforms("verify", &lxa("verify --quick --json").out);
    assert!(json["failures"].as_u64().unwrap() > 0);
    for (what, line) in [
        ("cleanup-plan", "cleanup --dry-run"),
        ("copy-plan", "lab cp a node1:/b --dry-run"),
        ("key", "key-gen --dry-run"),
        ("lab-down", "lab down --if-exists"),
        ("lab-down-plan", "lab down --if-exists --dry-run"),
    ] {
        conforms(what, &lxa(&format!("{line} --json")).out);
    }
    // A package is built where there may be no directory of agents.
    let agent = lxa("download-agent --dry-run --json");
    let is_plan = agent.code == Some(0);
    conforms(if is_plan { "agent-plan" } else { "error" }, &agent.out);
}

fn a_result_that_cannot_be_written_is_a_failure() {
    for line in ["up -c 2 --dry-run --json", "--version"] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let said = lxa_into(line, full.into());
        assert_eq!(said.code, Some(1), "{line}");
        let why = "No space left on device (os error 28)\n  mend: make room";
        assert!(said.err.contains(why), "{}", said.err);
    }
    // Who reads no further has what they wanted.
    let (_, writer) = std::os::unix::net::UnixStream::pair().unwrap();
    let gone = std::os::fd::OwnedFd::from(writer).into();
    assert_eq!(lxa_into("up -c 2 --dry-run --json", gone).code, Some(0));
}

fn verify_without_anything_names_a_mend_for_every_failure() {
    for line in ["verify --quick --json", "lab verify --quick --json"] {
        let said = lxa(line);
        assert_eq!(said.code, Some(3), "{line}: {}", said.err);
        let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        for check in json["checks"].as_array().unwrap() {
            if check["verdict"] == "failure" {
                let mend = check["mend"].as_str().unwrap_or_default();
                assert!(!mend.is_empty() && !mend.contains('\n'), "{check}");
            }
        }
    }
}
