//! JSON in canonical form, token by token: without spaces, the keys of every object in order.
//!
//! The text is that of a `serde_json::Value` with sorted objects, if `serde_json` wrote the file: numbers and strings are
//! copied as they are. Nothing is decoded, so it takes a fraction of the time.

use std::ops::Range;

/// An object nested deeper is left to a decoder.
const DEEPEST: u32 = 64;

/// The canonical form of a file.
pub(crate) struct Canonical<'a> {
    /// Of its object without one member.
    pub form: Vec<u8>,
    /// The text of that member.
    pub taken: &'a str,
    /// Where in the file the value is that was looked for.
    pub found: Option<Range<usize>>,
}

/// The canonical form of an object without its member `without`; `path` are the keys of the value to look for.
///
/// `None` where the file must be decoded: it is damaged, the member is no string, or a key has an escape or occurs twice.
pub(crate) fn canonical<'a>(file: &'a [u8], without: &str, path: &[&str]) -> Option<Canonical<'a>> {
    let mut reader = Reader {
        file,
        at: 0,
        out: Vec::with_capacity(file.len()),
        found: None,
    };
    if reader.next()? != b'{' {
        return None;
    }
    let mut members = reader.members(DEEPEST, path)?;
    reader.skip_spaces();
    if reader.at != file.len() {
        return None;
    }
    let found = members
        .iter()
        .position(|member| member.key == without.as_bytes())?;
    let taken = members.remove(found).value;
    let text = file
        .get(taken.0..taken.1)?
        .strip_prefix(b"\"")?
        .strip_suffix(b"\"")?;
    let mut form = Vec::with_capacity(reader.out.len());
    join(&reader.out, &members, &mut form);
    Some(Canonical {
        form,
        taken: std::str::from_utf8(text).ok()?,
        found: reader.found,
    })
}

/// A member of an object.
struct Member<'a> {
    key: &'a [u8],
    /// Where its canonical form is.
    span: (usize, usize),
    /// Where its value is in the file.
    value: (usize, usize),
}

/// Appends an object of these members, whose forms are parts of `text`.
fn join(text: &[u8], members: &[Member<'_>], out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, member) in members.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&text[member.span.0..member.span.1]);
    }
    out.push(b'}');
}

struct Reader<'a> {
    file: &'a [u8],
    at: usize,
    out: Vec<u8>,
    found: Option<Range<usize>>,
}

