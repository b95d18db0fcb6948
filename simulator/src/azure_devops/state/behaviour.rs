//! How the organization behaves where the service leaves a choice.

/// How a refused token is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthorized {
    /// 401 with challenges.
    Status401,
    /// 203 and a sign-in page, which careless clients take for success.
    SignInPage203,
    /// 302 to a sign-in page; 401 for clients that suppress the redirect.
    Redirect302,
}

/// How an event is answered that nobody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateEvent {
    /// 500 `OrchestrationSessionNotFoundException`.
    SessionNotFound,
    /// 204, and no effect.
    NoContent,
}

/// How an accepted event is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStatus {
    /// 204, as recorded.
    NoContent,
    /// 200, as specified.
    Ok,
}

/// What happens to records and logs written after the end of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateWrite {
    /// They are stored.
    Accepted,
    /// 400 `TaskOrchestrationPlanTerminatedException`.
    Refused,
}

/// What creating a log with a known path does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateLog {
    /// Returns the known log.
    GetOrCreate,
    /// Creates one more.
    AlwaysNew,
}
