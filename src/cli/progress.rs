//! Progress of a run on stderr: a bar on a terminal, a line per evaluation everywhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::data::ReadProgress;
use crate::train::{EvaluationPoint, Event, Observer, RunSetup};
use crate::units::{percent, seconds, si, thousands};

use super::global::Global;
use super::margin::Margin;
use super::output::say;

/// The bar is redrawn at most this often.
const REDRAW: Duration = Duration::from_millis(100);

/// Time between two lines about a long read.
const READ_PACE: Duration = Duration::from_secs(3);

/// Prints how far a long read of data is, every few seconds.
pub fn reading(global: &Global) -> impl FnMut(ReadProgress) {
    let mut last = Instant::now();
    move |progress| {
        if last.elapsed() >= READ_PACE {
            last = Instant::now();
            let ReadProgress { what, done, of } = progress;
            say(
                global,
                &format!(
                    "{} of {} {what}",
                    thousands(done as u64),
                    thousands(of as u64)
                ),
            );
        }
    }
}

pub struct Progress<'a> {
    global: &'a Global,
    bar: Option<ProgressBar>,
    ready: Option<RunSetup>,
    shown: Instant,
    accuracy: Option<f64>,
}

impl<'a> Progress<'a> {
    pub fn new(global: &'a Global) -> Self {
        Self {
            global,
            bar: None,
            ready: None,
            shown: Instant::now(),
            accuracy: None,
        }
    }

    fn ready(&mut self, ready: &RunSetup) {
        self.line(&format!(
            "{} on {} ({}), batch {}, up to {} steps, on {}",
            ready.model,
            ready.data,
            ready.source,
            ready.batch_size,
            thousands(ready.steps),
            ready.device
        ));
        let terminal = std::io::stderr().is_terminal();
        if terminal && !self.global.quiet && ready.steps > 0 {
            let target = ProgressDrawTarget::term_like(Box::new(Margin::new()));
            let bar = ProgressBar::with_draw_target(Some(ready.steps), target);
            // The message is cut at the edge of the terminal: a wrapped line would not be cleared.
            let template = "{bar:8} {human_pos}/{human_len}  {eta} left  {wide_msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            self.bar = Some(bar);
        }
        self.ready = Some(ready.clone());
    }

    fn evaluation(&mut self, point: &EvaluationPoint) {
        self.accuracy = Some(point.accuracy()).filter(|share| share.is_finite());
        let epoch = self.ready.as_ref().map_or(0.0, |ready| {
            point.step as f64 / f64::from(ready.steps_per_epoch.max(1))
        });
        self.line(&format!(
            "epoch {epoch:6.2}  step {:>7}  {:>10}  test {}",
            thousands(point.step),
            seconds(point.seconds),
            point.describe()
        ));
    }

    /// A line above the bar.
    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(self.global, text)),
            None => say(self.global, text),
        }
    }
}

impl Observer for Progress<'_> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Note(text) => self.line(&format!("note: {text}")),
            Event::Ready(ready) => self.ready(ready),
            Event::Step(step) => {
                if let Some(bar) = &self.bar
                    && self.shown.elapsed() >= REDRAW
                {
                    self.shown = Instant::now();
                    bar.set_position(step.step);
                    let accuracy = self
                        .accuracy
                        .map(|share| format!("  accuracy {}", percent(share)))
                        .unwrap_or_default();
                    bar.set_message(format!(
                        "{}steps/s  loss {:.4}{accuracy}",
                        si(step.step as f64 / step.seconds.max(1e-9)),
                        step.loss
                    ));
                }
            }
            Event::Evaluation(point) => self.evaluation(point),
            Event::Finished(_) => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    }
}
