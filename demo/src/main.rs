//! `cargo demo`: checks from delivery to decision on one machine.
//!
//! It simulates Azure DevOps, the storage account and the Functions host on free ports. The host starts the real handler
//! as its own process. A local page shows a pipeline run whose stage waits for its checks, and the outside world as
//! controls. `-- --headless` prints one story after the other instead; the exit code is 0 only if every story ends with the
//! expected decision.
//!
//! * [`world`], `shared_clock`: the simulated systems and their time. [`checks`]: what is checked.
//! * [`demo`], `play`, `outside_world`: the run in play, and what somebody does. `use_cases`, [`controls`]: what there is to do.
//! * [`page`]: what the browser shows. [`headless`], `stories`, `paint`: what the terminal shows.

mod arguments;
mod checks;
mod controls;
mod demo;
mod headless;
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

use clap::Parser;
use tokio::net::TcpListener;

use arguments::Arguments;
use checks::Checks;
use demo::Demo;
use world::World;

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

/// Runs the stories, or serves the page. `false` when a story did not end with the expected decision.
async fn run(arguments: &Arguments, checks: Checks) -> io::Result<bool> {
    if arguments.headless {
        return headless::run_all(&checks).await;
    }
    let listener = listen(arguments.port).await?;
    paint::line(&format!("Open http://{}/ in a browser. Ctrl+C ends the demo.", listener.local_addr()?));
    let world = World::start(&checks, arguments.speed).await?;
    let demo = Demo::new(world, checks);
    let stop = async {
        // Without signals, somebody has to kill the demo.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = page::serve(Arc::clone(&demo), listener, stop) => {}
        () = demo.world.replace_lost_hosts() => {}
    }
    paint::line("The demo has ended.");
    demo.world.stop().await;
    Ok(true)
}

/// Listens on this machine only.
async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        let advice = "choose another one with `cargo demo -- --port 0`, which takes any free port";
        io::Error::new(error.kind(), format!("port {port} cannot be used ({error}); {advice}"))
    })
}
