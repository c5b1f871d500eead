//! Commands for people to paste, in the tool that they have: pcs, crmsh, or else Pacemaker's own.

use super::config::NODE_ATTRIBUTE;

/// The tool in which commands are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// pcs(8).
    Pcs,
    /// crm(8) of crmsh.
    Crm,
    /// Pacemaker's own, which are there wherever Pacemaker is.
    Own,
}

impl Tool {
    /// The one that is installed here; pcs where both are.
    pub fn here() -> Tool {
        match (which::which("pcs"), which::which("crm")) {
            (Ok(_), _) => Tool::Pcs,
            (_, Ok(_)) => Tool::Crm,
            _ => Tool::Own,
        }
    }

    /// Keeps a resource off the nodes of a prefix.
    pub fn keep_off(self, resource: &str, prefix: &str) -> String {
        match self {
            Tool::Pcs => format!(
                "pcs constraint location {resource} rule resource-discovery=never score=-INFINITY \
                 {NODE_ATTRIBUTE} eq {prefix}"
            ),
            Tool::Crm => format!(
                "crm configure location {resource}-off-{prefix} {resource} resource-discovery=never \
                 rule -inf: {NODE_ATTRIBUTE} eq {prefix}"
            ),
            Tool::Own => {
                let id = format!("{resource}-off-{prefix}");
                format!(
                    "cibadmin --create --scope constraints --xml-text '<rsc_location id=\"{id}\" \
                     rsc=\"{resource}\" resource-discovery=\"never\"><rule id=\"{id}-rule\" \
                     score=\"-INFINITY\"><expression id=\"{id}-expression\" \
                     attribute=\"{NODE_ATTRIBUTE}\" operation=\"eq\" value=\"{prefix}\"/></rule>\
                     </rsc_location>'"
                )
            }
        }
    }

    /// Keeps a resource off all nodes that lxc-autogen has made.
    pub fn keep_off_all(self, resource: &str) -> String {
        match self {
            Tool::Crm => format!(
                "crm configure location {resource}-off {resource} rule -inf: defined {NODE_ATTRIBUTE}"
            ),
            Tool::Pcs | Tool::Own => format!(
                "pcs constraint location {resource} rule score=-INFINITY defined {NODE_ATTRIBUTE}"
            ),
        }
    }

    /// Ends a node's standby.
    pub fn unstandby(self, node: &str) -> String {
        match self {
            Tool::Pcs => format!("pcs node unstandby {node}"),
            Tool::Crm => format!("crm node online {node}"),
            Tool::Own => format!("crm_standby --node {node} --delete"),
        }
    }

    /// Ends a node's maintenance.
    pub fn unmaintenance(self, node: &str) -> String {
        match self {
            Tool::Pcs => format!("pcs node unmaintenance {node}"),
            Tool::Crm => format!("crm node ready {node}"),
            Tool::Own => format!("crm_attribute --node {node} --name maintenance --delete"),
        }
    }

    /// Deletes a constraint.
    pub fn delete_constraint(self, id: &str) -> String {
        match self {
            Tool::Pcs => format!("pcs constraint delete {id}"),
            Tool::Crm => format!("crm configure delete {id}"),
            Tool::Own => {
                format!("cibadmin --delete --force --xpath \"//constraints/*[@id='{id}']\"")
            }
        }
    }
}
