//! Names that lead inside: a `PlanUrl` passes the list by its name, but a name leads wherever its DNS answer says.
//!
//! Nothing of Azure DevOps lives on this machine, on the link or behind the platform's metadata addresses; servers on
//! premises do live on private addresses. So the former are refused and the latter are not. `localhost` may lead to
//! loopback where `AllowedPlanUrls` names it. An IP address in a URL is not looked up: only the list can allow it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::events::Event;

/// Where the machines of Azure find their platform, a metadata service in public clothes:
/// <https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16>.
const AZURE_PLATFORM: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// Asks the system.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is the connector's affair.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Leaves out the addresses at which no Azure DevOps can be.
pub struct OutsideResolver {
    inner: Arc<dyn Resolve>,
    allow_localhost: bool,
    /// What a name that leads inside is reported as.
    event: Event,
}

impl OutsideResolver {
    /// A resolver over `inner`. With `allow_localhost` the name `localhost` may lead to loopback.
    pub fn new(inner: impl Resolve + 'static, allow_localhost: bool) -> Self {
        Self { inner: Arc::new(inner), allow_localhost, event: Event::PlanUrlLeadsInside }
    }

    /// The same for names that are not those of a `PlanUrl`.
    #[must_use]
    pub fn reporting(self, event: Event) -> Self {
        Self { event, ..self }
    }
}

impl Resolve for OutsideResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let allow_loopback = self.allow_localhost && host.eq_ignore_ascii_case("localhost");
        let (answer, event) = (self.inner.resolve(name), self.event);
        Box::pin(async move {
            let (outside, inside): (Vec<SocketAddr>, Vec<SocketAddr>) =
                answer.await?.partition(|address| is_outside(address.ip(), allow_loopback));
            if !inside.is_empty() {
                let refused = inside.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ");
                event.report(&format!("DNS leads {host} to {refused}"));
            }
            if outside.is_empty() {
                return Err(io::Error::other("the name leads to no address that may be called").into());
            }
            Ok(Box::new(outside.into_iter()) as Addrs)
        })
    }
}

fn is_outside(address: IpAddr, allow_loopback: bool) -> bool {
    match address {
        IpAddr::V4(v4) => is_outside_v4(v4, allow_loopback),
        IpAddr::V6(v6) if v6 == Ipv6Addr::LOCALHOST => allow_loopback,
        IpAddr::V6(v6) => {
            !v6.is_unspecified()
                && !v6.is_multicast()
                && !v6.is_unicast_link_local()
                && v4_within(v6).is_none_or(|v4| is_outside_v4(v4, allow_loopback))
        }
    }
}

fn is_outside_v4(address: Ipv4Addr, allow_loopback: bool) -> bool {
    // All of 0.0.0.0/8 is this machine to some systems.
    let is_this_machine = address.octets()[0] == 0;
    !is_this_machine
        && (allow_loopback || !address.is_loopback())
        && !address.is_link_local()
        && !address.is_multicast()
        && !address.is_broadcast()
        && address != AZURE_PLATFORM
}

/// The IPv4 address that an IPv6 address stands for: mapped (`::ffff:0:0/96`), compatible (`::/96`), or behind NAT64
/// (`64:ff9b::/96`).
fn v4_within(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let is_nat64 = octets[..12] == [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
    let embedded = Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]);
    address.to_ipv4().or_else(|| is_nat64.then_some(embedded))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every name with these addresses.
    struct Stub(Vec<IpAddr>);

    impl Resolve for Stub {
        fn resolve(&self, _: Name) -> Resolving {
            let found: Vec<SocketAddr> = self.0.iter().map(|ip| SocketAddr::new(*ip, 0)).collect();
            Box::pin(async move { Ok(Box::new(found.into_iter()) as Addrs) })
        }
    }

    async fn resolve(host: &str, answers: &[&str], allow_localhost: bool) -> Result<Vec<String>, String> {
        let stub = Stub(answers.iter().map(|ip| ip.parse().expect(ip)).collect());
        let name: Name = host.parse().expect("a name");
        let found = OutsideResolver::new(stub, allow_localhost).resolve(name).await;
        found.map(|found| found.map(|address| address.ip().to_string()).collect()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn names_that_lead_inside_are_refused() {
        for inside in [
            "127.0.0.1",
            "127.255.0.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.1.1",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "::ffff:0.0.0.0",
        ] {
            for allow_localhost in [false, true] {
                let found = resolve("ado.example.com", &[inside], allow_localhost).await;
                assert!(found.is_err_and(|why| why.contains("no address")), "{inside}");
            }
        }
    }

    #[tokio::test]
    async fn public_and_private_addresses_are_found() {
        for outside in
            ["13.107.42.20", "10.0.0.5", "172.16.3.4", "192.168.1.2", "100.64.0.1", "2620:1ec:21::20", "fd00::5"]
        {
            assert_eq!(resolve("ado.example.com", &[outside], false).await, Ok(vec![outside.to_owned()]));
        }
    }

    #[tokio::test]
    async fn addresses_inside_are_left_out_among_others() {
        let found = resolve("ado.example.com", &["fe80::1", "10.0.0.5", "127.0.0.1"], false).await;
        assert_eq!(found, Ok(vec!["10.0.0.5".to_owned()]));
    }

    #[tokio::test]
    async fn localhost_leads_to_loopback_only_where_it_is_listed() {
        assert_eq!(resolve("localhost", &["127.0.0.1", "::1"], true).await.map(|found| found.len()), Ok(2));
        assert!(resolve("localhost", &["127.0.0.1", "::1"], false).await.is_err());
        assert!(resolve("localhost", &["169.254.169.254"], true).await.is_err());
        assert!(resolve("localhost.example.com", &["127.0.0.1"], true).await.is_err());
    }
}
