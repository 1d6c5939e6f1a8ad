//! A solution's own options: `--mode contains` on the command line,
//! `"options": {"mode": "contains"}` over HTTP. Help, API document and errors know the choices.

use std::collections::BTreeMap;

use bootcamp_core::{Error, Result};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::Value;
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{OpenApi, RefOr};

/// An option of a query or of an import.
#[derive(Debug)]
pub struct ProgramOption {
    pub name: &'static str,
    /// Of its environment variable.
    pub env: &'static str,
    /// Its effect, in one sentence.
    pub help: &'static str,
    pub value: OptionValue,
    /// Another option, and the values of it with which this one has an effect. The page shows it only then.
    pub only_with: Option<(&'static str, &'static [&'static str])>,
}

/// What an option may be.
#[derive(Clone, Copy, Debug)]
pub enum OptionValue {
    /// One of these, the first if nothing is chosen.
    OneOf(&'static [&'static str]),
    /// A number within these, both included.
    Number { least: f64, most: f64 },
    /// Any text, which help calls this.
    Text(&'static str),
    /// On or off; off if nothing is chosen.
    Switch,
}

/// The chosen options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<&'static str, String>);

impl Options {
    /// # Errors
    /// `InvalidInput` for an unknown option or an invalid value.
    pub fn of<'a>(
        known: &'static [ProgramOption],
        chosen: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self> {
        let mut options = BTreeMap::new();
        for (name, value) in chosen {
            let option = known.iter().find(|option| option.name == name).ok_or_else(|| {
                let names: Vec<_> = known.iter().map(|option| option.name).collect();
                let error = Error::invalid(format!("there is no option '{name}'"));
                if names.is_empty() { error } else { error.with_hint(format!("there is {}", names.join(", "))) }
            })?;
            option.check(value)?;
            options.insert(option.name, value.to_owned());
        }
        Ok(Self(options))
    }

    /// As [`Options::of`], with numbers and truth values as JSON has them.
    ///
    /// # Errors
    /// Those of [`Options::of`].
    pub fn of_json(known: &'static [ProgramOption], chosen: &BTreeMap<String, Value>) -> Result<Self> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let chosen: Vec<(&str, String)> = chosen
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.as_str(), text(value)))
            .collect();
        Self::of(known, chosen.iter().map(|(name, value)| (*name, value.as_str())))
    }

    /// Of a command that [`with_arguments`] made.
    ///
    /// # Errors
    /// Those of [`Options::of`].
    pub fn of_matches(known: &'static [ProgramOption], matches: &ArgMatches) -> Result<Self> {
        let chosen = known.iter().filter_map(|option| match option.value {
            OptionValue::Switch => matches.get_flag(option.name).then_some((option.name, "true")),
            _ => matches.get_one::<String>(option.name).map(|value| (option.name, value.as_str())),
        });
        Self::of(known, chosen)
    }

    /// Names and values, all of which [`Options::of_json`] takes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The chosen value; `None` means the default.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A number that was chosen.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.parse().ok()
    }

    /// Whether a switch is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }
}

impl ProgramOption {
    /// An option that always has an effect.
    pub const fn new(name: &'static str, env: &'static str, help: &'static str, value: OptionValue) -> Self {
        Self { name, env, help, value, only_with: None }
    }

