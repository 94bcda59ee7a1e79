//! The rails as read by `macmon`: mean watts over consecutive short intervals.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use macmon::{Metrics, Sampler};

use super::covers::gpu_covers;
use crate::energy::clock::Moment;
use crate::energy::device::MeteredDevice;
use crate::energy::figure::{Covers, RawUnit, Reading, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};

/// Milliseconds over which a reading is averaged; the slower rails change about once a second.
const EVERY_MS: u32 = 200;
/// Number of readings kept while nobody polls.
const KEPT: usize = 4096;
/// More than any of these machines draws.
const MAX_WATTS: f64 = 2_000.0;
/// Identifying the chip takes a while.
const OPENING: Duration = Duration::from_secs(10);

type Outcome = Result<Reading, Unavailable>;
type Rail = (&'static str, Scope, fn(&Metrics) -> f32);

const RAILS: [Rail; 3] = [
    ("apple:gpu", Scope::Rail, |metrics| metrics.gpu_power),
    ("apple:cpu", Scope::Rail, |metrics| metrics.cpu_power),
    ("apple:system", Scope::System, |metrics| metrics.sys_power),
];

pub(super) fn sensors(target: Option<&MeteredDevice>) -> Result<Vec<OpenSensor>, Unavailable> {
    let (senders, receivers): (Vec<_>, Vec<_>) = RAILS.iter().map(|_| sync_channel(KEPT)).unzip();
    let (ready, opened) = sync_channel(1);
    std::thread::Builder::new()
        .name("wattgrad-apple".into())
        .spawn(move || sample(&ready, senders))
        .map_err(|why| {
            Unavailable::new(format!(
                "the thread that reads the power rails cannot be started: {why}"
            ))
        })?;
    opened.recv_timeout(OPENING).unwrap_or_else(|_| {
        Err(Unavailable::new(
            "the power rails did not respond within 10 s",
        ))
    })?;
    Ok(RAILS
        .iter()
        .zip(receivers)
        .map(|(&(name, scope, _), readings)| {
            let covers = target.map(|target| match name {
                "apple:gpu" => gpu_covers(target),
                "apple:system" => Covers::Contains,
                _ => Covers::Host,
            });
            let rail = RailReader(Mutex::new(readings));
            OpenSensor::power(name, scope, covers, Ok(Box::new(rail)))
        })
        .collect())
}

/// Samples until all receivers are gone. The sampler stays on the thread that created it.
fn sample(ready: &SyncSender<Result<(), Unavailable>>, mut senders: Vec<SyncSender<Outcome>>) {
    let mut sampler = match Sampler::new() {
        Ok(sampler) => sampler,
        Err(why) => {
            // The receiver may have given up waiting.
            let _ = ready.send(Err(Unavailable::new(format!(
                "Apple's power rails cannot be opened: {why}"
            ))));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    let mut gone = [false; RAILS.len()];
    while gone.contains(&false) {
        let metrics = sampler.get_metrics(EVERY_MS);
        let at = Moment::now();
        for ((sender, gone), (name, _, watts)) in senders.iter_mut().zip(&mut gone).zip(RAILS) {
            let outcome = match &metrics {
                Ok(metrics) => reading(name, watts(metrics), at),
                Err(why) => Err(Unavailable::new(format!("{name}: {why}"))),
            };
            // A full channel belongs to a meter without an open window, which needs no readings.
            *gone |= matches!(sender.try_send(outcome), Err(TrySendError::Disconnected(_)));
        }
        if metrics.is_err() {
            return;
        }
    }
}

fn reading(name: &str, watts: f32, at: Moment) -> Outcome {
    let watts = f64::from(watts);
    if !(watts.is_finite() && watts >= 0.0) {
        return Err(Unavailable::new(format!("{name} reads {watts} W")));
    }
    Ok(Reading {
        value: (watts * 1e6).round() as u64,
        unit: RawUnit::Microwatt,
        at,
        read_seconds: 0.0,
    })
}

struct RailReader(Mutex<Receiver<Outcome>>);

impl Sensor for RailReader {
    fn spec(&self) -> SensorSpec {
        SensorSpec::power(RawUnit::Microwatt, MAX_WATTS, 0.0).averaging(f64::from(EVERY_MS) * 1e-3)
    }

    fn read(&self) -> Result<u64, Unavailable> {
        let mut fresh = Vec::new();
        self.poll(&mut fresh)?;
        fresh
            .last()
            .map(|reading| reading.value)
            .ok_or_else(|| Unavailable::new("the power rails have not been sampled yet"))
    }

    fn poll(&self, into: &mut Vec<Reading>) -> Result<(), Unavailable> {
        let readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match readings.try_recv() {
                Ok(outcome) => into.push(outcome?),
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => {
                    return Err(Unavailable::new("the power rails can no longer be read"));
                }
            }
        }
    }

    fn keeps_record(&self) -> bool {
        true
    }
}
