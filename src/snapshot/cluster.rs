//! The cluster that runs here: its nodes, and the configuration in the CIB.

use super::section::{Section, section};
use crate::error::{Kind, Result};
use crate::host::Host;
use crate::pacemaker::tools;
use crate::xml::El;
use serde::{Deserialize, Serialize};

/// A node that the cluster knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    id: String,
    /// `member` or `lost`.
    state: String,
}

/// An object of the configuration: a primitive, a constraint, a property. Its name in a snapshot is
/// made of the sections and elements around it and its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// The object's XML, line by line.
    xml: Vec<String>,
}

/// The nodes and the configuration. Where no cluster runs, the snapshot records that.
///
/// Epochs and the status section change with each operation and do not belong to the configuration.
pub(super) fn look(host: &Host) -> Result<(Section<Node>, Section<Object>)> {
    match tools::configuration(host) {
        Ok(configuration) => {
            let nodes = nodes(tools::list(host)?);
            Ok((section(nodes), section(objects(&configuration))))
        }
        Err(e) if e.kind == Kind::Cant => {
            let why = e.message().to_owned();
            Ok((Section::NotThere(why.clone()), Section::NotThere(why)))
        }
        Err(e) => Err(e),
    }
}

fn nodes(listed: Vec<tools::Listed>) -> Vec<(String, Node)> {
    let node = |it: tools::Listed| {
        let (id, state) = (it.id, it.state);
        (it.name, Node { id, state })
    };
    listed.into_iter().map(node).collect()
}

/// The elements directly in a section. Sets of properties and defaults are split into their
/// name-value pairs, so that one changed property is one difference.
fn objects(configuration: &El) -> Vec<(String, Object)> {
    let mut all = Vec::new();
    for part in &configuration.children {
        for child in &part.children {
            add(&part.name, child, &mut all);
        }
    }
    all
}

fn add(above: &str, el: &El, all: &mut Vec<(String, Object)>) {
    let id = el.get("id").unwrap_or_default();
    let name = format!("{above} {} {id}", el.name).trim_end().to_owned();
    // Only sets of properties and defaults have pairs directly in them.
    if el.children.iter().any(|c| c.name == "nvpair") {
        let mut bare = el.clone();
        bare.children.retain(|c| c.name != "nvpair");
        all.push((name.clone(), object(&bare)));
        let pairs = el.children.iter().filter(|c| c.name == "nvpair");
        for pair in pairs {
            add(&name, pair, all);
        }
        return;
    }
    all.push((name, object(el)));
}

fn object(el: &El) -> Object {
    Object {
        xml: el.render().lines().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    #[test]
    fn properties_one_by_one_and_resources_whole() {
        let text = r#"<configuration><crm_config><cluster_property_set id="o">
            <nvpair id="o-a" name="stonith-enabled" value="false"/>
            <nvpair id="o-b" name="last-lrm-refresh" value="17"/></cluster_property_set></crm_config>
            <nodes><node id="1" uname="n1"/></nodes>
            <resources><primitive id="p" class="ocf"><meta_attributes id="p-m">
            <nvpair id="p-m-r" name="remote-node" value="lxc1"/></meta_attributes></primitive></resources>
            <constraints/></configuration>"#;
        let all = objects(&xml::parse(text, "test").unwrap());
        let names: Vec<&str> = all.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(
            names,
            [
                "crm_config cluster_property_set o",
                "crm_config cluster_property_set o nvpair o-a",
                "crm_config cluster_property_set o nvpair o-b",
                "nodes node 1",
                "resources primitive p",
            ]
        );
        assert_eq!(all[4].1.xml.len(), 5);
        assert!(all[2].1.xml[0].contains("last-lrm-refresh"));
    }
}
