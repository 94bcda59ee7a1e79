//! A profile: it leaves the program as it was, and its joules add up on a sensor that the program's own launches feed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::{bits, gpu, options, train};
use wattgrad::internals::data::Dataset;
use wattgrad::internals::device::Gpu;
use wattgrad::internals::energy::{
    Meter, MeterOptions, RawUnit, Scope, Selection, Sensor, SensorSpec, Unavailable,
};
use wattgrad::internals::kernels::Shape;
use wattgrad::internals::lab::profile::{
    Launched, Profile, ProfileEvent, ProfileOptions, TimingMethod, profile,
};
use wattgrad::internals::model::{Network, init, presets};
use wattgrad::internals::program::{Program, ProgramOptions};

/// Watts of the simulated device, whatever it does.
const STANDING: f64 = 1.0;

/// Counts the joules of launches, and standing power since it was made.
struct Simulated {
    launches: Arc<AtomicU64>,
    made: Instant,
}

impl Sensor for Simulated {
    fn spec(&self) -> SensorSpec {
        SensorSpec::energy(RawUnit::Microjoule, 1e12, 0.0)
    }

    fn read(&self) -> Result<u64, Unavailable> {
        let standing = STANDING * self.made.elapsed().as_secs_f64();
        Ok(1_000_000 + (1e6 * standing) as u64 + self.launches.load(Ordering::SeqCst))
    }
}

fn network() -> Network {
    let mut net = Network::new();
    let x = net.input([1, 8, 8]);
    let h = net.linear("fc1", x, 32).unwrap();
    let h = net.relu(h).unwrap();
    let h = net.linear("fc2", h, 10).unwrap();
    net.cross_entropy("label", h, 0, 1.0);
    net
}

fn built<'g>(
    gpu: &'g Gpu,
    network: &Network,
    data: &Dataset,
    with: &ProgramOptions,
) -> Program<'g> {
    let mut program = Program::new(gpu, network, data, with).unwrap();
    let start = init::initial(network.parameters(), 5).unwrap();
    program.load(&start).unwrap();
    program
}

fn short(method: Option<TimingMethod>, energy_seconds: f64) -> ProfileOptions {
    ProfileOptions {
        method,
        rounds: 2,
        energy_seconds,
    }
}

/// Joules of a launch, as the simulated device draws them.
fn joules(kind: usize) -> f64 {
    0.5 + 0.25 * (kind % 7) as f64
}

/// Joules of an empty launch.
fn gap(waits: bool) -> f64 {
    if waits { 0.04 } else { 0.02 }
}

#[test]
fn joules_of_kernels_gaps_and_idle_add_up_to_the_step() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let with = ProgramOptions {
        replay: true,
        ..options(&gpu)
    };
    let mut program = built(&gpu, &network(), &data, &with);
    let drawn = Arc::new(AtomicU64::new(0));
    let sensor = Simulated {
        launches: Arc::clone(&drawn),
        made: Instant::now(),
    };
    let nowhere = MeterOptions {
        calibrations: Some("/nonexistent".into()),
        ..Default::default()
    };
    let meter = Meter::of_sensor("simulated", Scope::Board, Box::new(sensor), &nowhere);
    let dispatches = program.step_dispatches();
    let kind = |at: usize| dispatches.iter().find(|d| d.at == at).unwrap().kind;
    let times = |d: &wattgrad::internals::program::StepDispatch| f64::from(d.per_step);
    let whole: f64 = dispatches
        .iter()
        .map(|d| times(d) * (joules(d.kind) + gap(d.waits)))
        .sum();
    let mut watch = |event: ProfileEvent<'_>| {
        if let ProfileEvent::Launched(what, count) = event {
            let each = match what {
                // A repetition waits for the one before.
                Launched::Dispatch(at) => joules(kind(at)) + gap(true),
                Launched::Step => whole,
                Launched::Empty(waits) => gap(waits),
            };
            drawn.fetch_add((1e6 * each * count as f64) as u64, Ordering::SeqCst);
        }
    };
    let with = short(None, 0.2);
    let found: Profile = profile(&gpu, &mut program, &meter, None, &with, &mut watch).unwrap();
    let why = found.energy_unavailable.as_ref();
    let energy = found.energy.as_ref().unwrap_or_else(|| panic!("{why:?}"));
    assert_eq!(energy.source, "simulated");
    assert!((energy.idle_watts - STANDING).abs() < 0.05, "{energy:?}");
    // Standing power of a step of milliseconds is small beside the joules of its launches.
    assert!(
        (energy.step_joules / whole - 1.0).abs() < 0.03,
        "{energy:?}"
    );
    assert!(energy.closure.error().abs() < 0.05, "{energy:?}");
    for (profile, dispatch) in found.dispatches.iter().zip(&dispatches) {
        let expected = joules(dispatch.kind);
        let measured = profile.joules.unwrap();
        assert!(
            (measured / expected - 1.0).abs() < 0.05,
            "{}: {measured} J, expected {expected} J",
            profile.label
        );
    }
    let shares: f64 = found
        .dispatches
        .iter()
        .map(|d| d.joules_share.unwrap())
        .sum();
    assert!((0.9..=1.01).contains(&shares), "{shares}");
}

#[test]
fn leaves_weights_optimizer_state_and_step_as_they_were() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = presets::by_name("resnet8", Shape::from([1, 8, 8]), 10).unwrap();
    let with = ProgramOptions {
        replay: true,
        ..options(&gpu)
    };
    let all = train(&gpu, &network, &data, &with, 6);
    let mut program = built(&gpu, &network, &data, &with);
    let never = AtomicBool::new(false);
    let mut results = vec![];
    program.train(3, &never, &mut |r| results.push(r)).unwrap();
    let before = program.snapshot().unwrap();
    let none = MeterOptions {
        selection: Selection::None,
        ..Default::default()
    };
    let meter = Meter::open(&none, None).unwrap();
    let replay = short(Some(TimingMethod::Replay), 0.1);
    let found = profile(&gpu, &mut program, &meter, None, &replay, &mut |_| ()).unwrap();
    assert_eq!(found.method, TimingMethod::Replay);
    assert!(found.energy.is_none() && found.energy_unavailable.is_some());
    assert!(program.snapshot().unwrap() == before);
    program.train(3, &never, &mut |r| results.push(r)).unwrap();
    let same = (results, program.weights().unwrap());
    assert!(bits(&same) == bits(&all));
}
