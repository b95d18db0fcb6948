//! `cargo demo`: checks from delivery to decision on one machine.
//!
//! It simulates Azure DevOps, the storage account and the Functions host on free ports. The host starts the real handler
//! as its own process. A local page shows a pipeline run whose stage waits for its checks, and the outside world as
//! controls. `-- --functions-host` uses the real Functions host instead. `-- --headless` prints one story after the other instead; the exit code is 0 only if every story ends with the
//! expected decision.
//!
//! * [`world`], [`host`], `shared_clock`: the simulated systems, what calls the handler, and their time. [`checks`]: what is checked.
//! * [`demo`], `play`, `outside_world`: the run in play, and what somebody does. `use_cases`, [`controls`]: what there is to do.
//! * [`page`]: what the browser shows. [`headless`], `stories`, `paint`: what the terminal shows.

mod arguments;
mod checks;
mod controls;
mod demo;
mod headless;
mod host;
mod outside_world;
mod page;
mod paint;
mod play;
mod shared_clock;
mod stories;
mod use_cases;
mod world;

use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::sync::watch;
use xtask::local::{Found, Options, Stop};

use arguments::Arguments;
use checks::Checks;
use demo::Demo;
use world::World;

/// How much later than its host the demo may notice a Ctrl+C that reaches both.
const SAME_MOMENT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // The simulated host starts this program again as the handler: the same code as the deployed executable.
    if checkgate::config::environment("FUNCTIONS_CUSTOMHANDLER_PORT").is_some() {
        let file = checkgate::config::environment(shared_clock::SETTING);
        let system = checkgate::clock::Clock::system;
        return checkgate::cli::serve(file.map_or_else(system, |file| shared_clock::of_handler(file.into())));
    }
    let arguments = Arguments::parse();
    let read = arguments.checks.as_deref().map_or_else(Checks::of_demo, Checks::read);
    let checks = match read {
        Ok(checks) => checks,
        Err(problems) => {
            problems.iter().for_each(|problem| paint::line(problem));
            return ExitCode::FAILURE;
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(run(&arguments, checks))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            paint::line(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the stories, or serves the page. `false` when a story did not end with the expected decision, or the host is lost.
async fn run(arguments: &Arguments, checks: Checks) -> io::Result<bool> {
    if arguments.headless {
        return headless::run_all(&checks).await;
    }
    if arguments.functions_host {
        return run_with_core_tools(arguments, checks).await;
    }
    let listener = listen(arguments.port).await?;
    say_where(&listener)?;
    let world = World::start(&checks, arguments.speed).await?;
    let stop = async {
        // Without signals, somebody has to kill the demo.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    serve(Demo::new(world, checks), listener, stop).await
}

/// Serves the page once the real host is there.
async fn run_with_core_tools(arguments: &Arguments, checks: Checks) -> io::Result<bool> {
    let options = Options {
        root: arguments.root.canonicalize()?,
        no_func: false,
        without_func: "`cargo demo` without `--functions-host` needs neither Core Tools nor Azurite",
        ports: arguments.ports.clone(),
    };
    let found = Found::look(options).await.map_err(io::Error::other)?;
    let listener = listen(arguments.port).await?;
    // From here on, Ctrl+C must not end this process before what it has started.
    let mut stop = Stop::hold()?;
    let world = World::start_with_core_tools(&checks, found, &mut stop).await?;
    say_where(&listener)?;
    serve(Demo::new(world, checks), listener, async move { stop.asked().await }).await
}

fn say_where(listener: &TcpListener) -> io::Result<()> {
    paint::line(&format!("Open http://{}/ in a browser. Ctrl+C ends the demo.", listener.local_addr()?));
    Ok(())
}

/// Serves the page until `stop` is ready. `false` when the host is lost before.
async fn serve(
    demo: Arc<Demo>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<bool> {
    let (ask, mut asked) = watch::channel(false);
    let mut page_asked = asked.clone();
    let asking = tokio::spawn(async move {
        stop.await;
        ask.send_replace(true);
    });
    let until_asked = async move {
        let _ = page_asked.wait_for(|is_asked| *is_asked).await;
    };
    tokio::select! {
        () = page::serve(Arc::clone(&demo), listener, until_asked) => {}
        () = demo.world.host.keep(|number| demo.note(format!("Host {number} took over."))) => {
            // Ctrl+C reaches both, and the host may be the faster one.
            let _ = tokio::time::timeout(SAME_MOMENT, asked.wait_for(|is_asked| *is_asked)).await;
        }
    }
    asking.abort();
    let is_asked = *asked.borrow();
    paint::line(if is_asked { "The demo has ended." } else { "The Functions host has ended, and so has the demo." });
    demo.world.stop().await?;
    Ok(is_asked)
}

/// Listens on this machine only.
async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        let advice = "choose another one with `cargo demo -- --port 0`, which takes any free port";
        io::Error::new(error.kind(), format!("port {port} cannot be used ({error}); {advice}"))
    })
}
