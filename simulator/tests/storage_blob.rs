//! The simulated blob service, called by its REST protocol.

use std::io;
use std::time::Duration;

use chrono::DateTime;
use reqwest::{Client, Response};
use simulator::Clock;
use simulator::storage_blob::StorageBlob;

/// Puts a block, or an append blob that does not exist yet.
async fn put(account: &StorageBlob, query: &str, body: &'static str) -> reqwest::Result<(u16, String)> {
    let url = format!("{}/a?{query}", account.container("records"));
    let request = Client::new().put(url).header("x-ms-blob-type", "AppendBlob").header("if-none-match", "*");
    let answer = request.header("content-length", body.len()).body(body).send().await?;
    Ok((answer.status().as_u16(), code(&answer)))
}

fn code(answer: &Response) -> String {
    answer.headers().get("x-ms-error-code").and_then(|code| code.to_str().ok()).unwrap_or_default().to_owned()
}

async fn an_account() -> io::Result<(Clock, StorageBlob)> {
    let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
    let account = StorageBlob::start(clock.clone()).await?;
    account.with(|state| state.create_container("records"));
    Ok((clock, account))
}

#[tokio::test]
async fn blocks_are_appended_to_a_blob_that_was_created_once() {
    let (_, account) = an_account().await.unwrap();
    let may = account.signature("records", "ac");
    let append = format!("comp=appendblock&{may}");
    assert_eq!(put(&account, &append, "1\n").await.unwrap(), (404, "BlobNotFound".to_owned()));
    assert_eq!(put(&account, &may, "").await.unwrap().0, 201);
    assert_eq!(put(&account, &may, "").await.unwrap(), (403, "UnauthorizedBlobOverwrite".to_owned()));
    let may_write = account.signature("records", "acw");
    assert_eq!(put(&account, &may_write, "").await.unwrap(), (409, "BlobAlreadyExists".to_owned()));
    for _ in 0..2 {
        assert_eq!(put(&account, &append, "1\n").await.unwrap().0, 201);
    }
    assert_eq!(account.text("records", "a"), "1\n1\n");
    account.with(|state| state.max_blocks = 2);
    assert_eq!(put(&account, &append, "1\n").await.unwrap(), (409, "BlockCountExceedsLimit".to_owned()));
}

#[tokio::test]
async fn a_signature_allows_what_it_says_until_it_ends() {
    let (clock, account) = an_account().await.unwrap();
    let both = account.signature("records", "ac");
    assert_eq!(put(&account, &both, "").await.unwrap().0, 201);
    for (query, refused) in [
        (account.signature("records", "r"), (403, "AuthorizationPermissionMismatch")),
        (both.replace("sp=ac", "sp=racw"), (403, "AuthenticationFailed")),
        (account.signature("others", "ac"), (403, "AuthenticationFailed")),
        (String::new(), (401, "NoAuthenticationInformation")),
    ] {
        let answered = put(&account, &format!("comp=appendblock&{query}"), "1").await.unwrap();
        assert_eq!(answered, (refused.0, refused.1.to_owned()), "{query}");
    }
    clock.advance(Duration::from_secs(8 * 86_400));
    let late = put(&account, &format!("comp=appendblock&{both}"), "1").await.unwrap();
    assert_eq!(late, (403, "AuthenticationFailed".to_owned()));
}
