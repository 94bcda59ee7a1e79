//! The UCR/UEA `.ts` format of time series, univariate or multivariate, of equal length: `NAME_TRAIN.ts` and `NAME_TEST.ts`.
//! A line is a series: dimensions are separated by colons, values by commas, and the class comes last.
use std::path::{Path, PathBuf};

use super::reader::{
    Progress, Reader, class_column, column, entries, line_error, missing, read_text,
};
use super::{DataError, DataOptions, Dataset, Dtype, Split, Task, TaskKind};

const TRAIN: &str = "_TRAIN.ts";
const TEST: &str = "_TEST.ts";

/// Reads `.ts` files.
pub(super) struct TimeSeries;

impl Reader for TimeSeries {
    fn recognizes(&self, path: &Path) -> bool {
        matches!(find(path), Ok(_) | Err(DataError::SeveralSets { .. }))
    }

    fn check(&self, path: &Path) -> Result<&'static str, DataError> {
        let (folder, name) = find(path)?;
        for ending in [TRAIN, TEST] {
            let file = format!("{name}{ending}");
            if !folder.join(&file).is_file() {
                return Err(missing(&folder, &file));
            }
        }
        Ok("two .ts files")
    }

    fn read(&self, path: &Path, _: &DataOptions, _: Progress<'_>) -> Result<Dataset, DataError> {
        self.check(path)?;
        let (folder, name) = find(path)?;
        let file = |ending| folder.join(format!("{name}{ending}"));
        let train = Series::read(&file(TRAIN))?;
        let test = Series::read(&file(TEST))?;
        if train.target != test.target {
            return Err(DataError::File {
                path: file(TEST),
                what: "announces other classes than the training file".into(),
                fix: "download both files again",
            });
        }
        let task = match &train.target {
            Target::Classes(names) => Task::new("label", 0, TaskKind::Classes(names.len())),
            Target::Value => Task::new("value", 0, TaskKind::Values(1)),
        };
        let (train, test) = (train.split(), test.split());
        let mut data = Dataset::from_splits(&name, vec![task], 1.0, train, test)?;
        data.source = folder.display().to_string();
        Ok(data)
    }
}

/// The folder and the name of the problem in `path`, or that `path` names below its folder.
fn find(path: &Path) -> Result<(PathBuf, String), DataError> {
    if path.is_dir() {
        let mut names: Vec<String> = entries(path)?
            .iter()
            .filter_map(|file| file.strip_suffix(TRAIN).or(file.strip_suffix(TEST)))
            .map(str::to_owned)
            .collect();
        names.dedup();
        return match names.as_slice() {
            [] => Err(missing(path, "a file NAME_TRAIN.ts")),
            [name] => Ok((path.to_owned(), name.clone())),
            [first, ..] => Err(DataError::SeveralSets {
                folder: path.to_owned(),
                sets: names.join(", "),
                example: path.join(first),
            }),
        };
    }
    let folder = path.parent().filter(|folder| folder.is_dir());
    let name = path.file_name().and_then(|name| name.to_str());
    match (folder, name) {
        (Some(folder), Some(name)) if folder.join(format!("{name}{TRAIN}")).is_file() => {
            Ok((folder.to_owned(), name.to_owned()))
        }
        _ => Err(DataError::NoFolder {
            path: path.to_owned(),
        }),
    }
}

/// What a series is labelled with.
#[derive(Clone, PartialEq)]
enum Target {
    /// Names of the classes.
    Classes(Vec<String>),
    /// A number.
    Value,
}

/// The series of a file.
struct Series {
    target: Target,
    dimensions: usize,
    length: usize,
    values: Vec<f32>,
    classes: Vec<u32>,
    numbers: Vec<f32>,
}

/// What the header says.
#[derive(Default)]
struct Header {
    target: Option<Target>,
    dimensions: Option<usize>,
    length: Option<usize>,
}

