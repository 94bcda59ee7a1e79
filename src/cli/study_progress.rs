//! Progress of a study on stderr: one line per run, and on a terminal a bar over all runs.

use std::collections::HashSet;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::energy::Status;
use crate::study::{RunRecord, Study, StudyEvent};
use crate::train::{Derivation, Event, MetricTarget, Record};
use crate::units::{joules, percent, seconds};

use super::global::Global;
use super::margin::Margin;
use super::output::say;

/// Time between two updates of the figures beside the bar.
const PACE: Duration = Duration::from_millis(100);

pub struct StudyProgress<'a> {
    global: &'a Global,
    target: MetricTarget,
    began: Instant,
    bar: Option<ProgressBar>,
    shown: Instant,
    /// The current run.
    name: String,
    accuracy: Option<f64>,
    /// Notes already shown; all runs of a program have the same.
    noted: HashSet<String>,
    /// The process that this one waited for last; with two processes it waits before every run.
    waited: Option<Option<u32>>,
    best: Best,
    /// Runs made by this call.
    made: usize,
    /// The first measuring source with its scope, the joules of the runs made by this call, and the number of these runs.
    spent: Option<(String, f64, usize)>,
}

/// The cheapest run so far that reached the target, by joules of the first measuring source, otherwise by seconds.
#[derive(Default)]
struct Best {
    /// Joules, the source with its scope, and the run.
    joules: Option<(f64, String, String)>,
    seconds: Option<(f64, String)>,
}

impl Best {
    fn reached(&mut self, run: &str, seconds: f64, measured: Option<(f64, String)>) {
        if self.seconds.as_ref().is_none_or(|best| seconds < best.0) {
            self.seconds = Some((seconds, run.to_owned()));
        }
        if let Some((joules, source)) = measured {
            match &mut self.joules {
                // Joules of two sources are two costs.
                Some(best) if best.1 != source || best.0 <= joules => {}
                best => *best = Some((joules, source, run.to_owned())),
            }
        }
    }

    fn text(&self) -> String {
        match (&self.joules, &self.seconds) {
            (Some((amount, source, run)), _) => {
                format!("  lowest {} ({source}) {run}", joules(*amount))
            }
            (None, Some((amount, run))) => format!("  fastest {} {run}", seconds(*amount)),
            (None, None) => String::new(),
        }
    }
}

/// The joules of a run through the first measuring source, with its name and scope: from its readings if they span enough
/// updates, otherwise from counted steps.
fn measured(record: &Record) -> Option<(f64, String)> {
    let figures = || {
        let all = record.energy_to_end.iter();
        all.filter(|figure| figure.status == Status::Measured)
    };
    let source = &figures().next()?.source;
    let of = || figures().filter(|figure| figure.source == *source);
    let figure = of()
        .find(|figure| figure.derivation == Derivation::Direct)
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
                let process = holder.map_or_else(
                    || "another process".to_owned(),
                    |pid| format!("process {pid}"),
                );
                self.line(&format!(
                    "waiting for {process}: this machine makes one run at a time (--overlap does not wait)"
                ));
            }
            StudyEvent::WarmingUp => self.line("warming up the device"),
            StudyEvent::Started { run, done, planned } => {
                self.name.clone_from(&run.id);
                self.accuracy = None;
                self.start(*done, *planned);
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
                .map_or_else(String::new, |(source, spent, runs)| {
                    format!(", {} measured ({source}) in {runs} of them", joules(*spent))
                });
            let elapsed = seconds(self.began.elapsed().as_secs_f64());
            self.line(&format!("{} runs completed in {elapsed}{spent}", self.made));
        }
    }

    fn start(&mut self, done: usize, planned: usize) {
        if self.bar.is_none() && std::io::stderr().is_terminal() && !self.global.quiet {
            let target = ProgressDrawTarget::term_like(Box::new(Margin::new()));
            let bar = ProgressBar::with_draw_target(Some(planned as u64), target);
            let template = "{bar:8} {pos}/{len} runs  {eta} left  {wide_msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            let bar = bar.with_position(done as u64);
            // Runs of earlier calls do not count towards the remaining time.
            bar.reset_eta();
            self.bar = Some(bar);
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
            Event::Evaluation(point) => {
                self.accuracy = Some(point.accuracy()).filter(|share| share.is_finite())
            }
            Event::Step(step) => {
                if let Some(bar) = &self.bar
                    && self.shown.elapsed() >= PACE
                {
                    self.shown = Instant::now();
                    let accuracy = self
                        .accuracy
                        .map(|share| format!("  accuracy {}", percent(share)))
                        .unwrap_or_default();
                    let best = self.best.text();
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
            let times = &record.durations;
            let elapsed = times.training_seconds + times.evaluation_seconds;
            let reached = record
                .target_results
                .iter()
                .find(|result| Some(&result.threshold) == self.target.thresholds.last())
                .and_then(|result| result.reached);
            if let Some(reached) = reached {
                text += &format!(" {}", self.target.metric.show(reached.value));
                let measured = measured(record).filter(|_| !run.overlap);
                self.best.reached(&run.id, reached.seconds, measured);
            }
            text += &format!(", {} steps in {}", record.steps, seconds(elapsed));
            let measured = record
                .energy
                .iter()
                .find(|row| row.joules.is_some() && row.status == Status::Measured);
            if let Some(row) = measured
                && let Some(amount) = row.joules
            {
                let source = format!("{}, {}", row.source, row.scope.name());
                text += &format!(", {} ({source})", joules(amount));
                let spent = self.spent.get_or_insert((source.clone(), 0.0, 0));
                if spent.0 == source {
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
    fn the_best_run_is_that_of_the_lowest_joules_where_they_are_measured() {
        let mut best = Best::default();
        assert_eq!(best.text(), "");
        best.reached("slow", 9.0, None);
        best.reached("quick", 2.0, None);
        assert_eq!(best.text(), format!("  fastest {} quick", seconds(2.0)));
        let through = |amount: f64, source: &str| Some((amount, format!("{source}, board")));
        best.reached("quicker", 1.0, through(80.0, "nvml:0"));
        best.reached("frugal", 5.0, through(50.0, "nvml:0"));
        best.reached("other source", 5.0, through(1.0, "hwmon"));
        best.reached("unmetered", 0.5, None);
        let text = format!("  lowest {} (nvml:0, board) frugal", joules(50.0));
        assert_eq!(best.text(), text);
    }
}
