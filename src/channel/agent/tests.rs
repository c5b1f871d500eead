use super::*;
use crate::channel::packet::Size;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

/// This host's end of a port that is served.
struct End {
    stream: UnixStream,
    reader: Reader,
}

impl End {
    fn new() -> End {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let port = File::from(OwnedFd::from(theirs));
        thread::spawn(move || serve_port(port, PAUSE));
        ours.set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        End {
            stream: ours,
            reader: Reader::default(),
        }
    }

    fn say(&mut self, session: u64, said: Said) {
        let bytes = Packet { session, said }.bytes();
        self.stream.write_all(&bytes).unwrap();
    }

    fn start(&mut self, session: u64, words: &[&str], terminal: Option<Size>) {
        let start = Start {
            command: words.iter().map(|it| it.as_bytes().to_vec()).collect(),
            environment: vec![("PATH".into(), "/usr/sbin:/usr/bin:/bin".into())],
            terminal,
        };
        self.say(session, Said::Start(start));
    }

    /// What is said in a session until its program has ended.
    fn until_end(&mut self, session: u64) -> (Vec<u8>, Vec<u8>, Ended) {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let mut buffer = [0; 4096];
        loop {
            while let Some(packet) = self.reader.next() {
                if packet.session != session {
                    continue;
                }
                match packet.said {
                    Said::Output(bytes) => output.extend(bytes),
                    Said::ErrorOutput(bytes) => errors.extend(bytes),
                    Said::Ended(ended) => return (output, errors, ended),
                    _ => {}
                }
            }
            let read = self.stream.read(&mut buffer).unwrap();
            self.reader.take(&buffer[..read]);
        }
    }
}

#[test]
fn streams_status_and_signals_come_through() {
    let mut end = End::new();
    let script = "cat; echo two >&2; exit 3";
    end.start(1, &["sh", "-c", script], None);
    end.say(1, Said::Input(b"one\0".to_vec()));
    end.say(1, Said::InputEnd);
    let (output, errors, ended) = end.until_end(1);
    assert_eq!((output, errors), (b"one\0".to_vec(), b"two\n".to_vec()));
    assert_eq!(ended, Ended::Status(3));

    end.start(2, &["sleep", "60"], None);
    end.say(2, Said::Signal(15));
    assert_eq!(end.until_end(2).2, Ended::Signal(15));

    end.start(3, &["no-such-program"], None);
    let (_, errors, ended) = end.until_end(3);
    let errors = String::from_utf8(errors).unwrap();
    assert!(errors.contains("cannot start no-such-program"), "{errors}");
    assert_eq!(ended, Ended::Status(127));
}

#[test]
fn a_terminal_has_its_size_and_a_session_of_its_own() {
    let mut end = End::new();
    let size = |rows, columns| Size { rows, columns };
    let script = "stty size; tty </dev/tty; read _; stty size";
    end.start(1, &["sh", "-c", script], Some(size(31, 99)));
    thread::sleep(Duration::from_millis(300));
    end.say(1, Said::Size(size(7, 8)));
    end.say(1, Said::Input(b"\r".to_vec()));
    let (output, _, ended) = end.until_end(1);
    let output = String::from_utf8(output).unwrap();
    assert!(output.starts_with("31 99\r\n/dev/tty\r\n"), "{output:?}");
    assert!(output.ends_with("7 8\r\n"), "{output:?}");
    assert_eq!(ended, Ended::Status(0));
}

#[test]
fn a_session_that_is_cut_off_ends_with_its_program_and_the_next_one_is_whole() {
    let mut end = End::new();
    end.start(
        1,
        &[
            "sh",
            "-c",
            "trap 'exit 5' HUP; while :; do sleep 0.05; done",
        ],
        None,
    );
    let half = Packet {
        session: 1,
        said: Said::Input(vec![1; 100]),
    };
    thread::sleep(Duration::from_millis(200));
    end.stream.write_all(&half.bytes()[..50]).unwrap();
    end.start(2, &["echo", "second"], None);
    // The first one's end is told too, to nobody.
    assert_eq!(end.until_end(2).0, b"second\n");
    // More than fits into the port and the pipes, read late.
    end.start(3, &["head", "-c", "3000000", "/dev/zero"], None);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(end.until_end(3).0.len(), 3_000_000);
}

#[test]
fn what_a_program_leaves_behind_does_not_keep_it() {
    let mut end = End::new();
    end.start(1, &["sh", "-c", "sleep 30 & echo $!"], None);
    let (output, _, ended) = end.until_end(1);
    assert_eq!(ended, Ended::Status(0));
    let pid = String::from_utf8(output).unwrap();
    let left = std::path::PathBuf::from(format!("/proc/{}", pid.trim()));
    assert!(left.exists());
    // Nor is it ended with its caller's next session.
    end.start(2, &["true"], None);
    end.until_end(2);
    thread::sleep(HUNG_UP + Duration::from_millis(300));
    assert!(left.exists());
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid.trim().parse().unwrap()),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
}
