//! Parts of a dataset: some of its classes, or a share of its training samples.
use sha2::{Digest as _, Sha256};

use super::dataset::TRAIN;
use super::parts::{Parts, in_turn};
use super::{Column, DataError, Dataset, Split, Task, TaskKind, permute};

impl Dataset {
    /// Only the samples of these classes of the default task, in training and test. The classes are numbered anew from 0, in
    /// the order of `classes`. The normalisation stays that of the whole training split, so that a network that learned from
    /// other classes reads the same inputs.
    ///
    /// # Errors
    /// The default task has no classes, a class is not one of them or is listed twice, or a split has no sample left.
    pub fn with_classes(self, classes: &[usize]) -> Result<Dataset, DataError> {
        let (task, all) = self.class_task()?;
        let target = task.target;
        let bad = classes
            .iter()
            .enumerate()
            .find(|(at, class)| **class >= all || classes[..*at].contains(class));
        if let (Some((_, class)), _) | (None, Some(class)) = (bad, classes.is_empty().then_some(&0))
        {
            return Err(DataError::NoClass {
                class: *class,
                classes: all,
                data: self.name.clone(),
            });
        }
        // Where the parity of a test sample says which part it belongs to, it stays.
        let parted = self.parts != Parts::default();
        let select = |split: &Split, parted: bool| {
            let labels: Vec<usize> = split.targets[target].values().map(|v| v as usize).collect();
            let kept = (0..split.len).filter(|at| classes.contains(&labels[*at]));
            let mut kept: Vec<usize> = kept.collect();
            if parted {
                let (even, odd): (Vec<usize>, Vec<usize>) =
                    kept.iter().partition(|at| *at % 2 == 0);
                kept = in_turn(&even, &odd);
            }
            let mut part = split.part(&kept);
            let column = &part.targets[target];
            let renumbered = column.values().map(|label| {
                let place = classes.iter().position(|class| *class == label as usize);
                place.unwrap_or_default()
            });
            part.targets[target] = Column {
                bytes: renumbered
                    .flat_map(|class| {
                        (class as u32).to_le_bytes()[..column.spec.dtype.size_bytes()].to_vec()
                    })
                    .collect(),
                spec: column.spec.clone(),
            };
            part
        };
        let (train, test) = (select(&self.train, false), select(&self.test, parted));
        let list: Vec<String> = classes.iter().map(usize::to_string).collect();
        let note = format!(
            "{} of {all} classes ({}), now numbered from 0: {} of {} training and {} of {} test samples",
            classes.len(),
            list.join(", "),
            train.len,
            self.train.len,
            test.len,
            self.test.len
        );
        let mut part = self.replaced(train, test)?;
        part.tasks[0].kind = TaskKind::Classes(classes.len());
        part.notes.push(note);
        Ok(part)
    }

    /// Only this share of the training samples, above 0 to 1, chosen by `seed`: of every class of the default task the same
    /// share, at least one sample. The test samples and the normalisation stay.
    ///
    /// # Errors
    /// None for a share in range.
    pub fn with_train_fraction(self, share: f64, seed: u32) -> Result<Dataset, DataError> {
        let mut classes: Vec<Vec<usize>> = vec![];
        match self.class_task() {
            Ok((task, all)) => {
                classes.resize(all, vec![]);
                let labels = self.train.targets[task.target].values();
                labels
                    .enumerate()
                    .for_each(|(at, label)| classes[label as usize].push(at));
            }
            Err(_) => classes.push((0..self.train.len).collect()),
        }
        let mut kept = vec![];
        for (class, samples) in classes.iter().enumerate() {
            let n = samples.len() as u32;
            let wanted = ((share * f64::from(n)).round() as u32).clamp(n.min(1), n);
            // A key of its own for every class.
            let chosen = (0..wanted).map(|at| permute(seed, class as u32, at, n));
            kept.extend(chosen.map(|at| samples[at as usize]));
        }
        kept.sort_unstable();
        let train = self.train.part(&kept);
        let note = format!(
            "{} of {} training samples, the same share of every class",
            train.len, self.train.len
        );
        let test = self.test.clone();
        let mut part = self.replaced(train, test)?;
        part.notes.push(note);
        Ok(part)
    }

