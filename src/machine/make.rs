//! Making machines' files. The files of each machine appear whole or not at all.

use super::{DOMAIN, Machinery};
use crate::change::{Container, InState, StateFile};
use crate::context::Context;
use crate::error::{Context as _, Error, Result};
use crate::host::{Host, files, mounts};
use crate::plan::{Machine, Made};
use crate::rootfs::{Layout, SHARED, Writer};
use crate::state::State;
use std::fs;
use std::path::Path;

/// How and from which tree machines' files are made.
#[derive(Debug)]
pub(crate) struct Making<'a> {
    /// The machinery of the machines.
    pub machinery: &'a dyn Machinery,
    /// The base tree, which the machines' /usr comes from.
    pub layout: &'a Layout,
    /// The word for one of the machines in errors, such as `container`.
    pub noun: &'static str,
}

impl Making<'_> {
    /// Makes the files of these machines in the state directory. Their names are claimed and
    /// journaled first, and files that a killed run left are removed. `seen` is told how many
    /// machines are made so far.
    ///
    /// # Errors
    /// When a name is taken by a file that is not ours, or files cannot be written.
    pub(crate) fn make(
        &self,
        context: &Context,
        state: &mut State,
        machines: &[Machine],
        made: impl Fn(&Machine) -> Made,
        mut seen: impl FnMut(usize),
    ) -> Result<()> {
        if machines.is_empty() {
            return Ok(());
        }
        let trees = machines.iter().map(|m| Container::named(&m.name));
        let mut ours: Vec<InState> = trees.map(InState::from).collect();
        ours.push(StateFile::named(SHARED).into());
        ours.iter().try_for_each(|it| state.claim(it))?;
        state.journal.intend(ours)?;
        let mounted = mounts::points()?;
        let mut writer = Writer::new(&self.layout.base, &state.dir)?;
        for (count, machine) in machines.iter().enumerate() {
            context.host.check_interrupt()?;
            let tree = state.dir.join(&machine.name);
            let temporary = files::temporary_name(&tree);
            files::remove_tree(&tree, &mounted)?;
            files::remove_tree(&temporary, &mounted)?;
            self.write(&context.host, &mut writer, &temporary, &made(machine))
                .context(format!("make {} {}", self.noun, machine.name))?;
            fs::rename(&temporary, &tree).map_err(|e| Error::io("name", &tree, e))?;
            seen(count + 1);
        }
        files::sync_directory(&state.dir)
    }

    fn write(&self, host: &Host, writer: &mut Writer, directory: &Path, made: &Made) -> Result<()> {
        fs::create_dir(directory).map_err(|e| Error::io("make directory", directory, e))?;
        self.machinery.write_root(host, writer, directory, made)?;
        let domain = self.machinery.domain(&made.blueprint).render();
        let texts = made.beside.iter().cloned().chain([(DOMAIN, domain)]);
        for (name, text) in texts {
            let path = directory.join(name);
            fs::write(&path, text).map_err(|e| Error::io("write", &path, e))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::context::Options;
    use crate::machine::recorder::{DISK, Recorder};
    use crate::plan::{self, Set};

    /// A base tree that has nothing but the cluster's user and group.
    fn base(directory: &Path) -> Layout {
        let etc = directory.join("base/etc");
        fs::create_dir_all(&etc).unwrap();
        fs::write(etc.join("group"), "haclient:x:4711:\n").unwrap();
        fs::write(etc.join("passwd"), "hacluster:x:4712:4711::/:/bin/false\n").unwrap();
        Layout {
            base: directory.join("base"),
            links: Vec::new(),
            trees: Vec::new(),
            databases: Vec::new(),
            providers: Vec::new(),
        }
    }

    fn made_of(set: &Set, machine: &Machine) -> Made {
        Made {
            blueprint: plan::blueprint(set, machine),
            root: plan::rootfs(set, machine, None),
            beside: vec![("note", "text\n".to_owned())],
        }
    }

    #[test]
    fn a_machine_of_any_kind_is_there_whole_or_not_at_all_and_journaled_before() {
        let directory = tempfile::tempdir().unwrap();
        let layout = base(directory.path());
        let context = Context::new(Options::default(), directory.path().join("state"));
        let mut state = State::open_or_make(&context.state_dir).unwrap();
        let set = plan::tests::sample(3);
        let guests = set.guests();
        let mut make = |recorder: &Recorder, guests: &[Machine]| {
            let making = Making {
                machinery: recorder,
                layout: &layout,
                noun: "machine",
            };
            let mut counts = Vec::new();
            let made = |guest: &Machine| made_of(&set, guest);
            let outcome = making.make(&context, &mut state, guests, made, |n| counts.push(n));
            let journaled = state.journal.outstanding();
            let journaled = journaled.filter_map(|(_, change)| match change {
                Change::Inside(InState::Container(it)) => Some(it.name.clone()),
                _ => None,
            });
            (outcome, counts, journaled.collect::<Vec<_>>())
        };
        let dir = |name: &str| context.state_dir.join(name);
        let read = |path: &Path| fs::read_to_string(path).unwrap();

        let (outcome, counts, journaled) = make(&Recorder::default(), &guests[..2]);
        outcome.unwrap();
        assert_eq!(
            (counts, journaled),
            (vec![1, 2], vec!["lxc1".into(), "lxc2".into()])
        );
        let entries = plan::rootfs(&set, &guests[0], None).len().to_string();
        assert_eq!(read(&dir("lxc1").join(DISK)), entries);
        assert_eq!(
            read(&dir("lxc2").join(DOMAIN)),
            "<recorded>lxc2</recorded>\n"
        );
        assert_eq!(read(&dir("lxc2").join("note")), "text\n");
        assert!(!dir("lxc2").join("rootfs").exists());

        // What a run that was killed has left goes; what fails is not there by its name.
        let left = files::temporary_name(&dir("lxc3"));
        fs::create_dir(&left).unwrap();
        fs::write(left.join("half"), "").unwrap();
        let failing = Recorder {
            fails: Some("write"),
            ..Recorder::default()
        };
        let (outcome, _, journaled) = make(&failing, &guests[2..]);
        let said = outcome.unwrap_err().to_string();
        assert!(said.contains("make machine lxc3"), "{said}");
        assert_eq!(journaled.len(), 3);
        assert!(!dir("lxc3").exists() && !left.join("half").exists());
    }
}
