//! A simulated sensor under calibration: the load is switched while the sensor is sampled.

use std::sync::{Mutex, MutexGuard};

use fastrand::Rng;
use wattgrad::internals::energy::{
    Activity, Clock, Moment, Reading, Sensor, SensorModel, SensorSpec, Unavailable, Workload,
    calibrate_sensor,
};

use crate::draw::{normal, within};
use crate::load::Load;
use crate::sensor::SimulatedSensor;
use crate::world::{UNIX, World};

struct Bench {
    spec: SensorSpec,
    latency: f64,
    state: Mutex<State>,
}

struct State {
    now: f64,
    rng: Rng,
    sensor: SimulatedSensor,
    /// Mean watts of the current activity, and their noise.
    level: f64,
    noise: f64,
    idle: f64,
    loaded: f64,
}

/// Seconds for which one draw of the noise lasts.
const GRAIN: f64 = 0.02;

/// The sensor model that the estimator gets: from a calibration (`calibrated`), or the default for an unknown sensor.
pub fn knowledge(world: &World, calibrated: bool, seed: u64) -> Result<SensorModel, Unavailable> {
    if calibrated {
        learn(world, seed).map(|(known, _)| known)
    } else {
        Ok(SensorModel::uncalibrated(&world.spec()))
    }
}

/// An open context does not change the idle power; empty dispatches add this share.
pub const EMPTY: f64 = 0.2;

/// Calibrates the sensor of `world` under a separate load. Also returns the true idle power.
pub fn learn(world: &World, seed: u64) -> Result<(SensorModel, f64), Unavailable> {
    let mut rng = Rng::with_seed(!seed);
    let mut load = Load::default();
    let [idle, loaded] = world.sensor.model.watts;
    let (idle, loaded) = (
        within(&mut rng, idle.0, idle.1),
        within(&mut rng, loaded.0, loaded.1),
    );
    load.push(0.5, idle, idle);
    let model = world.sensor.model;
    let bench = Bench {
        spec: model.spec(),
        latency: world.latency,
        state: Mutex::new(State {
            now: 0.4,
            sensor: SimulatedSensor::new(model, world.sensor.hidden, load),
            level: idle,
            noise: 0.01,
            idle,
            loaded,
            rng,
        }),
    };
    let found = calibrate_sensor(&bench, None, &mut Switch(&bench), &bench)?;
    match found.rejected {
        Some(reason) => Err(Unavailable::new(reason)),
        None => Ok((found.model, idle)),
    }
}

struct Switch<'a>(&'a Bench);

impl Workload for Switch<'_> {
    fn set(&mut self, activity: Activity) {
        let mut state = self.0.state();
        let now = state.now;
        state.grow(now);
        (state.level, state.noise) = match activity {
            Activity::Load => (state.loaded, 0.03),
            Activity::Empty => ((1.0 + EMPTY) * state.idle, 0.01),
            Activity::Cold | Activity::Context => (state.idle, 0.01),
        };
    }
}

impl Bench {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    /// Continues the current activity until `to`.
    fn grow(&mut self, to: f64) {
        while self.sensor.load.end() < to {
            let end = (self.sensor.load.end() + GRAIN).min(to);
            let watts = self.level * (1.0 + self.noise * normal(&mut self.rng).clamp(-3.0, 3.0));
            self.sensor.grow(end, watts);
        }
    }
}

impl Sensor for Bench {
    fn spec(&self) -> SensorSpec {
        self.spec
    }

    fn read(&self) -> Result<u64, Unavailable> {
        let mut readings = Vec::new();
        self.poll(&mut readings)?;
        Ok(readings[0].value)
    }

    fn poll(&self, into: &mut Vec<Reading>) -> Result<(), Unavailable> {
        let mut state = self.state();
        let took = self.latency * (0.2 * normal(&mut state.rng)).exp();
        let (began, at) = (state.now, state.now + took * state.rng.f64());
        state.grow(at);
        state.now += took;
        into.push(Reading {
            value: state.sensor.shown(at),
            unit: self.spec.unit,
            at: Moment {
                monotonic: began + took / 2.0,
                unix: UNIX + began + took / 2.0,
            },
            read_seconds: took,
        });
        Ok(())
    }
}

impl Clock for Bench {
    fn now(&self) -> f64 {
        self.state().now
    }

    fn sleep_until(&self, at: f64) {
        let mut state = self.state();
        let late = within(&mut state.rng, 5e-5, 2e-4);
        state.now = state.now.max(at) + late;
    }
}
