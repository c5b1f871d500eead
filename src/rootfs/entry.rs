//! One thing in the root of a container, as data.

/// Whom a directory belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// root:root
    Root,
    /// root:haclient
    RootHaclient,
    /// hacluster:haclient
    Hacluster,
}

/// Where a file's content comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// This text.
    Text(String),
    /// These bytes, such as a key.
    Bytes(Vec<u8>),
    /// A copy of this file of the base tree, made for each container, so that a container may
    /// write to it.
    Copy,
    /// A shadow(5) for every user of the base tree's passwd(5), none of whom has a password: agents
    /// that become another user go through PAM, which wants a line for each.
    Shadow,
    /// One copy of this file of the base tree for the whole set, linked into each container:
    /// large, and never written in place.
    Shared,
}

/// One thing in a container's root; paths are relative to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Dir {
        /// Path.
        path: String,
        /// Permission bits.
        mode: u32,
        /// Owner.
        owner: Owner,
    },
    /// A symlink.
    Link {
        /// Path.
        path: String,
        /// What it points to.
        target: String,
    },
    /// A copy of a directory of the base tree, with all that is in it, made for each container. One
    /// that does not exist is left out.
    Tree {
        /// Path.
        path: String,
    },
    /// A file. A base tree's file that does not exist is left out.
    File {
        /// Path.
        path: String,
        /// What is in it.
        content: Content,
        /// Permission bits; those of [`Content::Shared`] are 0644.
        mode: u32,
        /// Owner; that of [`Content::Shared`] is root.
        owner: Owner,
    },
}
