//! The node that answers: `lxc-autogen realise`, run by ssh, one request a line.

mod carry_out;
mod undo;

use crate::checks::admission;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::lock::{self, Lock};
use crate::host::{files, hosts, net, users};
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::{self, virsh};
use crate::look::Look;
use crate::pacemaker::{authkey, tools};
use crate::peer::{
    Answer, Facts, Failure, Greeting, Numbered, PROGRAM, Plan, Request, SILENCE, sent_program,
};
use crate::plan::Set;
use crate::report;
use crate::resolve::{self, Elsewhere};
use crate::rootfs::{self, Remoted, UNPACKED};
use crate::set::resolve::Choice;
use crate::set::rollback;
use crate::spec::Subnet;
use crate::state::State;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// Answers requests until the input ends. Changes that were carried out by then stay; the journals
/// of this node and of the leading one have them.
///
/// # Errors
/// When this is not root, or an answer cannot be given.
pub(crate) fn run(context: &Context, node: String) -> Result<()> {
    users::require_root_even_dry("realise")?;
    // Without a running cluster this node's name in it cannot be asked for.
    let ours = tools::this_node(&context.host).unwrap_or_else(|_| node.clone());
    say(&Greeting::of(ours))?;
    let mut server = Server {
        context,
        node,
        host_lock: None,
        state: None,
    };
    let result = server.serve();
    // A program that was sent to this node, which got no state directory to keep it in.
    files::remove_file(&sent_program(&context.state_dir))?;
    result
}

fn say(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(|e| Error::failed(format!("answer: {e}")))?;
    report::result(text + "\n");
    Ok(())
}

struct Server<'a> {
    context: &'a Context,
    node: String,
    host_lock: Option<Lock>,
    state: Option<State>,
}

