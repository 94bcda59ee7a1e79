//! A stretch of time between two readings of every source.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::counter;
use super::figure::{Energy, Method, Reading, Status};
use super::source::{Refusal, Row};

/// An open window of a [`Meter`](super::Meter): its first readings are taken, its last are taken by [`Window::stop`].
///
/// It may outlive the meter and be sent to another thread. Dropped without `stop` it gives no figure.
///
/// ```
/// use wattgrad::energy::{Meter, MeterOptions};
///
/// let meter = Meter::open(&MeterOptions::default(), None)?;
/// let window = meter.start();
/// std::thread::sleep(std::time::Duration::from_millis(20));
/// for row in window.stop() {
///     println!("{row}");
/// }
/// # Ok::<(), wattgrad::energy::MeterError>(())
/// ```
#[must_use = "a window gives its joules when it is stopped"]
pub struct Window {
    rows: Arc<[Row]>,
    first: Vec<Result<Reading, Refusal>>,
    keeper: Option<Keeper>,
}

impl Window {
    pub(crate) fn open(rows: Arc<[Row]>) -> Self {
        let first = rows.iter().map(Row::read).collect();
        let keeper = Keeper::start(&rows);
        Self {
            rows,
            first,
            keeper,
        }
    }

    /// Takes the last readings and gives one row per source, in the meter's order.
    pub fn stop(self) -> Vec<Energy> {
        let Self {
            rows,
            first,
            keeper,
        } = self;
        let mut between = keeper.map(Keeper::stop).unwrap_or_default();
        between.resize_with(rows.len(), Vec::new);
        let last: Vec<_> = rows.iter().map(Row::read).collect();
        rows.iter()
            .zip(first)
            .zip(between)
            .zip(last)
            .map(|(((row, first), between), last)| settle(row, first, between, last))
            .collect()
    }
}

const UNSEEN: &str =
    "no tick of the counter was seen, so how far the figure may be off is not known";

fn settle(
    row: &Row,
    first: Result<Reading, Refusal>,
    between: Vec<Reading>,
    last: Result<Reading, Refusal>,
) -> Energy {
    let mut readings: Vec<Reading> = first.iter().copied().collect();
    readings.extend(between);
    readings.extend(last.iter().copied());
    let outcome = match (&row.instrument, first, last) {
        // A row without an instrument has been refused at its first reading already, in the same words.
        (Err(refusal), _, _) => Err(refusal.clone()),
        (Ok(_), Err(refusal), _) => Err(refusal),
        (Ok(_), Ok(_), Err(refusal)) => Err(Refusal {
            reason: format!("lost within the window: {}", refusal.reason),
            remedy: refusal.remedy,
        }),
        (Ok(instrument), Ok(_), Ok(_)) => instrument.settle(&readings, row.seen.tick_seconds),
    };
    let seconds = match (readings.first(), readings.last()) {
        (Some(first), Some(last)) if readings.len() > 1 => {
            Some(last.at.monotonic - first.at.monotonic)
        }
        _ => None,
    };
    let mut energy = Energy {
        source: row.source.clone(),
        scope: row.scope,
        covers: row.covers,
        method: row.method,
        status: Status::Unavailable,
        joules: None,
        uncertainty_joules: None,
        seconds,
        tick_seconds: row.seen.tick_seconds,
        reason: None,
        remedy: None,
        readings: counter::essential(&readings),
    };
    match outcome {
        Ok(joules) if joules.joules.is_finite() && joules.joules > 0.0 => {
            energy.status = match (row.method, &row.shared) {
                (Method::Assumed, _) => Status::Assumed,
                (_, Some(_)) => Status::Shared,
                (_, None) => Status::Measured,
            };
            energy.joules = Some(joules.joules);
            energy.uncertainty_joules = joules.uncertainty.filter(|off| off.is_finite());
            let edges_unknown =
                row.method == Method::Counter && energy.uncertainty_joules.is_none();
            let unseen = edges_unknown.then(|| UNSEEN.to_owned());
            energy.reason = row.shared.clone().or(unseen);
        }
        Ok(joules) => {
            energy.reason = Some(format!(
                "the readings came to {} J, which is no energy",
                joules.joules
            ))
        }
        Err(refusal) => {
            energy.reason = Some(refusal.reason);
            energy.remedy = refusal.remedy;
        }
    }
    energy
}

/// Reads, while a window is open, the counters that would otherwise wrap unseen. It sleeps in between.
struct Keeper {
    open: Sender<()>,
    thread: JoinHandle<()>,
    readings: Arc<Mutex<Vec<Vec<Reading>>>>,
}

