use super::*;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_new_directory_is_roots_alone_and_knows_itself() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("state");
    let state = State::open_or_make(&dir).unwrap();
    assert_eq!(
        std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let busy = State::open(&dir).unwrap_err();
    assert!(busy.message().contains("another run is at work"), "{busy}");
    drop(state);
    State::clear_unfinished(&dir).unwrap();
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
    let moved = parent.path().join("moved");
    std::fs::rename(&dir, &moved).unwrap();
    let e = State::open(&moved).unwrap_err();
    assert!(e.message().contains("was written for"), "{e}");
}

#[test]
fn what_a_killed_run_left_of_it_is_taken_away_or_taken_over() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("state");
    let unfinished = temporary_name(&dir);
    let names = || std::fs::read_dir(parent.path()).unwrap().count();
    let leave = || {
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&unfinished)
            .unwrap();
        std::fs::write(unfinished.join(LOCK_FILE), "").unwrap();
    };
    leave();
    State::clear_unfinished(&dir).unwrap();
    assert_eq!(names(), 0);
    leave();
    State::open_or_make(&dir).unwrap();
    assert_eq!(names(), 1);
    State::open(&dir).unwrap();
    // With another's file in it, it is nobody's that we know.
    let dir = parent.path().join("other");
    let unfinished = temporary_name(&dir);
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&unfinished)
        .unwrap();
    for file in ["holiday.jpg", journal::FILE] {
        std::fs::write(unfinished.join(file), "x").unwrap();
    }
    let e = State::open_or_make(&dir).unwrap_err();
    assert!(e.message().ends_with("holiday.jpg"), "{e}");
    State::clear_unfinished(&dir).unwrap_err();
    for file in ["holiday.jpg", journal::FILE] {
        assert!(unfinished.join(file).exists(), "{file}");
    }
    assert!(!dir.exists());
}

#[test]
fn what_is_not_ours_is_refused_by_name() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path();
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(dir.join("holiday.jpg"), "x").unwrap();
    let e = State::open_or_make(dir).unwrap_err();
    assert!(e.message().contains("holiday.jpg"), "{e}");
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).unwrap();
    let e = State::open_or_make(dir).unwrap_err();
    assert!(e.mend_text().unwrap().starts_with("chmod 0700"), "{e}");
    assert!(State::open(&dir.join("none")).unwrap().is_none());
    assert_eq!(check_path(Path::new("/a/b/")).unwrap().as_os_str(), "/a/b");
    for bad in ["/", "/a b", "/a'b", "/a/../b"] {
        assert!(check_path(Path::new(bad)).is_err(), "{bad}");
    }
}

#[test]
fn who_makes_something_is_told_that_the_journal_is_gone() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("state");
    drop(State::open_or_make(&dir).unwrap());
    let set = format!("{{\"state_dir\": \"{}\", ", dir.display());
    std::fs::write(dir.join(SET_FILE), set).unwrap();
    std::fs::remove_file(dir.join(journal::FILE)).unwrap();
    let e = State::open_or_make(&dir).unwrap_err();
    assert!(e.message().ends_with("is gone"), "{e}");
    assert!(e.mend_text().unwrap().starts_with("lxc-autogen cleanup"));
    // What is cut off is done without, and what a later version wrote is left to that one.
    let context = work::Context::new(work::Options::default(), dir.clone());
    let state = State::open_to_undo(&context).unwrap().unwrap();
    assert!(state.is_lost && state.set.is_none());
    drop(state);
    let mut later = crate::plan::tests::sample(1);
    later.version += 1;
    std::fs::write(dir.join(SET_FILE), serde_json::to_string(&later).unwrap()).unwrap();
    let e = State::open_to_undo(&context).unwrap_err();
    assert!(e.mend_text().unwrap().contains("that made it"), "{e}");
}
