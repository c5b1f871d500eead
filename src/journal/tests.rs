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

#[test]
fn a_line_that_cannot_be_read_is_set_aside_and_its_number_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let done = |seq: u64, name: &str| {
        line(&Line::Do {
            seq,
            undo: tree(name),
        })
        .unwrap()
    };
    let undone = line(&Line::<Thing>::Undone { seqs: vec![2] }).unwrap();
    // A record of a kind that is not known, and that was undone, and one that was not.
    let moon = |seq: u64| format!("{{\"do\":{{\"seq\":{seq},\"undo\":{{\"Moon\":1}}}}}}\n");
    let text = [done(1, "lxc1"), moon(2), undone, moon(7)].concat();
    std::fs::write(at(FILE), &text).unwrap();
    assert!(!Journal::is_whole(dir.path()));
    assert_eq!(Journal::peek(dir.path()).unwrap(), [tree("lxc1")]);
    let told = Journal::peek_unreadable(dir.path()).unwrap().unwrap();
    assert!(
        told.starts_with("what the journal had in line 4: "),
        "{told}"
    );

    let mut journal = Journal::open_to_undo(dir.path()).unwrap();
    assert_eq!(journal.unreadable(), Some(told));
    let aside = format!("4: {}", moon(7));
    assert_eq!(std::fs::read_to_string(at(UNREADABLE)).unwrap(), aside);
    // No number is given twice.
    journal.intend([tree("lxc2")]).unwrap();
    assert_eq!(journal.outstanding().last().unwrap().0, 8);
    journal.undone(&[1, 8]).unwrap();
    drop(journal);
    // It is told of until it is mended or removed, and nothing new is begun.
    let e = Journal::open(dir.path()).unwrap_err();
    assert!(e.message().contains("in line 4"), "{e}");
    std::fs::write(at(UNREADABLE), aside.replace("Moon\":1", "Tree\":\"lxc3\"")).unwrap();
    let journal = Journal::open_to_undo(dir.path()).unwrap();
    assert_eq!(names(&journal), [tree("lxc3").key()]);
    assert_eq!(journal.unreadable(), None);
    assert!(!at(UNREADABLE).exists());
}

#[test]
fn what_is_no_file_is_no_journal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).unwrap();
    for e in [
        Journal::open(dir.path()).map(drop).unwrap_err(),
        Journal::open_to_undo(dir.path()).map(drop).unwrap_err(),
        Journal::peek(dir.path()).map(drop).unwrap_err(),
    ] {
        assert!(e.message().ends_with("is no file"), "{e}");
    }
}
