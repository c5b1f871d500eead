//! What goes over a port: packets, each between two zeros (Consistent Overhead Byte Stuffing, by the
//! crate cobs), so that the beginning of the next one is found after anything.

use memchr::memchr;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Most bytes of a stream in one packet.
pub(super) const CHUNK: usize = 16 * 1024;
/// Most bytes between two zeros; what is longer is no packet.
const LONGEST: usize = 4 * CHUNK + 1024 * 1024;
/// Most bytes of standard input that are sent before the program has read the first of them.
pub(super) const WINDOW: usize = 8 * CHUNK;

/// What is said, by either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// To the machine: start a program.
    Start(Start),
    /// To the machine: bytes of the program's standard input.
    Input(Vec<u8>),
    /// To the machine: the end of its standard input.
    InputEnd,
    /// To the machine: the terminal has this size now.
    Size(Size),
    /// To the machine: this signal is for the program.
    Signal(i32),
    /// From the machine: the session has begun.
    Begun,
    /// From the machine: this many bytes of standard input have been taken.
    Taken(u32),
    /// From the machine: bytes of the program's standard output.
    Output(Vec<u8>),
    /// From the machine: bytes of its error output.
    ErrorOutput(Vec<u8>),
    /// From the machine: the program has ended.
    Ended(Ended),
}

/// A program that is to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Start {
    /// The program and its arguments, as bytes.
    pub command: Vec<Vec<u8>>,
    /// All of its environment.
    pub environment: Vec<(String, String)>,
    /// The size of its terminal; without one it has pipes.
    pub terminal: Option<Size>,
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Size {
    pub rows: u16,
    pub columns: u16,
}

/// How a program has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ended {
    /// With an exit status.
    Status(i32),
    /// By a signal.
    Signal(i32),
}

/// Something that is said in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    pub session: u64,
    pub said: Said,
}

impl Packet {
    /// The bytes on the port, with a zero on either side.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (kind, payload) = self.said.parts();
        let mut plain = Vec::with_capacity(payload.len() + 13);
        plain.extend(self.session.to_be_bytes());
        plain.push(kind);
        // A payload is far shorter than that.
        plain.extend(
            u32::try_from(payload.len())
                .unwrap_or(u32::MAX)
                .to_be_bytes(),
        );
        plain.extend(payload);
        let mut all = vec![0];
        all.extend(cobs::encode_vec(&plain));
        all.push(0);
        all
    }

    fn of(bytes: &[u8]) -> Option<Packet> {
        let plain = cobs::decode_vec(bytes).ok()?;
        let (session, rest) = plain.split_first_chunk::<8>()?;
        let (kind, rest) = rest.split_first()?;
        let (length, payload) = rest.split_first_chunk::<4>()?;
        let whole = u32::from_be_bytes(*length) as usize == payload.len();
        let said = Said::of(*kind, payload).filter(|_| whole)?;
        let session = u64::from_be_bytes(*session);
        Some(Packet { session, said })
    }
}

impl Said {
    fn parts(&self) -> (u8, Vec<u8>) {
        // Neither can fail: they are strings and numbers.
        let json = |it: serde_json::Result<Vec<u8>>| it.unwrap_or_default();
        match self {
            Said::Start(it) => (b'S', json(serde_json::to_vec(it))),
            Said::Input(bytes) => (b'i', bytes.clone()),
            Said::InputEnd => (b'e', Vec::new()),
            Said::Size(it) => (b'w', json(serde_json::to_vec(it))),
            Said::Signal(number) => (b's', number.to_be_bytes().into()),
            Said::Begun => (b'B', Vec::new()),
            Said::Taken(bytes) => (b't', bytes.to_be_bytes().into()),
            Said::Output(bytes) => (b'1', bytes.clone()),
            Said::ErrorOutput(bytes) => (b'2', bytes.clone()),
            Said::Ended(it) => (b'E', json(serde_json::to_vec(it))),
        }
    }

