//! Having every node carry out the agreed plan, this node at the same time.

use super::{Shared, all_of, done};
use crate::error::Result;
use crate::host::{Host, files};
use crate::peer::{Plan, Request, each};
use crate::plan::Set;
use crate::rootfs::Remoted;
use std::time::Duration;

impl Shared {
    /// Has the other nodes carry out the plan while `here` does this node's part.
    ///
    /// # Errors
    /// The first failure, this node's first.
    pub(crate) fn realise(
        &mut self,
        host: &Host,
        set: &Set,
        here: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        if self.is_alone() {
            return here();
        }
        let remoted = match &set.remoted {
            Remoted::Bound { path } if self.members.iter().any(|m| !m.facts.has_remoted) => {
                // A daemon that this run fetches is not there yet: the other nodes fetch it
                // themselves.
                files::read_optional(path)?
            }
            _ => None,
        };
        let plan = Plan {
            group: self.group.clone(),
            key: self.key.for_others()?,
            set: Some(set.clone()),
            remoted,
            agent: None,
        };
        self.realise_plan(host, &plan, here, u64::from(set.spec.containers))
    }

    fn realise_plan(
        &mut self,
        host: &Host,
        plan: &Plan,
        here: impl FnOnce() -> Result<()>,
        containers: u64,
    ) -> Result<()> {
        let patience = Duration::from_secs(180 + containers);
        let members = &mut self.members;
        let (ours, theirs) = std::thread::scope(|scope| {
            let others = scope.spawn(move || {
                each(members, |member| {
                    let remoted = plan.remoted.clone().filter(|_| !member.facts.has_remoted);
                    let request = Request::Realise(Box::new(Plan {
                        remoted,
                        ..plan.clone()
                    }));
                    member.began = true;
                    done(&mut member.session, &request, patience)
                })
            });
            let ours = here();
            (ours, others.join())
        });
        let theirs = theirs.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        all_of(std::iter::once(ours).chain(theirs))?;
        host.check_interrupt()
    }

    /// Has the other nodes write the agreed key, and nothing else.
    ///
    /// # Errors
    /// As [`Shared::realise`].
    pub(crate) fn realise_key(&mut self, host: &Host) -> Result<()> {
        let plan = Plan {
            group: self.group.clone(),
            key: self.key.for_others()?,
            ..Plan::default()
        };
        self.realise_plan(host, &plan, || Ok(()), 0)
    }

    /// Has the other nodes install an agent.
    ///
    /// # Errors
    /// As [`Shared::realise`].
    pub(crate) fn realise_agent(&mut self, host: &Host, agent: Vec<u8>) -> Result<()> {
        let plan = Plan {
            group: self.group.clone(),
            agent: Some(agent),
            ..Plan::default()
        };
        self.realise_plan(host, &plan, || Ok(()), 0)
    }
}
