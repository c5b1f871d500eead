//! Telling how an element of the CIB is put back after a join from what nobody of ours has written.

use super::constraints::NEVER;
use super::joining::{
    Afterwards, CONTAINERS, SECTIONS, UNLIMITED, UNTOLD, gone, gone_from_containers, section_gone,
};
use super::named::TAGS;

/// Whether this is how an element is put back that differs while nodes of a set join. Version 0.1.0
/// had the containers' monitor disabled meanwhile, in a template.
pub fn is_passing(id: &str, xpath: &str, then: Option<&str>) -> bool {
    let is_id = |c: char| c.is_alphanumeric() || "._-".contains(c);
    if !id.chars().all(is_id) {
        return false;
    }
    let Some(then) = then else {
        let sections = SECTIONS.iter().chain([&TAGS]);
        let mut all: Vec<Afterwards> = sections.map(|name| section_gone(name)).collect();
        if id.starts_with("lxc-autogen-") {
            all.extend([UNLIMITED, UNTOLD].map(|pair| gone(id.to_owned(), pair)));
            all.extend(id.strip_suffix(CONTAINERS).map(gone_from_containers));
        }
        return all.iter().any(|it| it.id == id && it.xpath == xpath);
    };
    let put_back = [
        (
            "rsc_location",
            format!("//rsc_location[@id='{id}' and @resource-discovery='{NEVER}']"),
        ),
        ("op", format!("//op[@id='{id}' and @enabled='false']")),
    ];
    let element = crate::xml::parse(then, id).ok();
    element.is_some_and(|element| {
        let is = |(name, known): &(&str, String)| element.name == *name && known == xpath;
        element.get("id") == Some(id) && id.starts_with("lxc-autogen-") && put_back.iter().any(is)
    })
}
