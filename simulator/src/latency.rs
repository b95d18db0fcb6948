//! How long calls take, on the simulated clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the calls of one world take. All clones share the rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    rules: Arc<Mutex<Vec<Rule>>>,
}

#[derive(Debug)]
struct Rule {
    method: String,
    path_part: String,
    latency: Duration,
}

impl Latencies {
    /// Calls with this method whose path and query contain `path_part` take this long. An empty method means any. A new
    /// rule goes before older ones.
    pub(crate) fn set(&self, method: &str, path_part: &str, latency: Duration) {
        let rule = Rule { method: method.to_ascii_uppercase(), path_part: path_part.to_owned(), latency };
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|known| (&known.method, &known.path_part) != (&rule.method, &rule.path_part));
        rules.insert(0, rule);
    }

    /// How long this call takes.
    pub(crate) fn of(&self, method: &str, target: &str) -> Duration {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |rule: &&Rule| (rule.method.is_empty() || rule.method == method) && target.contains(&rule.path_part);
        rules.iter().find(fits).map_or(Duration::ZERO, |rule| rule.latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_rule_that_fits_applies() {
        let latencies = Latencies::default();
        latencies.set("", "", Duration::from_secs(1));
        latencies.set("post", "/logs", Duration::from_secs(80));
        assert_eq!(latencies.of("POST", "/plans/x/logs?api-version=7.1"), Duration::from_secs(80));
        assert_eq!(latencies.of("GET", "/plans/x/logs?api-version=7.1"), Duration::from_secs(1));
        latencies.set("", "", Duration::ZERO);
        assert_eq!(latencies.of("POST", "/logs"), Duration::ZERO);
    }
}
