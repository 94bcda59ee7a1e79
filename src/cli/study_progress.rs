//! How far a study is, on stderr: a bar over the runs on a terminal, a line a run everywhere.

use std::collections::HashSet;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use wattgrad::report::units::{joules, percent, seconds};
use wattgrad::study::{RunRecord, Study, StudyEvent};
use wattgrad::train::Event;

use super::args::Global;
use super::margin::Margin;
use super::output::say;

/// How often the figures beside the bar change; more often nobody reads.
const PACE: Duration = Duration::from_millis(100);

pub struct StudyProgress<'a> {
    global: &'a Global,
    target: f64,
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
    /// The seconds of the quickest run to the target, and its name.
    best: Option<(f64, String)>,
    /// Runs that this call made.
    made: usize,
    /// Joules of the runs that this call made through the first source that measured, with its name and scope, and in how
    /// many runs it did.
    spent: Option<(String, f64, usize)>,
}

impl<'a> StudyProgress<'a> {
    pub fn new(global: &'a Global, study: &Study) -> Self {
        Self {
            global,
            target: study.target.at_least.last().copied().unwrap_or(1.0),
            began: Instant::now(),
            bar: None,
            shown: Instant::now(),
            name: String::new(),
            accuracy: None,
            noted: HashSet::new(),
            waited: None,
            best: None,
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
            Event::Evaluation(point) => self.accuracy = Some(point.accuracy),
            Event::Step(step) => {
                if let Some(bar) = &self.bar
                    && self.shown.elapsed() >= PACE
                {
                    self.shown = Instant::now();
                    let accuracy = self
                        .accuracy
                        .map(|share| format!("  accuracy {}", percent(share)))
                        .unwrap_or_default();
                    let best = self
                        .best
                        .as_ref()
                        .map(|(quickest, name)| format!("  quickest {} {name}", seconds(*quickest)))
                        .unwrap_or_default();
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
                .crossings
                .iter()
                .find(|crossing| crossing.at_least == self.target)
                .and_then(|crossing| crossing.reached);
            if let Some(arrival) = reached {
                text += &format!(" {}", percent(arrival.accuracy));
                if self
                    .best
                    .as_ref()
                    .is_none_or(|(best, _)| arrival.seconds < *best)
                {
                    self.best = Some((arrival.seconds, run.id.clone()));
                }
            }
            text += &format!(", {} steps in {}", record.steps, seconds(taken));
            let measured = record.energy.iter().find(|row| {
                row.joules.is_some() && row.status == wattgrad::energy::Status::Measured
            });
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
