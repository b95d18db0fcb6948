//! The Functions host of Core Tools, for a command that delivers checks itself.

use std::time::Duration;

use tokio::process::Child;
use tokio::sync::Mutex;
use tokio::time::{interval, timeout};

use super::ports::{self, Ports};
use super::{Options, Stop, func, greeting, have_azurite, look_for_what_is_missing, put_in_place};
use crate::azurite::{self, Azurite, terminate};
use crate::cargo;

/// How long `func start` may take to listen. It takes two seconds, and the first time it loads its extension bundle.
const START_LIMIT: Duration = Duration::from_secs(240);

/// How long `func` may take to end once it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// What a Functions host needs was found.
#[derive(Debug)]
pub struct Found {
    options: Options,
    has_storage: bool,
}

/// A running `func start`, with Azurite.
#[derive(Debug)]
pub struct FunctionsHost {
    func: Mutex<Child>,
    azurite: Mutex<Option<Azurite>>,
    port: u16,
}

impl Found {
    /// Looks for everything that the host needs, before anything is started.
    ///
    /// # Errors
    ///
    /// A sentence for the person at the terminal: what is missing.
    pub async fn look(options: Options) -> Result<Self, String> {
        let has_storage = look_for_what_is_missing(&options).await?;
        Ok(Self { options, has_storage })
    }

    /// The ports of the host and its storage.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.options.ports
    }

    /// Builds the handler, puts it in place, starts Azurite unless it answers, and runs `func start` with these app
    /// settings until it listens.
    ///
    /// # Errors
    ///
    /// A sentence for the person at the terminal. Nothing that was started is then left running.
    pub async fn start(self, settings: &[(String, String)], stop: &mut Stop) -> Result<FunctionsHost, String> {
        let Self { options, has_storage } = self;
        if !has_storage {
            azurite::install(&options.root)?;
        }
        let executable = cargo::build(&options.root, &[], &[])?;
        put_in_place(&options.root, &executable)?;
        let azurite = have_azurite(&options, has_storage, stop).await?;
        let port = options.ports.func;
        let func = match func::spawn(&options.root, port, settings) {
            Ok(func) => func,
            Err(why) => {
                azurite::stop(azurite).await?;
                return Err(why);
            }
        };
        let host = FunctionsHost { func: Mutex::new(func), azurite: Mutex::new(azurite), port };
        let ready = tokio::select! {
            ready = timeout(START_LIMIT, host.listens()) => {
                ready.unwrap_or_else(|_| Err(format!("`func` did not listen within {} s", START_LIMIT.as_secs())))
            }
            () = stop.asked() => Err("stopped while `func` was starting".to_owned()),
        };
        match ready {
            Ok(()) => Ok(host),
            Err(why) => {
                // Why it had to go says more than how it went.
                let _ = host.stop().await;
                Err(why)
            }
        }
    }
}

impl FunctionsHost {
    /// The address of the function to which checks are delivered. Core Tools ask for no key.
    #[must_use]
    pub fn address(&self) -> String {
        greeting::address(self.port)
    }

    async fn listens(&self) -> Result<(), String> {
        let mut tick = interval(Duration::from_millis(50));
        while ports::is_free(self.port) {
            if self.func.lock().await.try_wait().map_or(true, |ended| ended.is_some()) {
                return Err("`func` ended instead of listening; it has said why".to_owned());
            }
            tick.tick().await;
        }
        Ok(())
    }

    /// Waits until `func` has ended by itself.
    pub async fn ended(&self) {
        // A process that cannot be waited for counts as ended.
        let _ = self.func.lock().await.wait().await;
    }

    /// Ends `func`, then our Azurite, which `func` needs to its end.
    ///
    /// # Errors
    ///
    /// A sentence for the person at the terminal.
    pub async fn stop(&self) -> Result<(), String> {
        let mut func = self.func.lock().await;
        terminate(&func);
        if timeout(STOP_LIMIT, func.wait()).await.is_err() {
            func.kill().await.map_err(|error| format!("func cannot be ended: {error}"))?;
        }
        func::gone(self.port).await;
        azurite::stop(self.azurite.lock().await.take()).await
    }
}
