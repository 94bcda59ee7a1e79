//! Commands with parameters: `{VAR}` stands for each of its values in turn.

use crate::cli::failure::Failure;

use super::comparing::Comparing;

/// A command to be compared, with its parameters filled in.
pub struct Benchmark {
    pub command: String,
    pub name: Option<String>,
    /// Its name or its line, with the parameters that neither shows.
    pub label: String,
    pub parameters: Vec<(String, String)>,
}

/// More combinations are a mistake.
const MOST: usize = 10_000;

/// Every command with every combination of values; the command varies fastest, then the first parameter.
pub fn expand(commands: &[String], args: &Comparing) -> Result<Vec<Benchmark>, Failure> {
    let parameters = parameters(args).map_err(Failure::misuse)?;
    check_use(commands, args, &parameters)?;
    let values = parameters.iter().map(|(_, values)| values.len());
    let sizes: Vec<usize> = std::iter::once(commands.len()).chain(values).collect();
    let total = sizes
        .iter()
        .try_fold(1usize, |all, size| all.checked_mul(*size));
    let total = total.filter(|total| *total <= MOST).ok_or_else(|| {
        Failure::misuse(format!(
            "the parameters give more than {MOST} commands: use fewer values"
        ))
    })?;
    let names = &args.command_name;
    if names.len() > total {
        return Err(Failure::misuse(format!(
            "--command-name was given {} times for {total} commands: give at most one per command",
            names.len()
        )));
    }
    let benchmark = |mut at: usize| {
        let name = names.get(at).or_else(|| {
            // One name with {VAR} serves all values.
            names
                .first()
                .filter(|_| names.len() == 1 && !parameters.is_empty())
        });
        let mut place = sizes.iter().map(|size| {
            let place = at % size;
            at /= size;
            place
        });
        let command = &commands[place.next().unwrap_or(0)];
        let filled: Vec<(String, String)> = parameters
            .iter()
            .zip(place)
            .map(|((name, values), place)| (name.clone(), values[place].clone()))
            .collect();
        let template = name.unwrap_or(command);
        let hidden = filled
            .iter()
            .filter(|(name, _)| !template.contains(&format!("{{{name}}}")));
        let hidden: Vec<String> = hidden
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let hidden = match hidden.is_empty() {
            true => String::new(),
            false => format!(" ({})", hidden.join(", ")),
        };
        Benchmark {
            command: fill(command, &filled),
            name: name.map(|name| fill(name, &filled)),
            label: fill(template, &filled) + &hidden,
            parameters: filled,
        }
    };
    Ok((0..total).map(benchmark).collect())
}

