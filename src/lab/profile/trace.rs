//! One step as a trace for Perfetto and Chrome.

use serde_json::{Value, json};

use super::{Profile, TimingMethod};

/// The trace in Chrome's JSON format, which ui.perfetto.dev opens: a track per phase, times in microseconds.
pub fn trace(profile: &Profile, title: &str) -> Value {
    let name = |kind: &str, track: usize, name: &str| json!({"ph": "M", "name": kind, "pid": 1, "tid": track, "args": {"name": name}});
    let mut events = vec![name("process_name", 0, title)];
    for phase in crate::program::StepPhase::ALL {
        events.push(name("thread_name", phase as usize + 1, phase.name()));
    }
    for (at, begun, ended) in &profile.timeline {
        let dispatch = &profile.dispatches[*at];
        events.push(json!({
            "ph": "X",
            "name": dispatch.label,
            "cat": dispatch.phase,
            "pid": 1,
            "tid": dispatch.phase as usize + 1,
            "ts": 1e6 * begun,
            "dur": 1e6 * (ended - begun),
            "args": {
                "kernel": dispatch.kernel,
                "layer": dispatch.layer,
                "FLOP": dispatch.flops,
                "bytes": dispatch.bytes,
                "GFLOP/s": 1e-9 * dispatch.flops_per_second,
                "GB/s": 1e-9 * dispatch.bytes_per_second,
                "roofline": dispatch.roofline.map(|found| found.fraction),
                "joules": dispatch.joules,
            },
        }));
    }
    let origin = match profile.method {
        TimingMethod::Timestamps => "timestamps of one step, each dispatch in a pass of its own",
        TimingMethod::Replay => {
            "mean times of replayed kernels, placed one after another with the gaps of empty dispatches"
        }
    };
    json!({
        "displayTimeUnit": "ms",
        "otherData": {"title": title, "times": origin},
        "traceEvents": events,
    })
}
