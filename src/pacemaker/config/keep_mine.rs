//! Constraints that keep other people's resources off a set's nodes, for those who ask for it.

use super::NODE_ATTRIBUTE;
use super::constraints::{NEVER, rule};
use super::ids::keep_mine_id;
use crate::plan::Set;
use crate::xml::El;

/// The change that keeps other people's resources off the set's nodes. Each has a constraint of its
/// own, which pcs and crmsh delete together with the resource.
pub fn keep_mine(set: &Set, resources: &[String]) -> El {
    let off = resources.iter().map(|resource| {
        let id = keep_mine_id(&set.tag(), resource);
        let prefix = set.spec.prefix.as_str();
        El::new("rsc_location")
            .attr("id", &id)
            .attr("rsc", resource)
            .attr("resource-discovery", NEVER)
            .child(rule(
                &id,
                "-INFINITY",
                None,
                &[(NODE_ATTRIBUTE, "eq", Some(prefix))],
            ))
    });
    El::new("configuration").child(El::new("constraints").children(off))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::sample;

    #[test]
    fn each_resource_has_a_constraint_of_its_own() {
        let all = keep_mine(&sample(2), &["web".into(), "db".into()]).render();
        assert_eq!(all.matches("<rsc_location").count(), 2);
        assert!(
            all.contains(r#"id="lxc-autogen-lxc-off-web" rsc="web""#),
            "{all}"
        );
        assert!(all.contains(r#"attribute="lxc-autogen" operation="eq" value="lxc""#));
    }
}
