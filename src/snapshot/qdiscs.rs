//! Queueing disciplines of links, which set how fast, late and lossy the links are.

use super::section::{Section, section};
use super::tool::{list, not_there};
use crate::error::Result;
use crate::host::Host;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A queueing discipline. Its name in a snapshot is its link and its place there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qdisc {
    kind: String,
    options: Map<String, Value>,
}

#[derive(Deserialize)]
struct Said {
    kind: String,
    dev: Option<String>,
    #[serde(default)]
    root: bool,
    parent: Option<String>,
    #[serde(default)]
    options: Map<String, Value>,
}

const LINE: &str = "tc -json qdisc show";

pub(super) fn look(host: &Host) -> Result<Section<Qdisc>> {
    Ok(list(host, LINE)?.map_or_else(
        || not_there(LINE),
        |all| section(all.into_iter().map(qdisc)),
    ))
}

/// A discipline without its handle, which the kernel counts up.
fn qdisc(said: Said) -> (String, Qdisc) {
    let place = match (said.root, said.parent) {
        (true, _) => "root".to_owned(),
        (false, Some(parent)) => format!("parent {parent}"),
        (false, None) => said.kind.clone(),
    };
    let name = format!("{} {place}", said.dev.unwrap_or_default());
    let (kind, options) = (said.kind, said.options);
    (name, Qdisc { kind, options })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_link_as_tc_prints_it() {
        // iproute2 6.1.
        let text = r#"[{"kind":"tbf","handle":"8001:","dev":"qa0","root":true,"refcnt":2,
            "options":{"rate":125000,"burst":10240,"lat":10000}},
            {"kind":"fq_codel","handle":"0:","dev":"eth0","parent":":1","options":{}}]"#;
        let said: Vec<Said> = super::super::tool::parse(text, LINE).unwrap();
        let all: Vec<_> = said.into_iter().map(qdisc).collect();
        assert_eq!(all[0].0, "qa0 root");
        assert_eq!(all[0].1.kind, "tbf");
        assert_eq!(all[0].1.options["rate"], 125_000);
        assert_eq!(all[1].0, "eth0 parent :1");
    }
}