    /// The default task and its number of classes.
    fn class_task(&self) -> Result<(&Task, usize), DataError> {
        let task = self.tasks.first();
        let classes = task.and_then(|task| match task.kind {
            TaskKind::Classes(classes) => Some((task, classes)),
            _ => None,
        });
        classes.ok_or_else(|| DataError::NoClasses {
            data: self.name.clone(),
        })
    }

    fn replaced(self, train: Split, test: Split) -> Result<Dataset, DataError> {
        for (place, split) in [(TRAIN, &train), ("the test split", &test)] {
            if split.len == 0 {
                return Err(DataError::NoSamples {
                    place: place.into(),
                });
            }
        }
        let mut hash = Sha256::new();
        for column in train.columns().chain(test.columns()) {
            column.bytes.pass(1, |bytes| hash.update(bytes));
        }
        Ok(Dataset {
            sha256: hash.finalize().iter().map(|b| format!("{b:02x}")).collect(),
            train,
            test,
            ..self
        })
    }
}

impl Split {
    /// The samples of these indices, in their order.
    fn part(&self, samples: &[usize]) -> Split {
        let columns = |columns: &[Column]| -> Vec<Column> {
            let part = |column: &Column| {
                let size = column.spec.sample_bytes();
                let bytes = samples
                    .iter()
                    .flat_map(|at| &column.bytes[at * size..][..size]);
                Column {
                    spec: column.spec.clone(),
                    bytes: bytes.copied().collect(),
                }
            };
            columns.iter().map(part).collect()
        };
        Split {
            len: samples.len(),
            inputs: columns(&self.inputs),
            targets: columns(&self.targets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(split: &Split) -> Vec<usize> {
        split.targets[0].values().map(|v| v as usize).collect()
    }

    #[test]
    fn classes_are_chosen_in_both_splits_and_numbered_anew() {
        let all = Dataset::open("digits").unwrap();
        let part = all.clone().with_classes(&[7, 2]).unwrap();
        assert_eq!(part.classes(), 2);
        for (part, all) in [(&part.train, &all.train), (&part.test, &all.test)] {
            let kept: Vec<usize> = (0..all.len)
                .filter(|at| [7, 2].contains(&labels(all)[*at]))
                .collect();
            assert_eq!(part.len, kept.len());
            let size = all.inputs[0].spec.sample_bytes();
            for (at, from) in kept.into_iter().enumerate() {
                assert_eq!(labels(part)[at], usize::from(labels(all)[from] == 2));
                let image =
                    |split: &Split, at: usize| split.inputs[0].bytes[at * size..][..size].to_vec();
                assert_eq!(image(part, at), image(all, from));
            }
        }
        assert_eq!(part.normalisation, all.normalisation);
        assert_ne!(part.sha256, all.sha256);
        for wrong in [&[10][..], &[1, 1], &[]] {
            let error = all.clone().with_classes(wrong).unwrap_err().to_string();
            assert!(error.contains("0 to 9"), "{error}");
        }
    }

    #[test]
    fn a_share_of_the_samples_has_the_same_share_of_every_class() {
        let all = Dataset::open("digits").unwrap();
        let count = |split: &Split, class| labels(split).iter().filter(|l| **l == class).count();
        let part = all.clone().with_train_fraction(0.1, 3).unwrap();
        for class in 0..10 {
            let wanted = (0.1 * count(&all.train, class) as f64).round() as usize;
            assert_eq!(count(&part.train, class), wanted);
        }
        assert_eq!(part.test, all.test);
        let again = all.clone().with_train_fraction(0.1, 3).unwrap();
        assert_eq!(part.sha256, again.sha256);
        let other = all.clone().with_train_fraction(0.1, 4).unwrap();
        assert_ne!(part.sha256, other.sha256);
        assert_eq!(
            all.clone().with_train_fraction(1.0, 3).unwrap().sha256,
            all.sha256
        );
        let least = all.clone().with_train_fraction(1e-9, 3).unwrap();
        assert_eq!(least.train.len, 10);
    }
}
