//! Asking the kernel for changes of a network (netlink(7)).

use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// The kernel, for the network namespace of the thread that opened it.
#[derive(Debug)]
pub(super) struct Kernel(OwnedFd);

impl Kernel {
    pub(super) fn open() -> io::Result<Kernel> {
        let (family, kind) = (AddressFamily::Netlink, SockType::Raw);
        let route = SockProtocol::NetlinkRoute;
        Ok(Kernel(socket(family, kind, SockFlag::SOCK_CLOEXEC, route)?))
    }

    /// Asks for one change and waits until it is made.
    pub(super) fn ask(&self, kind: u16, flags: i32, body: &[u8]) -> io::Result<()> {
        let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags;
        let mut all = Vec::from((16 + body.len() as u32).to_ne_bytes());
        all.extend(kind.to_ne_bytes());
        all.extend((flags as u16).to_ne_bytes());
        // Number of the request, and the kernel to fill in who asks.
        all.extend(1u32.to_ne_bytes());
        all.extend(0u32.to_ne_bytes());
        all.extend(body);
        send(self.0.as_raw_fd(), &all, MsgFlags::empty())?;
        let mut answer = [0; 1024];
        let size = recv(self.0.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        // After the header, 0 or a negative error number.
        let error = answer[..size].get(16..20).and_then(|b| b.try_into().ok());
        match error.map(i32::from_ne_bytes) {
            Some(0) => Ok(()),
            Some(number) => Err(io::Error::from_raw_os_error(-number)),
            None => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Length, type and value, up to the next multiple of four bytes (rtnetlink(3), RTA_ALIGN).
pub(super) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut all = Vec::from((4 + value.len() as u16).to_ne_bytes());
    all.extend(kind.to_ne_bytes());
    all.extend(value);
    all.resize(all.len().next_multiple_of(4), 0);
    all
}

#[cfg(test)]
mod tests {
    use super::attribute;

    #[test]
    fn an_attribute_is_padded_and_its_length_is_not() {
        let mac = attribute(2, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(mac.len(), 12);
        assert_eq!(u16::from_ne_bytes([mac[0], mac[1]]), 10);
        assert_eq!(attribute(1, &[10, 0, 0, 1]).len(), 8);
    }
}
