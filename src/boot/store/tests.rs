use super::*;

fn layout(base: &Path) -> Layout {
    fs::create_dir_all(base.join("usr/bin")).unwrap();
    fs::create_dir_all(base.join("var/lib/dpkg")).unwrap();
    Layout::of(base).unwrap()
}

#[test]
fn another_package_is_another_image_and_another_tree_has_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| layout(&directory.path().join(name)));
    let before = usr::fingerprint(&one, false).unwrap();
    assert_eq!(usr::fingerprint(&one, false).unwrap(), before);
    assert_ne!(usr::fingerprint(&two, false).unwrap().0, before.0);
    let whole = usr::fingerprint(&one, true).unwrap();
    assert!(whole.0 == before.0 && whole.1 != before.1);
    fs::write(one.base.join("var/lib/dpkg/status"), "Package: a\n").unwrap();
    let after = usr::fingerprint(&one, false).unwrap();
    assert_eq!(after.0, before.0);
    assert_ne!(after.1, before.1);
}

#[test]
fn an_old_image_stays_while_a_lab_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image");
    fs::write(&path, "").unwrap();
    assert!(
        is_used(&path).unwrap(),
        "somebody may just have linked to it"
    );
    let old = std::time::SystemTime::now() - 2 * MAY_BE_LINKED;
    let times = fs::FileTimes::new().set_modified(old);
    fs::File::options()
        .append(true)
        .open(&path)
        .unwrap()
        .set_times(times)
        .unwrap();
    assert!(!is_used(&path).unwrap());
    fs::hard_link(&path, directory.path().join("of-a-lab")).unwrap();
    assert!(is_used(&path).unwrap());
}
