//! Values of flags that a shell can complete while the library judges them, in its own sentence.

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::{Error, ErrorKind};
use clap::{Arg, Command};

/// Shows and completes names; takes whatever its reader takes.
#[derive(Clone, Copy, Debug)]
pub struct Suggest<T: 'static> {
    names: &'static [&'static str],
    read: fn(&str) -> Result<T, String>,
}

impl Suggest<String> {
    /// Takes any text, to be judged later.
    pub const fn text(names: &'static [&'static str]) -> Self {
        Self {
            names,
            read: |text| Ok(text.to_owned()),
        }
    }
}

impl<T> Suggest<T> {
    /// Takes what `read` takes; its error is told as it stands.
    pub const fn read(names: &'static [&'static str], read: fn(&str) -> Result<T, String>) -> Self {
        Self { names, read }
    }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Suggest<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<T, Error> {
        let text = StringValueParser::new().parse_ref(command, arg, value)?;
        (self.read)(&text)
            .map_err(|sentence| Error::raw(ErrorKind::ValueValidation, sentence + "\n"))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(
            self.names.iter().map(|name| PossibleValue::new(*name)),
        ))
    }
}
