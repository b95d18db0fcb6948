//! The command line.

use std::path::PathBuf;

use clap::Parser;
use xtask::local::Ports;

use crate::host::APP;

/// How many times faster the demo's clock runs, unless somebody says otherwise: a minute takes six seconds.
const SPEED: f64 = 10.0;

/// The fastest clock. A call takes some milliseconds, which is some seconds on this clock.
pub(crate) const FASTEST: f64 = 600.0;

/// Shows checks from delivery to decision, with simulated systems and the real handler.
#[derive(Debug, Parser)]
#[command(name = "cargo demo --", bin_name = "cargo demo --", max_term_width = 100)]
pub(crate) struct Arguments {
    /// Print one story after the other instead of serving the page
    #[arg(long, conflicts_with_all = ["checks", "port"])]
    pub(crate) headless: bool,
    /// Let the real Functions host call the handler, in real time; it needs Core Tools (`func`) and Node
    #[arg(long, conflicts_with_all = ["headless", "speed"])]
    pub(crate) functions_host: bool,
    /// Rehearse the checks of your own checks.yaml
    #[arg(long, value_name = "FILE")]
    pub(crate) checks: Option<PathBuf>,
    /// How many times faster than real time the demo's clock runs, from 1 to 600
    #[arg(long, value_name = "FACTOR", value_parser = speed, default_value_t = SPEED)]
    pub(crate) speed: f64,
    /// The page's port on this machine; 0 means any free one
    #[arg(long, default_value_t = 7080)]
    pub(crate) port: u16,
    /// The folder of the function app
    #[arg(long, hide = true, default_value = APP)]
    pub(crate) root: PathBuf,
    /// The ports of the real Functions host and of the blob, queue and table service
    #[arg(long, hide = true, default_value = "7071,10000,10001,10002")]
    pub(crate) ports: Ports,
}

fn speed(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor| (1.0..=FASTEST).contains(factor));
    factor.ok_or_else(|| format!("write a number from 1 to {FASTEST}, such as 60"))
}
