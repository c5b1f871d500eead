//! The packages' dependencies, held against packaging/packages.tsv.

use std::collections::BTreeSet;
use std::path::Path;

type Names = BTreeSet<String>;

/// Columns of the table.
const APT: usize = 1;
const DNF: usize = 2;
const ZYPPER: usize = 3;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The packages of some groups, as a family of distributions calls them.
fn of_groups(column: usize, wanted: &[&str]) -> Names {
    let table = read("packaging/packages.tsv");
    let lines = table.lines().filter(|l| !l.starts_with('#'));
    let rows = lines.map(|l| l.split('\t').collect::<Vec<_>>());
    rows.filter(|row| row[4].split(' ').any(|g| wanted.contains(&g)))
        .map(|row| row[column].to_owned())
        .filter(|name| !name.starts_with('-'))
        .collect()
}

/// What the tests need beyond what comes with the program.
fn of_tests(column: usize) -> Names {
    let run = of_groups(column, &["run"]);
    &of_groups(column, &["world", "tests"]) - &run
}

/// A field of a binary package in debian/control, without versions and variables.
fn control(package: &str, field: &str) -> Names {
    let text = read("packaging/deb/debian/control");
    let stanza = text
        .split("\n\n")
        .find(|s| s.trim_start().starts_with(&format!("Package: {package}\n")))
        .unwrap_or_else(|| panic!("no package {package}"));
    let start = stanza.find(&format!("\n{field}: ")).expect(field) + field.len() + 3;
    let value: String = stanza[start..]
        .lines()
        .enumerate()
        .take_while(|(n, line)| *n == 0 || line.starts_with(' '))
        .map(|(_, line)| line)
        .collect();
    let names = value.split(',').map(str::trim);
    names
        .filter(|n| !n.starts_with("${") && !n.is_empty())
        .map(|n| n.split(' ').next().unwrap().to_owned())
        .collect()
}

/// A tag's values in a section of the spec file, as SUSE or the others read it.
fn spec(section: &str, tag: &str, suse: bool) -> Names {
    let text = read("packaging/rpm/lxc-autogen.spec");
    let (mut here, mut taken) = ("", vec![]);
    let mut values = Names::new();
    for line in text.lines() {
        match line.split(' ').next().unwrap_or_default() {
            "%if" if line.contains("suse_version") => taken.push(suse),
            "%if" => taken.push(true),
            "%else" => *taken.last_mut().unwrap() ^= true,
            "%endif" => drop(taken.pop()),
            "%package" | "%description" | "%prep" => here = line,
            word if word == format!("{tag}:") && here == section && taken.iter().all(|t| *t) => {
                let value = line[tag.len() + 1..].trim();
                values.insert(value.split(' ').next().unwrap().to_owned());
            }
            _ => {}
        }
    }
    values
}

#[test]
fn debian() {
    assert_eq!(control("lxc-autogen", "Depends"), of_groups(APT, &["run"]));
    let recommended = of_groups(APT, &["cluster"]);
    assert_eq!(control("lxc-autogen", "Recommends"), recommended);
    assert_eq!(
        control("lxc-autogen", "Suggests"),
        of_groups(APT, &["share"])
    );
    // Every Debian has util-linux (it is essential); and the package that is tested.
    let mut tests = of_tests(APT);
    assert!(tests.remove("util-linux"));
    tests.insert("lxc-autogen".to_owned());
    assert_eq!(control("lxc-autogen-tests", "Depends"), tests);
}

#[test]
fn rpm() {
    for (suse, column) in [(false, DNF), (true, ZYPPER)] {
        let of = |groups: &[&str]| of_groups(column, groups);
        assert_eq!(spec("", "Requires", suse), of(&["run"]));
        assert_eq!(spec("", "Recommends", suse), of(&["cluster"]));
        assert_eq!(spec("", "Suggests", suse), of(&["share"]));
        let mut tests = of_tests(column);
        tests.insert("%{name}".to_owned());
        assert_eq!(spec("%package tests", "Requires", suse), tests);
    }
}

#[test]
fn versions_are_the_programs() {
    let version = env!("CARGO_PKG_VERSION");
    let changelog = read("packaging/deb/debian/changelog");
    assert!(changelog.starts_with(&format!("lxc-autogen ({version}-")));
    let spec = read("packaging/rpm/lxc-autogen.spec");
    assert!(spec.contains(&format!("\nVersion:        {version}\n")));
    assert!(read("CHANGELOG.md").contains(&format!("\n## [{version}]")));
}
