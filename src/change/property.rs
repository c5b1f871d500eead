//! Properties of the cluster, and elements of its CIB that differ for a time.

use super::Undoer;
use super::allowed;
use super::kinds::{About, Kind, rank};
use super::traces::Traces;
use crate::error::{Error, Result};
use crate::host::poll::{Poll, Seen};
use crate::pacemaker::config::{self, Afterwards};
use crate::pacemaker::throttle::{self, Raise};
use crate::pacemaker::tools;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

rank! {
    /// Settings of the whole cluster that a set changes.
    Properties: Properties {
        /// A property that our commands, or programs they call, change.
        Property,
        /// A property of throttling.
        Throttle,
        /// An element of the CIB that differs while nodes join.
        Joining,
        /// The monitors of containers.
        Monitors,
    }
}

/// These belong to the cluster, and are put back with the rest of the CIB.
const ABOUT: About<'static> = About {
    has_identity: false,
    is_shared: false,
    container: None,
    scope: Scope::Cib,
    needs: None,
};

/// Put back a cluster property that our commands, or programs they call, change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// Name of the property.
    pub name: String,
    /// Value before the change; `None` where the property was not set.
    pub previous: Option<String>,
}

impl Property {
    pub(super) fn restore(&self, undoer: &Undoer<'_>) -> Result<()> {
        let is_back = || {
            let cib = tools::query(undoer.host)?;
            Ok(cib.property(&self.name) == self.previous.as_deref())
        };
        if is_back()? {
            return Ok(());
        }
        tools::set_property(undoer.host, &self.name, self.previous.as_deref())?;
        let look = |_: &mut Poll| Ok(Seen::ready_if(is_back()?, ()));
        let poll = Poll::every(Duration::from_millis(200), Duration::from_secs(10));
        poll.uninterrupted().until(look, |()| {
            Error::failed("crm_attribute says that it is put back, and it is not")
        })
    }
}

impl Kind for Property {
    fn key(&self) -> String {
        format!("cluster property {}", self.name)
    }

    fn about(&self) -> About<'_> {
        ABOUT
    }

    fn check(&self, _: &Path) -> Result<()> {
        match self.name == tools::REFRESH_PROPERTY {
            true => Ok(()),
            false => Err(allowed::never(&self.name)),
        }
    }

    /// The value from before cannot be known.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}

/// Put back a property of the cluster's throttling that was raised while nodes join, unless
/// somebody has changed it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// Name of the property.
    pub name: String,
    /// XML id of the nvpair.
    pub nvpair: String,
    /// Value that we raised it to.
    pub raised: String,
    /// Value before the change; `None` where the property was not set.
    pub previous: Option<String>,
}

impl From<&Raise> for Throttle {
    fn from(raise: &Raise) -> Self {
        Throttle {
            name: raise.name.clone(),
            nvpair: raise.nvpair.clone(),
            raised: raise.raised.clone(),
            previous: raise.previous.clone(),
        }
    }
}

impl Kind for Throttle {
    fn key(&self) -> String {
        format!("cluster property {} as it was", self.name)
    }

    fn about(&self) -> About<'_> {
        ABOUT
    }

    fn check(&self, _: &Path) -> Result<()> {
        match throttle::is_one(&self.name, &self.raised) {
            true => allowed::id(&self.nvpair),
            false => Err(allowed::never(format!("{}={}", self.name, self.raised))),
        }
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        let left = traces.left_by_joining().map(throttle::left_over);
        Ok(left.iter().flatten().map(Throttle::from).collect())
    }
}

/// Put back an element of the CIB that differs while nodes join, unless somebody has changed it
/// since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joining {
    /// XML id of the element.
    pub id: String,
    /// XPath that finds the element as it is while nodes join, and not when somebody has changed
    /// it.
    pub xpath: String,
    /// The element's XML after the join; `None` where it is deleted then.
    pub then: Option<String>,
}

impl From<Afterwards> for Joining {
    fn from(Afterwards { id, xpath, then }: Afterwards) -> Self {
        Joining { id, xpath, then }
    }
}

impl Kind for Joining {
    fn key(&self) -> String {
        match self.id == config::TAGS {
            true => format!("section {} of the CIB, if it is empty then", self.id),
            false => format!("{} of the CIB while nodes join", self.id),
        }
    }

    fn about(&self) -> About<'_> {
        ABOUT
    }

    fn check(&self, _: &Path) -> Result<()> {
        let Joining { id, xpath, then } = self;
        match config::is_passing(id, xpath, then.as_deref()) {
            true => Ok(()),
            false => Err(allowed::never(xpath)),
        }
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        let left = traces.left_by_joining().map(config::left_over);
        // Whether the section was there before, only the journal knows.
        let section = match traces.in_cib() {
            Some((cib, tags)) if !traces.has_journal && !tags.is_empty() => cib.tags_afterwards(),
            _ => None,
        };
        let all = left.into_iter().flatten().chain(section);
        Ok(all.map(Joining::from).collect())
    }
}

/// Let the monitors of a set's containers begin, which wait until all have joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monitors {
    /// The set's tag.
    pub set: String,
    /// Seconds between two monitors of a container.
    pub interval_s: u32,
}

impl Monitors {
    /// A primitive that somebody has given a monitor meanwhile keeps that one.
    pub(super) fn begin(&self, undoer: &Undoer<'_>) -> Result<()> {
        let cib = tools::query(undoer.host)?;
        match config::monitors(&cib, &self.set, self.interval_s) {
            Some(change) => tools::merge(undoer.host, &change),
            None => Ok(()),
        }
    }
}

impl Kind for Monitors {
    fn key(&self) -> String {
        format!("monitors of {}", self.set)
    }

    fn about(&self) -> About<'_> {
        ABOUT
    }

    fn check(&self, _: &Path) -> Result<()> {
        allowed::own_id(&self.set)
    }

    /// A set of a lost journal is taken out of the CIB with its primitives.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}
