//! What a solution lets people choose of a query beside what every solution does: `--mode contains` on the command line,
//! `"options": {"mode": "contains"}` over HTTP. Help, API document and errors know the choices.

use std::collections::BTreeMap;

use bootcamp_core::{Error, Result};

use crate::solution::Program;

/// One thing to choose.
#[derive(Debug)]
pub struct SearchOption {
    pub name: &'static str,
    /// Of its environment variable.
    pub env: &'static str,
    /// What it decides, one sentence.
    pub help: &'static str,
    /// What there is to choose from, the default first.
    pub values: &'static [&'static str],
}

/// What was chosen of a program's options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<&'static str, &'static str>);

impl Options {
    /// # Errors
    /// `InvalidInput` for an option that the program does not have, or a value that it does not know.
    pub fn of<'a>(program: &Program, chosen: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut options = BTreeMap::new();
        for (name, value) in chosen {
            let known = program.options.iter().find(|option| option.name == name).ok_or_else(|| {
                let names: Vec<_> = program.options.iter().map(|option| option.name).collect();
                let error = Error::invalid(format!("{} has no option '{name}'", program.name));
                if names.is_empty() { error } else { error.with_hint(format!("there is {}", names.join(", "))) }
            })?;
            let value = known.values.iter().find(|known| **known == value).ok_or_else(|| {
                Error::invalid(format!("the option '{name}' is '{value}', expected {}", known.values.join(", ")))
            })?;
            options.insert(known.name, *value);
        }
        Ok(Self(options))
    }

    /// What was chosen; `None` stands for the default.
    pub fn get(&self, name: &str) -> Option<&'static str> {
        self.0.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::PROGRAM;

    #[test]
    fn options_are_those_of_the_program() {
        let options = Options::of(&PROGRAM, [("order", "length")]).unwrap();
        assert_eq!((options.get("order"), Options::default().get("order")), (Some("length"), None));
        let error = |name, value| Options::of(&PROGRAM, [(name, value)]).unwrap_err();
        assert_eq!(error("order", "x").to_string(), "the option 'order' is 'x', expected likeness, length");
        assert_eq!(error("odour", "x").to_string(), "letters has no option 'odour'");
        assert_eq!(error("odour", "x").hint(), Some("there is order"));
    }
}
