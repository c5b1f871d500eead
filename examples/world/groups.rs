//! The control groups of a world.
//!
//! libvirt makes groups for its containers, and so do the programs inside the containers; nobody
//! removes these groups when a world is killed. So a world gets one group of its own in every
//! hierarchy, and a control group namespace confines it there: all groups that it makes are below
//! its own, and removing that group is the whole clean-up.
//!
//! The group is below the one that we are in already, so that our limits hold for the world, too.
//! Its name says which process owns it: anyone may remove a group whose owner is gone; all other
//! groups are of somebody's live world.

use crate::place::Identity;
use lxc_autogen::error::{Error, Result};
use lxc_autogen::host::cgroups::{self, Own};
use lxc_autogen::report;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use walkdir::{DirEntry, WalkDir};

/// The beginning of the names of worlds' groups. The owner's [`Identity`] follows.
const PREFIX: &str = "lxc-autogen-world-";
/// The leaf group of cgroup v2 with a world's own processes: a group with processes of its own
/// cannot hand controllers down to others (cgroups(7), "no internal processes").
const LEAF: &str = "world";
/// In cgroup v2, the end of the name of the owner's own group, which is beside the world's: see
/// [`step_aside`].
const OWNERS: &str = ".owner";

fn name(owner: Identity) -> String {
    format!("{PREFIX}{owner}")
}

/// The owner in the name of a world's group; `None` for any other group.
fn owner_of(name: &str) -> Option<Identity> {
    let rest = name.strip_prefix(PREFIX)?;
    rest.strip_suffix(OWNERS).unwrap_or(rest).parse().ok()
}

/// Whether all hierarchies here are of cgroup v2.
pub fn is_v2_alone(own: &[Own]) -> bool {
    !own.is_empty() && own.iter().all(Own::is_v2)
}

/// Makes a world's groups, one in each hierarchy, and returns the groups for the world's processes.
pub fn make(own: &[Own], owner: Identity) -> Result<Vec<PathBuf>> {
    let name = name(owner);
    if is_v2_alone(own) {
        return make_v2(&own[0], &name).map(|leaf| vec![leaf]);
    }
    let one = |own: &Own| {
        let group = own.group.join(&name);
        make_group(&group)?;
        if own.controllers.iter().any(|c| c == "cpuset") {
            fill_cpuset(&own.group, &group)?;
        }
        Ok(group)
    };
    own.iter().map(one).collect()
}

fn make_group(path: &Path) -> Result<()> {
    fs::create_dir(path).map_err(|e| Error::io("make", path, e))
}

/// Fills a cpuset of v1, which takes no process while it is empty. (In v2 an empty one means the
/// parent's.)
fn fill_cpuset(parent: &Path, group: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let (from, to) = (parent.join(file), group.join(file));
        let value = fs::read(&from).map_err(|e| Error::io("read", &from, e))?;
        fs::write(&to, value).map_err(|e| Error::io("write", &to, e))?;
    }
    Ok(())
}

/// Makes the world's groups in v2, below the nearest group from our own upwards that hands
/// controllers down. Our own group does so only where no process is in it (a scope of systemd's
/// that we have just left), or where it is the root.
fn make_v2(own: &Own, name: &str) -> Result<PathBuf> {
    let upwards = own.group.ancestors();
    let mut seen = upwards.take_while(|g| g.starts_with(&own.mounted));
    let Some(parent) = seen.find(|g| hand_down(g)) else {
        return Err(
            Error::cant("the memory controller of cgroup v2 is not handed down to us")
                .mend("run it from a systemd session, or as root outside of containers"),
        );
    };
    let leaf = parent.join(name).join(LEAF);
    make_group(&parent.join(name))?;
    make_group(&leaf)?;
    Ok(leaf)
}

/// Makes a group of v2 hand down every controller that it has, and returns whether memory is among
/// them: libvirt starts no container without it. The controllers are written one by one: some
/// cannot be handed down (with real-time scheduling, say), and one write with all of them would
/// then fail as a whole.
fn hand_down(group: &Path) -> bool {
    let read = |file: &str| fs::read_to_string(group.join(file)).unwrap_or_default();
    for controller in read("cgroup.controllers").split_whitespace() {
        let _ = fs::write(
            group.join("cgroup.subtree_control"),
            format!("+{controller}"),
        );
    }
    read("cgroup.subtree_control")
        .split_whitespace()
        .any(|c| c == "memory")
}

/// Moves this process, the owner, out of the scope that systemd has made for the world, into a
/// group beside the world's: a scope with a process in it could not hand controllers down.
pub fn step_aside(own: &[Own], owner: Identity) -> Result<()> {
    for own in own.iter().filter(|o| o.is_v2()) {
        let group = own.group.join(name(owner) + OWNERS);
        make_group(&group)?;
        join(&group)?;
    }
    Ok(())
}

/// Moves this process, and all processes that it starts from now on, into a group.
pub fn join(group: &Path) -> Result<()> {
    let file = group.join("cgroup.procs");
    // 0 is the process that writes it.
    fs::write(&file, "0").map_err(|e| Error::io("join", &file, e))
}

