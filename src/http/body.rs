//! Reading the body of an answer, but never more of it than fits.

use bytes::Bytes;
use reqwest::Response;

/// The most memory that is reserved for an answer because it declares its length: anybody can declare any.
const MOST_RESERVED: usize = 1024 * 1024;

/// Why a body was not read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is larger than the limit.
    TooLarge,
    /// The connection broke, or the time was over.
    Broken(reqwest::Error),
}

/// Reads a body of at most `limit` bytes: an answer need not declare its length, and the declared one may be wrong.
///
/// # Errors
///
/// [`BodyError`]; what was read so far is dropped.
pub(crate) async fn read(mut answer: Response, limit: usize) -> Result<Bytes, BodyError> {
    let declared = answer.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let mut body = Vec::with_capacity(declared.min(limit).min(MOST_RESERVED));
    while let Some(chunk) = answer.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}
