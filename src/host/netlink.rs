//! Changes to networks, asked of the kernel by netlink(7).

use netlink_packet_core::{
    DecodeError, Emitable, NLM_F_ACK, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader,
    NetlinkMessage, NetlinkPayload, NetlinkSerializable,
};
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::route::RouteMessage;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// A route or neighbour entry that the kernel is asked to set. netlink-packet-route's own type for
/// all messages would work too, but adds the readers and writers of all of them: 700 KiB of program.
#[derive(Debug)]
pub(super) enum Change {
    Route(RouteMessage),
    Neighbour(NeighbourMessage),
}

impl NetlinkSerializable for Change {
    fn message_type(&self) -> u16 {
        match self {
            Change::Route(_) => libc::RTM_NEWROUTE,
            Change::Neighbour(_) => libc::RTM_NEWNEIGH,
        }
    }

    fn buffer_len(&self) -> usize {
        match self {
            Change::Route(route) => route.buffer_len(),
            Change::Neighbour(neighbour) => neighbour.buffer_len(),
        }
    }

    fn serialize(&self, buffer: &mut [u8]) {
        match self {
            Change::Route(route) => route.emit(buffer),
            Change::Neighbour(neighbour) => neighbour.emit(buffer),
        }
    }
}

/// Never called for an answer: an answer says success or an error, and netlink-packet-core reads
/// both by itself.
impl NetlinkDeserializable for Change {
    type Error = DecodeError;

    fn deserialize(_: &NetlinkHeader, _: &[u8]) -> Result<Change, DecodeError> {
        Err("no answer to a change".into())
    }
}

/// A netlink socket. It acts on the network namespace that the thread was in when it opened the
/// socket.
#[derive(Debug)]
pub(super) struct Kernel(OwnedFd);

impl Kernel {
    pub(super) fn open() -> io::Result<Kernel> {
        let (family, kind) = (AddressFamily::Netlink, SockType::Raw);
        let route = SockProtocol::NetlinkRoute;
        Ok(Kernel(socket(family, kind, SockFlag::SOCK_CLOEXEC, route)?))
    }

    /// Asks for one change and waits until it is made.
    pub(super) fn ask(&self, flags: u16, change: Change) -> io::Result<()> {
        let request = request(flags, change);
        send(self.0.as_raw_fd(), &request, MsgFlags::empty())?;
        let mut answer = [0; 1024];
        let size = recv(self.0.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        result(&answer[..size])
    }
}

/// The bytes of a request for a change, with an acknowledgement asked for; the kernel fills in the
/// sender.
pub(super) fn request(flags: u16, change: Change) -> Vec<u8> {
    let payload = NetlinkPayload::InnerMessage(change);
    let mut request = NetlinkMessage::new(NetlinkHeader::default(), payload);
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    request.header.sequence_number = 1;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    bytes
}

/// The result in the kernel's answer: success, or an error number.
fn result(answer: &[u8]) -> io::Result<()> {
    let answer = NetlinkMessage::<Change>::deserialize(answer);
    match answer.map(|a| a.payload) {
        Ok(NetlinkPayload::Error(answer)) if answer.code.is_none() => Ok(()),
        Ok(NetlinkPayload::Error(answer)) => Err(answer.to_io()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A route without an address or a device.
    #[test]
    fn what_the_kernel_refuses_is_an_error_with_its_number() {
        let kernel = Kernel::open().unwrap();
        let nothing = Change::Route(RouteMessage::default());
        let e = kernel.ask(0, nothing).unwrap_err();
        assert!(e.raw_os_error().is_some_and(|n| n > 0), "{e:?}");
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for bytes in [&[][..], &[0; 7], &[0; 40]] {
            assert!(result(bytes).is_err(), "{bytes:?}");
        }
    }
}
