//! A table with a column for each CPU.

use seqfault_core::CpuId;

/// One row: what one CPU does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub cpu: CpuId,
    /// How far it is indented.
    pub indent: usize,
    pub text: String,
}

/// Between two columns.
const BETWEEN: &str = " | ";
/// How much further a text goes on in its second line.
const HANGING: usize = 2;
/// The least columns for a text.
const MIN_COLUMN: usize = 16;

/// The rows in their order, one to a line.
pub(super) fn in_order(rows: &[Row], cpus: usize, width: usize) -> String {
    let lines = rows.iter().map(|row| vec![row]).collect::<Vec<_>>();
    table(&lines, cpus, width)
}

/// The rows of each CPU in their order, side by side.
pub(super) fn side_by_side(rows: &[Row], cpus: usize, width: usize) -> String {
    let of = |cpu: usize| rows.iter().filter(move |row| row.cpu.0 == cpu);
    let mut columns: Vec<_> = (0..cpus).map(of).collect();
    let mut lines = Vec::new();
    loop {
        let line: Vec<&Row> = columns.iter_mut().filter_map(Iterator::next).collect();
        if line.is_empty() {
            return table(&lines, cpus, width);
        }
        lines.push(line);
    }
}

fn table(lines: &[Vec<&Row>], cpus: usize, width: usize) -> String {
    let number = lines.len().to_string().len().max(2);
    let room = width.saturating_sub(number + 2 + BETWEEN.len() * (cpus - 1));
    let most = (room / cpus.max(1)).max(MIN_COLUMN);
    // A column is no wider than its widest text.
    let columns: Vec<usize> = (0..cpus)
        .map(|cpu| {
            let of_cpu = lines.iter().flatten().filter(|row| row.cpu.0 == cpu);
            let widest = of_cpu
                .map(|row| row.indent + row.text.chars().count())
                .max();
            widest.unwrap_or(0).clamp(MIN_COLUMN, most)
        })
        .collect();
    let mut out = String::new();
    let head: Vec<String> = (0..cpus).map(|cpu| CpuId(cpu).to_string()).collect();
    put(&mut out, &" ".repeat(number), &head, &columns);
    let rule: Vec<String> = columns.iter().map(|&width| "-".repeat(width)).collect();
    put(&mut out, &"-".repeat(number), &rule, &columns);
    for (i, line) in lines.iter().enumerate() {
        let mut cells: Vec<Vec<String>> = vec![Vec::new(); cpus];
        for row in line {
            if let Some(cell) = cells.get_mut(row.cpu.0) {
                *cell = wrapped(row, columns[row.cpu.0]);
            }
        }
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..height {
            let texts: Vec<String> = cells
                .iter()
                .map(|cell| cell.get(at).cloned().unwrap_or_default())
                .collect();
            let label = if at == 0 {
                format!("{:>number$}", i + 1)
            } else {
                " ".repeat(number)
            };
            put(&mut out, &label, &texts, &columns);
        }
    }
    out
}

fn put(out: &mut String, label: &str, cells: &[String], columns: &[usize]) {
    let padded: Vec<String> = cells
        .iter()
        .zip(columns)
        .map(|(cell, &width)| format!("{cell:width$}"))
        .collect();
    let line = format!("{label}  {}", padded.join(BETWEEN));
    *out += line.trim_end();
    out.push('\n');
}

/// A row's text in lines no wider than `width`.
fn wrapped(row: &Row, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = " ".repeat(row.indent);
    let mut is_empty = true;
    for word in row.text.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(line);
            line = " ".repeat(row.indent + HANGING);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line += word;
        is_empty = false;
    }
    lines.push(line);
    lines
}
