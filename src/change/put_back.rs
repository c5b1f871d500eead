//! Settings of the cluster and elements of its CIB, put back together.

use super::property::{Joining, Properties};
use super::{Batch, Item, Undoer};
use crate::error::Result;
use crate::pacemaker::config;
use crate::pacemaker::throttle;
use crate::pacemaker::tools;
use std::collections::BTreeSet;

/// XPaths that put elements of the CIB back, by the order in which they must be applied.
#[derive(Debug, Default, PartialEq, Eq)]
struct PutBack {
    /// Elements that are replaced, each with its XML from before.
    replaced: Vec<(String, String)>,
    /// Elements that are deleted.
    deleted: BTreeSet<String>,
    /// Elements that are deleted if they are empty by then.
    emptied: BTreeSet<String>,
}

impl PutBack {
    fn add(&mut self, change: &Properties) {
        match change {
            Properties::Throttle(it) => {
                let raised = throttle::raised(&it.nvpair, &it.raised);
                match &it.previous {
                    Some(value) => {
                        let then = throttle::previous(&it.nvpair, &it.name, value);
                        self.replaced.push((raised, then));
                    }
                    None => {
                        self.deleted.insert(raised);
                        self.emptied.insert(throttle::own_set_emptied());
                    }
                }
            }
            Properties::Joining(Joining { xpath, then, .. }) => match then {
                Some(then) => self.replaced.push((xpath.clone(), then.clone())),
                None if config::goes_when_empty(xpath) => {
                    self.emptied.insert(xpath.clone());
                }
                None => {
                    self.deleted.insert(xpath.clone());
                }
            },
            Properties::Property(_) | Properties::Monitors(_) => {}
        }
    }

    /// All deletions are one change, since the scheduler runs again after every change. Goes on
    /// past a failure.
    fn apply(&self, undoer: &Undoer<'_>) -> Result<()> {
        let mut result = Ok(());
        for (xpath, then) in &self.replaced {
            let replaced = tools::replace_or_delete(undoer.host, xpath, Some(then));
            result = result.and(replaced);
        }
        for xpaths in [&self.deleted, &self.emptied] {
            if !xpaths.is_empty() {
                let all: Vec<&str> = xpaths.iter().map(String::as_str).collect();
                let deleted = tools::replace_or_delete(undoer.host, &all.join(" | "), None);
                result = result.and(deleted);
            }
        }
        result
    }
}

/// Puts each of them back, or deletes it where it was not set before: elements that differ for a
/// time all together, then the others.
pub(super) fn restore(undoer: &Undoer<'_>, items: &[Item<Properties>]) -> Batch {
    let mut elements = PutBack::default();
    items.iter().for_each(|(_, it)| elements.add(it));
    let applied = elements.apply(undoer);
    let mut batch = Batch::default();
    for item in items {
        let restored = match &item.1 {
            Properties::Throttle(_) | Properties::Joining(_) => applied.clone(),
            Properties::Property(it) => it.restore(undoer),
            Properties::Monitors(it) => it.begin(undoer),
        };
        batch.record(item, restored);
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::super::Throttle;
    use super::*;

    fn joining(xpath: &str, then: Option<&str>) -> Properties {
        let (id, xpath) = ("a".to_owned(), xpath.to_owned());
        let then = then.map(str::to_owned);
        Joining { id, xpath, then }.into()
    }

    fn throttle(name: &str, previous: Option<&str>) -> Properties {
        Throttle {
            name: name.to_owned(),
            nvpair: format!("own-{name}"),
            raised: "100".to_owned(),
            previous: previous.map(str::to_owned),
        }
        .into()
    }

    #[test]
    fn all_that_is_deleted_goes_at_once_and_what_it_leaves_empty_after_it() {
        let all = [
            joining("/cib/configuration/rsc_defaults[not(*)]", None),
            joining("//meta_attributes[@id='m']", None),
            joining("//rsc_location[@id='l']", Some("<rsc_location/>")),
            throttle("limit", None),
            throttle("threshold", Some("80%")),
        ];
        let mut put_back = PutBack::default();
        all.iter().for_each(|it| put_back.add(it));
        let pair = |name: &str| format!("//crm_config//nvpair[@id='own-{name}' and @value='100']");
        let threshold = "<nvpair id=\"own-threshold\" name=\"threshold\" value=\"80%\"/>\n";
        assert_eq!(
            put_back.replaced,
            [
                (
                    "//rsc_location[@id='l']".to_owned(),
                    "<rsc_location/>".to_owned()
                ),
                (pair("threshold"), threshold.to_owned()),
            ]
        );
        let deleted = [pair("limit"), "//meta_attributes[@id='m']".to_owned()];
        assert_eq!(put_back.deleted, BTreeSet::from(deleted));
        let section = "/cib/configuration/rsc_defaults[not(*)]".to_owned();
        assert_eq!(
            put_back.emptied,
            BTreeSet::from([section, throttle::own_set_emptied()])
        );
    }
}
