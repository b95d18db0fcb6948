//! How the organization behaves where the service can behave in several ways.

/// The answer to a request with a refused token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthorized {
    /// 401 with challenges.
    Status401,
    /// 203 and a sign-in page. A client that checks only for 2xx takes it for success.
    SignInPage203,
    /// 302 to a sign-in page, or 401 if the client suppresses the redirect.
    Redirect302,
}

/// The answer to an event that no session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateEvent {
    /// 500 `OrchestrationSessionNotFoundException`.
    SessionNotFound,
    /// 204 without effect.
    NoContent,
}

/// The answer to an accepted event.
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

/// What an update of records is answered with. Azure DevOps' reference shows whole records, in an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateAnswer {
    /// The records as they are then.
    WholeRecords,
    /// The same without their variables.
    WithoutVariables,
    /// The same with only those variables that were written.
    OnlyWhatWasWritten,
    /// No records.
    Nothing,
}

/// What creating a log with a known path does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateLog {
    /// Returns the known log.
    GetOrCreate,
    /// Creates one more.
    AlwaysNew,
}
