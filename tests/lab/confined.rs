//! What `lab verify` says where something is taken away, as docs/ci.md has it.

use crate::Test;
use crate::world::{BINARY, Before, run};

pub const TESTS: &[Test] = &[("what_a_runner_lacks", what_a_runner_lacks)];

const PAGE: &str = include_str!("../../docs/ci.md");

/// Each command of the page, with the lines that are to be among what it prints.
fn examples() -> Vec<(&'static str, Vec<&'static str>)> {
    let blocks = PAGE.split("```console\n").skip(1);
    let lines = blocks.flat_map(|b| b.split("```").next().unwrap().lines());
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in lines {
        match line.strip_prefix("# ") {
            Some(command) => all.push((command, Vec::new())),
            None => all.last_mut().unwrap().1.push(line),
        }
    }
    all
}

fn what_a_runner_lacks() {
    let before = Before::new();
    let all = examples();
    assert!(all.len() >= 9, "{all:?}");
    for (command, told) in all {
        let command = command.replace("lxc-autogen lab", &format!("{BINARY} lab"));
        let said = run("sh", ["-c", &command]);
        // The columns are as wide as what is in them.
        let lines = said.out.lines().map(|l| {
            let words: Vec<&str> = l.split_whitespace().collect();
            words.join(" ")
        });
        let lines: Vec<String> = lines.collect();
        for line in told {
            let (start, end) = line.split_once('…').unwrap_or((line, ""));
            let is_it = |l: &String| l.starts_with(start) && l.ends_with(end);
            assert!(
                lines.iter().any(is_it),
                "{command}\n{line}\n{}{}",
                said.out,
                said.err
            );
        }
    }
    before.is_as_now();
}
