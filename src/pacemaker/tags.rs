//! Tags in a CIB: those of our sets, by which their constraints name their primitives, and other
//! people's.

use super::cib::Cib;
use super::config::{Afterwards, section_gone};
use super::config::{Named, TAGS, constraints_on_all, containers_tag};
use crate::xml::El;
use std::collections::HashSet;

impl Cib {
    /// How the constraints of the set with this tag name its primitives; by a tag where there are
    /// none.
    pub fn named(&self, tag: &str) -> Named {
        let ids = constraints_on_all(tag);
        let is_one = |e: &&El| e.get("id").is_some_and(|id| ids.iter().any(|it| it == id));
        let constraints = self.in_section("constraints").into_iter();
        match constraints
            .filter(is_one)
            .any(|e| e.get("rsc-pattern").is_some())
        {
            true => Named::Pattern,
            false => Named::Tag,
        }
    }

    /// The tag of the containers of the set with this tag, where the CIB has it. One of that name
    /// beside constraints with a pattern is somebody else's.
    pub fn tag_of_containers(&self, tag: &str) -> Option<String> {
        let id = containers_tag(tag);
        let there = self.tags().any(|e| e.get("id") == Some(&id));
        (there && self.named(tag) == Named::Tag).then_some(id)
    }

    /// The tags of the containers of all our sets.
    pub fn our_tags(&self) -> Vec<String> {
        let sets = self.our_sets().into_iter();
        sets.filter_map(|tag| self.tag_of_containers(tag)).collect()
    }

    /// What a tag refers to.
    pub fn referred_in(&self, tag: &str) -> Vec<&str> {
        let tags = self.tags().filter(|e| e.get("id") == Some(tag));
        tags.flat_map(|e| &e.children)
            .filter_map(|reference| reference.get("id"))
            .collect()
    }

    /// Ids of our constraints that name this tag.
    pub fn ours_on(&self, tag: &str) -> Vec<String> {
        let constraints = self.in_section("constraints").into_iter();
        constraints
            .filter(|e| e.get("rsc") == Some(tag))
            .filter_map(|e| e.get("id"))
            .filter(|id| id.starts_with("lxc-autogen-"))
            .map(str::to_owned)
            .collect()
    }

    /// Ids of the tags that refer to any of these resources.
    pub(super) fn tags_with(&self, resources: &[&str]) -> HashSet<&str> {
        let refers = |e: &&El| {
            let mut all = e.children.iter().filter_map(|it| it.get("id"));
            all.any(|id| resources.contains(&id))
        };
        self.tags()
            .filter(refers)
            .filter_map(|e| e.get("id"))
            .collect()
    }

    /// How the section of tags goes with the last of ours; `None` where it is not of our making: it
    /// has others, or was there and empty.
    pub fn tags_afterwards(&self) -> Option<Afterwards> {
        let ours: HashSet<String> = self.our_tags().into_iter().collect();
        let mut ids = self.tags().filter_map(|e| e.get("id")).peekable();
        let is_ours = match self.has_section(TAGS) {
            true => ids.peek().is_some() && ids.all(|id| ours.contains(id)),
            false => true,
        };
        is_ours.then(|| section_gone(TAGS))
    }

    fn tags(&self) -> impl Iterator<Item = &El> {
        let section = self.section(TAGS).into_iter();
        section.flat_map(|section| &section.children)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cib(constraint: &str, tags: &str) -> Cib {
        Cib::parse(&format!(
            "<cib><configuration><resources><template id=\"lxc-autogen-lxc\"/></resources>\
             <constraints><rsc_location id=\"lxc-autogen-lxc-home\" {constraint}/></constraints>\
             {tags}</configuration></cib>"
        ))
        .unwrap()
    }

    const OURS: &str = "<tag id=\"lxc-autogen-lxc-containers\"><obj_ref id=\"container1\"/></tag>";
    const THEIRS: &str = "<tag id=\"all\"><obj_ref id=\"container1\"/><obj_ref id=\"web\"/></tag>";

    #[test]
    fn a_set_of_a_version_before_has_a_pattern_and_no_tag() {
        let tags = format!("<tags>{OURS}{THEIRS}</tags>");
        let new = cib("rsc=\"lxc-autogen-lxc-containers\"", &tags);
        assert_eq!(new.named("lxc-autogen-lxc"), Named::Tag);
        assert_eq!(new.our_tags(), ["lxc-autogen-lxc-containers"]);
        assert_eq!(
            new.referred_in("lxc-autogen-lxc-containers"),
            ["container1"]
        );
        let old = cib("rsc-pattern=\"^container[1-2]$\"", &tags);
        assert_eq!(old.named("lxc-autogen-lxc"), Named::Pattern);
        assert!(old.our_tags().is_empty());
        assert_eq!(old.named("lxc-autogen-qa"), Named::Tag);
    }

    #[test]
    fn a_reference_is_no_object() {
        let cib = cib("rsc=\"x\"", &format!("<tags>{OURS}</tags>"));
        assert!(cib.has_id("lxc-autogen-lxc-containers") && !cib.has_id("container1"));
        let both = ["lxc-autogen-lxc-containers"].into();
        assert_eq!(cib.tags_with(&["container1", "lxc1"]), both);
        assert!(cib.tags_with(&["container2"]).is_empty());
    }

    #[test]
    fn the_section_goes_unless_it_was_there_for_others() {
        let goes = |tags: &str| cib("rsc=\"x\"", tags).tags_afterwards().is_some();
        assert!(goes("") && goes(&format!("<tags>{OURS}</tags>")));
        assert!(!goes("<tags/>") && !goes(&format!("<tags>{OURS}{THEIRS}</tags>")));
    }
}
