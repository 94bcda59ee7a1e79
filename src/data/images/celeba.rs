//! CelebA as distributed: a folder of JPEG files and three lists. Tasks: 40 attributes, and the identity of the person.
use std::path::{Path, PathBuf};

use super::ImageSet;
use crate::data::parts::in_turn;
use crate::data::reader::{Progress, Reader, class_column, column, line_error, missing, read_text};
use crate::data::{Column, DataError, DataOptions, Dataset, Dtype, Parts, Task, TaskKind};

/// Reads CelebA.
pub(in crate::data) struct CelebA;

const IMAGES: &str = "img_align_celeba";
const ATTRIBUTES: &str = "list_attr_celeba.txt";
const IDENTITIES: &str = "identity_CelebA.txt";
const PARTITION: &str = "list_eval_partition.txt";
/// Where the distribution keeps its files; torchvision keeps them all in one folder.
const FOLDERS: [&str; 4] = [".", "Anno", "Eval", "Img"];
/// Width and height where none is given.
const SIZE: u32 = 64;
/// Fewest images of a person that are divided into training, deciding and confirming images.
const FEWEST: usize = 5;

/// How the images are divided.
#[derive(Clone, Copy, PartialEq)]
enum SplitBy {
    /// The partition of the distribution, whose parts show different people.
    Official,
    /// The images of each person: a tenth decide, a tenth confirm, the others train.
    WithinIdentity,
}

impl Reader for CelebA {
    fn recognizes(&self, path: &Path) -> bool {
        root(path).is_some()
    }

    fn check(&self, path: &Path) -> Result<&'static str, DataError> {
        let root = root(path).unwrap_or_else(|| path.to_owned());
        for file in [ATTRIBUTES, IDENTITIES, PARTITION, IMAGES] {
            place(&root, file)?;
        }
        Ok("CelebA")
    }

    fn options(&self) -> &'static [&'static str] {
        &["image-size", "split"]
    }

    fn read(
        &self,
        path: &Path,
        options: &DataOptions,
        progress: Progress<'_>,
    ) -> Result<Dataset, DataError> {
        let by = match options.split.as_deref() {
            None | Some("official") => SplitBy::Official,
            Some("within-identity") => SplitBy::WithinIdentity,
            Some(given) => {
                return Err(DataError::UnknownSplit {
                    given: given.into(),
                    known: "official, within-identity",
                });
            }
        };
        self.check(path)?;
        let root = root(path).unwrap_or_else(|| path.to_owned());
        let lists = Lists::read(&root)?;
        let images = lists.images(&root)?;
        let people = People::divide(&lists, by)?;
        let files = |samples: &[usize]| -> Vec<PathBuf> {
            samples
                .iter()
                .map(|s| images.join(&lists.names[*s]))
                .collect()
        };
        let targets = |samples: &[usize]| -> Vec<Column> {
            let labels = samples.iter().flat_map(|s| lists.labels(*s));
            let labels = column(
                "attributes",
                Dtype::U8,
                &[lists.count],
                labels.copied().collect::<Vec<_>>(),
            );
            let mut columns = vec![labels];
            if by == SplitBy::WithinIdentity {
                let of: Vec<u32> = samples.iter().map(|s| people.number[*s]).collect();
                columns.push(class_column("identity", &of, people.count));
            }
            columns
        };
        let mut tasks = vec![Task::new("attributes", 0, TaskKind::Labels(lists.count))];
        if by == SplitBy::WithinIdentity {
            tasks.push(Task::new("identity", 1, TaskKind::Classes(people.count)));
        }
        let test = in_turn(&people.deciding, &people.confirming);
        let set = ImageSet {
            name: "celeba".into(),
            train: files(&people.training),
            test: files(&test),
            train_targets: targets(&people.training),
            test_targets: targets(&test),
            tasks,
            size: Some(options.image_size.unwrap_or(SIZE)),
            root,
        };
        let mut data = super::read(set, progress)?;
        data.licence = "non-commercial research (MMLAB, CUHK)".into();
        data.parts = people.parts;
        data.notes.extend(people.notes);
        Ok(data)
    }
}

