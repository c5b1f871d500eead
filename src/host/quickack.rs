//! Having containers acknowledge at once what comes from the host.
//!
//! The cluster's first message to a connection is two small packets, and the second waits until
//! the first is acknowledged, which the other end puts off for 40 ms (tcp(7), TCP_QUICKACK). The
//! controller makes one connection after the other, so that this adds up. A route can say
//! otherwise (ip-route(8), `quickack`), and libvirt's `<route>` cannot.

use crate::error::{Error, Result};
use crate::spec::Subnet;
use nix::libc;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

/// A container's network: PID 1 of it as the host numbers it, and its address.
pub type Inside = (u32, Ipv4Addr);

/// The card's name, as libvirt gives it.
const DEVICE: &str = "eth0";
/// rtnetlink(7), RTA_METRICS; linux/rtnetlink.h, RTAX_QUICKACK.
const QUICKACK: u16 = 15;

/// Changes the route to the subnet in each; gives back those where it could not.
///
/// The routes are the containers' own, and go with them.
///
/// # Errors
/// When no thread can be started.
pub fn acknowledge_at_once(containers: &[Inside], subnet: &Subnet) -> Result<Vec<Inside>> {
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

fn change((pid, address): &Inside, subnet: &Subnet) -> std::io::Result<()> {
    let namespace = File::open(format!("/proc/{pid}/ns/net"))?;
    setns(&namespace, CloneFlags::CLONE_NEWNET)?;
    let device = nix::net::if_::if_nametoindex(DEVICE)?;
    let kernel = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    let request = request(*address, subnet, device);
    send(kernel.as_raw_fd(), &request, MsgFlags::empty())?;
    let mut answer = [0; 1024];
    let size = recv(kernel.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    // netlink(7): after the header, 0 or a negative error number.
    let error = answer[..size].get(16..20).and_then(|b| b.try_into().ok());
    match error.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(number) => Err(std::io::Error::from_raw_os_error(-number)),
        None => Err(std::io::ErrorKind::InvalidData.into()),
    }
}

/// `ip route change SUBNET dev DEVICE proto kernel scope link src ADDRESS quickack 1`, for the
/// kernel (netlink(7), rtnetlink(7)).
fn request(address: Ipv4Addr, subnet: &Subnet, device: u32) -> Vec<u8> {
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
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_REPLACE;
    let mut all = Vec::from((16 + body.len() as u32).to_ne_bytes());
    all.extend(libc::RTM_NEWROUTE.to_ne_bytes());
    all.extend((flags as u16).to_ne_bytes());
    // Number of the request, and the kernel to fill in who asks.
    all.extend(1u32.to_ne_bytes());
    all.extend(0u32.to_ne_bytes());
    all.extend(body);
    all
}

/// Length, type and value; all of ours are multiples of four bytes, as they must be.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut all = Vec::from((4 + value.len() as u16).to_ne_bytes());
    all.extend(kind.to_ne_bytes());
    all.extend(value);
    all
}
