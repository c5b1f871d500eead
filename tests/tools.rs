//! What we write and document, judged by the schemas that libvirt and Pacemaker ship, and what we
//! fetch, with the distribution's own tools. A test whose tool is missing reports itself as ignored.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

use libtest_mimic::{Arguments, Trial};
use lxc_autogen::host::Host;
use lxc_autogen::rootfs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Options that change what is written.
const VARIANTS: &[&str] = &[
    "up -c 1",
    "up -c 3 -C",
    "up -c 3 -C -A --authkey copy --forward nat --allow-mounts --keep-off",
    "up -c 2 --prefix qa.x_y- --forward isolated --memory 64 --shm 8 --monitor-interval 600",
    "up -c 300 -n 10.40.0.1/16 --hosts",
];

fn have(tool: &str) -> bool {
    which::which(tool).is_ok()
}

fn main() {
    let arguments = Arguments::from_args();
    let tests: [(&str, &str, fn()); 7] = [
        ("versions_are_those_found_here", "pacemakerd", versions),
        (
            "domains_and_networks_by_libvirts_schema",
            "virt-xml-validate",
            libvirts_schema,
        ),
        (
            "the_cib_by_pacemakers_schema",
            "crm_verify",
            pacemakers_schema,
        ),
        (
            "an_older_cib_gets_its_own_role_names",
            "crm_verify",
            older_schema,
        ),
        ("pacemaker_remoted_is_fetched", "apt-get", fetch),
        ("mandoc_finds_nothing_to_complain_about", "mandoc", man_page),
        (
            "constraints_in_the_documents_are_valid",
            "crm_verify",
            documented_constraints,
        ),
    ];
    let trials = tests.map(|(name, tool, test)| {
        let missing = !have(tool);
        if missing && !arguments.list {
            eprintln!("!!! SKIPPED: {name}: {tool} is not installed (scripts/test installs it)");
        }
        Trial::test(name, move || {
            test();
            Ok(())
        })
        .with_ignored_flag(missing)
    });
    libtest_mimic::run(&arguments, trials.into()).exit();
}

/// As the tools themselves say it.
fn versions() {
    let ask = |program: &str| {
        let said = Command::new(program).arg("--version").output().unwrap();
        String::from_utf8(said.stdout).unwrap()
    };
    let said = ask(env!("CARGO_BIN_EXE_lxc-autogen"));
    let libvirt = format!("\nlibvirt {}", ask("virsh").trim());
    assert!(said.contains(&libvirt), "{said}");
    let mut lines = said.lines();
    let pacemaker = lines.find_map(|l| l.strip_prefix("Pacemaker ")).unwrap();
    let own = format!("Pacemaker {pacemaker}");
    assert!(ask("pacemakerd").starts_with(&own), "{said}");
}

/// What a dry run would make.
fn plan(args: &str) -> serde_json::Value {
    let output = Command::new(env!("CARGO_BIN_EXE_lxc-autogen"))
        .args(args.split_whitespace())
        .args([
            "--dry-run",
            "--json",
            "--state-dir",
            "/var/lib/lxc-autogen-none",
        ])
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{args}: {e}: {err}"))
}

