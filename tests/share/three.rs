//! A cluster of three nodes with ssh between them, and what each of them looked like before.

use crate::lab::Lab;
use crate::world::{BINARY, ROOT, Said, run};
use std::sync::{Mutex, PoisonError};

/// The nodes.
pub const NODES: [&str; 3] = ["node1", "node2", "node3"];
/// The program in the nodes.
const PROGRAM: &str = "/opt/lxc-autogen/lxc-autogen";

/// Between two tests that share it.
static BETWEEN: Mutex<Option<Three>> = Mutex::new(None);

/// Runs a test on a cluster that the next such test goes on with, which saves making one for each.
/// The test must leave it as it found it. After one that failed the next has a new one.
pub fn shared(test: fn(&Three)) {
    let between = || BETWEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let left = between().take();
    let three = left.unwrap_or_else(Three::up);
    test(&three);
    three.is_as_before();
    *between() = Some(three);
}

/// Takes down what the last such test left, after which the world must be as it was.
pub fn end_shared() {
    let left = BETWEEN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(three) = left {
        three.lab.down();
    }
}

/// The cluster.
pub struct Three {
    pub lab: Lab,
}

impl Three {
    /// A new one beside which there is no other, all nodes of which have been looked at, with what
    /// is in the tree.
    pub fn up() -> Three {
        end_shared();
        // Of the host's /usr a node sees all.
        let share = match ROOT.starts_with("/usr/") {
            true => String::new(),
            false => format!("--share {ROOT}"),
        };
        let lab = Lab::up("lab", &format!("--ssh -c 0 {share}"));
        lab.await_online("node1", 5, "node1 node2 node3");
        let three = Three { lab };
        for node in NODES {
            three.remember(node);
        }
        three
    }

    /// Runs a program in a node, by words.
    pub fn run(&self, node: &str, words: &[&str]) -> Said {
        let place = format!("{}/{node}", self.lab.name);
        let head = ["lab", "exec", &place, "--"];
        run(BINARY, head.iter().chain(words))
    }

    /// The same with a line of words, which must succeed; gives back its output.
    #[track_caller]
    pub fn ok(&self, node: &str, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.run(node, &words).exits(0).out
    }

    /// Runs our program in a node.
    pub fn lxa(&self, node: &str, line: &str) -> Said {
        let words: Vec<&str> = [PROGRAM]
            .into_iter()
            .chain(line.split_whitespace())
            .collect();
        self.run(node, &words)
    }

    /// Writes down how a node is.
    #[track_caller]
    pub fn remember(&self, node: &str) {
        self.lxa(node, "snapshot -o /tmp/before").exits(0);
    }

    /// Fails the test unless a node is as it was.
    #[track_caller]
    pub fn node_is_as_before(&self, node: &str) {
        let said = self.lxa(node, "snapshot --compare /tmp/before");
        assert_eq!(
            said.code, 0,
            "{node}: left behind (+), gone (-) or changed (~):\n{}{}",
            said.out, said.err
        );
    }

    /// Fails the test unless all nodes are as they were.
    #[track_caller]
    pub fn is_as_before(&self) {
        NODES.iter().for_each(|node| self.node_is_as_before(node));
    }

    /// Waits until these guests and all cluster nodes are online, as a node sees it.
    #[track_caller]
    pub fn await_guests(&self, node: &str, seconds: u64, guests: &str) {
        let all = format!("node1 node2 node3 {guests}");
        self.lab.await_online(node, seconds, &all);
    }

    /// The full name of a node.
    pub fn name(&self, node: &str) -> String {
        self.lab.node(node)
    }
}
