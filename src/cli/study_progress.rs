//! How far a study is, on stderr: a bar over the runs on a terminal, a line a run everywhere.

use std::collections::HashSet;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::energy::Status;
use crate::study::{RunRecord, Study, StudyEvent};
use crate::train::{Event, Record, Way};
use crate::units::{joules, percent, seconds};

use super::args::Global;
use super::margin::Margin;
use super::output::say;

/// How often the figures beside the bar change; more often nobody reads.
const PACE: Duration = Duration::from_millis(100);

pub struct StudyProgress<'a> {
    global: &'a Global,
    target: crate::train::MetricTarget,
    began: Instant,
    bar: Option<ProgressBar>,
    shown: Instant,
    /// The run in hand.
    name: String,
    accuracy: Option<f64>,
    /// Notes that were told; every run of a program has the same.
    noted: HashSet<String>,
    /// Whom it was told to wait for last; with two runners that is so before every run.
    waited: Option<Option<u32>>,
    best: Best,
    /// Runs that this call made.
    made: usize,
    /// Joules of the runs that this call made through the first source that measured, with its name and scope, and in how
    /// many runs it did.
    spent: Option<(String, f64, usize)>,
}

/// The run that arrived for the least so far, by the joules of the first source that measured, else by seconds.
#[derive(Default)]
struct Best {
    /// Joules, the source and its scope, and the run's name.
    joules: Option<(f64, String, String)>,
    seconds: Option<(f64, String)>,
}

impl Best {
    fn arrived(&mut self, run: &str, seconds: f64, measured: Option<(f64, String)>) {
        if self.seconds.as_ref().is_none_or(|least| seconds < least.0) {
            self.seconds = Some((seconds, run.to_owned()));
        }
        if let Some((joules, origin)) = measured {
            match &mut self.joules {
                // Joules of two sources are two costs.
                Some(least) if least.1 != origin || least.0 <= joules => {}
                least => *least = Some((joules, origin, run.to_owned())),
            }
        }
    }

    fn told(&self) -> String {
        match (&self.joules, &self.seconds) {
            (Some((least, origin, run)), _) => {
                format!("  least {} ({origin}) {run}", joules(*least))
            }
            (None, Some((least, run))) => format!("  quickest {} {run}", seconds(*least)),
            (None, None) => String::new(),
        }
    }
}

/// The joules to the end of a run through the first source that measured, with its name and scope: by its readings where
/// these span enough of its ticks, else by counted steps.
fn measured(record: &Record) -> Option<(f64, String)> {
    let figures = || {
        let all = record.energy_to_end.iter();
        all.filter(|figure| figure.status == Status::Measured)
    };
    let source = &figures().next()?.source;
    let of = || figures().filter(|figure| figure.source == *source);
    let figure = of()
        .find(|figure| figure.way == Way::Direct)
        .or(of().next())?;
    let row = record.energy.iter().find(|row| row.source == *source)?;
    Some((figure.joules, format!("{source}, {}", row.scope.name())))
}

impl<'a> StudyProgress<'a> {
    pub fn new(global: &'a Global, study: &Study) -> Self {
        Self {
            global,
            target: study.target.clone(),
            began: Instant::now(),
            bar: None,
            shown: Instant::now(),
            name: String::new(),
            accuracy: None,
            noted: HashSet::new(),
            waited: None,
            best: Best::default(),
            made: 0,
            spent: None,
        }
    }

