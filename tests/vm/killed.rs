//! Killed at every record of its journal, `lab up` with a virtual machine leaves what `lab down` removes.

use crate::can;
use crate::kill::killed;
use crate::runner::Test;
use crate::world::{Before, lxa};
use std::path::Path;

pub const LONG: &[Test] = &[("killed_at_every_record", killed_at_every_record)];

const UP: &str = "lab up --cluster-nodes 0 --cluster-vms 1 --init own --share /srv:/shown";
const DIRECTORY: &str = "/var/lib/lxc-autogen-lab-lab";

/// How many records there are, of changes that are still to be undone or not.
fn records() -> usize {
    let journal = Path::new(DIRECTORY).join("journal.jsonl");
    std::fs::read_to_string(journal).map_or(0, |text| text.lines().count())
}

fn killed_at_every_record() {
    if !can() {
        return;
    }
    let before = Before::new();
    lxa(UP).exits(0);
    let all = records();
    lxa("lab down").exits(0);
    before.is_as_now();
    assert!(all > 20, "{all}");
    let mut struck = 0;
    // Records that are written at once are there together.
    while struck < all {
        let next = struck + 1;
        killed(UP, &format!("record {next}"), || records() >= next);
        struck = records();
        lxa("lab down").exits(0);
        assert!(!Path::new(DIRECTORY).exists(), "record {struck}");
        before.is_as_now();
        eprintln!("killed with {struck} of {all} records");
        if struck == all {
            break;
        }
    }
}
