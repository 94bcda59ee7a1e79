//! How the line of a command becomes a process.

use std::process::Command;

use crate::cli::failure::Failure;

/// The shell that runs a line.
#[derive(Clone, Debug)]
pub enum Shell {
    /// No shell: the words of the line are the program and its arguments.
    None,
    /// A program with its arguments, to which the line is appended.
    Program(Vec<String>),
}

impl Shell {
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = match text {
            "none" => return Ok(Self::None),
            "default" if cfg!(windows) => "cmd.exe",
            "default" => "sh",
            text => text,
        };
        let mut words = words(text).ok_or("name a shell such as bash, or none")?;
        let cmd = words[0].trim_end_matches(".exe").ends_with("cmd");
        words.push(if cmd { "/C" } else { "-c" }.to_owned());
        Ok(Self::Program(words))
    }

    pub fn command(&self, line: &str) -> Result<Command, Failure> {
        let words = match self {
            Self::Program(shell) => [shell.as_slice(), &[line.to_owned()]].concat(),
            Self::None => words(line).ok_or_else(|| {
                Failure::misuse(format!(
                    "the command `{line}` is empty or has an open quote: fix it, or run it in a shell (without -N)"
                ))
            })?,
        };
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        Ok(command)
    }
}

/// At least one word; `None` where there is none or a quote is open.
fn words(text: &str) -> Option<Vec<String>> {
    shlex::split(text).filter(|words| !words.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(shell: &str, line: &str) -> Option<Vec<String>> {
        let command = Shell::parse(shell).ok()?.command(line).ok()?;
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        Some(
            words
                .map(|word| word.to_str().unwrap().to_owned())
                .collect(),
        )
    }

    #[test]
    fn lines_run_in_a_shell_or_as_words() {
        let line = "echo 'a b' $HOME";
        assert_eq!(
            command("bash --norc", line).unwrap(),
            ["bash", "--norc", "-c", line]
        );
        assert_eq!(
            command("C:/cmd.exe", line).unwrap(),
            ["C:/cmd.exe", "/C", line]
        );
        assert_eq!(command("none", line).unwrap(), ["echo", "a b", "$HOME"]);
        assert_eq!(command("none", "echo 'a"), None);
        assert_eq!(command("none", " "), None);
        assert!(Shell::parse("").is_err());
    }
}
