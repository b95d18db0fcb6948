//! The page's stream of events: the whole snapshot at each change.
//!
//! A browser that loses the stream opens it again by itself, and gets the newest snapshot. The id of an event is
//! `epoch-version`. The epoch is new with each start of the demo.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::sync::watch;
use tokio::time::interval;
use warp::sse::Event;

use super::snapshot::Snapshot;
use crate::demo::Demo;

/// How often the demo looks whether something has changed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Clocks and countdowns run in the browser. So that they stay right, a snapshot is sent at least so often.
const SEND_AT_LEAST_EVERY: u32 = 50;

/// How long a browser waits before it opens a lost stream again.
const RETRY: Duration = Duration::from_secs(1);

/// What is published.
#[derive(Clone, Debug)]
pub(crate) enum Published {
    /// Nothing yet.
    Nothing,
    /// The newest snapshot as JSON, and its number.
    State(u64, Arc<str>),
    /// The demo ends.
    End,
}

/// Publishes a snapshot whenever something has changed and somebody listens. Never ends.
pub(crate) async fn publish(demo: Arc<Demo>, sender: watch::Sender<Published>) {
    let mut look = interval(LOOK_EVERY);
    let (mut version, mut last, mut unchanged) = (0, String::new(), 0);
    loop {
        look.tick().await;
        if sender.receiver_count() == 0 {
            continue;
        }
        let mut snapshot = serde_json::to_value(Snapshot::of(&demo)).unwrap_or_default();
        let now = snapshot["now"].take();
        let without_time = snapshot.to_string();
        unchanged = if without_time == last { unchanged + 1 } else { 0 };
        if unchanged % SEND_AT_LEAST_EVERY != 0 {
            continue;
        }
        snapshot["now"] = now;
        version += 1;
        last = without_time;
        sender.send_replace(Published::State(version, snapshot.to_string().into()));
    }
}

/// The events of one browser.
pub(crate) fn events(receiver: watch::Receiver<Published>) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let epoch = std::process::id();
    // The newest snapshot comes first, however old it is.
    let mut receiver = receiver;
    receiver.mark_changed();
    stream::unfold(Some(receiver), move |receiver| async move {
        let mut receiver = receiver?;
        loop {
            receiver.changed().await.ok()?;
            let published = receiver.borrow_and_update().clone();
            match published {
                Published::Nothing => {}
                Published::State(version, json) => {
                    let event = Event::default().event("state").id(format!("{epoch}-{version}")).retry(RETRY);
                    return Some((Ok(event.data(json.to_string())), Some(receiver)));
                }
                Published::End => return Some((Ok(Event::default().event("end").data("")), None)),
            }
        }
    })
}
