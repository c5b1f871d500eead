//! Properties of the cluster, and elements of its CIB that are otherwise for a time.

use super::kinds::{About, Kind, rank};
use super::traces::Traces;
use super::{Batch, Item, Undoer};
use crate::error::Result;
use crate::pacemaker::config::{self, Afterwards};
use crate::pacemaker::throttle::{self, Raise};
use crate::pacemaker::tools;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};

rank! {
    /// What of the cluster's own is changed.
    Properties: Properties {
        /// A property that commands change.
        Property,
        /// One of throttling.
        Throttle,
        /// An element of the CIB.
        Joining,
    }
}

/// Each of these belongs to the cluster, and is put back as a part of the CIB.
const ABOUT: About<'static> = About {
    has_identity: false,
    is_shared: false,
    container: None,
    scope: Scope::Cib,
    needs: None,
};

/// Put a cluster property back that our commands, or what they call, change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// What it was, if it was set.
    pub previous: Option<String>,
}

impl Property {
    fn restore(&self, undoer: &Undoer<'_>) -> Result<()> {
        let cib = tools::query(undoer.host)?;
        if cib.property(&self.name) == self.previous.as_deref() {
            return Ok(());
        }
        tools::set_property(undoer.host, &self.name, self.previous.as_deref())
    }
}

impl Kind for Property {
    fn key(&self) -> String {
        format!("cluster property {}", self.name)
    }

    fn about(&self) -> About<'_> {
        ABOUT
    }

    /// What it was before cannot be known.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}

/// Put a property of the cluster's throttling back that was raised while nodes join, unless
/// somebody has changed it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// Its name.
    pub name: String,
    /// XML id of the nvpair.
    pub nvpair: String,
    /// What we raised it to.
    pub raised: String,
    /// What it was, if it was set.
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

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        let left = traces.left_by_joining().map(throttle::left_over);
        Ok(left.iter().flatten().map(Throttle::from).collect())
    }
}

/// Put an element of the CIB back that is otherwise while nodes join, unless somebody has changed
/// it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joining {
    /// Its XML id.
    pub id: String,
    /// Finds it as it is while nodes join.
    pub xpath: String,
    /// What it is then; it is deleted when there is nothing.
    pub then: Option<String>,
}

impl From<Afterwards> for Joining {
    fn from(Afterwards { id, xpath, then }: Afterwards) -> Self {
        Joining { id, xpath, then }
    }
}

impl Kind for Joining {
    fn key(&self) -> String {
        format!("{} of the CIB while nodes join", self.id)
    }

    fn about(&self) -> About<'_> {
        ABOUT
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        let left = traces.left_by_joining().map(config::left_over);
        Ok(left.into_iter().flatten().map(Joining::from).collect())
    }
}

/// Puts each back to what it was, or takes it out where it was not set.
pub(super) fn restore(undoer: &Undoer<'_>, items: &[Item<Properties>]) -> Batch {
    Batch::of_each(items, |it| match it {
        Properties::Property(it) => it.restore(undoer),
        Properties::Throttle(it) => throttle::restore(
            undoer.host,
            &it.name,
            &it.nvpair,
            &it.raised,
            it.previous.as_deref(),
        ),
        Properties::Joining(it) => {
            tools::replace_or_delete(undoer.host, &it.xpath, it.then.as_deref())
        }
    })
}