    fn of(kind: u8, payload: &[u8]) -> Option<Said> {
        Some(match kind {
            b'S' => Said::Start(serde_json::from_slice(payload).ok()?),
            b'i' => Said::Input(payload.into()),
            b'e' => Said::InputEnd,
            b'w' => Said::Size(serde_json::from_slice(payload).ok()?),
            b's' => Said::Signal(i32::from_be_bytes(payload.try_into().ok()?)),
            b'B' => Said::Begun,
            b't' => Said::Taken(u32::from_be_bytes(payload.try_into().ok()?)),
            b'1' => Said::Output(payload.into()),
            b'2' => Said::ErrorOutput(payload.into()),
            b'E' => Said::Ended(serde_json::from_slice(payload).ok()?),
            _ => return None,
        })
    }
}

/// Puts packets together from what is read, and passes over what is none.
#[derive(Debug, Default)]
pub(super) struct Reader {
    unfinished: Vec<u8>,
    whole: VecDeque<Packet>,
    too_long: bool,
}

impl Reader {
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(zero) = memchr(0, rest) {
            self.add(&rest[..zero]);
            if !self.too_long {
                self.whole.extend(Packet::of(&self.unfinished));
            }
            self.too_long = false;
            self.unfinished.clear();
            rest = &rest[zero + 1..];
        }
        self.add(rest);
    }

    fn add(&mut self, bytes: &[u8]) {
        self.too_long |= self.unfinished.len() + bytes.len() > LONGEST;
        if !self.too_long {
            self.unfinished.extend_from_slice(bytes);
        }
    }

    pub(super) fn next(&mut self) -> Option<Packet> {
        self.whole.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets() -> Vec<Packet> {
        let start = Start {
            command: vec![b"printf".to_vec(), vec![0, 255]],
            environment: vec![("A".into(), "b".into())],
            terminal: Some(Size {
                rows: 24,
                columns: 80,
            }),
        };
        let all = [
            Said::Start(start),
            Said::Input(vec![0; 300]),
            Said::InputEnd,
            Said::Size(Size {
                rows: 1,
                columns: 2,
            }),
            Said::Signal(2),
            Said::Begun,
            Said::Taken(300),
            Said::Output((0..=255).collect()),
            Said::ErrorOutput(Vec::new()),
            Said::Ended(Ended::Status(3)),
            Said::Ended(Ended::Signal(9)),
        ];
        let packet = |said| Packet {
            session: 0x00ff_0000_1234_0000,
            said,
        };
        all.into_iter().map(packet).collect()
    }

    fn read(reader: &mut Reader) -> Vec<Packet> {
        std::iter::from_fn(|| reader.next()).collect()
    }

    #[test]
    fn everything_said_arrives_however_it_is_cut() {
        let bytes: Vec<u8> = packets().iter().flat_map(Packet::bytes).collect();
        for size in [1, 7, bytes.len()] {
            let mut reader = Reader::default();
            bytes.chunks(size).for_each(|chunk| reader.take(chunk));
            assert_eq!(read(&mut reader), packets());
        }
    }

    #[test]
    fn what_a_broken_session_has_left_costs_no_packet_of_the_next() {
        let whole: Vec<u8> = packets()[1].bytes();
        let next = Packet {
            session: 7,
            said: Said::Begun,
        };
        for cut in 0..whole.len() {
            let mut reader = Reader::default();
            reader.take(&whole[..cut]);
            reader.take(&next.bytes());
            assert_eq!(read(&mut reader).last(), Some(&next), "cut at {cut}");
        }
        let mut reader = Reader::default();
        reader.take(&vec![1; LONGEST + 5]);
        reader.take(&next.bytes());
        assert_eq!(read(&mut reader), [next]);
    }

    /// Cut behind a zero of what is said, it is well-formed all the same, but for its length.
    #[test]
    fn a_packet_that_lacks_its_end_is_none() {
        let said = Said::Output(vec![1, 2, 0, 3, 4, 0, 5, 6]);
        let whole = Packet { session: 1, said }.bytes();
        for cut in 1..whole.len() - 1 {
            let mut reader = Reader::default();
            reader.take(&whole[..cut]);
            reader.take(&[0]);
            assert_eq!(read(&mut reader), [], "cut at {cut}");
        }
    }
}
