//! What can be wrong with a check, and a finding of it.

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// It works, but not as well as it could.
    Warning,
    /// It lets the wrong stage pass, fails the right one, or gives a secret away.
    Error,
}

impl Level {
    /// The word for people, and for SARIF.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Declares the rules: name, id, level, what it asks for.
macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal, $level:ident, $demand:literal;)+) => {
        /// A rule that a check, or a resource, can break.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule { $($(#[doc = $doc])+ $name,)+ }

        impl Rule {
            /// All rules.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name in reports: it never changes.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id),+ }
            }

            /// How bad it is to break it.
            #[must_use]
            pub const fn level(self) -> Level {
                match self { $(Self::$name => Level::$level),+ }
            }

            /// What it asks for.
            #[must_use]
            pub const fn demand(self) -> &'static str {
                match self { $(Self::$name => $demand),+ }
            }
        }
    };
}

rules! {
    /// A callback that is evaluated again and again.
    CallbackInterval = "callback-interval", Error, "With Callback, Time between evaluations is 0.";
    /// A polled check that is evaluated too often.
    PollRatio = "poll-ratio", Error, "With ApiResponse, Timeout is at most ten times Time between evaluations.";
    /// ApiResponse without criteria.
    NoSuccessCriteria = "no-success-criteria", Error, "With ApiResponse, Success criteria say which answer passes.";
    /// Criteria that a failure meets.
    CriteriaAcceptFailure = "criteria-accept-failure", Error, "Success criteria do not accept a failed answer.";
    /// Criteria that cannot be read.
    CriteriaUnclear = "criteria-unclear", Warning, "Success criteria can be read.";
    /// The panel and `checks.yaml` disagree about the mode.
    CompletionEvent = "completion-event", Error, "The Completion event is that of checks.yaml.";
    /// A header of the guide is missing.
    HeaderMissing = "header-missing", Error, "The headers of the guide are sent.";
    /// A header of the guide has another value.
    HeaderWrong = "header-wrong", Error, "The headers of the guide have their variables as values.";
    /// A variable is not written as one.
    HeaderUnexpanded = "header-unexpanded", Error, "Variables in headers are written as $(name).";
    /// The headers are not JSON.
    HeadersUnreadable = "headers-unreadable", Error, "The headers are a JSON object.";
    /// A header that the check reads is missing.
    InputMissing = "input-missing", Error, "The headers that the check reads are sent.";
    /// A key in the URL.
    KeyInUrl = "key-in-url", Error, "The function key stands in Function key, not in the URL.";
    /// A key in the query.
    KeyInQuery = "key-in-query", Error, "The function key stands in Function key, not in Query parameters.";
    /// A key in a header.
    KeyInHeader = "key-in-header", Error, "The function key stands in Function key, not in a header.";
    /// An address without TLS.
    AddressWithoutTls = "address-without-tls", Error, "The address begins with https://.";
    /// Azure Pipelines stops waiting before the check decides.
    TimeoutTooShort = "timeout-too-short", Error, "Timeout is at least the check's timeout.";
    /// Azure Pipelines waits longer than the token is valid.
    TimeoutTooLong = "timeout-too-long", Error, "Timeout is at most 48 hours, as long as the token is valid, or the check's timeout.";
    /// No check of `checks.yaml` has this name.
    CheckUnknown = "check-unknown", Error, "The check that is named is in checks.yaml.";
    /// No check is named, and there is no default.
    CheckUnnamed = "check-unnamed", Error, "A check is named, or checks.yaml has a default.";
    /// The delivery names more than one check.
    CheckAmbiguous = "check-ambiguous", Error, "One delivery names one check.";
    /// Not POST.
    Method = "method", Error, "The method is POST.";
    /// More than one that could be one.
    SeveralChecks = "several-checks", Warning, "One check of checks.yaml holds all conditions of a resource.";
    /// Turned off.
    CheckDisabled = "check-disabled", Warning, "A check is enabled, or deleted.";
    /// Azure DevOps complains itself.
    PlatformIssue = "platform-issue", Warning, "Azure DevOps finds nothing wrong with the check.";
    /// A resource without any check.
    Unprotected = "unprotected", Error, "A resource that --require names has a check.";
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: Rule,
    /// What tells two findings of the same rule and check apart, such as the header's name.
    pub about: String,
    /// What was found.
    pub message: String,
    /// What mends it.
    pub mend: String,
    /// Why `audit --fix` cannot mend it. `None` if it can.
    pub cannot_fix: Option<&'static str>,
}

impl Finding {
    pub(super) fn new(rule: Rule, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { rule, about: String::new(), message: message.into(), mend: mend.into(), cannot_fix: None }
    }

    pub(super) fn about(mut self, about: &str) -> Self {
        about.clone_into(&mut self.about);
        self
    }

    pub(super) const fn only_by_hand(mut self, why: &'static str) -> Self {
        self.cannot_fix = Some(why);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_an_id_of_its_own_and_a_sentence() {
        let ids: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        assert_eq!(ids.len(), Rule::ALL.len());
        assert!(Rule::ALL.iter().all(|rule| rule.demand().ends_with('.')));
    }
}
