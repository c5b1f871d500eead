//! Settings inside the containers' network namespaces. They vanish with the namespaces.
//!
//! Acknowledging packets from the host at once. The cluster's first message on a connection is two
//! small packets. The second is sent only when the first is acknowledged, which the receiver delays
//! by 40 ms (tcp(7), TCP_QUICKACK). The controller makes one connection after the other, so that
//! the delays add up. A route can switch the delay off (ip-route(8), `quickack`), but libvirt's
//! `<route>` cannot say so.
//!
//! A permanent neighbour entry for the host. All network namespaces share one limit on the kernel's
//! neighbour tables, and 512 containers with an entry on either side reach it (arp(7), gc_thresh3:
//! 1024 entries; of 600 guest nodes 70 were lost for it). Permanent entries do not count (Linux,
//! net/core/neighbour.c, neigh_alloc).

use super::netlink::{Change, Kernel};
use crate::error::{Error, Result};
use crate::spec::Subnet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::neighbour::{
    NeighbourAttribute, NeighbourHeader, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAttribute, RouteHeader, RouteMessage, RouteMetric, RouteProtocol, RouteScope, RouteType,
};
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;

/// A container's network: the pid of its PID 1 as the host numbers it, and its IPv4 address.
pub type Inside = (u32, Ipv4Addr);

/// The name that libvirt gives the network card in a container.
const DEVICE: &str = "eth0";

/// Changes the route to the subnet and adds the entry for the host, in each container. Returns the
/// containers where that failed.
///
/// # Errors
/// When no thread can be started.
pub fn settle(containers: &[Inside], subnet: &Subnet) -> Result<Vec<Inside>> {
    // A thread enters a network namespace for itself alone, so a thread of its own does the work.
    std::thread::scope(|scope| {
        let all = || {
            let of = containers.iter();
            of.filter(|inside| change(inside, subnet).is_err())
                .copied()
                .collect()
        };
        std::thread::Builder::new()
            .spawn_scoped(scope, all)
            .map_err(|e| Error::failed(format!("start a thread: {e}")))?
            .join()
            .map_err(|_| Error::failed("a thread ended"))
    })
}

fn change((pid, address): &Inside, subnet: &Subnet) -> io::Result<()> {
    let namespace = File::open(format!("/proc/{pid}/ns/net"))?;
    setns(&namespace, CloneFlags::CLONE_NEWNET)?;
    let device = nix::net::if_::if_nametoindex(DEVICE)?;
    let kernel = Kernel::open()?;
    kernel.ask(NLM_F_REPLACE, route(*address, subnet, device))?;
    let host = permanent(subnet.host(), subnet.host_mac(), device);
    kernel.ask(NLM_F_CREATE | NLM_F_REPLACE, host)
}

/// `ip route change SUBNET dev DEVICE proto kernel scope link src ADDRESS quickack 1`, for the
/// kernel (rtnetlink(7)).
fn route(address: Ipv4Addr, subnet: &Subnet, device: u32) -> Change {
    let mut route = RouteMessage::default();
    route.header = RouteHeader {
        address_family: AddressFamily::Inet,
        destination_prefix_length: subnet.prefix(),
        table: RouteHeader::RT_TABLE_MAIN,
        protocol: RouteProtocol::Kernel,
        scope: RouteScope::Link,
        kind: RouteType::Unicast,
        ..RouteHeader::default()
    };
    route.attributes = vec![
        RouteAttribute::Destination(subnet.network().into()),
        RouteAttribute::Oif(device),
        RouteAttribute::PrefSource(address.into()),
        RouteAttribute::Metrics(vec![RouteMetric::QuickAck(1)]),
    ];
    Change::Route(route)
}

/// `ip neigh replace ADDRESS lladdr MAC nud permanent dev DEVICE`, for the kernel (rtnetlink(7)).
fn permanent(address: Ipv4Addr, mac: [u8; 6], device: u32) -> Change {
    let mut neighbour = NeighbourMessage::default();
    neighbour.header = NeighbourHeader {
        family: AddressFamily::Inet,
        ifindex: device,
        state: NeighbourState::Permanent,
        kind: RouteType::Unicast,
        ..NeighbourHeader::default()
    };
    neighbour.attributes = vec![
        NeighbourAttribute::Destination(address.into()),
        NeighbourAttribute::LinkLayerAddress(mac.to_vec()),
    ];
    Change::Neighbour(neighbour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::request;

    /// What version 0.1.0, which wrote them by hand, sent for the same changes.
    #[test]
    #[cfg(target_endian = "little")]
    fn requests_are_these_bytes() {
        let subnet = Subnet::parse("192.168.123.1/24", 2).unwrap();
        let route = route(Ipv4Addr::new(192, 168, 123, 11), &subnet, 7);
        #[rustfmt::skip]
        assert_eq!(request(NLM_F_REPLACE, route), [
            64, 0, 0, 0, 24, 0, 5, 1, 1, 0, 0, 0, 0, 0, 0, 0,
            2, 24, 0, 0, 254, 2, 253, 1, 0, 0, 0, 0,
            8, 0, 1, 0, 192, 168, 123, 0,
            8, 0, 4, 0, 7, 0, 0, 0,
            8, 0, 7, 0, 192, 168, 123, 11,
            12, 0, 8, 0, 8, 0, 15, 0, 1, 0, 0, 0,
        ]);
        let host = permanent(subnet.host(), subnet.host_mac(), 7);
        #[rustfmt::skip]
        assert_eq!(request(NLM_F_CREATE | NLM_F_REPLACE, host), [
            48, 0, 0, 0, 28, 0, 5, 5, 1, 0, 0, 0, 0, 0, 0, 0,
            2, 0, 0, 0, 7, 0, 0, 0, 128, 0, 0, 1,
            8, 0, 1, 0, 192, 168, 123, 1,
            10, 0, 2, 0, 0x52, 0x54, 192, 168, 123, 1, 0, 0,
        ]);
    }
}
