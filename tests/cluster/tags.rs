//! The tag of a set's containers in the CIB; sets of versions before, which have a pattern; and other
//! people's tags.

use crate::Test;
use crate::world::{Before, NODE, STATE, lxa, names, online, run, tool, until};

pub const TESTS: &[Test] = &[
    ("the_tag_is_of_what_is_there", the_tag_is_of_what_is_there),
    ("other_peoples_tags_stay", other_peoples_tags_stay),
    ("a_set_of_before_keeps_its_pattern", a_set_of_before),
];

const OURS: &str = "lxc-autogen-lxc-containers";

/// What a tag refers to, as the CIB has it; nothing where there is none.
fn referred(tag: &str) -> Vec<String> {
    let xpath = format!("//tags/tag[@id='{tag}']/obj_ref");
    let said = run("cibadmin", ["--query", "--xpath", &xpath]).out;
    let ids = said.split("<obj_ref id=\"").skip(1);
    ids.map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

fn ids(numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|n| format!("container{n}")).collect()
}

fn configured(xml: &str) {
    let merge = ["--modify", "--allow-create", "--scope", "configuration"];
    run("cibadmin", merge.into_iter().chain(["--xml-text", xml])).exits(0);
}

fn deleted(xpath: &str) {
    run("cibadmin", ["--delete-all", "--force", "--xpath", xpath]).exits(0);
}

fn has_constraint(id: &str) -> bool {
    tool("cibadmin --query --scope constraints").contains(&format!("id=\"{id}\""))
}

fn the_tag_is_of_what_is_there() {
    let before = Before::new();
    lxa("up -c 3").exits(0);
    assert_eq!(referred(OURS), ids(&[1, 2, 3]));
    assert!(!tool("cibadmin --query --scope constraints").contains("rsc-pattern"));
    assert!(!has_constraint("lxc-autogen-lxc-keep-off"));
    lxa("up -c 5 --keep-off").exits(0);
    assert_eq!(referred(OURS), ids(&[1, 2, 3, 4, 5]));
    assert!(has_constraint("lxc-autogen-lxc-keep-off"));
    lxa("remove lxc2").exits(0);
    assert_eq!(referred(OURS), ids(&[1, 3, 4, 5]));
    lxa("up -c 3").exits(0);
    assert_eq!(referred(OURS), ids(&[1, 3]));
    tool("crm_verify --live-check");
    assert!(has_constraint("lxc-autogen-lxc-keep-off"), "until cleanup");

    // Who has only the tag to hold on to: all at once, and one of them.
    tool(&format!("pcs resource disable {OURS} --wait=30"));
    assert_eq!(online(), Vec::<String>::new());
    tool(&format!("pcs resource enable {OURS}"));
    until("all are back", 60, || online() == ["lxc1", "lxc3"]);
    configured(&format!(
        "<configuration><constraints><rsc_location id=\"off\" rsc=\"{OURS}\" node=\"{NODE}\" \
         score=\"-INFINITY\"/></constraints></configuration>"
    ));
    until("the ban holds", 30, || online().is_empty());
    lxa("up").exits(0).complains("lxc1 (banned)");
    deleted("//rsc_location[@id='off']");
    until("all are back again", 60, || online() == ["lxc1", "lxc3"]);

    // The last that the tag refers to, since somebody has deleted the other one, which is made again.
    deleted("//primitive[@id='container1'] | //obj_ref[@id='container1']");
    lxa("remove lxc3").exits(0);
    assert_eq!((online(), referred(OURS)), (names("lxc", 1), ids(&[1])));

    lxa("up -c 2 -A").exits(0);
    lxa("cleanup").exits(0);
    before.is_as_now();
    let tags = run("cibadmin", ["--query", "--xpath", "//tags"]);
    assert_ne!(tags.code, 0, "the section is left: {}", tags.out);
}