    pub fn event(&mut self, event: &StudyEvent<'_>) {
        match event {
            StudyEvent::Waiting(holder) if self.waited != Some(*holder) => {
                self.waited = Some(*holder);
                let who = holder.map_or_else(
                    || "another process".to_owned(),
                    |pid| format!("process {pid}"),
                );
                self.line(&format!(
                    "waiting for {who}: runs of one machine are timed one after another (--overlap does not wait)"
                ));
            }
            StudyEvent::WarmingUp => self.line("warming the device up"),
            StudyEvent::Begun { run, done, planned } => {
                self.name.clone_from(&run.id);
                self.accuracy = None;
                self.begin(*done, *planned);
            }
            StudyEvent::Training(event) => self.training(event),
            StudyEvent::Ended { run, done, planned } => self.ended(run, *done, *planned),
            StudyEvent::Note(text) => self.line(&format!("note: {text}")),
            _ => {}
        }
    }

    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if self.made > 0 {
            let spent = self
                .spent
                .as_ref()
                .map_or_else(String::new, |(origin, spent, runs)| {
                    format!(", {} measured ({origin}) in {runs} of them", joules(*spent))
                });
            let taken = seconds(self.began.elapsed().as_secs_f64());
            self.line(&format!("{} runs made in {taken}{spent}", self.made));
        }
    }

    fn begin(&mut self, done: usize, planned: usize) {
        if self.bar.is_none() && std::io::stderr().is_terminal() && !self.global.quiet {
            let target = ProgressDrawTarget::term_like(Box::new(Margin::new()));
            let bar = ProgressBar::with_draw_target(Some(planned as u64), target);
            let template = "{bar:8} {pos}/{len} runs  {eta} left  {wide_msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            // What was done before says nothing of the time that is left.
            self.bar = Some(bar.with_position(done as u64));
            if let Some(bar) = &self.bar {
                bar.reset_eta();
            }
        }
        if let Some(bar) = &self.bar {
            bar.set_length(planned as u64);
            bar.set_position(done as u64);
            bar.set_message(self.name.clone());
        }
    }

    fn training(&mut self, event: &Event) {
        match event {
            Event::Note(text) if self.noted.insert(text.clone()) => {
                self.line(&format!("note: {text}"));
            }
            Event::Evaluation(point) => self.accuracy = Some(point.accuracy()),
            Event::Step(step) => {
                if let Some(bar) = &self.bar
                    && self.shown.elapsed() >= PACE
                {
                    self.shown = Instant::now();
                    let accuracy = self
                        .accuracy
                        .map(|share| format!("  accuracy {}", percent(share)))
                        .unwrap_or_default();
                    let best = self.best.told();
                    bar.set_message(format!("{}  step {}{accuracy}{best}", self.name, step.step));
                }
            }
            _ => {}
        }
    }

    fn ended(&mut self, run: &RunRecord, done: usize, planned: usize) {
        self.made += 1;
        let mut text = format!("{done:>3}/{planned}  {}  {}", run.id, run.outcome.name());
        if let Some(record) = &run.record {
            let times = &record.times;
            let taken = times.training_seconds + times.evaluation_seconds;
            let reached = record
                .target_results
                .iter()
                .find(|result| Some(&result.threshold) == self.target.thresholds.last())
                .and_then(|result| result.reached);
            if let Some(arrival) = reached {
                text += &format!(" {}", self.target.metric.show(arrival.value));
                let measured = measured(record).filter(|_| !run.overlap);
                self.best.arrived(&run.id, arrival.seconds, measured);
            }
            text += &format!(", {} steps in {}", record.steps, seconds(taken));
            let measured = record
                .energy
                .iter()
                .find(|row| row.joules.is_some() && row.status == Status::Measured);
            if let Some(row) = measured
                && let Some(amount) = row.joules
            {
                let origin = format!("{}, {}", row.source, row.scope.name());
                text += &format!(", {} ({origin})", joules(amount));
                let spent = self.spent.get_or_insert((origin.clone(), 0.0, 0));
                if spent.0 == origin {
                    (spent.1, spent.2) = (spent.1 + amount, spent.2 + 1);
                }
            }
        }
        if let Some(error) = &run.error {
            text += &format!(": {error}");
        }
        self.line(&text);
    }

    /// A line above the bar.
    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(self.global, text)),
            None => say(self.global, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_so_far_is_that_of_the_least_joules_where_they_are_measured() {
        let mut best = Best::default();
        assert_eq!(best.told(), "");
        best.arrived("slow", 9.0, None);
        best.arrived("quick", 2.0, None);
        assert_eq!(best.told(), format!("  quickest {} quick", seconds(2.0)));
        let through = |amount: f64, source: &str| Some((amount, format!("{source}, board")));
        best.arrived("quicker", 1.0, through(80.0, "nvml:0"));
        best.arrived("frugal", 5.0, through(50.0, "nvml:0"));
        best.arrived("other source", 5.0, through(1.0, "hwmon"));
        best.arrived("unmetered", 0.5, None);
        let told = format!("  least {} (nvml:0, board) frugal", joules(50.0));
        assert_eq!(best.told(), told);
    }
}