impl Server<'_> {
    fn serve(&mut self) -> Result<()> {
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        // Ends with the input, or when not even an empty line has come from the leading node in
        // time.
        while let Ok(line) = lines.recv_timeout(SILENCE) {
            if line.is_empty() {
                continue;
            }
            let request: Numbered<Request> = serde_json::from_str(&line)
                .map_err(|e| Error::failed(format!("a request is not understood: {e}")))?;
            say(&Numbered {
                number: request.number,
                what: match self.answer(request.what) {
                    Ok(answer) => answer,
                    Err(e) => Answer::Failed(Failure::from(&e)),
                },
            })?;
        }
        Ok(())
    }

    fn answer(&mut self, request: Request) -> Result<Answer> {
        match request {
            Request::Look { key } => self.look(key).map(|facts| Answer::Facts(Box::new(facts))),
            Request::Prepare(plan) => self.prepare(&plan).map(|()| Answer::Done),
            Request::Realise(plan) => self.realise(&plan).map(|()| Answer::Done),
            Request::PutBack(why) => self.put_back(Error::failed(why)).map(|()| Answer::Done),
            Request::Settle => {
                self.host_lock = None;
                Ok(Answer::Done)
            }
            Request::Undo {
                group,
                scope,
                force,
                forget,
            } => self.undo(group.as_deref(), scope, force, &forget),
            Request::Release => self.release().map(|()| Answer::Done),
            Request::Domains => self.domains(),
        }
    }

    /// Takes the locks, and describes this node.
    fn look(&mut self, with_key: bool) -> Result<Facts> {
        if self.host_lock.is_none() {
            self.host_lock = Some(lock::host()?);
        }
        let dir = &self.context.state_dir;
        self.state = State::open(dir)?;
        let set = self.state.as_ref().and_then(|s| s.set.clone());
        let look = Look::new(self.context);
        let networks = look.networks()?;
        let ours = set.as_ref().map(|s| s.network.as_str());
        let mut names: Vec<String> = networks
            .iter()
            .filter(|n| Some(n.as_str()) != ours)
            .cloned()
            .collect();
        names.extend(
            net::links()
                .into_iter()
                .filter(|n| Some(n.as_str()) != ours),
        );
        let key = Path::new(authkey::PATH);
        let haclient = users::haclient()?.as_raw();
        let key_bytes = files::read_optional(key)?;
        Ok(Facts {
            used: match &set {
                // Addresses that the set itself uses are no obstacle to it.
                Some(_) => Vec::new(),
                None => resolve::used(&look)?,
            },
            names,
            key: key_bytes.as_deref().map(files::sha256),
            key_fault: match &key_bytes {
                Some(_) => authkey::check(key, haclient)?,
                None => authkey::check_directory(Path::new(authkey::DIRECTORY), haclient)?,
            },
            key_bytes: key_bytes.filter(|_| with_key),
            has_remoted: self.find_remoted(None)?.is_some(),
            program: self.program(),
            group: self.state.as_ref().and_then(undo::group_of),
            set,
        })
    }

    /// Path of this program, once it has been moved into the state directory.
    fn program(&self) -> PathBuf {
        let now = std::env::current_exe().unwrap_or_else(|_| "lxc-autogen".into());
        if now == sent_program(&self.context.state_dir) {
            self.context.state_dir.join(PROGRAM)
        } else {
            now
        }
    }

    /// The pacemaker-remoted of this node: the kept set's; else the leader's path where it exists
    /// here too; else the one in /usr or unpacked before.
    fn find_remoted(&self, set: Option<&Set>) -> Result<Option<Remoted>> {
        let saved = self.state.as_ref().and_then(|s| s.set.as_ref());
        if let Some(saved) = saved {
            return Ok(Some(saved.remoted.clone()));
        }
        let base = set.and_then(|s| s.spec.base.clone());
        let base = base.unwrap_or_else(|| "/".into());
        let given = set.and_then(|s| s.spec.remoted.as_deref());
        let given = given.filter(|path| path.exists());
        rootfs::find(given, &base, &self.context.state_dir)
    }

    /// The set with this node's own paths and programs.
    fn localise(&self, plan: &Plan) -> Result<Option<Choice>> {
        let Some(set) = &plan.set else {
            return Ok(None);
        };
        if let Some(saved) = self.state.as_ref().and_then(|s| s.set.as_ref()) {
            let set = Set {
                layout: saved.layout.clone(),
                remoted: saved.remoted.clone(),
                emulator: saved.emulator.clone(),
                mask_sysrq: saved.mask_sysrq,
                environment: saved.environment.clone(),
                ..set.clone()
            };
            return Ok(Some(Choice { set, fetch: None }));
        }
        let base = set.spec.base.clone().unwrap_or_else(|| "/".into());
        let found = self.find_remoted(Some(set))?;
        let unpacked = self
            .context
            .state_dir
            .join(UNPACKED)
            .join(carry_out::SENT_REMOTED);
        let fetch = match &found {
            None if plan.remoted.is_none() => Some(rootfs::fetch_version(&self.context.host)?),
            _ => None,
        };
        let set = Set {
            layout: rootfs::Layout::of(&base)?,
            remoted: found.unwrap_or(Remoted::Bound { path: unpacked }),
            emulator: libvirt::emulator(),
            mask_sysrq: Path::new("/proc/sysrq-trigger").exists(),
            environment: resolve::environment(&base),
            ..set.clone()
        };
        Ok(Some(Choice { set, fetch }))
    }

    /// Objects to a plan that this node could not carry out; nothing is changed.
    fn prepare(&mut self, plan: &Plan) -> Result<()> {
        let look = &Look::new(self.context);
        let Some(Choice { set, .. }) = self.localise(plan)? else {
            return Ok(());
        };
        virsh::connect(&look.context.host, &LXC)?;
        if admission::agent_path().is_none() {
            return Err(admission::no_agent());
        }
        if set.spec.hosts {
            hosts::check(Path::new(hosts::PATH))?;
        }
        if self.state.as_ref().is_none_or(|s| s.set.is_none()) {
            let taken = look.networks()?.iter().cloned().chain(net::links());
            if taken.into_iter().any(|name| name == set.network) {
                return Err(Error::cant(format!(
                    "there is a network or interface {} that is not of this set",
                    set.network
                ))
                .mend("remove or rename it"));
            }
            let wanted: Option<Subnet> = Some(set.subnet);
            resolve::free_subnet(look, wanted, &[], &Elsewhere::default())?;
        }
        let daemon = set.remoted.on_host(&set.layout.base);
        if daemon.exists() {
            admission::check_version(look, &set)?;
        }
        admission::check_domains(look, &set)
    }

    fn realise(&mut self, plan: &Plan) -> Result<()> {
        let choice = self.localise(plan)?;
        let state = match self.state.take() {
            Some(state) => state,
            None => State::open_or_make(&self.context.state_dir)?,
        };
        let state = self.state.insert(state);
        let look = Look::new(self.context);
        let made = carry_out::carry_out(&look, &self.node, state, plan, choice.as_ref());
        match made {
            Ok(()) => Ok(()),
            Err(e) => match self.put_back(e.clone()) {
                Ok(()) => Err(e),
                Err(left) => Err(left),
            },
        }
    }

    /// # Errors
    /// [`Kind::LeftBehind`] with what could not be put back.
    fn put_back(&mut self, cause: Error) -> Result<()> {
        let Some(mut state) = self.state.take() else {
            return Ok(());
        };
        // The leading node has each of the others put back its own changes.
        let first = state.journal.run_began();
        undo::forget_peers(&mut state, |seq, _| seq >= first)?;
        let error = rollback::roll_back(&Look::new(self.context), &mut state, cause);
        match error.kind {
            Kind::LeftBehind => Err(error),
            _ => Ok(()),
        }
    }

    fn domains(&self) -> Result<Answer> {
        let ours = virsh::domains_of(&self.context.host, &LXC, &self.context.state_dir)?;
        let states = virsh::domains(&self.context.host, &LXC)?
            .into_iter()
            .filter(|row| ours.contains(&row.name))
            .map(|row| (row.name, row.state))
            .collect();
        Ok(Answer::Domains(states))
    }
}