/// The group that a world sees as the root of the hierarchy: with v2 alone the group above the
/// leaf, otherwise the world's group itself.
pub fn top(own: &[Own], group: &Path) -> PathBuf {
    let above = group.parent().filter(|_| is_v2_alone(own));
    above.unwrap_or(group).to_owned()
}

/// Hands the controllers that libvirtd needs down inside a world with v2 alone; the world's
/// processes must be in the leaf.
pub fn hand_down_inside(top: &Path) -> Result<()> {
    if hand_down(top) {
        return Ok(());
    }
    Err(Error::cant(format!(
        "{} does not hand down the memory controller",
        top.display()
    )))
}

/// Removes the groups of an owner's world; the owner's own group only when the owner is gone.
pub fn remove_of(owner: Identity) -> Result<()> {
    remove_all(|found, name| found == owner && !(name.ends_with(OWNERS) && owner.is_alive()))
}

/// Removes the groups of worlds whose owner is gone.
pub fn remove_left_over() -> Result<()> {
    remove_all(|owner, _| !owner.is_alive())
}

fn remove_all(wanted: impl Fn(Identity, &str) -> bool) -> Result<()> {
    let mut groups: Vec<PathBuf> = cgroups::hierarchies()?
        .iter()
        .flat_map(|h| of_worlds(h))
        .collect();
    groups.retain(|g| {
        let name = g.file_name().unwrap_or_default().to_string_lossy();
        owner_of(&name).is_some_and(|owner| wanted(owner, &name))
    });
    // Groups of the freezer come first: frozen processes leave the other groups only when they are
    // thawed.
    groups.sort_by_key(|g| !g.join("freezer.state").exists());
    groups.iter().try_for_each(|g| remove(g))
}

/// All groups of worlds in a hierarchy. They are never inside one another.
fn of_worlds(mounted: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut walk = WalkDir::new(mounted).into_iter();
    while let Some(entry) = walk.next() {
        let Ok(entry) = entry else { continue };
        if is_group(&entry) && owner_of(&entry.file_name().to_string_lossy()).is_some() {
            walk.skip_current_dir();
            found.push(entry.into_path());
        }
    }
    found
}

fn is_group(entry: &DirEntry) -> bool {
    entry.file_type().is_dir()
}

/// Removes a group and the groups in it. The kernel removes only empty groups, so this cannot harm
/// a process. Processes that were just killed may take a moment to die.
fn remove(group: &Path) -> Result<()> {
    // A process of v1 that was killed while it was frozen (a paused container) ends when it is
    // thawed.
    let inside = WalkDir::new(group).into_iter().flatten().filter(is_group);
    for state in inside.map(|g| g.path().join("freezer.state")) {
        if state.exists() {
            let _ = fs::write(state, "THAWED");
        }
    }
    for attempt in 0..60 {
        if cgroups::remove(group)? {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20 + attempt));
    }
    report::say(format!(
        "could not remove {}: something in it is still running",
        group.display()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(controllers: &str, group: &Path) -> Own {
        Own {
            controllers: controllers
                .split(',')
                .filter(|c| !c.is_empty())
                .map(str::to_owned)
                .collect(),
            mounted: group.to_owned(),
            group: group.to_owned(),
        }
    }

    #[test]
    fn a_group_says_whose_it_is() {
        let ours = Identity::of(std::process::id()).unwrap();
        assert_eq!(owner_of(&name(ours)), Some(ours));
        assert_eq!(owner_of(&(name(ours) + OWNERS)), Some(ours));
        for not_ours in [
            "lxc-autogen-world-",
            "lxc-autogen-world-7",
            "machine",
            "7-8",
        ] {
            assert_eq!(owner_of(not_ours), None, "{not_ours}");
        }
    }

    /// As files, of which the kernel's answers are not a part: that is tried in a world.
    #[test]
    fn v2_is_handed_down_by_the_nearest_that_can() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        let ours = top.join("with/processes");
        fs::create_dir_all(&ours).unwrap();
        let own = Own {
            group: ours,
            ..own("", &top)
        };
        let owner = Identity::of(std::process::id()).unwrap();
        let refused = make(std::slice::from_ref(&own), owner).unwrap_err();
        assert!(refused.message().contains("memory controller"));
        fs::write(top.join("cgroup.subtree_control"), "cpu memory\n").unwrap();
        let made = make(std::slice::from_ref(&own), owner).unwrap();
        assert_eq!(made, [top.join(name(owner)).join(LEAF)]);
        assert_eq!(super::top(&[own], &made[0]), top.join(name(owner)));
        assert_eq!(of_worlds(&top), [top.join(name(owner))]);
    }

    #[test]
    fn a_cpuset_of_v1_gets_what_its_parent_has() {
        let directory = tempfile::tempdir().unwrap();
        let parent = directory.path();
        fs::write(parent.join("cpuset.cpus"), "0-1\n").unwrap();
        fs::write(parent.join("cpuset.mems"), "0\n").unwrap();
        let owner = Identity::of(std::process::id()).unwrap();
        let made = make(&[own("cpu,cpuset", parent), own("", parent)], owner);
        // The second is of the same directory, where the name is taken already.
        assert!(made.unwrap_err().message().contains("File exists"));
        let cpus = fs::read_to_string(parent.join(name(owner)).join("cpuset.cpus"));
        assert_eq!(cpus.unwrap(), "0-1\n");
    }
}
