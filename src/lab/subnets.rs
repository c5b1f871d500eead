//! The subnets of a lab's links: free ones of this host.

use super::{Lab, LabSpec, MOST_CLUSTER_NODES};
use crate::error::Result;
use crate::host::net::Used;
use crate::look::Look;
use crate::resolve::{Elsewhere, candidates, free_subnet};
use crate::spec::Subnet;
use std::net::Ipv4Addr;

/// First addresses tried for a lab's network.
const STARTS: [Ipv4Addr; 2] = [
    Ipv4Addr::new(172, 31, 200, 1),
    Ipv4Addr::new(10, 200, 200, 1),
];

/// The subnet of the first link, asked for or free, and that of the second where there is one.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when the one asked for is in use, or none is free.
pub(super) fn choose(look: &Look<'_>, spec: &LabSpec) -> Result<(Subnet, Option<Subnet>)> {
    let all = candidates(&STARTS, Lab::addresses_needed(spec))?;
    let first = free_subnet(look, spec.subnet, &all, &Elsewhere::default())?;
    if spec.links == 1 {
        return Ok((first, None));
    }
    // It is large enough for as many cluster nodes as the lab can come to have.
    let all = candidates(&STARTS, MOST_CLUSTER_NODES)?;
    let besides = Elsewhere {
        used: vec![Used {
            network: first.network(),
            prefix: first.prefix(),
            by: "the lab's first link".to_owned(),
        }],
        names: Vec::new(),
    };
    free_subnet(look, None, &all, &besides).map(|second| (first, Some(second)))
}
