//! One entry in the root of a container, as data.

/// The owner and group of a file or directory.
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
    /// A copy of the file of the base tree with the entry's path, made for each container, so that
    /// the container may write to it.
    Copy,
    /// The same, with this text after it, or this text alone.
    Extended(String),
    /// A shadow(5) with a line for every user of the base tree's passwd(5), none of whom has a
    /// password: agents that become another user go through PAM, which requires a line for each
    /// user. The cluster's user can have one, as crypt(5) has it.
    Shadow {
        /// The hash of the cluster's user's password.
        hacluster: Option<String>,
    },
    /// One copy of the base tree's file with the entry's path, made for the whole set and linked
    /// into each container: for a file that is large and never written in place.
    Shared,
}

/// One entry in a container's root; all paths are relative to that root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Dir {
        /// The directory's path.
        path: String,
        /// Permission bits.
        mode: u32,
        /// Owner and group.
        owner: Owner,
    },
    /// A symlink.
    Link {
        /// The symlink's path.
        path: String,
        /// The path that the symlink points to.
        target: String,
    },
    /// A copy of a directory of the base tree, with everything in it, made for each container. A
    /// directory that does not exist is left out.
    Tree {
        /// The directory's path, in the base tree and in the container.
        path: String,
    },
    /// The directories of a directory of the base tree, without the files in them. Those that are
    /// there already are left as they are.
    Directories {
        /// The topmost directory's path, in the base tree and in the container.
        path: String,
    },
    /// A file. Where it is to be copied from the base tree and does not exist there, it is left
    /// out.
    File {
        /// The file's path.
        path: String,
        /// The source of the file's content.
        content: Content,
        /// Permission bits; those of [`Content::Shared`] are 0644.
        mode: u32,
        /// Owner and group; those of [`Content::Shared`] are root's.
        owner: Owner,
    },
}
