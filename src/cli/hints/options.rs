//! Options by other names, and options of other commands.

/// For [`OPTIONS`]: every command.
const ANY: &[&str] = &["*"];
/// Commands that are told what a lab is like.
const LAB_UP: &[&str] = &["lab up", "lab verify"];
/// Commands that make guest nodes on a cluster of one's own.
const SET: &[&str] = &["", "up", "generate", "verify"];
/// Commands of one lab that take its name.
const OF_A_LAB: &[&str] = &["lab *"];

/// Options by other names: commands, what is typed, what is meant. The first
/// that fits counts.
pub(super) const OPTIONS: &[(&[&str], &[&str], &str)] = &[
    (
        LAB_UP,
        &["--nodes", "--node", "--cluster", "--count", "--size"],
        "--cluster-nodes N is how many cluster nodes the lab has",
    ),
    (
        LAB_UP,
        &["--guests", "--guest", "--guest-nodes"],
        "--containers N, or -c N, is how many guest nodes the lab has",
    ),
    (
        LAB_UP,
        &["--vms", "--vm", "--virtual", "--kvm", "--qemu"],
        "--cluster-vms N and --remote-vms N are nodes that are virtual machines",
    ),
    (
        LAB_UP,
        &["--board", "--machine-type"],
        "--machine q35 or --machine pc",
    ),
    (
        LAB_UP,
        &["--remotes", "--remote"],
        "--remote-nodes N is how many remote nodes the lab has",
    ),
    (
        LAB_UP,
        &["--config", "--toml"],
        "-f FILE reads the lab from a TOML file",
    ),
    (
        LAB_UP,
        &["--stonith", "--no-fencing", "--no-stonith"],
        "--fencing true or --fencing false",
    ),
    (
        LAB_UP,
        &["--prefix"],
        "--name NAME: the nodes are NAME-node1 and so on",
    ),
    (
        LAB_UP,
        &["--kind"],
        "--remote-nodes N for remote nodes, -c N for guest nodes",
    ),
    (
        LAB_UP,
        &["--image", "--os", "--distro", "--release", "--template"],
        "--base DIR takes another system's tree, as mmdebstrap makes one",
    ),
    (LAB_UP, &["--no-disk"], "--disk 0"),
    (LAB_UP, &["--no-guests"], "--containers 0"),
    (
        LAB_UP,
        &["--mount", "--volume", "-v", "--bind"],
        "--share DIR shows a directory of this host in the nodes",
    ),
    (
        &["lab list"],
        &["--name", "-f", "--file"],
        "lxc-autogen lab status --name NAME shows one lab",
    ),
    (OF_A_LAB, &["--lab", "-n"], "--name NAME says which lab"),
    (
        &["exec", "shell", "lab exec", "lab shell"],
        &["-i", "-t", "-it", "-ti", "--tty", "--interactive"],
        "leave it out: the command has this terminal",
    ),
    (
        &["lab exec"],
        &["-n", "--node"],
        "the node is an argument: lxc-autogen lab exec LAB/NODE -- COMMAND",
    ),
    (
        &["lab cp"],
        &["-r", "-R", "-a", "-p", "--recursive"],
        "leave it out: directories are copied with all that is in them",
    ),
    (
        &["lab graph"],
        &["-o", "--output"],
        "it goes to standard output: lxc-autogen lab graph > lab.svg",
    ),
    (
        &["lab inventory"],
        &["-o", "--output"],
        "it goes to standard output: lxc-autogen lab inventory > lab.yml",
    ),
    (
        &["lab ssh-config"],
        &["-o", "--output"],
        "it goes to standard output: lxc-autogen lab ssh-config > lab.ssh",
    ),
    (
        &["lab graph"],
        &["--svg", "--dot", "--mermaid"],
        "--format svg, dot or mermaid",
    ),
    (
        SET,
        &[
            "--guests",
            "--guest",
            "--guest-nodes",
            "--count",
            "--number",
        ],
        "--containers N, or -c N, is how many guest nodes there are to be",
    ),
    (
        SET,
        &[
            "--vms",
            "--vm",
            "--virtual",
            "--kvm",
            "--qemu",
            "--remote-vms",
        ],
        "--machine vm makes virtual machines in the place of containers, and -c N says how many",
    ),
    (
        SET,
        &["--vm-memory"],
        "--memory MIB is what each virtual machine has",
    ),
    (
        SET,
        &["--cpu", "--cpus", "--vcpus"],
        "--vm-cpus N, with --machine vm; containers share this host's processors",
    ),
    (
        &["verify"],
        &["--lab", "--cluster-nodes", "--remote-nodes"],
        "lxc-autogen lab verify checks what a lab needs",
    ),
    (
        SET,
        &["--cluster-nodes", "--remote-nodes", "--lab"],
        "lxc-autogen lab up makes a whole cluster; this is for the one that runs here",
    ),
    (
        &["verify"],
        &["--nodes"],
        "-c N checks for N guest nodes; lxc-autogen lab verify --cluster-nodes N for a lab",
    ),
    (SET, &["--share"], "-s does it on every cluster node"),
    (SET, &["--remote"], "--kind remote makes remote nodes"),
    (
        SET,
        &["--name"],
        "--prefix NAME: the nodes are NAME1, NAME2 and so on",
    ),
    (
        SET,
        &["-f", "--file", "--config"],
        "a file is for labs: lxc-autogen lab up -f FILE",
    ),
    (
        &["cleanup"],
        &["--all", "-a"],
        "leave it out: cleanup removes all of the set; for labs: lxc-autogen lab down --all",
    ),
    (
        &["cleanup"],
        &["-c", "--containers"],
        "lxc-autogen up -c N, with a smaller N, removes the last ones",
    ),
    (
        &["status"],
        &["--name", "--lab"],
        "lxc-autogen lab status --name NAME shows a lab",
    ),
    (
        &["status", "cleanup", "snapshot", "key-gen", "download-agent"],
        &["-c", "--containers"],
        "leave it out: lxc-autogen up -c N says how many there are to be",
    ),
    (
        &["status", "cleanup"],
        &["--prefix"],
        "--state-dir DIR says which set",
    ),
    (
        &["status", "lab status", "lab list"],
        &["-w", "--watch", "--follow"],
        "watch lxc-autogen status, or crm_mon",
    ),
    (ANY, &["--mem", "--ram"], "--memory MIB"),
    (
        ANY,
        &["--cpu", "--cpus", "--vcpus"],
        "leave it out: the nodes share this host's processors",
    ),
    (
        ANY,
        &["--guests", "--guest-nodes"],
        "--containers N is for up and lab up",
    ),
    (ANY, &["--nodes"], "--cluster-nodes N is for lab up"),
    (
        ANY,
        &[
            "-y",
            "--yes",
            "--assume-yes",
            "--noconfirm",
            "--non-interactive",
            "--batch",
        ],
        "leave it out: nothing is ever asked",
    ),
    (
        ANY,
        &["-f"],
        "--force goes on where the cluster cannot be asked",
    ),
    (ANY, &["-q", "--silent"], "--quiet"),
    (
        ANY,
        &["-v", "-vv", "--debug", "--trace", "-d", "-x"],
        "--verbose prints every program that is run",
    ),
    (
        ANY,
        &[
            "--dryrun",
            "--noop",
            "--simulate",
            "--what-if",
            "--plan",
            "-n",
        ],
        "--dry-run",
    ),
    (
        ANY,
        &[
            "--format",
            "--output",
            "-o",
            "-j",
            "--yaml",
            "--output-format",
        ],
        "--json prints the result as JSON",
    ),
    (
        ANY,
        &["--dir", "--statedir", "--directory"],
        "--state-dir DIR",
    ),
    (
        ANY,
        &["--log", "--log-file", "--logfile"],
        "progress and errors go to standard error: 2> FILE",
    ),
    (
        ANY,
        &["--no-color", "--no-colour", "--color"],
        "leave it out: nothing has colours",
    ),
];
