use super::super::pack;
use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use tar::Builder;

/// An archive under construction, with headers that no honest tar would write.
struct Archived(Builder<Vec<u8>>);

impl Archived {
    fn new() -> Archived {
        let archive = Archived(Builder::new(Vec::new()));
        archive.with(EntryType::Directory, ".", "", b"")
    }

    fn with(mut self, kind: EntryType, name: &str, link: &str, content: &[u8]) -> Archived {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        // The crate's own setters refuse what is wrong.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_mode(0o6755);
        header.set_mtime(1_000_000);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn file(self, name: &str) -> Archived {
        self.with(EntryType::Regular, name, "", b"from the node")
    }

    fn link(self, name: &str, target: &str) -> Archived {
        self.with(EntryType::Symlink, name, target, b"")
    }

    fn unpack(self, to: &Path) -> Result<Copied> {
        let within = Within::open(to).unwrap();
        let bytes = self.0.into_inner().unwrap();
        unpack(&bytes[..], &within, OsStr::new("new"), What::Directory)
    }
}

/// A directory with a target in it, and a file beside that which must stay as it is.
fn target() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("target");
    fs::create_dir(&target).unwrap();
    fs::write(directory.path().join("kept"), "kept").unwrap();
    (directory, target)
}

fn is_as_before(directory: &tempfile::TempDir) {
    let kept = directory.path().join("kept");
    assert_eq!(fs::read_to_string(kept).unwrap(), "kept");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn what_is_packed_is_unpacked() {
    let (directory, target) = target();
    let source = directory.path().join("target/source");
    let long = "n".repeat(180);
    let deep = source.join(&long).join(&long);
    fs::create_dir_all(&deep).unwrap();
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(deep.join("big"), &bytes).unwrap();
    fs::write(source.join("empty"), "").unwrap();
    fs::set_permissions(source.join("empty"), fs::Permissions::from_mode(0o751)).unwrap();
    symlink(Path::new(&long).join("x").join(&long), source.join("link")).unwrap();
    symlink("/etc/shadow", source.join("leads-out")).unwrap();
    let mut archive = Vec::new();
    // In a directory tar calls it `.`.
    let packed = pack::pack(&mut archive, &source, OsStr::new(".")).unwrap();
    assert_eq!((packed.files, packed.bytes), (2, 400_000));
    let within = Within::open(&target).unwrap();
    let name = OsStr::new("new");
    let copied = unpack(&archive[..], &within, name, What::Directory).unwrap();
    assert_eq!(
        (copied.files, copied.bytes, copied.left_out),
        (2, 400_000, 1)
    );
    assert!(copied.examples[0].contains("/etc/shadow"), "{copied:?}");
    let new = target.join("new");
    assert!(fs::read(new.join(&long).join(&long).join("big")).unwrap() == bytes);
    let of = |path: PathBuf| {
        let seen = fs::symlink_metadata(path).unwrap();
        (seen.mode(), seen.mtime(), seen.len())
    };
    for same in ["empty", &long, "."] {
        assert_eq!(of(new.join(same)), of(source.join(same)), "{same}");
    }
    let link = |of: &Path| fs::read_link(of.join("link")).unwrap();
    assert_eq!(link(&new), link(&source));
    assert!(!new.join("leads-out").is_symlink());
    // Once more, over what is there.
    unpack(&archive[..], &within, name, What::Directory).unwrap();
}

#[test]
fn no_name_leads_out_of_the_target() {
    for name in ["../kept", "/kept", "a/../../../kept", ".."] {
        let (directory, target) = target();
        let e = Archived::new().file(name).unpack(&target).unwrap_err();
        assert!(
            e.message().contains("leads out of the target"),
            "{name}: {e}"
        );
        is_as_before(&directory);
    }
}

#[test]
fn no_link_leads_out_of_the_target() {
    for (name, link) in [
        ("planted", "/kept"),
        ("planted", "../../kept"),
        ("planted", "sub/../../../kept"),
        ("planted", ".."),
        ("planted", "sub/up/.."),
        ("sub/deep/planted", "../../.."),
        // As a text it stays; but `up` is two directories above its own.
        ("sub/deep/planted", "up/.."),
        ("sub/deep/planted", "up/../.."),
    ] {
        let (directory, target) = target();
        let archive = Archived::new()
            .with(EntryType::Directory, "sub", "", b"")
            .with(EntryType::Directory, "sub/deep", "", b"")
            .link("sub/deep/up", "../..")
            .link(name, link);
        let copied = archive.unpack(&target).unwrap();
        assert_eq!(copied.left_out, 1, "{link}: {copied:?}");
        assert!(!target.join("new").join(name).is_symlink(), "{link}");
        assert!(target.join("new/sub/deep/up").is_symlink());
        is_as_before(&directory);
    }
}

#[test]
fn no_link_is_written_through() {
    let (directory, target) = target();
    // One that was there before, and one of the archive's.
    fs::create_dir(target.join("new")).unwrap();
    symlink(directory.path(), target.join("new/theirs")).unwrap();
    for through in ["theirs/kept", "ours/kept"] {
        let archive = Archived::new().link("ours", ".").file(through);
        let e = archive.unpack(&target).unwrap_err();
        assert!(e.message().contains("in the way"), "{e}");
        is_as_before(&directory);
    }
    symlink(directory.path().join("kept"), target.join("new/kept")).unwrap();
    Archived::new().file("kept").unpack(&target).unwrap();
    is_as_before(&directory);
    assert_eq!(fs::read(target.join("new/kept")).unwrap(), b"from the node");
}

#[test]
fn no_devices_no_hard_links_no_other_users_rights() {
    let (directory, target) = target();
    let archive = Archived::new()
        .with(EntryType::Char, "device", "", b"")
        .with(EntryType::Fifo, "pipe", "", b"")
        .with(EntryType::Link, "hard", "../kept", b"")
        .file("file");
    let copied = archive.unpack(&target).unwrap();
    assert_eq!((copied.files, copied.left_out), (1, 3), "{copied:?}");
    let only: Vec<_> = fs::read_dir(target.join("new")).unwrap().collect();
    assert_eq!(only.len(), 1, "{only:?}");
    let file = fs::metadata(target.join("new/file")).unwrap();
    assert_eq!((file.mode() & 0o7777, file.mtime()), (0o755, 1_000_000));
    is_as_before(&directory);
}

#[test]
fn an_archive_that_ends_early_leaves_no_part_of_a_file() {
    let (_directory, target) = target();
    let archive = Archived::new().file("file").0.into_inner().unwrap();
    let within = Within::open(&target).unwrap();
    // Of the file's block, five bytes.
    let e = unpack(
        &archive[..512 + 512 + 5],
        &within,
        OsStr::new("new"),
        What::Directory,
    );
    assert!(e.unwrap_err().message().contains("too early"));
    assert_eq!(fs::read_dir(target.join("new")).unwrap().count(), 0);
}

#[test]
fn more_than_was_asked_for_is_refused() {
    let (directory, target) = target();
    let within = Within::open(&target).unwrap();
    let one = |archive: Archived| {
        let bytes = archive.0.into_inner().unwrap();
        unpack(&bytes[..], &within, OsStr::new("new"), What::File)
    };
    let empty = || Archived(Builder::new(Vec::new()));
    one(empty().file("./asked")).unwrap();
    for archive in [
        empty(),
        empty().file("a/b"),
        empty().link("x", "y"),
        Archived::new(),
    ] {
        let e = one(archive).unwrap_err();
        assert!(e.message().contains("what was asked for"), "{e}");
    }
    let e = empty().unpack(&target).unwrap_err();
    assert!(e.message().contains("is not in it"), "{e}");
    let endless = empty().with(EntryType::GNULongName, "", "", &[b'n'; 5000]);
    let e = one(endless).unwrap_err();
    assert!(e.message().contains("without end"), "{e}");
    is_as_before(&directory);
}
