//! Network links.

use super::section::{Section, section};
use super::tool::{list, not_there};
use crate::error::Result;
use crate::host::Host;
use serde::{Deserialize, Serialize};

/// A link. Its carrier is not recorded: a cable may be pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// `bridge`, `veth` and so on; `None` for hardware.
    kind: Option<String>,
    mac: Option<String>,
    mtu: u32,
    /// The bridge that it is in.
    master: Option<String>,
    /// Whether the link is switched on (`UP`), with or without a carrier.
    up: bool,
}

#[derive(Deserialize)]
struct Said {
    ifname: String,
    #[serde(default)]
    flags: Vec<String>,
    mtu: u32,
    master: Option<String>,
    address: Option<String>,
    linkinfo: Option<Info>,
}

#[derive(Deserialize)]
struct Info {
    info_kind: Option<String>,
}

const LINE: &str = "ip -json -details link show";

pub(super) fn look(host: &Host) -> Result<Section<Link>> {
    Ok(list(host, LINE)?.map_or_else(|| not_there(LINE), |all| section(all.into_iter().map(link))))
}

fn link(said: Said) -> (String, Link) {
    let link = Link {
        kind: said.linkinfo.and_then(|i| i.info_kind),
        mac: said.address,
        mtu: said.mtu,
        master: said.master,
        up: said.flags.iter().any(|f| f == "UP"),
    };
    (said.ifname, link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_a_bridge_as_ip_prints_it() {
        // iproute2 6.1, shortened.
        let text = r#"[{"ifindex":4,"link":"qa2","ifname":"qa1",
            "flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"qdisc":"noqueue",
            "master":"qa0","operstate":"UP","link_type":"ether","address":"72:d1:0e:b4:09:5c",
            "promiscuity":1,"linkinfo":{"info_kind":"veth","info_slave_kind":"bridge",
            "info_slave_data":{"state":"forwarding","forward_delay_timer":13.90}}},
            {"ifindex":1,"ifname":"lo","flags":["LOOPBACK"],"mtu":65536,"link_type":"loopback"}]"#;
        let said: Vec<Said> = super::super::tool::parse(text, LINE).unwrap();
        let mut all = said.into_iter().map(link);
        let port = Link {
            kind: Some("veth".to_owned()),
            mac: Some("72:d1:0e:b4:09:5c".to_owned()),
            mtu: 1500,
            master: Some("qa0".to_owned()),
            up: true,
        };
        assert_eq!(all.next().unwrap(), ("qa1".to_owned(), port));
        let (name, lo) = all.next().unwrap();
        assert!(name == "lo" && !lo.up && lo.kind.is_none());
    }
}
