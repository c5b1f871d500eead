//! What is set inside the containers' own networks, and goes with them.
//!
//! Having them acknowledge at once what comes from the host: the cluster's first message to a
//! connection is two small packets, and the second waits until the first is acknowledged, which the
//! other end puts off for 40 ms (tcp(7), TCP_QUICKACK). The controller makes one connection after the
//! other, so that this adds up. A route can say otherwise (ip-route(8), `quickack`), and libvirt's
//! `<route>` cannot.
//!
//! Telling them where the host is: the kernel's table of neighbours is one for all network
//! namespaces, and with an entry on either side of 512 containers it is full (arp(7), gc_thresh3: 1024
//! entries; of 600 guest nodes 70 were lost for it). Entries that are permanent do not count
//! (Linux, net/core/neighbour.c, neigh_alloc).

use super::netlink::{Kernel, attribute};
use crate::error::{Error, Result};
use crate::spec::Subnet;
use nix::libc;
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;

/// A container's network: PID 1 of it as the host numbers it, and its address.
pub type Inside = (u32, Ipv4Addr);

/// The card's name, as libvirt gives it.
const DEVICE: &str = "eth0";
/// rtnetlink(7), RTA_METRICS; linux/rtnetlink.h, RTAX_QUICKACK.
const QUICKACK: u16 = 15;

/// Changes the route to the subnet in each, and enters the host; gives back those where it could
/// not.
///
/// # Errors
/// When no thread can be started.
pub fn settle(containers: &[Inside], subnet: &Subnet) -> Result<Vec<Inside>> {
    // A namespace is entered by a thread for itself; it ends with it.
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
    let route = route(*address, subnet, device);
    kernel.ask(libc::RTM_NEWROUTE, libc::NLM_F_REPLACE, &route)?;
    let host = permanent(subnet.host(), subnet.host_mac(), device);
    let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
    kernel.ask(libc::RTM_NEWNEIGH, flags, &host)
}

/// `ip route change SUBNET dev DEVICE proto kernel scope link src ADDRESS quickack 1`, for the
/// kernel (rtnetlink(7)).
fn route(address: Ipv4Addr, subnet: &Subnet, device: u32) -> Vec<u8> {
    let mut body = vec![
        libc::AF_INET as u8,
        subnet.prefix(),
        0,
        0,
        libc::RT_TABLE_MAIN,
        libc::RTPROT_KERNEL,
        libc::RT_SCOPE_LINK,
        libc::RTN_UNICAST,
    ];
    body.extend(0u32.to_ne_bytes());
    body.extend(attribute(libc::RTA_DST, &subnet.network().octets()));
    body.extend(attribute(libc::RTA_OIF, &device.to_ne_bytes()));
    body.extend(attribute(libc::RTA_PREFSRC, &address.octets()));
    let metrics = attribute(QUICKACK, &1u32.to_ne_bytes());
    body.extend(attribute(libc::RTA_METRICS, &metrics));
    body
}

/// `ip neigh replace ADDRESS lladdr MAC nud permanent dev DEVICE`, for the kernel (rtnetlink(7)).
fn permanent(address: Ipv4Addr, mac: [u8; 6], device: u32) -> Vec<u8> {
    let mut body = vec![libc::AF_INET as u8, 0, 0, 0];
    body.extend(device.to_ne_bytes());
    body.extend(libc::NUD_PERMANENT.to_ne_bytes());
    body.extend([0, libc::RTN_UNICAST]);
    body.extend(attribute(libc::NDA_DST, &address.octets()));
    body.extend(attribute(libc::NDA_LLADDR, &mac));
    body
}
