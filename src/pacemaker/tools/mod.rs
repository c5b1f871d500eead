//! Pacemaker's and Corosync's command-line tools: a file for each tool and a function for each
//! question. Each function takes the place ([`crate::host::at::At`]) where the tool runs.

mod attributes;
mod cibadmin;
mod corosync;
mod crm_mon;
mod crm_node;
mod crm_resource;
mod on_this_host;

pub use attributes::{REFRESH_PROPERTY, set_property, set_transient};
pub(super) use cibadmin::query_xpath;
pub use cibadmin::{
    configuration, delete, delete_nodes, delete_referred, merge, query, replace_or_delete,
};
pub use corosync::reload;
pub use crm_mon::{view, view_within};
pub use crm_node::{
    Listed, cluster_nodes, cluster_nodes_within, forget_node, list, nodes_known, this_node,
};
pub use crm_resource::{clear, delete_meta, drop_history, forgive, manage, stop};
pub use on_this_host::{check_merge, forecast, last_known, version};

/// Exit status of a tool that lost its connection or got none (CRM_EX_DISCONNECT, Pacemaker 2.1.5,
/// include/crm/common/results.h).
const EXIT_DISCONNECTED: i32 = 102;
/// Exit status of a tool that found no object of this name or XPath (CRM_EX_NOSUCH, the same file).
const EXIT_NO_SUCH: i32 = 105;
/// Exit status of a tool whose daemon did not answer in time (CRM_EX_TIMEOUT, the same file).
const EXIT_TIMEOUT: i32 = 124;
