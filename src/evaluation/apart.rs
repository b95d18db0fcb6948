//! Work on a check that may take seconds, away from the workers that also acknowledge deliveries.

use std::panic;

use tokio::sync::Semaphore;

use crate::check::Check;

/// How many checks are worked on at a time. Each uses a core, and the workers must get their share of the cores.
const MAX_AT_A_TIME: usize = 2;

static PLACES: Semaphore = Semaphore::const_new(MAX_AT_A_TIME);

/// Works on a check: on a thread of its own if one of its conditions may take long, else at once.
pub(super) async fn work<T: Send + 'static>(check: &Check, work: impl FnOnce(&Check) -> T + Send + 'static) -> T {
    if !check.definition.conditions.iter().any(|condition| condition.may_take_long()) {
        return work(check);
    }
    let place = PLACES.acquire().await;
    let check = check.clone();
    let working = tokio::task::spawn_blocking(move || {
        // If nobody waits for the result any more, the place is taken all the same.
        let _place = place;
        work(&check)
    });
    working.await.unwrap_or_else(|error| panic::resume_unwind(error.into_panic()))
}
