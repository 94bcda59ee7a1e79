//! Each mistake in a study file has one sentence with its place.

use wattgrad::internals::study::Study;

use super::{GOOD, with};

/// Marks the place of a mistake; it is not part of the file.
const MARK: char = '¦';

/// Changes of the good file, each with the mark at its mistake, and a part of the sentence.
#[rustfmt::skip]
const BAD: &[(&str, &str, &str)] = &[
    // Syntax.
    ("seeds = [1, 2, 3]\n[base]", "seeds = [1, 2, 3\n¦[base]", "invalid TOML: missing comma between array elements"),
    ("lr = [0.01, 0.1]", "lr = [0.01, 0.1]\n¦lr = [0.2]", "duplicate key"),
    ("name = \"lr-batch\"", "name = ¦", "invalid TOML"),
    // Keys.
    ("seeds = [1, 2, 3]", "¦seed = [1, 2, 3]", "`seed` does not belong here: list the seeds at the top"),
    ("name = \"lr-batch\"", "¦nmae = \"lr-batch\"", "unknown key `nmae`: did you mean `name`?"),
    ("[evaluate]", "[¦evalute]", "did you mean `evaluate`?"),
    ("momentum = 0.9", "¦momentun = 0.9", "unknown key `momentun`: did you mean `momentum`?"),
    ("batch-size = [32, 128]", "¦batch_size = [32, 128]", "did you mean `batch-size`?"),
    ("momentum = 0.9", "¦colour = 0.9", "known are model, stem, data"),
    ("at-least = [0.80, 0.85]", "¦atleast = [0.80]", "did you mean `at-least`?"),
    ("samples = 600000", "¦sample = 600000", "did you mean `samples`?"),
    ("every-samples = 6000", "¦every-steps = 6000", "unknown key `every-steps`: did you mean `every-samples`?"),
    // Flags of train that belong elsewhere.
    ("momentum = 0.9", "¦epochs = 3", "write `epochs` in [budget]"),
    ("momentum = 0.9", "¦max-steps = 3", "write `steps` in [budget]"),
    ("momentum = 0.9", "¦eval-every = 0.5", "write `every-samples` in [evaluate]"),
    ("momentum = 0.9", "¦target-accuracy = 0.5", "write `at-least` in [target]"),
    ("momentum = 0.9", "¦seed = 1", "list the seeds at the top"),
    ("momentum = 0.9", "¦record = \"r.json\"", "keeps a record of every run"),
    ("momentum = 0.9", "¦meter = \"rapl\"", "give it to the command"),
    ("lr = [0.01, 0.1]", "¦seed = [1, 2]", "list the seeds at the top"),
    ("seeds = [1, 2, 3]", "seeds = [1]\n¦lr = 0.1", "write it in [base], or its values in [axes]"),
    ("seeds = [1, 2, 3]", "seeds = [1]\n¦window = 6000", "`window` belongs in [target]"),
    ("samples = 600000", "¦max-steps = 600000", "write `steps` in [budget]"),
    // Missing keys.
    ("name = \"lr-batch\"\n", "¦", "`name` is missing: add"),
    ("seeds = [1, 2, 3]\n", "", "`seeds` is missing: add seeds = [1, 2, 3]"),
    ("[budget]\nsamples = 600000\n", "", "`budget` is missing: add [budget]"),
    ("[budget]\nsamples = 600000", "¦[budget]", "[budget] limits nothing"),
    ("[target]\nmetric = \"accuracy\"", "¦[target]", "`metric` is missing: add"),
    ("[evaluate]\nevery-samples = 6000", "¦[evaluate]", "`every-samples` is missing: add"),
    // Names, seeds, repeats.
    ("name = \"lr-batch\"", "name = ¦\"a/b\"", "\"a/b\" cannot be the name of a folder"),
    ("name = \"lr-batch\"", "name = ¦\"\"", "cannot be the name of a folder"),
    ("name = \"lr-batch\"", "name = ¦3", "`name` takes text, not 3"),
    ("seeds = [1, 2, 3]", "seeds = ¦[]", "`seeds` is an empty list"),
    ("seeds = [1, 2, 3]", "seeds = ¦3", "`seeds` takes a list, not 3"),
    ("seeds = [1, 2, 3]", "seeds = [1, 2, ¦1]", "the seed 1 is listed twice"),
    ("seeds = [1, 2, 3]", "seeds = [¦-1]", "from 0 to 4294967295, not -1"),
    ("seeds = [1, 2, 3]", "seeds = [1, ¦4294967296]", "not 4294967296"),
    ("seeds = [1, 2, 3]", "seeds = [¦1.5]", "from 0 to 4294967295, not 1.5"),
    ("seeds = [1, 2, 3]", "seeds = [1]\nreplicates = ¦1001", "from 0 to 1000, not 1001"),
    ("seeds = [1, 2, 3]", "seeds = [1]\nconfirm = ¦true", "`confirm` takes a whole number"),
    ("[reference]\nbatch-size = 32\nlr = 0.1\n", "¦[reference]\n", "`batch-size` is missing in [reference]"),
    // Values of regimes.
    ("momentum = 0.9", "momentum = ¦\"high\"", "`momentum` takes a number, not \"high\""),
    ("momentum = 0.9", "momentum = ¦1.0", "the momentum must be at least 0 and below 1"),
    ("momentum = 0.9", "momentum = ¦[0.9, 0.5]", "several belong in [axes]"),
    ("momentum = 0.9", "nesterov = ¦1", "`nesterov` takes true or false, not 1"),
    ("momentum = 0.9", "nesterov = ¦true\nmomentum = 0.0", "nesterov needs a momentum above 0"),
    ("momentum = 0.9", "weight-decay = ¦-1e-4", "the weight decay must be a finite number of at least 0"),
    ("momentum = 0.9", "order = ¦\"shuffle\"", "`order` takes shuffled, sequential, not \"shuffle\"; did you mean shuffled?"),
    ("momentum = 0.9", "optimizer = ¦\"adagrad\"", "`optimizer` takes sgd, adam, adamw, rmsprop, lion, not \"adagrad\""),
    ("momentum = 0.9", "optimizer = ¦\"adamw\"\nmomentum = 0.9", "adamw has no momentum: leave momentum out"),
    ("momentum = 0.9", "schedule = ¦\"cosin\"", "did you mean cosine?"),
    ("momentum = 0.9", "gamma = ¦0.5", "schedule constant has no gamma: leave gamma out"),
    ("momentum = 0.9", "accumulate = ¦0", "the batches accumulated in a step must be at least 1"),
    ("momentum = 0.9", "accumulate = ¦200", "steps of 6400 samples cannot be evaluated every 6000 samples"),
    ("model = \"mlp\"", "model = ¦\"mpl\"", "takes mlp, cnn, resnet8, resnet18, resnet20, har-cnn or a network file (.toml), not \"mpl\"; did you mean mlp?"),
    ("momentum = 0.9", "momentum = ¦1999-12-31", "takes one value, not a date or time"),
    ("momentum = 0.9", "momentum = ¦nan", "takes a finite number, not nan"),
    ("lr = [0.01, 0.1]", "lr = [0.01, ¦inf]", "takes a finite number, not inf"),
    ("lr = [0.01, 0.1]", "lr = [0.01, ¦1e999]", "takes a finite number"),
    ("lr = [0.01, 0.1]", "lr = [0.01, ¦99999999999999999999]", "`lr` is too large"),
    ("lr = [0.01, 0.1]", "lr = [¦-0.01, 0.1]", "the learning rate must be a finite number of at least 0"),
    ("batch-size = [32, 128]", "batch-size = [32, ¦0]", "the batch size must be at least 1, got 0"),
    ("batch-size = [32, 128]", "batch-size = [32, ¦64.5]", "takes a whole number from 0 to 4294967295, not 64.5"),
    ("batch-size = [32, 128]", "batch-size = [32, ¦8192]", "steps of 8192 samples cannot be evaluated every 6000 samples"),
    ("momentum = 0.9", "eval-batch-size = ¦0", "evaluation batch size must be at least 1, got 0"),
    // Axes.
    ("lr = [0.01, 0.1]", "lr = ¦[]", "`lr` is an empty list"),
    ("lr = [0.01, 0.1]", "lr = ¦0.1", "one value for all cells belongs in [base]"),
    ("lr = [0.01, 0.1]", "lr = [0.1, 0.01, ¦1e-1]", "`lr` 0.1 is listed twice"),
    ("lr = [0.01, 0.1]", "lr = [0.1, ¦[0.2]]", "`lr` takes a number, not [0.2]"),
    ("lr = [0.01, 0.1]", "lr = [0.01, 0.1]\n¦momentum = [0.5, 0.9]", "in line 6, in [base]: keep one"),
    ("lr = [0.01, 0.1]", "lr = { from = 0.01, to = 0.1, steps = ¦1 }", "from 2 to 10000, not 1"),
    ("lr = [0.01, 0.1]", "lr = { from = 0.01, to = ¦0.01, steps = 2 }", "ends where it begins"),
    ("lr = [0.01, 0.1]", "lr = { from = ¦0, to = 0.1, steps = 2, scale = \"log\" }", "needs numbers above 0, not 0"),
    ("lr = [0.01, 0.1]", "lr = { from = 0.01, to = 0.1, steps = 2, scale = ¦\"ln\" }", "`scale` takes log, linear, not"),
    ("lr = [0.01, 0.1]", "lr = { from = 0.01, to = 0.1, ¦step = 2 }", "did you mean `steps`?"),
    ("lr = [0.01, 0.1]", "lr = ¦{ from = 0.01, to = 0.1 }", "`steps` is missing: add the number of values"),
    ("lr = [0.01, 0.1]", "lr = { from = 0.01, to = ¦\"fast\", steps = 2 }", "`to` takes a number, not \"fast\""),
    ("batch-size = [32, 128]", "batch-size = ¦{ from = 32, to = 34, steps = 5 }", "`batch-size` 33 is listed twice"),
    ("[axes]\nbatch-size = [32, 128]\nlr = [0.01, 0.1]\n[reference]\nbatch-size = 32\nlr = 0.1\n", "¦[axes]\n", "[axes] is empty"),
    ("[axes]\nbatch-size = [32, 128]\nlr = [0.01, 0.1]", "¦[axes]\nbatch-size = { from = 1, to = 200, steps = 200 }\nlr = { from = 0.1, to = 1, steps = 51 }", "makes 200 x 51 cells: a study has at most 10000"),
    // Zipped axes.
    ("seeds = [1, 2, 3]", "seeds = [1]\nzip = [[\"lr\", ¦\"batchsize\"]]", "is not an axis: did you mean \"batch-size\"?"),
    ("seeds = [1, 2, 3]", "seeds = [1]\nzip = [¦[\"lr\"]]", "a group of one axis"),
    ("seeds = [1, 2, 3]", "seeds = [1]\nzip = [[\"lr\", ¦\"lr\"]]", "names \"lr\" twice"),
    ("seeds = [1, 2, 3]", "seeds = [1]\nzip = [¦\"lr\"]", "`zip` takes a list, not"),
    // The reference cell.
    ("batch-size = 32\n", "batch-size = ¦64\n", "64 is not a value of the axis `batch-size`, which has 32, 128"),
    ("[reference]\nbatch-size = 32\nlr = 0.1", "¦[reference]\nbatch-size = 32", "`lr` is missing in [reference]"),
    ("[reference]", "[reference]\n¦momentum = 0.9", "`momentum` is not an axis"),
    // Target, evaluations, budget.
    ("metric = \"accuracy\"", "metric = ¦\"test-loss\"", "unknown metric \"test-loss\""),
    ("metric = \"accuracy\"\nat-least = [0.80, 0.85]", "metric = \"loss\"\nat-least = ¦[0.80, 0.85]", "a target loss takes `at-most`"),
    ("metric = \"accuracy\"\nat-least = [0.80, 0.85]", "metric = \"loss\"\nat-most = [0.5, ¦0.6]", "must fall"),
    ("at-least = [0.80, 0.85]", "at-least = [0.80, ¦85]", "write 85 % as 0.85"),
    ("at-least = [0.80, 0.85]", "at-least = [0.85, ¦0.80]", "the lowest first"),
    ("at-least = [0.80, 0.85]", "at-least = [0.85, ¦0.85]", "list each once"),
    ("at-least = [0.80, 0.85]", "at-least = ¦[]", "`at-least` is an empty list"),
    ("at-least = [0.80, 0.85]", "at-least = ¦0.85", "`at-least` takes a list, not 0.85"),
    ("window = 12000", "window = ¦9000", "use a multiple of 6000"),
    ("window = 12000", "window = ¦0", "a whole number of at least 1, not 0"),
    ("every-samples = 6000", "every-samples = ¦\"6k\"", "takes a whole number of at least 0, not \"6k\""),
    ("samples = 600000", "samples = ¦0", "at least 1, not 0"),
    ("samples = 600000", "samples = ¦11000", "before the window of 12000 samples is full"),
    ("samples = 600000", "samples = 600000\nsteps = ¦100", "ends after 100 steps of 32 samples"),
    ("samples = 600000", "joules = ¦-5", "`joules` takes a number above 0, not -5"),
    ("samples = 600000", "seconds = ¦0.0", "`seconds` takes a number above 0, not 0"),
];

