//! Resources, constraints, tags and markers of sets in the CIB.

use super::allowed;
use super::kinds::{About, Kind, rank};
use super::traces::Traces;
use super::{Batch, Item, SET_FILE, Undoer, stop};
use crate::error::Result;
use crate::pacemaker::{config, tools};
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::Path;

rank! {
    /// Objects of a set in the CIB.
    Cib: InCib {
        /// A primitive or clone.
        Resource,
        /// A constraint, or a set's tag or marker.
        CibObject,
    }
}

/// Stop and delete a resource of the CIB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// XML id.
    pub id: String,
    /// The container that the resource runs, if it is a container's primitive.
    pub container: Option<String>,
}

impl Kind for Resource {
    fn key(&self) -> String {
        format!("resource {} of the CIB", self.id)
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: false,
            container: self.container.as_deref(),
            scope: Scope::Cib,
            // The set's mark tells its objects in the CIB from another set's.
            needs: Some(SET_FILE),
        }
    }

    fn check(&self, _: &Path) -> Result<()> {
        allowed::id(&self.id)
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        let Some((cib, tags)) = traces.in_cib() else {
            return Ok(Vec::new());
        };
        let nodes = tags.iter().flat_map(|tag| cib.nodes_of_set(tag));
        let primitives = nodes.map(|(node, id)| Resource {
            id: id.to_owned(),
            container: Some(node.to_owned()),
        });
        let cloned = tags
            .iter()
            .filter(|tag| cib.has_id(&config::clone_constraint_id(tag)));
        let clones = cloned.filter_map(|tag| config::clone_id_of_tag(tag));
        let clones = clones.map(|id| Resource {
            id,
            container: None,
        });
        Ok(primitives.chain(clones).collect())
    }
}

/// Delete a constraint, or a set's tag or marker, from the CIB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CibObject {
    /// XML id.
    pub id: String,
}

impl Kind for CibObject {
    fn key(&self) -> String {
        format!("{} of the CIB", self.id)
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: false,
            container: None,
            scope: Scope::Cib,
            needs: Some(SET_FILE),
        }
    }

    fn check(&self, _: &Path) -> Result<()> {
        allowed::own_id(&self.id)
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        let Some((cib, tags)) = traces.in_cib() else {
            return Ok(Vec::new());
        };
        let ids = tags.iter().flat_map(|tag| {
            let mut ids = config::ids_of_tag(tag);
            let theirs = config::containers_tag(tag);
            ids.retain(|id| *id != theirs || cib.tag_of_containers(tag).is_some());
            ids
        });
        let there = ids.filter(|id| cib.has_id(id));
        let kept_off = tags.iter().flat_map(|tag| cib.kept_off(tag));
        let all = there.chain(kept_off.map(str::to_owned));
        Ok(all.map(|id| CibObject { id }).collect())
    }
}

/// Stops the resources among the items, waits until they have stopped, and deletes the objects of
/// all items. Deleting them while they run would leave orphans whose stop fails.
pub(super) fn remove(undoer: &Undoer<'_>, items: &[Item<InCib>]) -> Batch {
    let mut batch = Batch::default();
    let cib = match tools::query(undoer.host) {
        Ok(cib) => cib,
        Err(e) => {
            batch.keep_all(items, &e);
            return batch;
        }
    };
    if let Err(e) = stop::stop_and_delete(undoer, items, &cib) {
        batch.keep_all(items, &e);
        return batch;
    }
    batch.undone = items.iter().map(|(seq, _)| *seq).collect();
    batch
}
