//! What the scripts in `scripts/` share: how a long step shows itself.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

use std::process::{Command, Output, Stdio};

/// Runs `step` as scripts do, with the logs in a directory of their own.
fn step(command: &str) -> (Output, tempfile::TempDir) {
    let logs = tempfile::tempdir().unwrap();
    let output = bash(command, logs.path())
        .env("TERM", "dumb")
        .output()
        .unwrap();
    (output, logs)
}

fn bash(command: &str, logs: &std::path::Path) -> Command {
    let common = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lib/common.sh");
    let script = format!("set -euo pipefail; . {common}; {command}");
    let mut bash = Command::new("bash");
    bash.args(["-c", &script])
        .env("LOGS", logs)
        .env("STEP_EVERY", "1")
        // What nobody has asked for, and the command must not read.
        .stdin(std::fs::File::open(common).unwrap());
    bash
}

fn lines(output: &Output) -> Vec<String> {
    let err = String::from_utf8(output.stderr.clone()).unwrap();
    err.lines().map(str::to_owned).collect()
}

#[test]
fn a_step_says_that_it_begins_goes_on_and_ends() {
    let (output, logs) =
        step("step nap 'taking a nap' bash -c 'cat; echo snoring; sleep 2.5'; echo up");
    let lines = lines(&output);
    let log = logs.path().join("nap.log");
    assert_eq!(lines[0], format!("taking a nap (log: {})", log.display()));
    assert!(
        lines[1].starts_with("taking a nap: ") && lines[1].ends_with(" s so far"),
        "{lines:?}"
    );
    let last = lines.last().unwrap();
    assert!(last.starts_with("taking a nap: done after "), "{lines:?}");
    assert_eq!(std::fs::read_to_string(log).unwrap(), "snoring\n");
    assert_eq!(output.stdout, b"up\n");
}

#[test]
fn of_a_step_that_fails_the_end_is_shown_and_the_status_kept() {
    let (output, logs) = step("step count 'counting' bash -c 'seq 100; exit 7'; echo not reached");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(7), 0));
    let lines = lines(&output);
    let log = logs.path().join("count.log");
    assert!(
        lines[1].starts_with("counting: failed after ")
            && lines[1].ends_with(&format!("; the end of {}:", log.display())),
        "{lines:?}"
    );
    let shown: Vec<String> = (71..=100).map(|n| format!("    {n}")).collect();
    assert_eq!(lines[2..], shown);
}

