//! Verbs by other names.

/// Verbs by other names: the command in front of it, what is typed, what is meant.
pub(super) const VERBS: &[(&str, &[&str], &str)] = &[
    (
        "",
        &[
            "start", "create", "make", "new", "deploy", "init", "launch", "run",
        ],
        "lxc-autogen lab up makes a whole cluster, lxc-autogen up guest nodes on the one that runs here",
    ),
    (
        "",
        &[
            "down", "stop", "destroy", "delete", "clean", "purge", "teardown", "undo",
        ],
        "lxc-autogen lab down takes a lab away, lxc-autogen cleanup the guest nodes made by up",
    ),
    (
        "",
        &["list", "ls", "ps", "show", "nodes", "info"],
        "lxc-autogen lab list shows the labs, lxc-autogen status the guest nodes made by up",
    ),
    ("", &["labs"], "lxc-autogen lab list"),
    ("", &["lab-up", "lab_up", "labup"], "lxc-autogen lab up"),
    (
        "",
        &["lab-down", "lab_down", "labdown"],
        "lxc-autogen lab down",
    ),
    (
        "",
        &["ssh", "login", "enter", "console"],
        "lxc-autogen lab shell NODE",
    ),
    (
        "",
        &["cp", "copy", "scp"],
        "lxc-autogen lab cp SOURCE TARGET",
    ),
    (
        "",
        &["check", "doctor", "test", "preflight"],
        "lxc-autogen verify, and lxc-autogen lab verify for a lab",
    ),
    (
        "",
        &["graph", "inventory", "ssh-config"],
        "it is a command of lab: lxc-autogen lab --help",
    ),
    ("", &["completion"], "lxc-autogen completions SHELL"),
    ("", &["version"], "lxc-autogen --version"),
    (
        "",
        &["add"],
        "lxc-autogen up -c N, with N the number that there are to be",
    ),
    (
        "lab",
        &[
            "create", "make", "new", "deploy", "init", "launch", "apply", "scale", "resize",
        ],
        "lxc-autogen lab up",
    ),
    (
        "lab",
        &[
            "destroy", "delete", "remove", "rm", "clean", "cleanup", "purge", "teardown",
        ],
        "lxc-autogen lab down",
    ),
    ("lab", &["ls", "labs"], "lxc-autogen lab list"),
    (
        "lab",
        &["show", "ps", "info", "nodes", "state"],
        "lxc-autogen lab status",
    ),
    (
        "lab",
        &["ssh", "login", "enter", "console", "attach", "bash", "sh"],
        "lxc-autogen lab shell NODE",
    ),
    (
        "lab",
        &["run", "cmd", "command"],
        "lxc-autogen lab exec NODE -- COMMAND",
    ),
    (
        "lab",
        &["copy", "scp", "push", "pull"],
        "lxc-autogen lab cp SOURCE TARGET",
    ),
    (
        "lab",
        &["logs", "log"],
        "lxc-autogen lab exec NODE -- journalctl, or lxc-autogen lab cp NODE:/var/log/pacemaker .",
    ),
    ("lab", &["check", "doctor"], "lxc-autogen lab verify"),
    (
        "lab",
        &["draw", "picture", "plot", "diagram"],
        "lxc-autogen lab graph",
    ),
    (
        "lab",
        &["fence", "stonith"],
        "lxc-autogen lab exec NODE -- stonith_admin --reboot OTHER",
    ),
];