#[test]
fn each_mistake_has_one_sentence_with_its_place() {
    let mut wrong = Vec::new();
    for (line, other, sentence) in BAD {
        let marked = with(line, other);
        let text = marked.replace(MARK, "");
        let error = match Study::parse("studies/bad.toml", &text) {
            Err(error) => error.to_string(),
            Ok(_) => "accepted".into(),
        };
        // A missing table has no mark: its error is at the beginning.
        let before = marked.split(MARK).next().filter(|_| marked.contains(MARK));
        let before: Vec<&str> = before.unwrap_or_default().split('\n').collect();
        let column = before[before.len() - 1].chars().count() + 1;
        let place = format!("studies/bad.toml:{}:{column}: ", before.len());
        if !(error.starts_with(&place) && error.contains(sentence)) || error.contains('\n') {
            wrong.push(format!("{other:?}\n  {error}\n  {place}...{sentence}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rejects_every_damaged_file_in_one_sentence() {
    let ranges = "lr = { from = 0.01, to = 1e-1, steps = 2, scale = \"log\" }";
    let rich = with("lr = [0.01, 0.1]", ranges).replace(
        "seeds = [1, 2, 3]",
        "seeds = [1]\nzip = [[\"lr\", \"batch-size\"]]",
    );
    let judge = |damaged: &str| {
        if let Err(error) = Study::parse("s.toml", damaged) {
            let error = error.to_string();
            let place: Vec<&str> = error.splitn(4, ':').collect();
            let numbers = place[1..3].iter().map(|n| n.parse::<usize>().unwrap());
            assert!(
                numbers.min() >= Some(1) && !place[3].contains('\n'),
                "{error}"
            );
            let line: usize = place[1].parse().unwrap();
            assert!(line <= damaged.lines().count().max(1), "{error}\n{damaged}");
        }
    };
    for text in [&rich, GOOD] {
        for (at, c) in text.char_indices() {
            let (before, after) = (&text[..at], &text[at + c.len_utf8()..]);
            judge(before);
            for other in ["", "\n", "-", "9", "\"", "[", "{", "=", "é", "\0", "."] {
                judge(&format!("{before}{other}{after}"));
            }
        }
    }
}

#[test]
fn columns_count_characters_with_any_line_ending() {
    let text = GOOD
        .replace("\"data/fashion-mnist\"", "\"é/ü\" # ¦")
        .replace('\n', "\r\n");
    let error = Study::parse("s.toml", &text.replace("# ¦", "garbage")).unwrap_err();
    // `data = "é/ü" garbage` in line 5: the 14th character, though the 16th byte.
    assert!(
        error.to_string().starts_with("s.toml:5:14: invalid TOML"),
        "{error}"
    );
}