impl Keeper {
    /// `None` where no row needs it, or no thread can be had; then the counter's own gap check refuses a long window.
    fn start(rows: &Arc<[Row]>) -> Option<Self> {
        let every = rows.iter().filter_map(cadence).min()?;
        let (open, closed) = mpsc::channel();
        let readings = Arc::new(Mutex::new(vec![Vec::new(); rows.len()]));
        let kept = Arc::clone(&readings);
        let rows = Arc::clone(rows);
        let keep = move || {
            // The window closes by dropping its sender, which ends the wait at once.
            while let Err(RecvTimeoutError::Timeout) = closed.recv_timeout(every) {
                for (index, row) in rows
                    .iter()
                    .enumerate()
                    .filter(|(_, row)| cadence(row).is_some())
                {
                    if let Ok(reading) = row.read() {
                        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                        kept[index].push(reading);
                    }
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("wattgrad-meter".into())
            .spawn(keep)
            .ok()?;
        Some(Self {
            open,
            thread,
            readings,
        })
    }

    fn stop(self) -> Vec<Vec<Reading>> {
        let Self {
            open,
            thread,
            readings,
        } = self;
        drop(open);
        // A keeper that panicked has left fewer readings, which the gap check sees.
        let _ = thread.join();
        std::mem::take(&mut *readings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn cadence(row: &Row) -> Option<Duration> {
    row.instrument.as_ref().ok()?.cadence()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    use super::super::counter::Counter;
    use super::super::figure::{Scope, Unit};
    use super::super::source::{Instrument, Joules};
    use super::*;

    /// 100 W on a counter that begins again every 20 J, so every 200 ms.
    struct Wrapping {
        born: Instant,
        every: Option<Duration>,
        reads: Arc<AtomicU64>,
    }

    impl Instrument for Wrapping {
        fn read(&self) -> Result<(u64, Unit), Refusal> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let millijoules = self.born.elapsed().as_micros() as u64 / 10;
            Ok((1 + millijoules % 20_000, Unit::Millijoule))
        }

        fn settle(&self, readings: &[Reading], _tick: Option<f64>) -> Result<Joules, Refusal> {
            let rules = Counter {
                unit: Unit::Millijoule,
                wraps_at: Some(20_000),
                most_watts: 110.0,
            };
            rules.settle(readings, Some(0.0))
        }

        fn cadence(&self) -> Option<Duration> {
            self.every
        }
    }

    fn window(every: Option<Duration>) -> (Window, Arc<AtomicU64>) {
        let reads = Arc::new(AtomicU64::new(0));
        let wrapping = Wrapping {
            born: Instant::now(),
            every,
            reads: Arc::clone(&reads),
        };
        let row = Row::counter("made-up", Scope::Package, None, Ok(Box::new(wrapping)));
        (Window::open(vec![row].into()), reads)
    }

    #[test]
    fn a_counter_that_wraps_is_read_in_between() {
        let (open, _) = window(Some(Duration::from_millis(5)));
        let began = Instant::now();
        std::thread::sleep(Duration::from_millis(900));
        let rows = open.stop();
        let most = 100.0 * began.elapsed().as_secs_f64();
        let joules = rows[0].joules;
        assert!(
            joules.is_some_and(|joules| (89.0..most + 1.0).contains(&joules)),
            "{:?}",
            rows[0]
        );
        let wraps = rows[0]
            .readings
            .windows(2)
            .filter(|pair| pair[1].value < pair[0].value)
            .count();
        assert!(wraps >= 4, "{:?}", rows[0].readings);
    }

    #[test]
    fn unread_in_between_it_gives_no_figure() {
        let (open, _) = window(None);
        std::thread::sleep(Duration::from_millis(300));
        let rows = open.stop();
        assert_eq!(rows[0].joules, None);
        assert_eq!(rows[0].status, Status::Unavailable);
        assert!(
            rows[0]
                .reason
                .as_deref()
                .is_some_and(|why| why.contains("wrap may be missed")),
            "{:?}",
            rows[0]
        );
    }

    #[test]
    fn a_dropped_window_stops_reading() {
        let (open, reads) = window(Some(Duration::from_millis(2)));
        std::thread::sleep(Duration::from_millis(30));
        drop(open);
        std::thread::sleep(Duration::from_millis(30));
        let then = reads.load(Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(reads.load(Ordering::Relaxed), then);
        assert!(then > 1);
    }
}
