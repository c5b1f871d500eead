//! What a virtual machine has said on its serial console.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// How much of the end is looked at, in bytes.
const END: u64 = 4096;
/// How many lines of it are told.
const LINES: usize = 6;

/// The last lines; none where the console has said nothing.
pub(super) fn end(log: &Path) -> Vec<String> {
    let text = read_end(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().map(plain).filter(|line| !line.is_empty());
    let lines: Vec<String> = lines.collect();
    lines[lines.len().saturating_sub(LINES)..].to_vec()
}

fn read_end(log: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut bytes = Vec::new();
    file.take(END).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Without what moves a terminal's cursor or colours it (ECMA-48, control sequences): firmware clears the
/// screen.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' => {
                if rest.next() == Some('[') {
                    rest.find(|c| ('@'..='~').contains(c));
                }
            }
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_without_what_a_terminal_does_with_them() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("console.log");
        assert!(end(&log).is_empty());
        let mut text = "\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS\r\n".to_owned();
        text.push_str(&"x".repeat(5000));
        text.push_str("\r\none\r\n\r\n\x1b[31mtwo\x1b[0m\r\n");
        std::fs::write(&log, &text).unwrap();
        let said = end(&log);
        assert_eq!(said[said.len() - 2..], ["one", "two"]);
        std::fs::write(&log, "1\n2\n3\n4\n5\n6\n7\n").unwrap();
        assert_eq!(end(&log), ["2", "3", "4", "5", "6", "7"]);
    }
}
