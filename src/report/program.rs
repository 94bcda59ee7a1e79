//! A step as `wattgrad explain` prints it: lists of dispatches and the memory plan.

use super::columns::{Align, columns};
use crate::program::{FEW_WORKGROUPS, LONG_SUM, ListSummary, Summary};
use crate::units::{bytes, si, thousands};

/// The usual wait of a dispatch for the one before it on a GPU; `wattgrad roofline` measures that of a device.
const GAP_MICROSECONDS: f64 = 4.0;

/// The lists of dispatches and the memory plan; `places` adds the location of each operand.
pub fn program(summary: &Summary, places: bool) -> String {
    let mut text = String::new();
    for list in &summary.lists {
        text += &lists(list, places);
        text.push('\n');
    }
    text += &format!(
        "chain: {} of the {} dispatches of a step wait for earlier ones: {:.0} us at {GAP_MICROSECONDS} us each\n",
        summary.step_chain,
        summary.step_dispatches(),
        GAP_MICROSECONDS * summary.step_chain as f64
    );
    text += &memory(summary);
    if summary
        .lists
        .iter()
        .any(|l| l.dispatches.iter().any(|d| d.idle))
    {
        text += &format!(
            "\n! sums more than {LONG_SUM} terms in fewer than {FEW_WORKGROUPS} workgroups, which leaves most of a \
             GPU idle; the profile or docs/rejected.md gives the measured reason\n"
        );
    }
    text
}

fn lists(list: &ListSummary, places: bool) -> String {
    use Align::{Left, Right};
    let head = format!(
        "{}: {} dispatches, {} barriers, {} workgroups, {}FLOP, {}B\n",
        list.name,
        list.dispatches.len(),
        list.barriers,
        thousands(list.workgroups),
        si(list.flops as f64),
        si(list.bytes as f64)
    );
    let title = [
        "", "", "dispatch", "grid", "groups", "lanes", "K", "FLOP", "B",
    ];
    let mut rows = vec![title.map(String::from).to_vec()];
    let mut below = vec!["      kernel variant: buffers".to_owned()];
    for (number, row) in list.dispatches.iter().enumerate() {
        let operands: Vec<String> = row
            .operands
            .iter()
            .map(|operand| match places {
                true => format!("{}={}@{}", operand.name, operand.tensor, operand.place()),
                false => format!("{}={}", operand.name, operand.tensor),
            })
            .collect();
        rows.push(vec![
            if row.idle { "!" } else { "" }.into(),
            (number + 1).to_string(),
            row.label.clone(),
            sizes(row.grid),
            thousands(row.workgroups),
            sizes(row.workgroup_size),
            row.k.map(|k| k.to_string()).unwrap_or_default(),
            si(row.flops as f64).trim_end().to_owned(),
            si(row.bytes as f64).trim_end().to_owned(),
        ]);
        let variant = match row.variant.as_str() {
            "" => String::new(),
            variant => format!(" {variant}"),
        };
        below.push(format!(
            "      {}{variant}: {}",
            row.shader,
            operands.join(" ")
        ));
    }
    let align = [Left, Right, Left, Right, Right, Right, Right, Right, Right];
    let above = columns(&rows, &align, "");
    let lines = above.lines().zip(&below);
    head + &lines
        .map(|(row, rest)| format!("{row}\n{rest}\n"))
        .collect::<String>()
}

/// `8x4`, `8x4x2`, `8`: trailing sizes of 1 are left out.
fn sizes(size: [u32; 3]) -> String {
    let used = size
        .iter()
        .rposition(|n| *n != 1)
        .map_or(1, |last| last + 1);
    size[..used]
        .iter()
        .map(u32::to_string)
        .collect::<Vec<_>>()
        .join("x")
}

fn memory(summary: &Summary) -> String {
    let mut rows: Vec<Vec<String>> = summary
        .memory
        .iter()
        .map(|row| {
            let plural = |n: usize| if n == 1 { "" } else { "s" };
            let buffers = format!(
                "{} piece{} for {} tensor{}",
                row.slots,
                plural(row.slots),
                row.tensors,
                plural(row.tensors)
            );
            vec![row.role.to_string(), bytes(row.bytes), buffers]
        })
        .collect();
    let total: u64 = summary.memory.iter().map(|row| row.bytes).sum();
    rows.push(vec!["total".into(), bytes(total)]);
    format!(
        "pipelines: {}, compiled in {:.3} s\nmemory\n{}",
        summary.pipelines,
        summary.compile_seconds,
        columns(&rows, &[Align::Left, Align::Right, Align::Left], "  ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_leave_out_trailing_ones() {
        assert_eq!(sizes([8, 4, 1]), "8x4");
        assert_eq!(sizes([8, 1, 2]), "8x1x2");
        assert_eq!(sizes([8, 1, 1]), "8");
        assert_eq!(sizes([1, 1, 1]), "1");
    }
}