/// The folder of the dataset: `path`, or `celeba` below it.
fn root(path: &Path) -> Option<PathBuf> {
    let mut roots = [path.to_owned(), path.join("celeba"), path.join("CelebA")].into_iter();
    roots.find(|root| {
        let mut files = [ATTRIBUTES, IDENTITIES, PARTITION].into_iter();
        files.any(|file| place(root, file).is_ok())
    })
}

/// Where a file or folder of the dataset lies.
fn place(root: &Path, name: &str) -> Result<PathBuf, DataError> {
    let mut places = FOLDERS.iter().map(|folder| match *folder {
        "." => root.join(name),
        folder => root.join(folder).join(name),
    });
    places
        .find(|path| path.exists())
        .ok_or_else(|| missing(root, name))
}

/// The three lists, a line per image.
struct Lists {
    names: Vec<String>,
    /// Attributes of an image.
    count: usize,
    /// 0 or 1, image by image.
    attributes: Vec<u8>,
    identities: Vec<u32>,
    partition: Vec<u8>,
}

impl Lists {
    fn read(root: &Path) -> Result<Lists, DataError> {
        let path = place(root, ATTRIBUTES)?;
        let text = read_text(&path)?;
        let mut lines = (1..).zip(text.lines());
        let error = |line, what: String| line_error(&path, line, what, "download the list again");
        let first = lines.next().map_or("", |(_, line)| line).trim();
        let expected: usize = first
            .parse()
            .map_err(|_| error(1, format!("the number of images is {first:?}")))?;
        let count = lines
            .next()
            .map_or(0, |(_, line)| line.split_whitespace().count());
        if count == 0 {
            return Err(error(2, "no attribute is named".into()));
        }
        let mut lists = Lists {
            names: vec![],
            count,
            attributes: vec![],
            identities: vec![],
            partition: vec![],
        };
        for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let mut words = line.split_whitespace();
            lists
                .names
                .push(words.next().unwrap_or_default().to_owned());
            let before = lists.attributes.len();
            for word in words {
                lists.attributes.push(match word {
                    "1" => 1,
                    "-1" => 0,
                    other => {
                        return Err(error(
                            number,
                            format!("an attribute is {other:?} instead of 1 or -1"),
                        ));
                    }
                });
            }
            let found = lists.attributes.len() - before;
            if found != count {
                return Err(error(
                    number,
                    format!("{found} attributes instead of {count}"),
                ));
            }
        }
        if lists.names.len() != expected {
            let what = format!(
                "{expected} images are announced, but {} are listed",
                lists.names.len()
            );
            return Err(error(1, what));
        }
        lists.identities = lists.one_each(&place(root, IDENTITIES)?, "identity")?;
        let partition = lists.one_each(&place(root, PARTITION)?, "part")?;
        if let Some(at) = partition.iter().position(|part| *part > 2) {
            let what = format!("part {} instead of 0, 1 or 2", partition[at]);
            return Err(line_error(
                &place(root, PARTITION)?,
                at + 1,
                what,
                "download the list again",
            ));
        }
        lists.partition = partition.into_iter().map(|part| part as u8).collect();
        Ok(lists)
    }

    /// The number that a list of lines `NAME NUMBER` has for each image, in the order of the attributes.
    fn one_each(&self, path: &Path, what: &str) -> Result<Vec<u32>, DataError> {
        let text = read_text(path)?;
        let error = |line, what: String| line_error(path, line, what, "download the list again");
        let mut numbers = vec![];
        for (number, line) in (1..)
            .zip(text.lines())
            .filter(|(_, line)| !line.trim().is_empty())
        {
            let mut words = line.split_whitespace();
            let (name, value) = (
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default(),
            );
            let expected = self
                .names
                .get(numbers.len())
                .map_or("no image", String::as_str);
            if name != expected {
                let what = format!("image {name:?} where {ATTRIBUTES} has {expected:?}");
                return Err(error(number, what));
            }
            let value = value.parse().map_err(|_| {
                error(
                    number,
                    format!("the {what} is {value:?} instead of a number"),
                )
            })?;
            numbers.push(value);
        }
        match numbers.len() == self.names.len() {
            true => Ok(numbers),
            false => Err(DataError::CountMismatch {
                place: path.display().to_string(),
                samples: self.names.len(),
                labels: numbers.len(),
            }),
        }
    }

    fn labels(&self, image: usize) -> &[u8] {
        &self.attributes[image * self.count..][..self.count]
    }

    /// The folder of the images, relative to `root`; every listed image is there.
    fn images(&self, root: &Path) -> Result<PathBuf, DataError> {
        let folder = place(root, IMAGES)?;
        // Some archives hold the folder in a folder of its own name.
        let below = folder.join(IMAGES);
        let folder = if below.is_dir() { below } else { folder };
        for (at, name) in self.names.iter().enumerate() {
            if !folder.join(name).is_file() {
                let what = format!("image {name:?} is not in {folder:?}");
                // Two lines precede the first image.
                return Err(line_error(
                    &place(root, ATTRIBUTES)?,
                    at + 3,
                    what,
                    "unpack the archive of images again",
                ));
            }
        }
        Ok(folder
            .strip_prefix(root)
            .map_or(folder.clone(), Path::to_owned))
    }
}