impl Series {
    fn read(path: &Path) -> Result<Series, DataError> {
        let text = read_text(path)?;
        let error = |line, what: String, fix| line_error(path, line, what, fix);
        let mut header = Header::default();
        let mut series: Option<Series> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match (&mut series, line.strip_prefix('@')) {
                (Some(series), _) => series
                    .add(line, &header)
                    .map_err(|(what, fix)| error(number, what, fix))?,
                (None, Some(key)) if key.eq_ignore_ascii_case("data") => {
                    let Some(target) = header.target.clone() else {
                        return Err(error(
                            number,
                            "no class labels are announced".into(),
                            "add @classLabel true and the names of the classes",
                        ));
                    };
                    series = Some(Series {
                        target,
                        dimensions: 0,
                        length: 0,
                        values: vec![],
                        classes: vec![],
                        numbers: vec![],
                    });
                }
                (None, Some(key)) => header
                    .add(key)
                    .map_err(|(what, fix)| error(number, what, fix))?,
                (None, None) => {
                    return Err(error(
                        number,
                        "a series before @data".into(),
                        "give a file in the .ts format",
                    ));
                }
            }
        }
        match series {
            Some(series) if series.len() > 0 => Ok(series),
            _ => Err(DataError::NoSamples {
                place: path.display().to_string(),
            }),
        }
    }

    fn len(&self) -> usize {
        self.classes.len().max(self.numbers.len())
    }

    /// Adds a line of data.
    fn add(&mut self, line: &str, header: &Header) -> Result<(), (String, &'static str)> {
        const AGAIN: &str = "download the file again, or correct the line";
        let mut fields: Vec<&str> = line.split(':').collect();
        let label = fields.pop().unwrap_or_default().trim();
        let first = self.len() == 0;
        if first {
            self.dimensions = fields.len();
            self.length = fields.first().map_or(0, |field| field.split(',').count());
            if self.dimensions == 0 {
                return Err(("a series without a class".into(), AGAIN));
            }
            if let Some(announced) = header.dimensions.filter(|n| *n != self.dimensions) {
                let what = format!("{} dimensions instead of {announced}", self.dimensions);
                return Err((what, AGAIN));
            }
            if let Some(announced) = header.length.filter(|n| *n != self.length) {
                return Err((
                    format!("{} values instead of {announced}", self.length),
                    AGAIN,
                ));
            }
        }
        if fields.len() != self.dimensions {
            let what = format!("{} dimensions instead of {}", fields.len(), self.dimensions);
            return Err((what, AGAIN));
        }
        for (dimension, field) in (1..).zip(fields) {
            let before = self.values.len();
            for value in field.split(',') {
                let value = value.trim();
                match value.parse::<f32>() {
                    Ok(number) if number.is_finite() => self.values.push(number),
                    _ if value == "?" || value.eq_ignore_ascii_case("nan") => {
                        let what = format!("a missing value in dimension {dimension}");
                        return Err((what, "fill the gap or remove the series"));
                    }
                    _ => {
                        let what =
                            format!("{value:?} in dimension {dimension} is not a finite number");
                        return Err((what, AGAIN));
                    }
                }
            }
            let found = self.values.len() - before;
            if found != self.length {
                let what = format!(
                    "{found} values in dimension {dimension} instead of {}",
                    self.length
                );
                return Err((what, "use series of equal length"));
            }
        }
        match &self.target {
            Target::Classes(names) => match names.iter().position(|name| name == label) {
                Some(class) => self.classes.push(class as u32),
                None => {
                    let what = format!("class {label:?} is not announced ({})", names.join(", "));
                    return Err((what, AGAIN));
                }
            },
            Target::Value => match label.parse::<f32>() {
                Ok(number) if number.is_finite() => self.numbers.push(number),
                _ => {
                    return Err((
                        format!("the target {label:?} is not a finite number"),
                        AGAIN,
                    ));
                }
            },
        }
        Ok(())
    }

    fn split(self) -> Split {
        let bytes = |values: &[f32]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        };
        let shape = [self.dimensions, self.length];
        Split {
            len: self.len(),
            inputs: vec![column("series", Dtype::F32, &shape, bytes(&self.values))],
            targets: vec![match &self.target {
                Target::Classes(names) => class_column("label", &self.classes, names.len()),
                Target::Value => column("value", Dtype::F32, &[1], bytes(&self.numbers)),
            }],
        }
    }
}

impl Header {
    /// Takes a line of the header, without its `@`.
    fn add(&mut self, line: &str) -> Result<(), (String, &'static str)> {
        let mut words = line.split_whitespace();
        let key = words.next().unwrap_or_default().to_ascii_lowercase();
        let rest: Vec<&str> = words.collect();
        let yes = rest
            .first()
            .is_some_and(|word| word.eq_ignore_ascii_case("true"));
        let count = || {
            let first = rest.first().and_then(|word| word.parse().ok());
            first.ok_or_else(|| (format!("@{key} needs a number"), "correct the header"))
        };
        match key.as_str() {
            "timestamps" if yes => Err((
                "values have time stamps".into(),
                "convert the file to values at equal intervals",
            )),
            "missing" if yes => Err((
                "values are missing".into(),
                "fill the gaps and write @missing false",
            )),
            "equallength" if !yes => Err((
                "series differ in length".into(),
                "use series of equal length",
            )),
            "dimensions" | "dimension" => {
                self.dimensions = Some(count()?);
                Ok(())
            }
            "serieslength" => {
                self.length = Some(count()?);
                Ok(())
            }
            "classlabel" if yes && rest.len() > 1 => {
                let names = rest[1..].iter().map(|name| (*name).to_owned());
                self.target = Some(Target::Classes(names.collect()));
                Ok(())
            }
            "targetlabel" if yes => {
                self.target = Some(Target::Value);
                Ok(())
            }
            // Names, and what the data says itself.
            _ => Ok(()),
        }
    }
}