fn other_peoples_tags_stay() {
    let dummy = |id: &str| {
        format!(
            "<primitive id=\"{id}\" class=\"ocf\" provider=\"pacemaker\" type=\"Dummy\">\
             <meta_attributes id=\"{id}-m\"><nvpair id=\"{id}-t\" name=\"target-role\" \
             value=\"Stopped\"/></meta_attributes></primitive>"
        )
    };
    let tag = |id: &str| format!("<tag id=\"{id}\"><obj_ref id=\"web\"/></tag>");
    let with = |tag: &str| {
        let web = dummy("web");
        configured(&format!(
            "<configuration><resources>{web}</resources><tags>{tag}</tags></configuration>"
        ));
    };
    with(&tag(OURS));
    let taken = Before::new();
    lxa("up -c 2")
        .exits(3)
        .complains("lxc-autogen-lxc-containers, as the set's own would be called, is the id of")
        .complains("choose another --prefix");
    taken.is_as_now();
    deleted(&format!("//tags/tag[@id='{OURS}']"));
    with(&tag("mine"));
    let before = Before::new();
    lxa("up -c 2").exits(0);
    lxa("up -c 1").exits(0);
    assert_eq!(
        (referred("mine"), referred(OURS)),
        (vec!["web".to_owned()], ids(&[1]))
    );
    lxa("cleanup").exits(0);
    before.is_as_now();
    deleted("//tags | //primitive[@id='web']");
    tool("crm_resource --refresh");
}

/// The CIB, the set and the journal as the version before made them.
fn a_set_of_before() {
    let before = Before::new();
    lxa("up -c 2 --keep-off").exits(0);
    let home = "//rsc_location[@id='lxc-autogen-lxc-home']";
    let pattern = format!(
        "<rsc_location id=\"lxc-autogen-lxc-home\" rsc-pattern=\"^container[1-2]$\" node=\"{NODE}\" \
         score=\"INFINITY\" resource-discovery=\"exclusive\"/>"
    );
    let replace = ["--replace", "--xpath", home, "--xml-text", &pattern];
    run("cibadmin", replace).exits(0);
    deleted("/cib/configuration/tags");
    let rewrite = |file: &str, stays: &dyn Fn(&str) -> bool| {
        let path = std::path::Path::new(STATE).join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().filter(|line| stays(line));
        let lines: Vec<&str> = lines.collect();
        assert!(lines.len() < text.lines().count(), "{file}: {text}");
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    };
    rewrite("journal.jsonl", &|line| {
        !line.contains(OURS) && !line.contains("\"id\":\"tags\"")
    });
    rewrite("set.json", &|line| !line.contains("\"keep_off\""));
    // The name is free then, and somebody has it.
    configured(&format!(
        "<configuration><tags><tag id=\"{OURS}\"><obj_ref id=\"container1\"/></tag></tags>\
         </configuration>"
    ));

    let is_of = |pattern: &str| {
        let constraints = tool("cibadmin --query --scope constraints");
        constraints.contains(&format!("rsc-pattern=\"{pattern}\"")) && !constraints.contains(OURS)
    };
    assert_eq!(online(), names("lxc", 2));
    lxa("up -c 4").exits(0);
    assert!(is_of("^container[1-4]$") && has_constraint("lxc-autogen-lxc-keep-off"));
    lxa("remove lxc2").exits(0);
    lxa("up -c 3").exits(0);
    assert_eq!(online(), ["lxc1", "lxc3"]);
    assert!(is_of("^container[1-3]$") && has_constraint("lxc-autogen-lxc-keep-off"));
    lxa("up -A").exits(0);
    assert!(is_of("^container[1-3]$") && !has_constraint("lxc-autogen-lxc-home"));
    tool("crm_verify --live-check");
    lxa("cleanup").exits(0);
    assert_eq!(referred(OURS), ids(&[1]), "it is theirs");
    deleted("/cib/configuration/tags");
    before.is_as_now();
}