    /// An option that has an effect only if another one has one of these values.
    pub const fn only_with(self, option: &'static str, values: &'static [&'static str]) -> Self {
        Self { only_with: Some((option, values)), ..self }
    }

    fn check(&self, value: &str) -> Result<()> {
        let wrong = |expected: String| {
            Err(Error::invalid(format!("the option '{}' is '{value}', expected {expected}", self.name)))
        };
        match self.value {
            OptionValue::OneOf(values) if !values.contains(&value) => wrong(values.join(", ")),
            OptionValue::Number { least, most }
                if !value.parse().is_ok_and(|number: f64| (least..=most).contains(&number)) =>
            {
                wrong(format!("a number from {least} to {most}"))
            }
            OptionValue::Switch if !["true", "false"].contains(&value) => wrong("true or false".to_owned()),
            _ => Ok(()),
        }
    }

    fn argument(&self) -> Arg {
        let argument = Arg::new(self.name).long(self.name).env(self.env).help(self.help);
        match self.value {
            OptionValue::OneOf(values) => argument
                .value_name("CHOICE")
                .value_parser(PossibleValuesParser::new(values.iter().copied()))
                .default_value(values.first().copied()),
            OptionValue::Number { .. } => argument.value_name("NUMBER").allow_negative_numbers(true),
            OptionValue::Text(what) => argument.value_name(what),
            OptionValue::Switch => argument.action(ArgAction::SetTrue),
        }
    }

    fn schema(&self) -> Schema {
        let schema = ObjectBuilder::new().description(Some(self.help));
        let schema = match self.value {
            OptionValue::OneOf(values) => schema
                .schema_type(Type::String)
                .enum_values(Some(values.iter().copied()))
                .default(values.first().map(|&value| value.into())),
            OptionValue::Number { least, most } => {
                schema.schema_type(Type::Number).minimum(Some(least)).maximum(Some(most))
            }
            OptionValue::Text(_) => schema.schema_type(Type::String),
            OptionValue::Switch => schema.schema_type(Type::Boolean).default(Some(false.into())),
        };
        schema.into()
    }
}

/// Adds options to a command.
pub fn with_arguments(command: Command, options: &[ProgramOption]) -> Command {
    options.iter().fold(command, |command, option| command.arg(option.argument()))
}

/// Adds options to what the API's document says of a JSON body.
pub(crate) fn with_schema(document: &mut OpenApi, body: &str, options: &[ProgramOption]) {
    if options.is_empty() {
        return;
    }
    let known = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    let known = options.iter().fold(known, |known, option| known.property(option.name, option.schema()));
    if let Some(body) = object(document, body) {
        body.properties.insert("options".to_owned(), known.into());
    }
}

/// Adds options to what the API's document says of a form, where each is a part of its own.
pub(crate) fn with_parts(document: &mut OpenApi, form: &str, options: &[ProgramOption]) {
    if let Some(form) = object(document, form) {
        form.properties.extend(options.iter().map(|option| (option.name.to_owned(), option.schema().into())));
    }
}

fn object<'a>(document: &'a mut OpenApi, name: &str) -> Option<&'a mut Object> {
    match document.components.as_mut()?.schemas.get_mut(name)? {
        RefOr::T(Schema::Object(object)) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::PROGRAM;

    const KNOWN: &[ProgramOption] = &[
        option("order", OptionValue::OneOf(&["likeness", "length"])),
        option("weight", OptionValue::Number { least: 0.0, most: 2.0 }),
        option("column", OptionValue::Text("NAME")),
        option("whole", OptionValue::Switch),
    ];

    const fn option(name: &'static str, value: OptionValue) -> ProgramOption {
        ProgramOption::new(name, "", "", value)
    }

    #[test]
    fn options_are_those_of_the_program() {
        let options = Options::of(PROGRAM.facts.options, [("order", "length")]).unwrap();
        assert_eq!((options.get("order"), Options::default().get("order")), (Some("length"), None));
        let error = |name, value| Options::of(PROGRAM.facts.options, [(name, value)]).unwrap_err();
        assert_eq!(error("order", "x").to_string(), "the option 'order' is 'x', expected likeness, length");
        assert_eq!(error("odour", "x").to_string(), "there is no option 'odour'");
        assert_eq!(error("odour", "x").hint(), Some("there is order"));
    }

    #[test]
    fn json_says_the_same_as_flags() {
        let body = json!({"order": "length", "weight": 1.5, "column": "a b", "whole": true});
        let body: BTreeMap<String, Value> = serde_json::from_value(body).unwrap();
        let options = Options::of_json(KNOWN, &body).unwrap();
        let flags = ["x", "--order", "length", "--weight", "1.5", "--column", "a b", "--whole"];
        let matches = with_arguments(Command::new("x"), KNOWN).try_get_matches_from(flags).unwrap();
        assert_eq!(options, Options::of_matches(KNOWN, &matches).unwrap());
        assert_eq!((options.number("weight"), options.is_on("whole")), (Some(1.5), true));
    }

    #[test]
    fn what_an_option_cannot_be_is_refused() {
        for (name, value, expected) in [
            ("weight", "-0.1", "the option 'weight' is '-0.1', expected a number from 0 to 2"),
            ("weight", "NaN", "the option 'weight' is 'NaN', expected a number from 0 to 2"),
            ("weight", "much", "the option 'weight' is 'much', expected a number from 0 to 2"),
            ("whole", "yes", "the option 'whole' is 'yes', expected true or false"),
        ] {
            assert_eq!(Options::of(KNOWN, [(name, value)]).unwrap_err().to_string(), expected);
        }
    }
}
