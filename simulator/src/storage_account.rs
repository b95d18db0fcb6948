//! The storage account of which the queue service and the blob service are simulated.

/// Its name.
pub(crate) const ACCOUNT: &str = "devaccount";

/// Its key, before base64.
pub(crate) const KEY: &[u8; 64] = b"a key of sixty-four bytes, as the keys of storage accounts are..";
