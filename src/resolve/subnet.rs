//! A subnet that is free on this host and on the other nodes that are to hold the set.

use crate::error::{Error, Result};
use crate::host::net::{self, Used};
use crate::libvirt::network;
use crate::look::Look;
use crate::spec::Subnet;
use std::net::Ipv4Addr;

/// Address ranges and names that are in use on the other nodes that are to hold the set.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    /// Ranges of addresses in use.
    pub used: Vec<Used>,
    /// Names of libvirt's networks and of network interfaces.
    pub names: Vec<String>,
}

/// The default in a dry run where the question failed: a dry run needs no libvirt.
fn may_be_absent<T: Default>(look: &Look<'_>, result: Result<T>) -> Result<T> {
    match result {
        Err(_) if look.context.options.dry_run => Ok(T::default()),
        other => other,
    }
}

/// Names of libvirt's networks.
///
/// # Errors
/// When libvirt does not answer, and this is no dry run.
pub(crate) fn networks(look: &Look<'_>) -> Result<Vec<String>> {
    may_be_absent(look, look.networks().map(<[String]>::to_vec))
}

/// The subnet asked for, if nothing else uses it; without one, the first free candidate.
pub(crate) fn free_subnet(
    look: &Look<'_>,
    wanted: Option<Subnet>,
    candidates: &[Subnet],
    elsewhere: &Elsewhere,
) -> Result<Subnet> {
    let mut used = used(look)?;
    used.extend_from_slice(&elsewhere.used);
    let in_the_way = |subnet: &Subnet| used.iter().find(|u| subnet.overlaps(u.network, u.prefix));
    if let Some(subnet) = wanted {
        return match in_the_way(&subnet) {
            None => Ok(subnet),
            Some(other) => Err(Error::cant(format!("{subnet} is in use: {}", other.by))
                .mend("choose another with --network, or leave it out to get a free one")),
        };
    }
    candidates
        .iter()
        .find(|s| in_the_way(s).is_none())
        .copied()
        .ok_or_else(|| {
            Error::cant("no private subnet is free").mend("choose one with --network ADDR/PREFIX")
        })
}

/// Subnets to try: from each start up to 128 subnets in a row, each of a size for so many
/// containers; only private ones are kept.
pub(crate) fn candidates(starts: &[Ipv4Addr], containers: u32) -> Result<Vec<Subnet>> {
    let mut all = Vec::new();
    for start in starts {
        let mut subnet = Subnet::holding(*start, containers)?;
        for _ in 0..128 {
            if subnet.network().is_private() && subnet.broadcast().is_private() {
                all.push(subnet);
            }
            subnet = subnet.next();
        }
    }
    Ok(all)
}

/// Ranges of addresses that this host or one of libvirt's networks uses.
pub(crate) fn used(look: &Look<'_>) -> Result<Vec<Used>> {
    let mut all = may_be_absent(look, net::used(&look.context.host))?;
    for name in &networks(look)? {
        if let Some(xml) = look.network(name)? {
            all.extend(
                network::subnets(&xml)
                    .into_iter()
                    .map(|(network, prefix)| Used {
                        network,
                        prefix,
                        by: format!("libvirt's network {name}"),
                    }),
            );
        }
    }
    Ok(all)
}
