//! The containers of an account, and what can be done with their append blobs.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::error::BlobError;
use crate::clock::Clock;

/// The most blocks of an append blob: <https://learn.microsoft.com/rest/api/storageservices/append-block>.
const MAX_BLOCKS: usize = 50_000;

/// The largest block, since version 2022-11-02.
const MAX_BLOCK: usize = 100 * 1024 * 1024;

/// An append blob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendBlob {
    /// What it says that it holds.
    pub content_type: String,
    /// What was appended, oldest first.
    pub blocks: Vec<Bytes>,
}

impl AppendBlob {
    /// Everything that was appended.
    pub fn text(&self) -> String {
        self.blocks.iter().map(|block| String::from_utf8_lossy(block)).collect()
    }
}

/// The state of an account.
#[derive(Debug)]
pub struct State {
    /// The clock of the service.
    pub clock: Clock,
    pub(super) account: &'static str,
    pub(super) key: &'static [u8],
    /// Blobs by container and name.
    pub containers: BTreeMap<String, BTreeMap<String, AppendBlob>>,
    /// Whether the managed identity has the role *Storage Blob Data Contributor*.
    pub identity_has_role: bool,
    /// The most blocks of a blob.
    pub max_blocks: usize,
    /// Somebody else creates the next blob in the same moment, and is first.
    pub lose_next_create: bool,
}

impl State {
    pub(super) const fn new(clock: Clock, account: &'static str, key: &'static [u8]) -> Self {
        let containers = BTreeMap::new();
        Self {
            clock,
            account,
            key,
            containers,
            identity_has_role: true,
            max_blocks: MAX_BLOCKS,
            lose_next_create: false,
        }
    }

    /// Creates a container.
    pub fn create_container(&mut self, name: &str) {
        self.containers.entry(name.to_owned()).or_default();
    }

    /// A blob, if it exists.
    pub fn blob(&self, container: &str, name: &str) -> Option<&AppendBlob> {
        self.containers.get(container)?.get(name)
    }

    /// Creates an empty blob. One that exists is replaced, unless it must not exist.
    pub(super) fn create(
        &mut self,
        (container, name): (&str, &str),
        content_type: &str,
        must_be_new: bool,
    ) -> Result<(), BlobError> {
        let blobs = self.containers.get_mut(container).ok_or(BlobError::ContainerNotFound)?;
        let blob = AppendBlob { content_type: content_type.to_owned(), blocks: Vec::new() };
        if must_be_new && blobs.contains_key(name) {
            return Err(BlobError::BlobAlreadyExists);
        }
        blobs.insert(name.to_owned(), blob);
        Ok(())
    }

    /// Appends a block. Returns where it begins, and how many blocks there are.
    pub(super) fn append(
        &mut self,
        (container, name): (&str, &str),
        block: &Bytes,
    ) -> Result<(usize, usize), BlobError> {
        let max_blocks = self.max_blocks;
        let blobs = self.containers.get_mut(container).ok_or(BlobError::ContainerNotFound)?;
        let blob = blobs.get_mut(name).ok_or(BlobError::BlobNotFound)?;
        if block.is_empty() {
            return Err(BlobError::InvalidHeader);
        }
        if block.len() > MAX_BLOCK {
            return Err(BlobError::TooLarge);
        }
        if blob.blocks.len() >= max_blocks {
            return Err(BlobError::TooManyBlocks);
        }
        let offset = blob.blocks.iter().map(Bytes::len).sum();
        blob.blocks.push(block.clone());
        Ok((offset, blob.blocks.len()))
    }
}