/// Replaces each `{VAR}` once: braces within a value are no parameters.
pub fn fill(text: &str, parameters: &[(String, String)]) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        filled += &rest[..open];
        rest = &rest[open..];
        let found = parameters.iter().find_map(|(name, value)| {
            let after = rest[1..].strip_prefix(name.as_str())?;
            Some((value, after.strip_prefix('}')?))
        });
        match found {
            Some((value, after)) => {
                filled += value;
                rest = after;
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled + rest
}

type Parameter = (String, Vec<String>);

fn parameters(args: &Comparing) -> Result<Vec<Parameter>, String> {
    if let Some([name, low, high]) = args.parameter_scan.as_deref() {
        let values = scan(low, high, args.parameter_step_size.as_deref())?;
        return Ok(vec![(name.clone(), values)]);
    }
    let mut parameters: Vec<Parameter> = Vec::new();
    for pair in args.parameter_list.chunks_exact(2) {
        if parameters.iter().any(|(name, _)| *name == pair[0]) {
            return Err(format!(
                "--parameter-list {} was given twice: list its values in one flag",
                pair[0]
            ));
        }
        parameters.push((pair[0].clone(), list(&pair[1])));
    }
    Ok(parameters)
}

/// A parameter that nothing uses would compare a command with itself.
fn check_use(
    commands: &[String],
    args: &Comparing,
    parameters: &[Parameter],
) -> Result<(), Failure> {
    let hooks = args.setup.iter().chain(&args.prepare).chain(&args.conclude);
    let texts: Vec<&String> = commands.iter().chain(hooks).chain(&args.cleanup).collect();
    for (name, _) in parameters {
        let place = format!("{{{name}}}");
        if !texts.iter().any(|text| text.contains(&place)) {
            return Err(Failure::misuse(format!(
                "the parameter {name} is not used: write {place} in the command"
            )));
        }
    }
    Ok(())
}

/// The values of a list, parted by commas; `\,` is a comma and `\\` a backslash within a value.
fn list(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(mut char) = chars.next() {
        if char == ',' {
            values.push(String::new());
            continue;
        }
        if char == '\\' {
            char = chars
                .next_if(|next| matches!(next, ',' | '\\'))
                .unwrap_or(char);
        }
        if let Some(value) = values.last_mut() {
            value.push(char);
        }
    }
    values
}

/// The numbers from `low` to `high`. Decimals are exact: 0.1 three times is 0.3.
fn scan(low: &str, high: &str, step: Option<&str>) -> Result<Vec<String>, String> {
    let ends = [decimal(low)?, decimal(high)?];
    if step.is_none() && ends.iter().any(|end| end.1 > 0) {
        return Err("--parameter-scan over decimals needs a --parameter-step-size".to_owned());
    }
    let step = decimal(step.unwrap_or("1"))?;
    let scale = ends[0].1.max(ends[1].1).max(step.1);
    let whole = |(digits, places): (i64, u32)| {
        let scaled = 10i64.checked_pow(scale - places)?.checked_mul(digits);
        scaled.filter(|scaled| scaled.abs() < i64::MAX / 4)
    };
    let numbers = whole(ends[0]).zip(whole(ends[1])).zip(whole(step));
    let ((first, last), by) = numbers.ok_or("--parameter-scan has too many digits: use fewer")?;
    if by <= 0 {
        return Err("--parameter-step-size must be above 0".to_owned());
    }
    if last < first {
        return Err(format!(
            "--parameter-scan from {low} to {high} has no values: give the lower end first"
        ));
    }
    if (last - first) / by >= MOST as i64 {
        return Err(format!(
            "--parameter-scan has more than {MOST} values: use a larger --parameter-step-size"
        ));
    }
    let places = ends[0].1.max(step.1);
    let unit = 10i64.pow(scale - places);
    Ok((0..=(last - first) / by)
        .map(|at| written((first + at * by) / unit, places))
        .collect())
}

/// Digits without the point, and how many follow it.
fn decimal(text: &str) -> Result<(i64, u32), String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part}").parse();
    match (digits, u32::try_from(part.len())) {
        (Ok(digits), Ok(places)) if !part.starts_with(['+', '-']) && places < 18 => {
            Ok((digits, places))
        }
        _ => Err(format!(
            "{text:?} of --parameter-scan is not a number: use digits such as 2 or 0.25"
        )),
    }
}

fn written(number: i64, places: u32) -> String {
    let unit = 10i64.pow(places);
    let sign = if number < 0 { "-" } else { "" };
    let (whole, part) = (number.abs() / unit, number.abs() % unit);
    match places {
        0 => format!("{sign}{whole}"),
        places => format!("{sign}{whole}.{part:0width$}", width = places as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_are_exact() {
        let scan = |low, high, step| scan(low, high, step).map(|values| values.join(" "));
        assert_eq!(scan("1", "4", None).unwrap(), "1 2 3 4");
        assert_eq!(
            scan("-1", "1", Some("0.5")).unwrap(),
            "-1.0 -0.5 0.0 0.5 1.0"
        );
        assert_eq!(scan("0.1", "0.35", Some("0.1")).unwrap(), "0.1 0.2 0.3");
        assert_eq!(scan("10", "30", Some("20")).unwrap(), "10 30");
        for (low, high, step) in [
            ("0", "1.5", None),
            ("2", "1", None),
            ("0", "1", Some("0")),
            ("0", "1", Some("-1")),
            ("a", "1", None),
            ("0", "1e9", None),
            ("0", "99999999999", None),
            ("1.-5", "2", Some("1")),
        ] {
            assert!(scan(low, high, step).is_err(), "{low} {high} {step:?}");
        }
    }

    #[test]
    fn values_are_parted_by_commas() {
        assert_eq!(list("a,b\\,c,,\\\\,\\d"), ["a", "b,c", "", "\\", "\\d"]);
    }

    #[test]
    fn a_value_is_not_filled_in_again() {
        let parameters = [
            ("a".to_owned(), "{b}".to_owned()),
            ("b".to_owned(), "2".to_owned()),
        ];
        assert_eq!(fill("{a} {b} {c} {", &parameters), "{b} 2 {c} {");
    }
}