impl<'a> Reader<'a> {
    fn skip_spaces(&mut self) {
        while matches!(self.file.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The next byte that is not a space.
    fn next(&mut self) -> Option<u8> {
        self.skip_spaces();
        let byte = *self.file.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// The rest of a string behind its first quote, as written.
    fn string(&mut self) -> Option<&'a [u8]> {
        let begin = self.at;
        loop {
            match self.file.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.file.get(begin..self.at - 1)
    }

    /// The members of an object behind its brace, in order of their keys. Their forms are appended, in the order of the file.
    fn members(&mut self, depth: u32, path: &[&str]) -> Option<Vec<Member<'a>>> {
        let depth = depth.checked_sub(1)?;
        let mut members: Vec<Member<'a>> = vec![];
        let mut byte = self.next()?;
        while byte != b'}' {
            if !members.is_empty() {
                (byte == b',').then_some(())?;
                byte = self.next()?;
            }
            (byte == b'"').then_some(())?;
            let from = self.out.len();
            let key = self.string()?;
            if key.contains(&b'\\') || self.next()? != b':' {
                return None;
            }
            self.out.push(b'"');
            self.out.extend_from_slice(key);
            self.out.extend_from_slice(b"\":");
            self.skip_spaces();
            let begin = self.at;
            let (next, rest) = path.split_first().unwrap_or((&"", &[]));
            let on_path = !path.is_empty() && key == next.as_bytes();
            self.value(depth, if on_path { rest } else { &[] })?;
            if on_path && rest.is_empty() {
                self.found = Some(begin..self.at);
            }
            members.push(Member {
                key,
                span: (from, self.out.len()),
                value: (begin, self.at),
            });
            byte = self.next()?;
        }
        members.sort_unstable_by_key(|member| member.key);
        let twice = members.windows(2).any(|pair| pair[0].key == pair[1].key);
        (!twice).then_some(members)
    }

    /// Appends the next value.
    fn value(&mut self, depth: u32, path: &[&str]) -> Option<()> {
        match self.next()? {
            b'{' => {
                let begin = self.out.len();
                let mut members = self.members(depth, path)?;
                let own = self.out.split_off(begin);
                for member in &mut members {
                    member.span = (member.span.0 - begin, member.span.1 - begin);
                }
                join(&own, &members, &mut self.out);
            }
            b'[' => {
                let depth = depth.checked_sub(1)?;
                self.out.push(b'[');
                self.skip_spaces();
                if self.file.get(self.at) == Some(&b']') {
                    self.at += 1;
                } else {
                    loop {
                        self.value(depth, &[])?;
                        let byte = self.next()?;
                        self.out.push(byte);
                        match byte {
                            b',' => {}
                            b']' => return Some(()),
                            _ => return None,
                        }
                    }
                }
                self.out.push(b']');
            }
            b'"' => {
                let text = self.string()?;
                self.out.push(b'"');
                self.out.extend_from_slice(text);
                self.out.push(b'"');
            }
            _ => {
                // A number, true, false or null.
                let begin = self.at - 1;
                let rest = &self.file[begin..];
                let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                let length = rest.iter().take_while(|byte| word(byte)).count();
                (length > 0).then_some(())?;
                self.out.extend_from_slice(&rest[..length]);
                self.at = begin + length;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::canonical;
    use serde_json::Value;

    /// The form of a decoder.
    fn decoded(file: &str) -> Option<(String, String)> {
        let mut value: Value = serde_json::from_str(file).ok()?;
        let taken = value.as_object_mut()?.remove("sum")?;
        value.sort_all_objects();
        Some((value.to_string(), taken.as_str()?.to_owned()))
    }

    fn found(file: &str) -> Option<(String, String)> {
        let found = canonical(file.as_bytes(), "sum", &[])?;
        Some((
            String::from_utf8(found.form).unwrap(),
            found.taken.to_owned(),
        ))
    }

    #[test]
    fn the_form_is_that_of_a_decoder() {
        for file in [
            r#"{"sum": "a"}"#,
            r#" { "z" : 1, "sum":"ab", "a": { "c": [], "b": {} , "a\u00e9": null} }"#,
            r#"{"x": [1.5e-7, -0.0, true, [{"b": "q\"}", "a": "\\"}], false, null], "sum": "", "ä": "ö"}"#,
        ] {
            // A file as serde_json writes it.
            let file = serde_json::from_str::<Value>(file).unwrap();
            for file in [
                file.to_string(),
                serde_json::to_string_pretty(&file).unwrap(),
            ] {
                assert_eq!(found(&file), decoded(&file), "{file}");
                assert!(found(&file).is_some());
            }
        }
    }

    #[test]
    fn a_value_is_found_by_its_keys() {
        let file = r#"{"sum": "a", "b": 0, "a": {"b": [{"b": 1}], "c": {"b": 2}}}"#;
        let at = |path: &[&str]| {
            let found = canonical(file.as_bytes(), "sum", path)?.found?;
            Some(&file[found])
        };
        assert_eq!(at(&["b"]), Some("0"));
        assert_eq!(at(&["a", "b"]), Some(r#"[{"b": 1}]"#));
        assert_eq!(at(&["a", "c", "b"]), Some("2"));
        for path in [&["c"][..], &["a", "a"], &["b", "b"], &["a", "b", "b"], &[]] {
            assert_eq!(at(path), None, "{path:?}");
        }
    }

    #[test]
    fn what_is_not_such_an_object_is_left_to_a_decoder() {
        let deep = format!(
            r#"{{"sum": "a", "b": {}1{}}}"#,
            "[".repeat(99),
            "]".repeat(99)
        );
        for file in [
            "",
            "{",
            "[]",
            r#"{"a": 1}"#,
            r#"{"sum": 1}"#,
            r#"{"sum": "a", "a": 1, "a": 2}"#,
            r#"{"sum": "a", "b": {"c": 1, "c": 1}}"#,
            r#"{"sum": "a", "\u0062": 1}"#,
            r#"{"sum": "a"} 1"#,
            r#"{"sum": "a", "b": [1 2]}"#,
            r#"{"sum": "a" "b": 1}"#,
            r#"{"sum": "a", "b": }"#,
            r#"{"sum": "a", "b": "c}"#,
            r#"{"sum": "a", "b": "c\"#,
            &deep,
        ] {
            assert_eq!(found(file), None, "{file}");
        }
    }
}
