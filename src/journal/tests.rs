use super::*;

/// A tree that is known by its name, and a key that is known by its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Thing {
    Tree(String),
    Key(String),
    Property(String),
}

impl Record for Thing {
    fn key(&self) -> String {
        match self {
            Thing::Tree(name) => format!("tree {name}"),
            Thing::Key(_) => "key".to_owned(),
            Thing::Property(_) => "property".to_owned(),
        }
    }

    fn has_identity(&self) -> bool {
        matches!(self, Thing::Key(_))
    }
}

type Journal = super::Journal<Thing>;

fn tree(name: &str) -> Thing {
    Thing::Tree(name.to_owned())
}

fn names(journal: &Journal) -> Vec<String> {
    journal.outstanding().map(|(_, u)| u.key()).collect()
}

#[test]
fn what_is_done_and_not_undone_is_outstanding_after_a_new_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path()).unwrap();
    journal.intend([tree("lxc1"), tree("lxc2")]).unwrap();
    journal.intend([tree("lxc2"), tree("lxc3")]).unwrap();
    journal.undone(&[1]).unwrap();
    drop(journal);
    let mut journal = Journal::open(dir.path()).unwrap();
    assert_eq!(names(&journal), [tree("lxc2").key(), tree("lxc3").key()]);
    assert_eq!(journal.run_began(), 4);
    journal.intend([tree("lxc4")]).unwrap();
    assert_eq!(Journal::peek(dir.path()).unwrap().len(), 3);
}

#[test]
fn a_thing_made_anew_replaces_its_record_and_what_was_before_us_stays_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path()).unwrap();
    let key = |sha256: &str| Thing::Key(sha256.to_owned());
    let property = |previous: &str| Thing::Property(previous.to_owned());
    journal.intend([key("a"), property("1")]).unwrap();
    journal.intend([key("b"), property("2")]).unwrap();
    drop(journal);
    assert_eq!(
        Journal::peek(dir.path()).unwrap(),
        [property("1"), key("b")]
    );
}

#[test]
fn a_line_cut_off_by_a_crash_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    Journal::open(dir.path())
        .unwrap()
        .intend([tree("lxc1")])
        .unwrap();
    let path = dir.path().join(FILE);
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"do\":{\"seq\":2,\"un");
    std::fs::write(&path, text).unwrap();
    let mut journal = Journal::open(dir.path()).unwrap();
    assert_eq!(names(&journal), [tree("lxc1").key()]);
    journal.intend([tree("lxc2")]).unwrap();
    drop(journal);
    assert_eq!(names(&Journal::open(dir.path()).unwrap()).len(), 2);
}

#[test]
fn a_line_that_is_not_ours_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE), "{\"do\":1}\n").unwrap();
    let e = Journal::open(dir.path()).unwrap_err();
    assert!(e.to_string().contains("journal.jsonl, line 1"), "{e}");
}