/// Feeds a file made of `text` to a tool as its last argument but those `after`.
fn judge(tool: &str, before: &[&str], text: &str, after: &[&str]) -> Output {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    Command::new(tool)
        .args(before)
        .arg(file.path())
        .args(after)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn passes(args: &str, output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{args}: {said}{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

fn libvirts_schema() {
    for args in VARIANTS {
        let plan = plan(args);
        let network = plan["network_xml"].as_str().unwrap();
        passes(
            args,
            &judge("virt-xml-validate", &[], network, &["network"]),
        );
        for domain in plan["domain_xml"].as_array().unwrap().iter().take(3) {
            let domain = domain.as_str().unwrap();
            passes(args, &judge("virt-xml-validate", &[], domain, &["domain"]));
        }
    }
    // It can say no.
    let broken = plan("up -c 1")["domain_xml"][0]
        .as_str()
        .unwrap()
        .replace("<memory", "<memry")
        .replace("</memory", "</memry");
    assert!(
        !judge("virt-xml-validate", &[], &broken, &["domain"])
            .status
            .success()
    );
}

/// A whole CIB around what we add.
fn cib(configuration: &str, schema: &str) -> String {
    let properties = "<crm_config><cluster_property_set id='o'><nvpair id='o-s' name='stonith-enabled' value='false'/></cluster_property_set></crm_config>";
    let inner = configuration
        .trim()
        .strip_prefix("<configuration>")
        .and_then(|c| c.strip_suffix("</configuration>"))
        .unwrap();
    format!(
        "<cib validate-with='{schema}' epoch='1' num_updates='0' admin_epoch='0'><configuration>{properties}{inner}</configuration><status/></cib>"
    )
}

/// The newest schema with numbers that is installed.
fn newest_schema() -> String {
    let mut all: Vec<(u32, u32)> = std::fs::read_dir("/usr/share/pacemaker")
        .unwrap()
        .flatten()
        .filter_map(|e| {
            let name = e.file_name().into_string().ok()?;
            let version = name.strip_prefix("pacemaker-")?.strip_suffix(".rng")?;
            let (major, minor) = version.split_once('.')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        })
        .collect();
    all.sort_unstable();
    let (major, minor) = all.last().unwrap();
    format!("pacemaker-{major}.{minor}")
}

fn pacemakers_schema() {
    let schema = newest_schema();
    for args in VARIANTS {
        let plan = plan(args);
        let text = cib(plan["cib_xml"].as_str().unwrap(), &schema);
        let said = judge("crm_verify", &["-V", "--xml-file"], &text, &[]);
        passes(args, &said);
        let broken = text.replacen("<tag ", "<tog ", 1);
        assert!(
            !judge("crm_verify", &["--xml-file"], &broken, &[])
                .status
                .success(),
            "{args}"
        );
    }
}

/// By the function itself, since no cluster with an older schema runs here.
fn older_schema() {
    use lxc_autogen::pacemaker::config::{Cluster, Easing, Joining, Named, Part, additions};
    use lxc_autogen::pacemaker::{cib::Cib, schema::Roles};
    let plan = plan("up -c 2 -C");
    let set = lxc_autogen::plan::Set::from_json(&plan["set"].to_string(), "set").unwrap();
    let older = ["3.0", "3.4", "3.6", "3.7"].map(|v| format!("pacemaker-{v}"));
    for schema in older.into_iter().chain([newest_schema()]) {
        let empty = format!("<cib validate-with='{schema}'/>");
        let joining = Joining {
            first: true,
            others: true,
            placed: vec!["node1".to_owned(), "node2".to_owned()],
            named: Named::Tag,
            easing: Easing {
                tag: set.tag(),
                type_rules: Cib::parse(&empty).unwrap().has_type_rules(),
                missing: Vec::new(),
            },
        };
        for joining in [None, Some(joining)] {
            let cluster = Cluster {
                this_node: "node1".to_owned(),
                roles: Roles::of_schema(&schema),
                revive: Vec::new(),
                there: Vec::new(),
                named: Named::Tag,
                joining,
            };
            let text = cib(&additions(&set, Part::All, &cluster).render(), &schema);
            let said = judge("crm_verify", &["-V", "--xml-file"], &text, &[]);
            // Pacemaker 3.0.0 ends with an error status for roles that are as old as the schema.
            let complaints = String::from_utf8_lossy(&said.stderr);
            let old = |l: &str| l.contains("role is deprecated") || l.ends_with("(with warnings)");
            let mut complaints = complaints.lines().filter(|l| !l.is_empty()).peekable();
            if complaints.peek().is_none() || !complaints.all(old) {
                passes(&schema, &said);
            }
        }
    }
}

/// Really fetched, from the distribution, in the version of the host's Pacemaker.
fn fetch() {
    let host = Host::new(false);
    let directory = tempfile::tempdir().unwrap();
    let version = rootfs::fetch_version(&host).unwrap();
    let remoted = rootfs::fetch(&host, directory.path(), &version).unwrap();
    let program = remoted.on_host(std::path::Path::new("/"));
    assert!(program.starts_with(directory.path()));
    let said = rootfs::version(&host, &program).unwrap();
    assert!(version.starts_with(&said), "{said} of package {version}");
    let names: Vec<_> = std::fs::read_dir(directory.path().join(rootfs::UNPACKED))
        .unwrap()
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert!(
        !names.iter().any(|n| n.to_string_lossy().ends_with(".deb")),
        "{names:?}"
    );
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/man/lxc-autogen.8");

/// Fails the test unless a tool is content, and says nothing.
#[track_caller]
fn is_content(what: &str, output: &Output) {
    passes(what, output);
    let said = [&output.stdout[..], &output.stderr].concat();
    assert!(
        said.is_empty(),
        "{what}: {}",
        String::from_utf8_lossy(&said)
    );
}

fn man_page() {
    let output = Command::new("mandoc")
        .args(["-T", "lint", "-W", "warning", PAGE])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    is_content(PAGE, &output);
}

fn documented_constraints() {
    const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    for path in [README, PAGE] {
        let text = std::fs::read_to_string(path).unwrap();
        let start = text.find("<rsc_location").expect(path);
        let end = text.find("</rsc_location>").expect(path) + "</rsc_location>".len();
        let configuration = format!(
            r#"<configuration>
                <nodes/>
                <resources>
                  <primitive id="web" class="ocf" provider="pacemaker" type="Dummy"/>
                </resources>
                <constraints>{}</constraints>
              </configuration>"#,
            &text[start..end]
        );
        let cib = cib(&configuration, "pacemaker-3.0");
        let output = judge("crm_verify", &["-V", "--xml-file"], &cib, &[]);
        is_content(path, &output);
    }
}
