//! A machine with virtual time: reading the sensor and sleeping take time.

use std::sync::Mutex;

use fastrand::Rng;
use wattgrad::internals::energy::{
    Clock, Moment, RawUnit, Reading, Recording, Sensor, SensorSpec, Unavailable,
};

use crate::draw::{log_within, normal, within};
use crate::sensor::SimulatedSensor;

#[derive(Debug)]
pub struct World {
    pub sensor: SimulatedSensor,
    /// Typical seconds of a read.
    pub latency: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: f64,
    rng: Rng,
}

/// An arbitrary date.
pub const UNIX: f64 = 1.8e9;

impl World {
    pub fn new(sensor: SimulatedSensor, rng: &mut Rng) -> Self {
        Self {
            sensor,
            latency: log_within(rng, 1e-4, 0.03),
            state: Mutex::new(State {
                now: 0.0,
                rng: rng.fork(),
            }),
        }
    }

    /// Samples the sensor to the end of the load.
    pub fn watch(&self) -> Result<Recording, Unavailable> {
        let end = self.sensor.load.end();
        Recording::take(self, self, None, |now| now >= end)
    }

    /// One read, whose value is from a random moment within it.
    fn sample(&self) -> Reading {
        let mut state = self.state.lock().unwrap();
        let mut took = self.latency * (0.2 * normal(&mut state.rng)).exp();
        if state.rng.f64() < 0.01 {
            took *= within(&mut state.rng, 2.0, 4.0);
        }
        let began = state.now;
        let value = self.sensor.shown(began + took * state.rng.f64());
        state.now += took;
        Reading {
            value,
            unit: self.unit(),
            at: Moment {
                monotonic: began + took / 2.0,
                unix: UNIX + began + took / 2.0,
            },
            read_seconds: took,
        }
    }

    fn unit(&self) -> RawUnit {
        self.sensor.model.spec().unit
    }
}

impl Sensor for World {
    fn spec(&self) -> SensorSpec {
        self.sensor.model.spec()
    }

    fn read(&self) -> Result<u64, Unavailable> {
        Ok(self.sample().value)
    }

    fn poll(&self, into: &mut Vec<Reading>) -> Result<(), Unavailable> {
        into.push(self.sample());
        Ok(())
    }
}

impl Clock for World {
    fn now(&self) -> f64 {
        self.state.lock().unwrap().now
    }

    fn sleep_until(&self, at: f64) {
        let mut state = self.state.lock().unwrap();
        let late = within(&mut state.rng, 5e-5, 2e-4);
        state.now = state.now.max(at) + late;
    }
}