#[test]
fn what_ticks_ends_with_a_script_that_is_killed() {
    let begun = std::time::Instant::now();
    // Its output is at its end, which output() waits for, only when nobody has it open.
    let (output, _logs) = step("step nap 'taking a nap' bash -c 'kill -KILL $PPID'");
    assert!(!output.status.success());
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

#[test]
fn sources_come_from_where_packages_do() {
    let etc = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(etc.path().join(name), text).unwrap();
    std::fs::create_dir(etc.path().join("sources.list.d")).unwrap();
    write(
        "sources.list",
        "# deb http://a.example/ off main\ndeb [signed-by=/k] http://a.example/ on main\n\
         deb-src [signed-by=/k] http://a.example/ on main\n",
    );
    write(
        "sources.list.d/b.sources",
        "Types: deb deb-src\nURIs: http://b.example/\nSuites: on\nComponents: main\n",
    );
    let entries = tempfile::tempdir().unwrap();
    let library = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lib/cts.sh");
    let (from, to) = (etc.path().display(), entries.path().display());
    let (output, _logs) = step(&format!(". {library}; source_entries {from} {to}"));
    assert!(output.status.success(), "{output:?}");
    let read = |name: &str| std::fs::read_to_string(entries.path().join(name)).unwrap();
    assert_eq!(
        read("sources.list"),
        "deb-src [signed-by=/k] http://a.example/ on main\n"
    );
    let deb822 = "Types: deb-src\nURIs: http://b.example/\nSuites: on\nComponents: main\n";
    assert_eq!(read("b.sources"), deb822);
}

#[test]
fn on_a_terminal_a_step_is_one_line() {
    let logs = tempfile::tempdir().unwrap();
    let inner = bash("step nap 'taking a nap' sleep 1", logs.path());
    let words: Vec<String> = std::iter::once(inner.get_program())
        .chain(inner.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''")))
        .collect();
    // script(1) runs it on a terminal of its own.
    let output = Command::new("script")
        .args(["-qec", &words.join(" "), "/dev/null"])
        .env("LOGS", logs.path())
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    // The line moves five times in a second, and what is left of it stands alone.
    let shown: Vec<&str> = said.split("\r\u{1b}[K").collect();
    assert!(shown.len() >= 4, "{said:?}");
    for (sign, line) in [("\\", shown[1]), ("|", shown[2])] {
        let begins = format!("{sign} taking a nap: ");
        assert!(line.starts_with(&begins) && line.contains(" s (log: "));
    }
    assert!(shown.last().unwrap().starts_with("taking a nap: "));
    assert_eq!(said.matches('\n').count(), 1, "{said:?}");
}

/// An apt-get that has two archives for whatever is asked, and writes down what it is asked for.
const APT: &str = r#"#!/bin/sh
here=${0%/*}
echo "$*" >>"$here/calls"
for option; do
  case $option in
    Dir::Cache::archives=*) to=${option#*=} ;;
    --print-uris) print=yes ;;
    update) exit ;;
  esac
done
if [ -n "$print" ]; then
  echo "'http://a.example/web_1.deb' web_1.deb 5 MD5Sum:0"
  echo "'http://a.example/lib_2.deb' lib_1%3a2.deb 5 "
else
  touch "$to/web_1.deb" "$to/lock"
  [ ! -e "$here/broken" ] || exit 100
  touch "$to/lib_1%3a2.deb"
fi
"#;

#[test]
fn archives_of_services_are_all_there_or_none() {
    let apt = tempfile::tempdir().unwrap();
    let in_apt = |name: &str| apt.path().join(name);
    for (name, text) in [
        ("apt-get", APT),
        ("apt-cache", "#!/bin/sh\necho ' Candidate: 1'\n"),
    ] {
        std::fs::write(in_apt(name), text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(in_apt(name), mode).unwrap();
    }
    let to = tempfile::tempdir().unwrap();
    let libraries = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lib");
    let fetch = || {
        let command = format!(
            ". {libraries}/packages.sh; . {libraries}/services.sh; PATH={}:$PATH; fetch_services {}",
            apt.path().display(),
            to.path().display()
        );
        let (output, _logs) = step(&command);
        assert!(output.status.success(), "{output:?}");
        let calls = std::fs::read_to_string(in_apt("calls")).unwrap();
        std::fs::remove_file(in_apt("calls")).unwrap();
        let downloads = calls.matches("--download-only").count();
        (lines(&output).join("\n"), downloads)
    };
    let names = |directory: &str| {
        let all = std::fs::read_dir(to.path().join(directory)).unwrap();
        let mut names: Vec<_> = all.map(|f| f.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let services = ["apache2", "drbd-utils", "nginx", "postgresql"];
    assert_eq!(fetch().1, services.len());
    for service in services {
        assert_eq!(names(service), ["lib_1%3a2.deb", "web_1.deb"]);
    }
    assert_eq!(names("."), services);
    assert_eq!(fetch(), (String::new(), 0));
    // One that is missing, and one that is of yesterday.
    std::fs::remove_file(to.path().join("nginx/web_1.deb")).unwrap();
    std::fs::write(to.path().join("apache2/web_0.deb"), "").unwrap();
    assert_eq!(fetch().1, 2);
    assert_eq!(names("apache2"), names("nginx"));
    // Half of it is nothing.
    std::fs::remove_file(to.path().join("nginx/web_1.deb")).unwrap();
    std::fs::write(in_apt("broken"), "").unwrap();
    let (said, downloads) = fetch();
    assert_eq!(downloads, 2, "again with new lists: {said}");
    assert!(
        said.contains("could not fetch nginx, so what needs it is NOT PROVEN"),
        "{said}"
    );
    assert_eq!(names("."), ["apache2", "drbd-utils", "postgresql"]);
}
