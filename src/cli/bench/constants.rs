//! Values for the constants and overrides of a kernel's text.

use regex::Regex;

use crate::cli::failure::Failure;

/// The text with each named `const` or `override` set to its value, and every other override set to its default.
pub fn set(file: &str, text: &str, values: &[(String, String)]) -> Result<String, Failure> {
    let declaration = Regex::new(
        r"(?m)^(?P<at>[ \t]*)(?:@id\([^)]*\)\s*)?(?P<kind>const|override)\s+(?P<name>\w+)\s*(?P<type>:\s*[^=;]+?)?\s*(?:=\s*(?P<value>[^;]+?))?\s*;",
    )
    .map_err(Failure::failed)?;
    for (at, (name, _)) in values.iter().enumerate() {
        if values[..at].iter().any(|(before, _)| before == name) {
            return Err(Failure::misuse(format!(
                "--const {name} was given twice: give it once"
            )));
        }
        let mut known = declaration
            .captures_iter(text)
            .map(|found| found["name"].to_owned());
        if !known.any(|known| known == *name) {
            let known: Vec<String> = declaration
                .captures_iter(text)
                .map(|found| found["name"].to_owned())
                .collect();
            let known = match known.is_empty() {
                true => "none".to_owned(),
                false => known.join(", "),
            };
            return Err(Failure::misuse(format!(
                "--const {name}: {file} has no such constant or override; it has {known}"
            )));
        }
    }
    let mut missing = Vec::new();
    let set = declaration.replace_all(text, |found: &regex::Captures<'_>| {
        let part = |name: &str| found.name(name).map_or("", |part| part.as_str());
        let given = values.iter().find(|(name, _)| name == part("name"));
        let value = match given {
            // The suffix of a literal is its type where none is declared.
            Some((_, value)) if part("type").is_empty() => {
                let suffix = part("value").chars().last().filter(|c| "uif".contains(*c));
                let bare = value.ends_with(|c: char| c.is_ascii_digit());
                format!(
                    "{value}{}",
                    suffix.filter(|_| bare).map_or(String::new(), String::from)
                )
            }
            Some((_, value)) => value.clone(),
            None if part("kind") == "const" => return found[0].to_owned(),
            None => part("value").to_owned(),
        };
        if value.is_empty() {
            missing.push(part("name").to_owned());
        }
        format!(
            "{}const {}{} = {value};",
            part("at"),
            part("name"),
            part("type")
        )
    });
    match missing.first() {
        None => Ok(set.into_owned()),
        Some(name) => Err(Failure::misuse(format!(
            "override {name} of {file} has no default: use --const {name}=VALUE"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_and_overrides_take_values() {
        let text = "const N = 8u;\noverride M: u32 = 4;\n@id(3) override K: f32;\nconst E = 1.0;\n";
        let values = [("N", "16"), ("K", "0.5")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        let found = set("a.wgsl", text, &values).map_err(|_| ()).unwrap();
        assert_eq!(
            found,
            "const N = 16u;\nconst M: u32 = 4;\nconst K: f32 = 0.5;\nconst E = 1.0;\n"
        );
        assert!(set("a.wgsl", text, &[]).is_err());
        assert!(set("a.wgsl", text, &[("Z".to_owned(), "1".to_owned())]).is_err());
    }
}
