//! Who may ask. The port is open to every program of this machine, and so to every web page in its browsers.
//!
//! A page from elsewhere can send a request here. Its `Origin` then names that page. It can also give its own host name this
//! machine's address (DNS rebinding). The `Host` then is that name.

use warp::http::header::{CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use warp::http::{HeaderMap, Method};

/// The names under which the page is reached.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    hosts: [String; 2],
}

impl Guard {
    /// Admits what is meant for this port.
    pub(crate) fn new(port: u16) -> Self {
        Self { hosts: [format!("127.0.0.1:{port}"), format!("localhost:{port}")] }
    }

    /// Admits a request, or says why not.
    ///
    /// # Errors
    ///
    /// A sentence for the person who sees the answer.
    pub(crate) fn admit(&self, method: &Method, headers: &HeaderMap) -> Result<(), String> {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(HOST).unwrap_or_default();
        if !self.hosts.iter().any(|known| known == host) {
            return Err(format!("This page is at http://{}/, and not at {host:?}.", self.hosts[0]));
        }
        if let Some(origin) = headers.get(ORIGIN) {
            let own = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
            if own != Some(host) {
                return Err("Another page may not use this one.".to_owned());
            }
        }
        let is_json = text(CONTENT_TYPE).is_some_and(|content| content.starts_with("application/json"));
        if *method == Method::POST && !is_json {
            return Err("An action is JSON: send the content type application/json.".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &Method, headers: &[(&'static str, &'static str)], admitted: bool) {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let result = Guard::new(7080).admit(method, &headers);
        assert_eq!(result.is_ok(), admitted, "{headers:?}: {result:?}");
    }

    #[test]
    fn only_the_pages_own_address_is_admitted() {
        let json = ("content-type", "application/json");
        check(&Method::GET, &[("host", "127.0.0.1:7080")], true);
        check(&Method::GET, &[("host", "localhost:7080")], true);
        check(&Method::GET, &[("host", "evil.example:7080")], false);
        check(&Method::GET, &[("host", "127.0.0.1:1")], false);
        check(&Method::GET, &[], false);
        check(&Method::POST, &[("host", "127.0.0.1:7080"), json], true);
        check(&Method::POST, &[("host", "127.0.0.1:7080"), json, ("origin", "http://127.0.0.1:7080")], true);
        check(&Method::POST, &[("host", "127.0.0.1:7080"), json, ("origin", "http://evil.example")], false);
        check(&Method::POST, &[("host", "127.0.0.1:7080"), json, ("origin", "null")], false);
        check(&Method::POST, &[("host", "127.0.0.1:7080"), ("content-type", "text/plain")], false);
    }
}
