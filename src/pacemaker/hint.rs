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
                let expression =
                    format!("attribute=\"{NODE_ATTRIBUTE}\" operation=\"eq\" value=\"{prefix}\"");
                let id = format!("{resource}-off-{prefix}");
                created(resource, &id, " resource-discovery=\"never\"", &expression)
            }
        }
    }

    /// Keeps a resource off all nodes that lxc-autogen has made.
    pub fn keep_off_all(self, resource: &str) -> String {
        match self {
            Tool::Crm => format!(
                "crm configure location {resource}-off {resource} rule -inf: defined {NODE_ATTRIBUTE}"
            ),
            Tool::Pcs => format!(
                "pcs constraint location {resource} rule score=-INFINITY defined {NODE_ATTRIBUTE}"
            ),
            Tool::Own => {
                let expression = format!("attribute=\"{NODE_ATTRIBUTE}\" operation=\"defined\"");
                created(resource, &format!("{resource}-off"), "", &expression)
            }
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

/// The command that keeps a resource off the nodes that an expression is true of.
fn created(resource: &str, id: &str, discovery: &str, expression: &str) -> String {
    format!(
        "cibadmin --create --scope constraints --xml-text '<rsc_location id=\"{id}\" \
         rsc=\"{resource}\"{discovery}><rule id=\"{id}-rule\" score=\"-INFINITY\"><expression \
         id=\"{id}-expression\" {expression}/></rule></rsc_location>'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_is_shown_its_own_command() {
        for (tool, program) in [
            (Tool::Pcs, "pcs "),
            (Tool::Crm, "crm "),
            (Tool::Own, "cibadmin "),
        ] {
            for command in [tool.keep_off("web", "lxc"), tool.keep_off_all("web")] {
                assert!(command.starts_with(program), "{command}");
            }
        }
        let (_, xml) = Tool::Own
            .keep_off_all("web")
            .split_once('\'')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        let xml = crate::xml::parse(xml.trim_end_matches('\''), "the constraint").unwrap();
        let expression = xml.find("rule").unwrap().find("expression").unwrap();
        assert_eq!(expression.get("operation"), Some("defined"));
        assert_eq!(xml.get("id"), Some("web-off"));
    }
}
