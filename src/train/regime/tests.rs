use super::*;
use crate::data::Dataset;
use crate::model::LossKind;

#[test]
fn rejects_each_invalid_value() {
    let good = Regime::default();
    assert_eq!(good.check(), Ok(()));
    let error = |regime: Regime| regime.check().unwrap_err().to_string();
    let batch = error(Regime {
        batch_size: 0,
        ..good.clone()
    });
    assert!(batch.contains("batch size must be at least 1"), "{batch}");
    for eval_every in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let text = error(Regime {
            eval_every,
            ..good.clone()
        });
        assert!(text.contains("epochs between evaluations"), "{text}");
    }
    for target in [86.0, -0.1, f64::NAN] {
        let text = error(Regime {
            target_accuracy: Some(target),
            ..good.clone()
        });
        assert!(text.contains("target accuracy"), "{text}");
    }
    let text = error(Regime {
        lr: Some(-1.0),
        ..good.clone()
    });
    assert!(
        text.contains("learning rate") && text.contains("got -1"),
        "{text}"
    );
}

#[test]
fn the_lower_limit_of_epochs_and_steps_counts() {
    let steps = |epochs, max_steps| {
        Regime {
            epochs,
            max_steps,
            ..Regime::default()
        }
        .steps(10)
    };
    assert_eq!(steps(None, None), 50);
    assert_eq!(steps(Some(2), None), 20);
    assert_eq!(steps(None, Some(200)), 200);
    assert_eq!(steps(Some(2), Some(7)), 7);
    assert_eq!(steps(Some(2), Some(70)), 20);
    assert_eq!(steps(Some(2), Some(0)), 0);
}

#[cfg(feature = "cli")]
#[test]
fn flags_are_the_fields_and_default_to_the_default_regime() {
    use clap::{Args as _, FromArgMatches as _};

    let command = Regime::augment_args(clap::Command::new("regime"));
    let parse = |flags: &[&str]| {
        let given = [&["regime"], flags].concat();
        let matches = command.clone().try_get_matches_from(given).unwrap();
        Regime::from_arg_matches(&matches).unwrap()
    };
    assert_eq!(parse(&[]), Regime::default());
    let fields: Vec<String> = Regime::keys()
        .into_iter()
        .map(|key| key.replace('_', "-"))
        .collect();
    let flags: Vec<&str> = command
        .get_arguments()
        .filter_map(|a| a.get_long())
        .collect();
    assert_eq!(fields, flags);
    for argument in command.get_arguments() {
        assert!(
            argument
                .get_help()
                .is_some_and(|help| !help.to_string().ends_with('.'))
        );
        assert!(argument.get_long_help().is_none(), "{argument}");
    }
    let given = parse(&["--lr", "0.1", "--nesterov", "--order", "sequential"]);
    let expected = Regime {
        lr: Some(0.1),
        nesterov: Some(true),
        order: Order::Sequential,
        ..Regime::default()
    };
    assert_eq!(given, expected);
}

