//! A local run from the outside: the real command and the real Azurite, with stand-ins for cargo and Core Tools.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "the helpers of a test are a test")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long something may take before it counts as never happening. npm may have to install Azurite first.
const PATIENCE: Duration = Duration::from_secs(300);

/// One Azurite at a time: several that start together slow each other down.
static AZURITE: Mutex<()> = Mutex::new(());

fn one_azurite_at_a_time() -> MutexGuard<'static, ()> {
    AZURITE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stands in for `checkgate`: reads any checks.yaml but one that says `broken`.
const CHECKGATE: &str = r#"#!/bin/sh
read -r first < "$2"
if [ "$first" = broken ]; then
  echo "checks.yaml: line 1: broken"; echo "error: checks.yaml has 1 mistake" >&2; exit 1
fi
echo "checks.yaml: 2 checks, no mistakes"; echo "  first  The first"; echo "  manual-run  By hand"
"#;

/// A machine with a function app.
struct Machine {
    folder: PathBuf,
    ports: [u16; 4],
}

impl Machine {
    /// With everything that a local run needs.
    fn complete() -> Self {
        let folder = std::env::temp_dir().join(format!("checkgate-local-{}", uuid::Uuid::new_v4()));
        let machine = Self { folder, ports: free_ports() };
        fs::create_dir_all(machine.root().join("tests")).unwrap();
        fs::create_dir_all(machine.folder.join("bin")).unwrap();
        fs::write(machine.root().join("checks.yaml"), "good\n").unwrap();
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/azurite"), machine.root().join("tests/azurite"))
            .unwrap();
        let built = machine.folder.join("built");
        machine.program("../built", CHECKGATE);
        let message = format!(r#"{{"target":{{"name":"checkgate"}},"executable":"{}"}}"#, built.display());
        machine.program(
            "cargo",
            &format!("#!/bin/sh\necho \"$@\" >> \"$RECORD/cargo\"\nenv > \"$RECORD/environment\"\necho '{message}'\n"),
        );
        machine.core_tools("exit 0");
        machine
    }

    fn root(&self) -> PathBuf {
        self.folder.join("app")
    }

    fn program(&self, name: &str, text: &str) {
        let file = self.folder.join("bin").join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A `func` that records how it was called, and then does this.
    fn core_tools(&self, then: &str) {
        let script = "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 4.0.0; exit; fi\necho \"$PWD: func $*\" >> \"$RECORD/func\"\n";
        self.program("func", &format!("{script}{then}\n"));
    }

    /// `cargo local`, with these folders for programs behind the stand-ins.
    fn command(&self, arguments: &[&str], path: &[&Path]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        let bin = self.folder.join("bin");
        let path = std::env::join_paths([bin.as_path()].iter().chain(path)).unwrap();
        command
            .args(["local", "--ports", &self.ports.map(|port| port.to_string()).join(",")])
            .arg("--root")
            .arg(self.root())
            .args(arguments)
            .env("PATH", path)
            .env("CARGO", bin.join("cargo"))
            .env("RECORD", &self.folder)
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end on a machine that has Node.
    fn local(&self, arguments: &[&str]) -> Output {
        let path = node();
        let path: Vec<&Path> = path.iter().map(PathBuf::as_path).collect();
        self.command(arguments, &path).output().expect("the command")
    }

    /// How a stand-in was called.
    fn record(&self, program: &str) -> String {
        fs::read_to_string(self.folder.join(program)).unwrap_or_default()
    }

    fn listens(&self) -> bool {
        self.ports.iter().any(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
    }

    /// A refusal in a sentence that says this, after which nothing has begun.
    #[track_caller]
    fn expect_refusal(&self, output: &Output, says: &str) {
        let why = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{why}");
        assert!(why.starts_with("error: ") && why.contains(says), "{why}");
        assert!(!self.root().join("checkgate").is_file(), "an executable was put in place");
        assert_eq!(self.record("func"), "", "func was started");
        assert!(!self.root().join("target").exists(), "Azurite was started");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // A folder that stays harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn free_ports() -> [u16; 4] {
    let listeners: [TcpListener; 4] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// The folders of the real programs.
fn node() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what} never happened");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether this process is there.
fn runs(pid: &str) -> bool {
    Command::new("kill").args(["-0", pid.trim()]).stderr(Stdio::null()).status().unwrap().success()
}

/// Answers each request on this port as Azurite does without a signature.
fn a_storage_service(port: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // Who only looks whether somebody listens sends nothing.
            if stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                let answer = "HTTP/1.1 403 Forbidden\r\nServer: Azurite-Queue/3.37.0\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
}

fn interrupt_group(child: &Child) {
    let group = format!("-{}", child.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
}

#[test]
fn it_builds_puts_in_place_starts_azurite_says_how_to_deliver_and_runs_func_start() {
    let _one = one_azurite_at_a_time();
    let machine = Machine::complete();
    // The handler that runs cannot be written to; only a replacement works.
    let running = machine.root().join("checkgate");
    fs::copy("/bin/sleep", &running).unwrap();
    let mut handler = Command::new(&running).arg("600").spawn().unwrap();
    // The port of the queue service, asked by the stand-in while it runs.
    let queue = machine.ports[2];
    machine.core_tools(&format!(
        "node -e 'require(\"net\").connect({queue}, \"127.0.0.1\").on(\"connect\", () => process.exit(7)).on(\"error\", () => process.exit(8))'"
    ));

    let output = machine.local(&[]);
    handler.kill().unwrap();
    handler.wait().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(7), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let root = machine.root().canonicalize().unwrap();
    assert_eq!(machine.record("func"), format!("{}: func start --port {}\n", root.display(), machine.ports[0]));
    assert!(machine.record("cargo").starts_with("build --locked --package checkgate"), "{}", machine.record("cargo"));
    assert_eq!(fs::read_to_string(&running).unwrap(), CHECKGATE, "the executable was replaced");
    for part in [
        "Azurite was started. Its data is in target/azurite.",
        &format!("http://localhost:{}/api/CheckFunction", machine.ports[0]),
        "\"PlanUrl\": \"$(system.CollectionUri)\",",
        "curl -X POST 'http://localhost:",
        "-H 'Check: manual-run'",
    ] {
        assert!(said.contains(part), "{part} is not said:\n{said}");
    }
    assert!(fs::read_dir(root.join("target/azurite")).unwrap().count() > 1, "Azurite's data is there");
    assert!(!machine.listens(), "something was left running");
}

#[test]
fn ctrl_c_leaves_nothing_running() {
    let _one = one_azurite_at_a_time();
    let machine = Machine::complete();
    let path = node();
    let path: Vec<&Path> = path.iter().map(PathBuf::as_path).collect();
    // A host that takes its time, as the real one does for an evaluation under way.
    machine.core_tools("trap 'echo stopping >> \"$RECORD/func\"; sleep 1; exit 0' INT TERM\necho $$ > \"$RECORD/pid\"\necho up >> \"$RECORD/func\"\nwhile :; do sleep 0.1; done");
    for arguments in [&[][..], &["--no-func"]] {
        let mut command = machine.command(arguments, &path);
        let mut child = command.process_group(0).stdout(Stdio::piped()).spawn().unwrap();
        let up = || if arguments.is_empty() { machine.record("func").contains("up") } else { machine.listens() };
        until("the start", up);
        interrupt_group(&child);
        let status = child.wait().unwrap();
        assert!(status.code().is_some(), "the signal killed it before it could end what it had started");
        assert!(!machine.listens(), "Azurite was left running");
    }
    assert!(machine.record("func").contains("stopping"), "func was not asked to end");
    assert!(!runs(&machine.record("pid")), "func was left running");
}

#[test]
fn ctrl_c_while_azurite_starts_leaves_nothing_running() {
    let machine = Machine::complete();
    xtask::azurite::install(&machine.root()).unwrap();
    // The real one would run the stand-in for node.
    machine.program("npm", "#!/bin/sh\necho 10.0.0\n");
    // An Azurite that never listens, and that notes a request to end.
    machine.program(
        "node",
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo v20.0.0; exit; fi\ntrap 'echo asked >> \"$RECORD/node\"; exit 0' TERM\necho $$ >> \"$RECORD/node\"\nwhile :; do sleep 0.1; done\n",
    );
    let path = node();
    let path: Vec<&Path> = path.iter().map(PathBuf::as_path).collect();
    let mut child = machine.command(&[], &path).process_group(0).stderr(Stdio::piped()).spawn().unwrap();
    until("Azurite's start", || !machine.record("node").is_empty());
    interrupt_group(&child);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let why = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert!(why.contains("error: stopped while Azurite was starting"), "{why}");
    let record = machine.record("node");
    let (pid, asked) = record.split_once('\n').unwrap();
    assert_eq!(asked, "asked\n", "it is asked to end, so that it can write its data");
    assert!(!runs(pid), "Azurite was left running");
    assert_eq!(machine.record("func"), "", "func was started");
}

#[test]
fn an_azurite_that_answers_already_is_used_and_left_running() {
    let _one = one_azurite_at_a_time();
    let machine = Machine::complete();
    let path = node();
    let path: Vec<&Path> = path.iter().map(PathBuf::as_path).collect();
    let mut command = machine.command(&["--no-func"], &path);
    let mut first = command.process_group(0).stdout(Stdio::null()).spawn().unwrap();
    let listens = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
    until("Azurite", || machine.ports[1..].iter().all(|port| listens(*port)));

    let output = machine.local(&[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("Azurite answers already. It is used, and left running."), "{said}");
    assert!(machine.record("func").contains("func start"));
    assert!(listens(machine.ports[2]), "somebody else's Azurite was ended");
    interrupt_group(&first);
    first.wait().unwrap();
}

#[test]
fn what_is_missing_is_said_before_anything_is_started() {
    let machine = Machine::complete();
    fs::remove_file(machine.folder.join("bin/func")).unwrap();
    let without_programs = |machine: &Machine| machine.command(&[], &[]).output().unwrap();
    machine.expect_refusal(&without_programs(&machine), "install Azure Functions Core Tools 4");
    machine.core_tools("exit 0");
    machine.expect_refusal(&without_programs(&machine), "node cannot be run");
    machine.program("node", "#!/bin/sh\necho v20.20.2\n");
    machine.expect_refusal(&without_programs(&machine), "npm cannot be run");
    machine.expect_refusal(&without_programs(&machine), "install Node 20 or later");
    machine.program("node", "#!/bin/sh\necho v18.20.4\n");
    machine.expect_refusal(&without_programs(&machine), "node is version `v18.20.4`");

    let machine = Machine::complete();
    machine.program("func", "#!/bin/sh\necho 3.0.1\n");
    machine.expect_refusal(&machine.local(&[]), "func is version `3.0.1`");
    machine.program("func", "#!/bin/sh\necho \"env: 'node': No such file\" >&2\nexit 127\n");
    machine
        .expect_refusal(&machine.local(&[]), "func does not run (env: 'node': No such file): install Azure Functions");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let machine = Machine::complete();
    let [func, blob, queue, table] = machine.ports;
    for (address, port, says) in [
        ("127.0.0.1", func, "`func start` needs it"),
        ("0.0.0.0", func, "`func start` needs it"),
        // `localhost` is this one first.
        ("::1", func, "`func start` needs it"),
        ("127.0.0.1", blob, "blob service"),
        ("127.0.0.1", queue, "queue service"),
        ("127.0.0.1", table, "table service"),
    ] {
        let taken = TcpListener::bind((address, port)).unwrap();
        let output = machine.local(&[]);
        machine.expect_refusal(&output, says);
        machine.expect_refusal(&output, &format!("port {port} is taken"));
        drop(taken);
    }
}

#[test]
fn an_azurite_that_is_half_there_is_not_completed() {
    let machine = Machine::complete();
    let [_, blob, queue, table] = machine.ports;
    a_storage_service(table);
    machine.expect_refusal(&machine.local(&[]), "neither a blob service nor a queue service answers: stop it");
    a_storage_service(queue);
    let says = format!("a queue service answers on port {queue}, but no blob service on port {blob}");
    machine.expect_refusal(&machine.local(&[]), &says);
}

#[test]
fn the_build_does_not_see_that_cargo_runs_this_command() {
    let machine = Machine::complete();
    // The run ends behind the build.
    fs::write(machine.root().join("checks.yaml"), "broken\n").unwrap();
    let path = node();
    let path: Vec<&Path> = path.iter().map(PathBuf::as_path).collect();
    let mut command = machine.command(&[], &path);
    let kept = ("CARGO_TARGET_DIR", "/elsewhere");
    let cargo_run = [("CARGO_PKG_NAME", "xtask"), ("CARGO_MANIFEST_DIR", "/xtask"), kept];
    machine.expect_refusal(&command.envs(cargo_run).output().unwrap(), "1 mistake");
    let environment = machine.record("environment");
    assert!(environment.contains("CARGO_TARGET_DIR=/elsewhere"), "{environment}");
    assert!(!environment.contains("CARGO_PKG_") && !environment.contains("CARGO_MANIFEST_"), "{environment}");
}

#[test]
fn a_handler_that_does_not_build_is_not_put_in_place() {
    let machine = Machine::complete();
    machine.program("cargo", "#!/bin/sh\nexit 101\n");
    machine.expect_refusal(&machine.local(&[]), "the handler does not build");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let machine = Machine::complete();
    // Even a superuser, who may write anywhere, cannot write a file where a folder is.
    fs::create_dir(machine.root().join(".checkgate.new")).unwrap();
    machine.expect_refusal(&machine.local(&[]), "cannot be written to");
}

#[test]
fn a_broken_checks_yaml_is_shown_with_its_lines() {
    let machine = Machine::complete();
    fs::write(machine.root().join("checks.yaml"), "broken\n").unwrap();
    let output = machine.local(&[]);
    machine.expect_refusal(&output, "checks.yaml has 1 mistake: mend it");
    machine.expect_refusal(&output, "line 1: broken");
}
