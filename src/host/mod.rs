//! What the Functions host makes of the app's files and settings, as far as the handler depends on it.
//!
//! The handler reads what the host reads: `host.json`, each `function.json`, and the app settings that override or disable
//! them. It follows names and numbers. What cannot work is a problem with a sentence that names the setting: then
//! deliveries are refused, because the host would lose the check, and the checks that wait go on.
//!
//! # Layout
//!
//! In reading order: `host_json` (members of `host.json` with their overrides), `functions` (the two functions).

mod functions;
mod host_json;

use host_json::HostJson;

use crate::queue::QUEUE_NAME;

/// What is wrong where the host wraps requests in JSON.
pub const NOT_FORWARDED: &str = "the Functions host does not pass on requests as they are: set \
    customHandler.enableForwardingHttpRequest to true in host.json, and deploy the function app again";

/// Reads an app setting.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The files of the app that the host reads.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The text of `host.json`, or why it cannot be read.
    pub host_json: Option<Result<String, String>>,
    /// The text of `function.json` in each folder that has one, by the folder's name.
    pub functions: Vec<(String, String)>,
}

/// What the host does, and what is wrong with that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The last part of the path on which deliveries arrive, in small letters.
    pub delivery_path: String,
    /// The same where the host wraps requests in JSON: the name of the function.
    pub delivery_function: String,
    /// The last part of the path on which evaluations arrive, in small letters.
    pub evaluation_path: String,
    /// The name of the HTTP output. The host takes an answer under another name for `200 {}`, which Azure Pipelines takes
    /// for an acknowledgement.
    pub http_output: String,
    /// The queue that the host listens to.
    pub queue_name: String,
    /// The connection of the queue: the name of an app setting, or the beginning of several.
    pub connection: String,
    /// How many times the host hands out a message before it goes to the poison queue.
    pub max_dequeue_count: u32,
    /// How many evaluations the host runs at a time on one instance.
    pub max_evaluations: usize,
    /// What cannot work: a sentence for each setting.
    pub problems: Vec<String>,
    /// What works, but not well.
    pub warnings: Vec<String>,
}

impl Host {
    /// What the files say that ship with the handler.
    #[must_use]
    pub fn shipped() -> Self {
        Self {
            delivery_path: "checkfunction".to_owned(),
            delivery_function: "checkfunction".to_owned(),
            evaluation_path: "reevaluatefunction".to_owned(),
            http_output: "response".to_owned(),
            queue_name: QUEUE_NAME.to_owned(),
            connection: "AzureWebJobsStorage".to_owned(),
            max_dequeue_count: 10,
            max_evaluations: 256,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Reads the app as the host does. What cannot be read is as in the files that ship.
    #[must_use]
    pub fn read(files: &Files, lookup: Lookup<'_>) -> Self {
        let mut host = Self::shipped();
        match &files.host_json {
            None => host.problems.push("host.json is missing in the folder of the function app".to_owned()),
            Some(Err(why)) => host.problems.push(format!("host.json cannot be read: {why}")),
            Some(Ok(text)) => match HostJson::parse(text, lookup) {
                Ok(json) => {
                    json.apply(&mut host);
                    functions::read(&files.functions, &json, &mut host);
                }
                Err(why) => host.problems.push(format!("host.json {why}")),
            },
        }
        host
    }
}

#[cfg(test)]
mod tests;