#[test]
fn a_regime_round_trips_through_json() {
    let regime = Regime {
        target_accuracy: Some(0.86),
        order: Order::Sequential,
        max_steps: Some(3),
        ..Regime::default()
    };
    let text = serde_json::to_string(&regime).unwrap();
    assert!(text.contains(r#""order":"sequential""#), "{text}");
    assert!(text.contains(r#""optimizer":"sgd""#), "{text}");
    assert_eq!(serde_json::from_str::<Regime>(&text).unwrap(), regime);
    assert!(serde_json::from_str::<Regime>(r#"{"learning_rate": 1}"#).is_err());
}

#[test]
fn choices_at_their_defaults_are_left_out_of_records() {
    let spelled = Regime {
        dampening: Some(0.0),
        no_decay_norms: Some(false),
        accumulate: Some(1),
        schedule: Some(RateSchedule::Constant),
        warmup_steps: Some(0),
        class_weights: Some(ClassWeights::None),
        ..Regime::default()
    };
    assert_eq!(spelled.resolved(), Regime::default().resolved());
    let cosine = Regime {
        schedule: Some(RateSchedule::Cosine),
        ..Regime::default()
    };
    let resolved = cosine.resolved().unwrap();
    assert_eq!(resolved.min_lr, Some(0.0));
    assert_eq!(resolved.resolved().unwrap(), resolved);
}

#[test]
fn groups_are_heads_and_parameters_of_one_dimension() {
    let data = Dataset::open("digits").unwrap();
    let groups = |regime: Regime| {
        let mut network = regime.build_network(&data).unwrap();
        regime.group(&mut network);
        let specs = network.parameters().iter();
        let groups: Vec<(String, u32)> = specs.map(|p| (p.name.clone(), p.group)).collect();
        (groups, regime.groups())
    };
    let (plain, one) = groups(Regime::default());
    assert!(plain.iter().all(|(_, group)| *group == 0) && one.len() == 1);
    let (both, four) = groups(Regime {
        head_lr: Some(0.5),
        no_decay_norms: Some(true),
        ..Regime::default()
    });
    for (name, group) in both {
        let expected = match (name.starts_with("fc3."), name.ends_with(".bias")) {
            (false, false) => (None, None),
            (false, true) => (None, Some(0.0)),
            (true, false) => (Some(0.5), None),
            (true, true) => (Some(0.5), Some(0.0)),
        };
        let found = four[group as usize];
        assert_eq!((found.lr, found.weight_decay), expected, "{name}");
    }
    let (heads, _) = groups(Regime {
        model: "resnet8".into(),
        head_lr: Some(0.5),
        ..Regime::default()
    });
    let heads: Vec<_> = heads.iter().filter(|(_, group)| *group == 2).collect();
    assert_eq!(heads.len(), 2);
    assert!(heads.iter().all(|(name, _)| name.starts_with("fc.")));
}

#[test]
fn balanced_classes_weigh_alike_over_the_training_samples() {
    let regime = Regime {
        class_weights: Some(ClassWeights::Balanced),
        data: "digits".into(),
        classes: "0,1,4".parse().ok(),
        ..Regime::default()
    };
    let data = regime.open_data().unwrap();
    let network = regime.build_network(&data).unwrap();
    let LossKind::CrossEntropy { class_weights, .. } = &network.losses()[0].kind else {
        panic!("classes have a cross-entropy");
    };
    let weights = class_weights.as_ref().unwrap();
    assert_eq!(weights.len(), 3);
    let mut sums = [0.0_f64; 3];
    for label in data.train.targets[0].values() {
        sums[label as usize] += f64::from(weights[label as usize]);
    }
    let third = data.train.len as f64 / 3.0;
    assert!(sums.iter().all(|sum| (sum / third - 1.0).abs() < 1e-6));
}

#[test]
fn class_weights_replace_those_of_a_network_file_and_need_classes() {
    let folder = tempfile::tempdir().unwrap();
    let weights = |class_weights| {
        let path = folder.path().join("net.toml");
        let weights = "class_weights = [1, 2, 1, 1, 1, 1, 1, 1, 1, 1]";
        let text = format!("[[layer]]\ntype = \"relu\"\n[[head]]\ntask = \"label\"\n{weights}\n");
        std::fs::write(&path, text).unwrap();
        let regime = Regime {
            model: path.display().to_string(),
            data: "digits".into(),
            class_weights,
            ..Regime::default()
        };
        let data = regime.open_data().unwrap();
        let network = regime.build_network(&data).unwrap();
        match network.losses()[0].kind.clone() {
            LossKind::CrossEntropy { class_weights, .. } => class_weights,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(weights(None).unwrap()[1], 2.0);
    assert_eq!(weights(Some(ClassWeights::None)), None);
    assert!(weights(Some(ClassWeights::Balanced)).unwrap()[1] < 1.5);
    let data = Dataset::open("digits").unwrap();
    let mut network = crate::model::Network::new();
    let x = network.input([64, 1, 1]);
    network.loss("value", LossKind::MeanSquaredError, x, 0, 1.0);
    assert!(ClassWeights::None.apply(&mut network, &data).is_ok());
    let error = ClassWeights::Balanced
        .apply(&mut network, &data)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("every loss is a mean squared error"),
        "{error}"
    );
}
