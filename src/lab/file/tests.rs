use super::*;

#[test]
fn keys_are_the_options() {
    let shape = parse(
        "name = \"qa\"\ncluster-nodes = 5\nfencing = false\nnetwork = \"10.9.0.1/24\"\n",
        "lab.toml",
    )
    .unwrap();
    assert_eq!(shape.name.as_deref(), Some("qa"));
    assert_eq!(shape.cluster_nodes, Some(5));
    assert_eq!(shape.fencing, Some(false));
}

#[test]
fn a_lab_is_named_by_an_option_or_a_file_and_not_by_two_that_differ() {
    let directory = tempfile::tempdir().unwrap();
    let file = |text: &str| {
        let path = directory.path().join("lab.toml");
        std::fs::write(&path, text).unwrap();
        path
    };
    assert_eq!(named(None, None).unwrap(), "lab");
    assert_eq!(named(Some("qa"), None).unwrap(), "qa");
    let plain = file("containers = 0\n");
    assert_eq!(named(None, Some(&plain)).unwrap(), "lab");
    assert_eq!(named(Some("qa"), Some(&plain)).unwrap(), "qa");
    let of_qa = file("name = \"qa\"\n");
    assert_eq!(named(None, Some(&of_qa)).unwrap(), "qa");
    assert_eq!(named(Some("qa"), Some(&of_qa)).unwrap(), "qa");
    let e = named(Some("prod"), Some(&of_qa)).unwrap_err();
    assert_eq!(e.kind, crate::error::Kind::Usage);
    assert!(e.message().ends_with("lab.toml is of lab qa"), "{e}");
    assert!(named(None, Some(Path::new("/nowhere"))).is_err());
}

#[test]
fn mistakes_are_placed_and_the_nearest_key_is_named() {
    let e = parse("name = \"qa\"\ncluster-node = 5\n", "lab.toml").unwrap_err();
    let said = e.to_string();
    assert!(said.contains("lab.toml, line 2, column 1"), "{said}");
    assert!(said.contains("did you mean cluster-nodes?"), "{said}");
    let e = parse("containers = \"two\"\n", "lab.toml").unwrap_err();
    assert!(e.to_string().contains("line 1, column 14"), "{e}");
    for (line, what) in [
        (
            "memory = \"2G\"",
            "this takes a whole number, without quotes, and not the string \"2G\"",
        ),
        (
            "memory = -1",
            "this takes a whole number, without quotes, and not the integer -1",
        ),
        (
            "ssh = \"yes\"",
            "this takes true or false, without quotes, and not the string \"yes\"",
        ),
        (
            "name = 1",
            "this takes text in quotes, and not the integer 1",
        ),
        (
            "base = 1",
            "this takes text in quotes, and not the integer 1",
        ),
        (
            "shared-disk = 64",
            "this takes a list in brackets, and not the integer 64",
        ),
    ] {
        let e = parse(line, "lab.toml").unwrap_err();
        assert!(e.message().ends_with(what), "{e}");
    }
}
