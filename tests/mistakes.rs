//! What people are told whose command line is wrong.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "common/anyone.rs"]
mod anyone;
#[path = "common/nobody.rs"]
mod nobody;

use nobody::{lxa, run_all};

const TESTS: &[(&str, fn())] = &[(
    "failures_are_json_too_and_people_read_them_all_the_same",
    failures_are_json_too_and_people_read_them_all_the_same,
)];

fn main() {
    run_all(TESTS);
}

fn failures_are_json_too_and_people_read_them_all_the_same() {
    for (args, code, kind) in [
        // Of clap, of the checks of values, of the host.
        ("lab up --guests 4 --json", 2, "usage"),
        ("--json nonsense", 2, "usage"),
        ("up -c 0 --dry-run --json", 2, "usage"),
        ("lab status --json", 3, "cannot"),
        ("snapshot --compare /nonexistent --json", 3, "cannot"),
    ] {
        let said = lxa(args);
        assert_eq!(said.code, Some(code), "{args}: {}", said.err);
        let json: serde_json::Value = serde_json::from_str(&said.out).expect(args);
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["details", "error", "kind", "mend"], "{args}");
        assert_eq!(json["kind"], kind, "{args}");
        // The same words as on stderr.
        let lines = json["details"].as_array().unwrap().iter();
        let lines = lines.map(|line| format!("\n  {}", line.as_str().unwrap()));
        let mend = json["mend"].as_str();
        let text = format!(
            "lxc-autogen: {}{}{}\n",
            json["error"].as_str().unwrap(),
            lines.collect::<String>(),
            mend.map_or_else(String::new, |mend| format!("\n  mend: {mend}")),
        );
        assert_eq!(text, said.err, "{args}");
    }
    // The command's option is not ours.
    let said = lxa("lab exec node1 -- crm_mon --json");
    assert_eq!((said.code, said.out.as_str()), (Some(3), ""));
    // What is found wrong is the result, and there is one value.
    let said = lxa("verify --quick --json");
    assert_eq!(said.code, Some(3), "{}", said.err);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert!(json["error"].is_null() && json["checks"].is_array());
}
