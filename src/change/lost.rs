//! What is known to be ours in a state directory whose journal is lost.
//!
//! Such a directory is ours where a file in it says that it was made there: a set or a lab with the
//! directory's path in it, or the XML of a domain or network with our mark. Then files are known by
//! the names that we give them; what else is there stays, and is named.

use super::{Container, SET_FILE, StateFile};
use crate::host::files;
use crate::libvirt::marked_state_dir;
use crate::plan::{Set, domain_xml};
use crate::xml;
use std::path::{Path, PathBuf};

/// Name of the file with a lab.
const LAB_FILE: &str = "lab.json";

/// Names of files and trees that sets and labs have in their state directories. Not of those with
/// what others had before us, as `authkey.previous`: where to put them back, the journal knew.
const NAMES: [&str; 21] = [
    SET_FILE,
    LAB_FILE,
    "agents",
    "bin",
    "cib.xml",
    "complete",
    "disks",
    "fence",
    "fetched",
    "fencing-off",
    "grouped-nodes",
    "grouped-nodes.log",
    "guests",
    "images",
    "keys",
    "memory-changing",
    "placed.json",
    "program",
    "remoted",
    "shared",
    "system",
];

/// Whether something in this directory says that it was made there.
pub fn is_made_for(dir: &Path) -> bool {
    files::is_real_directory(dir)
        && ([SET_FILE, LAB_FILE].iter().any(|name| says(dir, name))
            || entries(dir).any(|path| is_marked(&path, dir) || is_tree(&path, dir)))
}

/// Records of the files that are ours.
pub(super) fn files(dir: &Path) -> Vec<StateFile> {
    if !is_made_for(dir) {
        return Vec::new();
    }
    let named = NAMES.iter().map(|name| dir.join(name));
    let named = named.filter(|path| files::exists(path) || files::exists(&files::unfinished(path)));
    let marked = entries(dir).filter(|path| is_marked(path, dir));
    let names = named.chain(marked).filter_map(|path| name_of(&path));
    names.map(StateFile::named).collect()
}

/// Records of the trees of machines.
pub(super) fn trees(dir: &Path, set: Option<&Set>) -> Vec<Container> {
    let of_set = set.filter(|set| set.state_dir == dir);
    let guests = of_set.map(Set::guests).unwrap_or_default().into_iter();
    let has = |name: &String| {
        let tree = dir.join(name);
        files::exists(&tree) || files::exists(&files::temporary_name(&tree))
    };
    let mut names: Vec<String> = guests.map(|it| it.name).filter(has).collect();
    let marked = entries(dir).filter(|path| is_tree(path, dir));
    names.extend(marked.filter_map(|path| name_of(&path)));
    names.sort();
    names.dedup();
    names.into_iter().map(Container::named).collect()
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

fn name_of(path: &Path) -> Option<String> {
    path.file_name()?.to_str().map(str::to_owned)
}

/// Whether this is a set's or a lab's file, and has this directory's path as its own. Of one that is
/// cut off, the beginning is enough.
fn says(dir: &Path, name: &str) -> bool {
    let text = text_of(&dir.join(name)).unwrap_or_default();
    let words: String = text.split_whitespace().collect();
    let is = |key: &str| words.contains(&format!("\"{key}\":\"{}\"", dir.display()));
    is("state_dir") || is("dir")
}

/// Whether this is the XML of a domain or network with our mark.
fn is_marked(path: &Path, dir: &Path) -> bool {
    if path.extension().is_none_or(|it| it != "xml") {
        return false;
    }
    let element = text_of(path).and_then(|text| xml::parse(&text, "").ok());
    element.is_some_and(|it| marked_state_dir(&it) == dir.to_str())
}

/// Whether this is the tree of a machine whose domain has our mark.
fn is_tree(path: &Path, dir: &Path) -> bool {
    files::is_real_directory(path)
        && name_of(path).is_some_and(|name| is_marked(&domain_xml(dir, &name), dir))
}

/// The most that is read of a file here: a set of a thousand nodes takes less.
const MOST: u64 = 16 << 20;

fn text_of(path: &Path) -> Option<String> {
    files::read_untrusted(path, MOST).ok().flatten()
}
