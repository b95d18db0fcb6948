//! Prepares a local run and runs `func start`.
//!
//! First everything that can be missing is looked for, so that nothing is half started. Then: build, put the executable
//! in place, start Azurite, say how to deliver a check, run `func start`. When `func` ends, so does our Azurite.
//!
//! [`FunctionsHost`] is the same for another command, which delivers the checks itself.

mod func;
mod functions_host;
pub mod greeting;
pub mod ports;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::azurite::{self, Azurite};
use crate::{cargo, checks, say};

pub use functions_host::{Found, FunctionsHost};
pub use ports::Ports;

/// What to do.
#[derive(Debug)]
pub struct Options {
    /// The folder of the function app.
    pub root: PathBuf,
    /// Whether to stop before `func start`.
    pub no_func: bool,
    /// What somebody without Core Tools can do, as a clause.
    pub without_func: &'static str,
    /// The ports.
    pub ports: Ports,
}

/// Does it.
///
/// # Errors
///
/// A sentence for the person at the terminal.
pub fn run(options: &Options) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("the runtime cannot start: {error}"))?.block_on(prepare(options))
}

/// The signals that ask a program to end. While they are held here, they do not end this one.
#[derive(Debug)]
pub struct Stop([Signal; 3]);

impl Stop {
    /// Holds them from now on.
    ///
    /// # Errors
    ///
    /// If the system does not hand them over.
    pub fn hold() -> std::io::Result<Self> {
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]))
    }

    /// Waits until one comes.
    pub async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

async fn prepare(options: &Options) -> Result<ExitCode, String> {
    let Options { root, no_func, ports, .. } = options;
    let has_storage = look_for_what_is_missing(options).await?;
    if !has_storage {
        azurite::install(root)?;
    }
    let executable = cargo::build(root, &[], &[])?;
    let listed = checks::validate(root, &executable)?;
    put_in_place(root, &executable)?;
    say("The executable `checkgate` is in place.");
    // From here on, Ctrl+C must not end this process before what it has started.
    let mut stop = Stop::hold().map_err(|error| format!("signals cannot be waited for: {error}"))?;
    let azurite = have_azurite(options, has_storage, &mut stop).await?;
    say(&greeting::greeting(ports.func, &checks::names(&listed)));
    let ended = if *no_func {
        say("`func start` is left to you.");
        if azurite.is_some() {
            say("Azurite runs until you press Ctrl+C here.");
            stop.asked().await;
        }
        Ok(ExitCode::SUCCESS)
    } else {
        func::start(root, ports.func, &mut stop).await
    };
    azurite::stop(azurite).await?;
    ended
}

/// Finds what would stop the run later; returns whether a storage service is there already.
async fn look_for_what_is_missing(options: &Options) -> Result<bool, String> {
    let Options { root, no_func, without_func, ports } = options;
    if !no_func {
        func::is_installed().map_err(|why| format!("{why}; {without_func}"))?;
        if !ports::is_free(ports.func) {
            return Err(format!(
                "port {} is taken, and `func start` needs it: stop what listens there, perhaps another `func start`; {without_func}",
                ports.func
            ));
        }
    }
    let fresh = root.join(FRESH);
    fs::write(&fresh, "").and_then(|()| fs::remove_file(&fresh)).map_err(|error| {
        format!("{} cannot be written to ({error}), and the executable goes there: make it writable", root.display())
    })?;
    let has_storage = ports::has_storage(ports).await?;
    if !has_storage {
        azurite::look_for_node()?;
    }
    Ok(has_storage)
}

/// Starts Azurite, unless it answers already.
async fn have_azurite(options: &Options, has_storage: bool, stop: &mut Stop) -> Result<Option<Azurite>, String> {
    if has_storage {
        say("Azurite answers already. It is used, and left running.");
        return Ok(None);
    }
    let azurite = start_azurite(&options.root, &options.ports, stop).await?;
    say("Azurite was started. Its data is in target/azurite.");
    Ok(Some(azurite))
}

/// Ctrl+C while Azurite starts ends it.
async fn start_azurite(root: &Path, ports: &Ports, stop: &mut Stop) -> Result<Azurite, String> {
    let mut azurite = Azurite::start(root, ports)?;
    let ready = tokio::select! {
        ready = azurite.ready(ports) => ready,
        () = stop.asked() => Err("stopped while Azurite was starting".to_owned()),
    };
    match ready {
        Ok(()) => Ok(azurite),
        Err(why) => {
            // It must be gone before this command is. Why it had to go says more than how it went.
            let _ = azurite.stop().await;
            Err(why)
        }
    }
}

/// The name of the executable before it is complete.
const FRESH: &str = ".checkgate.new";

/// Puts the executable beside `host.json`, complete or not at all. A running one can be replaced, but not written to.
fn put_in_place(root: &Path, executable: &Path) -> Result<(), String> {
    let (fresh, place) = (root.join(FRESH), root.join("checkgate"));
    fs::copy(executable, &fresh)
        .and_then(|_| fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs::rename(&fresh, &place))
        .map_err(|error| format!("the executable cannot be put to {}: {error}", place.display()))
}
