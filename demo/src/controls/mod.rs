//! The outside world as controls: what the conditions of a check read, and a person can change.
//!
//! Each control holds one value. The page shows it, somebody sets it, and [`Subject::apply`] brings it into the simulated
//! systems. The controls are made from the kinds of conditions, so every `checks.yaml` gets its own.
//!
//! * `derive`: the controls of some checks. `run_controls`, `source_controls`, `evidence_controls`: by what a condition
//!   reads.
//! * `subject`, `evidence`: what a control changes.

mod derive;
mod evidence;
mod evidence_controls;
mod run_controls;
mod source_controls;
mod subject;

use serde::Serialize;
use serde_json::Value;

pub(crate) use derive::{control_inputs, controls_of};
pub(crate) use evidence::{Evidence, FoundIn};
pub(crate) use source_controls::limit;
pub(crate) use subject::{Subject, Worlds};

/// The longest text that somebody may type.
const LONGEST_TEXT: usize = 4_000;

/// One value of the outside world.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Control {
    /// Identifies it in an action.
    pub(crate) id: String,
    /// The system or thing that it belongs to.
    pub(crate) group: String,
    /// What the value is.
    pub(crate) label: String,
    /// What a person should know about it. May be empty.
    pub(crate) note: String,
    /// How it is entered.
    pub(crate) input: Input,
    /// What it is now.
    pub(crate) value: Value,
    /// Values with a button of their own. The first one lets a check pass.
    pub(crate) buttons: Vec<Button>,
    #[serde(skip)]
    pub(crate) subject: Subject,
}

/// How a value is entered.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub(crate) enum Input {
    /// One of these, each with its value and what people call it.
    Choice { options: Vec<(String, String)> },
    /// A number, or nothing where there is no data.
    Number { min: f64, max: f64, step: f64, unit: String, is_slider: bool },
    /// Any text, with suggestions.
    Text { suggestions: Vec<String> },
    /// Any JSON.
    Json,
}

/// A value with a button of its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Button {
    pub(crate) label: String,
    pub(crate) value: Value,
}

impl Button {
    pub(crate) fn new(label: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { label: label.into(), value: value.into() }
    }
}

impl Control {
    /// A control without a note and buttons.
    pub(crate) fn new(id: impl Into<String>, (group, label): (&str, &str), input: Input, subject: Subject) -> Self {
        Self {
            id: id.into(),
            group: group.to_owned(),
            label: label.to_owned(),
            note: String::new(),
            input,
            value: Value::Null,
            buttons: Vec::new(),
            subject,
        }
    }

    pub(crate) fn with(mut self, value: impl Into<Value>) -> Self {
        self.value = value.into();
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    pub(crate) fn button(mut self, label: impl Into<String>, value: impl Into<Value>) -> Self {
        let button = Button::new(label, value);
        if !self.buttons.contains(&button) {
            self.buttons.push(button);
        }
        self
    }

    /// Takes a new value. Returns what happened, as a sentence.
    ///
    /// # Errors
    ///
    /// Why it is not a value of this control.
    pub(crate) fn set(&mut self, value: Value) -> Result<String, String> {
        let shown = self.input.check(&value)?;
        self.value = value;
        Ok(format!("You set {} of {} to {shown}.", self.label.to_lowercase(), self.group))
    }
}

impl Input {
    /// The value in words.
    fn check(&self, value: &Value) -> Result<String, String> {
        match (self, value) {
            (Self::Choice { options }, _) => {
                let wanted = value.as_str().unwrap_or_default();
                let known = options.iter().find(|(option, _)| option == wanted);
                known.map(|(_, label)| label.clone()).ok_or_else(|| {
                    let labels: Vec<&str> = options.iter().map(|(_, label)| label.as_str()).collect();
                    format!("This is not one of the choices: {}.", labels.join(", "))
                })
            }
            (Self::Number { .. }, Value::Null) => Ok("no data".to_owned()),
            (Self::Number { min, max, .. }, _) => {
                let number = value.as_f64().filter(|number| (*min..=*max).contains(number));
                number.map(|number| number.to_string()).ok_or_else(|| format!("Write a number from {min} to {max}."))
            }
            (Self::Text { .. }, Value::String(text))
                if text.len() <= LONGEST_TEXT && !text.contains(char::is_control) =>
            {
                Ok(format!("\u{201c}{text}\u{201d}"))
            }
            (Self::Text { .. }, _) => Err(format!("Write one line of text, of at most {LONGEST_TEXT} bytes.")),
            (Self::Json, Value::String(text)) if text.len() > LONGEST_TEXT => {
                Err(format!("Write at most {LONGEST_TEXT} bytes."))
            }
            (Self::Json, Value::String(text)) => match serde_json::from_str::<Value>(text) {
                Ok(_) => Ok(text.clone()),
                Err(error) => Err(format!("This is not JSON: {error}.")),
            },
            (Self::Json, _) => Err("Write JSON as text.".to_owned()),
        }
    }
}
