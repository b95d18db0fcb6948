//! What `--help` says below the options of each command: examples to copy, exit codes, and what the command needs.
//!
//! The lines are written as they are shown: at most 100 columns, and an example that is longer goes on behind a backslash.

/// Where the commands that read Azure DevOps find a token.
macro_rules! token {
    () => {
        "The token comes from the environment variable CHECKGATE_TOKEN, else from AZURE_DEVOPS_EXT_PAT,
else from the Azure CLI (az login)."
    };
}

pub(super) const CHECKGATE: &str = "\
Examples:
  checkgate validate
  checkgate explain work-item-completed
  checkgate audit https://dev.azure.com/fabrikam/shop

`checkgate COMMAND --help` has examples of each command.
Without a command, checkgate serves the Functions host, which sets the port in the environment.";

pub(super) const VALIDATE: &str = "\
Examples:
  checkgate validate
  checkgate validate teams/web/checks.yaml
  checkgate validate --app dist

Exit codes: 0 no mistakes, 1 mistakes. Warnings do not count.";

pub(super) const EVALUATE: &str = concat!(
    "\
Examples:
  checkgate evaluate --check release \\
      'https://dev.azure.com/fabrikam/shop/_build/results?buildId=101'
  checkgate evaluate --check release --record release.test.yaml \\
      'https://dev.azure.com/fabrikam/shop/_build/results?buildId=101'
  checkgate evaluate --check change-approved --input ChangeNumber=CHG0030001 --build 101 \\
      https://dev.azure.com/fabrikam/shop

Exit codes: 0 the decision would be succeeded, 1 failed or the command could not find out, 2 not
decided yet.
",
    token!(),
    " It must be able to read builds and work items."
);

pub(super) const EXPLAIN: &str = "\
Examples:
  checkgate explain work-item-completed
  checkgate explain release --file teams/web/checks.yaml

Exit codes: 0 explained, 2 there is no such check, or the file has mistakes.";

pub(super) const BACKTEST: &str = concat!(
    "\
Examples:
  checkgate backtest --check release --pipeline 12 https://dev.azure.com/fabrikam/shop
  checkgate backtest --check release --pipeline 12 --last 200 --against new.yaml \\
      https://dev.azure.com/fabrikam/shop

Each run is judged as of the times when its stage began to wait, when it went on, and at the
check's deadline. Conditions that cannot be asked of the past are not guessed: a run that depends
on one is reported as unknown.

Exit codes: 0 done, 1 with --against if a decision differs, 2 something could not be read.
",
    token!()
);

pub(super) const TEST: &str = "\
Examples:
  checkgate test
  checkgate test teams/web --format junit > results.xml

A test says what an evaluation sees and what must follow. Nobody is asked, and the time is the
test's own, so a test gives the same result wherever it runs.

Exit codes: 0 all passed, 1 one failed, 2 a file has mistakes, or there are no tests.";

pub(super) const VERIFY_RECORD: &str = "\
Examples:
  checkgate verify-record handler.log
  checkgate verify-record record.json --file checks.yaml

The file may be a log: other lines are skipped, and - stands for the standard input. A record
verifies if its facts lead to its decision and to what it says of each condition, by the definition
in it or, where that was too long, by the one of the same digest in --file.

Exit codes: 0 all records verify, 1 one does not, 2 there is none, or one cannot be judged again.";

pub(super) const AUDIT: &str = concat!(
    "\
Examples:
  checkgate audit https://dev.azure.com/fabrikam/shop
  checkgate audit https://dev.azure.com/fabrikam/shop --fix
  checkgate audit https://dev.azure.com/fabrikam --require 'environment/prod*' \\
      --format sarif > audit.sarif
  checkgate audit https://dev.azure.com/fabrikam/shop --format json > known.json
  checkgate audit https://dev.azure.com/fabrikam/shop --baseline known.json

Exit codes: 0 nothing to report, 1 findings, 2 something could not be read or mended.
",
    token!(),
    " It needs the scopes Build (read), Environment, Service
Connections, Code, Variable Groups, Secure Files and Agent Pools (read); with --fix also Pipeline
Resources (use and manage)."
);

pub(super) const INSTALL: &str = concat!(
    "\
Examples:
  export CHECKGATE_FUNCTION_KEY=…
  checkgate install https://dev.azure.com/fabrikam/shop environment/prod \\
      --check work-item-completed \\
      --function-url https://fabrikam-checks.azurewebsites.net/api/CheckFunction --dry-run
  checkgate install https://dev.azure.com/fabrikam/shop endpoint/azure --check manual-run \\
      --rest --service-connection checkgate

The function key comes from the environment variable CHECKGATE_FUNCTION_KEY. A variable such as
$(CheckKey) works too.

Exit codes: 0 done or nothing to change, 1 with --dry-run if there is something to change, 2 it
could not be done.
",
    token!(),
    " It needs the scope Pipeline Resources (use and manage)."
);

/// What every command about poisoned checks needs.
macro_rules! app {
    () => {
        "Run it in the folder of the function app, with the app's settings in the environment. Where they
name an account without a key, the token comes from CHECKGATE_STORAGE_TOKEN, else from the Azure
CLI (az login). It needs the role Storage Queue Data Contributor."
    };
}

/// What the commands that take a message do to all others.
macro_rules! hides {
    () => {
        "The messages that are searched are hidden from other commands for 30 seconds."
    };
}

pub(super) const POISON: &str = concat!(
    "\
Examples:
  checkgate poison list
  checkgate poison requeue 0f8fad5b-d9cb-469f-a165-70867728950e

",
    app!()
);

pub(super) const POISON_LIST: &str = concat!("Example:\n  checkgate poison list\n\n", app!());

pub(super) const POISON_REQUEUE: &str =
    concat!("Example:\n  checkgate poison requeue 0f8fad5b-d9cb-469f-a165-70867728950e\n\n", app!(), "\n", hides!());

pub(super) const POISON_FAIL: &str =
    concat!("Example:\n  checkgate poison fail 0f8fad5b-d9cb-469f-a165-70867728950e\n\n", app!(), "\n", hides!());

pub(super) const SCHEMA: &str = "\
Examples:
  checkgate schema > checks.schema.json
  checkgate schema tests > tests.schema.json
  checkgate schema decision > decision.schema.json";

pub(super) const KEYGEN: &str = "\
Example:
  az functionapp config appsettings set --resource-group checks --name fabrikam-checks \\
      --settings TokenSealingKey=\"$(checkgate keygen)\"";

pub(super) const COMPLETIONS: &str = "\
Examples:
  source <(checkgate completions bash)
  checkgate completions zsh > \"${fpath[1]}/_checkgate\"
  checkgate completions fish > ~/.config/fish/completions/checkgate.fish";

pub(super) const MAN: &str = "\
Examples:
  checkgate man > checkgate.1 && man ./checkgate.1
  checkgate man audit > checkgate-audit.1
  checkgate man poison list > checkgate-poison-list.1";
