//! Lists that Azure DevOps gives in pages.

use reqwest::Response;
use serde::de::DeserializeOwned;
use url::form_urlencoded::byte_serialize;

use super::session::{Call, Wrapped};
use super::{Error, Session, error};

/// The header with the token of the next page. The last page has none.
const CONTINUATION: &str = "x-ms-continuationtoken";

/// A list that never ends is an error of the server; this many pages hold the largest organisation.
const MAX_PAGES: usize = 1_000;

impl Session<'_> {
    /// Reads a list, page after page.
    pub(super) async fn get_pages<T: DeserializeOwned>(
        &self,
        what: &'static str,
        path: &str,
        version: Option<&str>,
    ) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let (page, following) = self.page(what, path, (version, next.as_deref())).await?;
            items.extend(page);
            next = following;
            if next.is_none() {
                break;
            }
        }
        Ok(items)
    }

    /// Reads one page: the first, or the one with this token. Gives the token of the page after it.
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        what: &'static str,
        path: &str,
        (version, token): (Option<&str>, Option<&str>),
    ) -> Result<(Vec<T>, Option<String>), Error> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let encoded = |token: &str| byte_serialize(token.as_bytes()).collect::<String>();
        let path = token
            .map_or_else(|| path.to_owned(), |token| format!("{path}{separator}continuationToken={}", encoded(token)));
        self.first_page(Call { version: version.map(str::to_owned), ..Call::get(what, &path) }).await
    }

    /// Makes a call that answers a list. Gives the token of the page after it.
    pub(super) async fn first_page<T: DeserializeOwned>(
        &self,
        call: Call<'_>,
    ) -> Result<(Vec<T>, Option<String>), Error> {
        let what = call.what;
        let answer = self.send(call).await?;
        let next = continuation(&answer);
        let page: Wrapped<T> = self.read(what, answer).await?;
        Ok((page.value, next))
    }

    /// Makes a call that answers a list in one page.
    ///
    /// # Errors
    ///
    /// As any call; and where there is another page: what is on it could decide.
    pub(super) async fn list<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<Vec<T>, Error> {
        let what = call.what;
        let (items, next) = self.first_page(call).await?;
        if next.is_none() { Ok(items) } else { Err(error::cut(what)) }
    }
}

fn continuation(answer: &Response) -> Option<String> {
    let token = answer.headers().get(CONTINUATION)?.to_str().ok()?;
    Some(token.to_owned()).filter(|token| !token.is_empty())
}