/// The images of each part, and the identities, numbered from 0.
struct People {
    training: Vec<usize>,
    deciding: Vec<usize>,
    confirming: Vec<usize>,
    number: Vec<u32>,
    count: usize,
    parts: Parts,
    notes: Vec<String>,
}

impl People {
    fn divide(lists: &Lists, by: SplitBy) -> Result<People, DataError> {
        let mut people = match by {
            SplitBy::Official => People::official(lists),
            SplitBy::WithinIdentity => People::within_identity(lists),
        };
        let all = [&people.training, &people.deciding, &people.confirming];
        let names = ["training", "deciding", "confirming"];
        if let Some((_, name)) = all.into_iter().zip(names).find(|(part, _)| part.is_empty()) {
            return Err(DataError::NoSamples {
                place: format!("the {name} part of CelebA"),
            });
        }
        let (decide, confirm) = (people.deciding.len(), people.confirming.len());
        if decide != confirm {
            people.notes.push(format!(
                "{} images of the larger of the deciding and the confirming part are left out: both have {}",
                decide.abs_diff(confirm),
                decide.min(confirm)
            ));
        }
        Ok(people)
    }

    fn official(lists: &Lists) -> People {
        let part = |wanted| {
            let all = lists.partition.iter().enumerate();
            all.filter(|(_, part)| **part == wanted)
                .map(|(image, _)| image)
                .collect()
        };
        People {
            training: part(0),
            deciding: part(1),
            confirming: part(2),
            number: vec![],
            count: 0,
            parts: Parts {
                training: "the training partition".into(),
                deciding: "the validation partition".into(),
                confirming: "the test partition".into(),
            },
            notes: vec![
                "the task identity needs --split within-identity: no person is in two parts of the official partition"
                    .into(),
            ],
        }
    }

    fn within_identity(lists: &Lists) -> People {
        let mut of: std::collections::BTreeMap<u32, Vec<usize>> = Default::default();
        for (image, identity) in lists.identities.iter().enumerate() {
            of.entry(*identity).or_default().push(image);
        }
        let all = of.len();
        of.retain(|_, images| images.len() >= FEWEST);
        let mut number = vec![0; lists.names.len()];
        let (mut training, mut deciding, mut confirming) = (vec![], vec![], vec![]);
        for (new, images) in (0..).zip(of.values()) {
            let tenth = (images.len() / 10).max(1);
            let (train, rest) = images.split_at(images.len() - 2 * tenth);
            training.extend(train);
            deciding.extend(&rest[..tenth]);
            confirming.extend(&rest[tenth..]);
            images.iter().for_each(|image| number[*image] = new);
        }
        training.sort_unstable();
        let count = of.len();
        let left_out = match all - count {
            0 => vec![],
            few => vec![format!(
                "{few} of {all} people have fewer than {FEWEST} images and are left out"
            )],
        };
        let last = "of each person's images, in the order of the list, the";
        People {
            training,
            deciding,
            confirming,
            number,
            count,
            parts: Parts {
                training: format!("{last} first eight tenths"),
                deciding: format!("{last} ninth tenth"),
                confirming: format!("{last} last tenth"),
            },
            notes: left_out,
        }
    }
}
