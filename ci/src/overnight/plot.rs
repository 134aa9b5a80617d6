//! Coverage over time, as a picture.

use std::fmt::Write as _;

use super::state::State;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 48.0;
const COLOURS: [&str; 6] = [
    "#1b6ca8", "#c1440e", "#2e7d32", "#6a1b9a", "#8d6e00", "#455a64",
];

/// An SVG: a line for each target, its features over the night's seconds, each
/// on a scale of its own so that all can be seen.
pub fn svg(state: &State) -> String {
    let end = state.elapsed_seconds.max(1.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <path d=\"M{MARGIN} {MARGIN}V{0}H{1}\" fill=\"none\" stroke=\"black\"/>\n\
         <text x=\"{1}\" y=\"{2}\" text-anchor=\"end\">{end:.0} s</text>\n\
         <text x=\"{MARGIN}\" y=\"20\">features, each target from its least to its most</text>\n",
        HEIGHT - MARGIN,
        WIDTH - MARGIN,
        HEIGHT - MARGIN + 16.0,
    );
    for (number, (name, target)) in state.targets.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let features = || target.samples.iter().map(|sample| sample.features);
        let (least, most) = (features().min().unwrap_or(0), features().max().unwrap_or(0));
        let span = (most - least).max(1) as f64;
        let points: Vec<String> = target
            .samples
            .iter()
            .map(|sample| {
                let x = MARGIN + sample.seconds / end * (WIDTH - 2.0 * MARGIN);
                let share = (sample.features - least) as f64 / span;
                let y = HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN);
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let y = MARGIN + 16.0 * number as f64;
        let line = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
             <text x=\"{}\" y=\"{y}\" fill=\"{colour}\">{name}: {least} to {most}</text>",
            points.join(" "),
            MARGIN + 12.0,
        );
        line.expect("a string takes everything");
    }
    out.push_str("</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overnight::state::{Progress, Sample};

    #[test]
    fn growth_goes_up_and_to_the_right() {
        let sample = |seconds, features| Sample {
            seconds,
            executions: 1,
            coverage: 1,
            features,
        };
        let mut state = State {
            elapsed_seconds: 100.0,
            ..State::default()
        };
        let target = Progress {
            samples: vec![sample(0.0, 10), sample(100.0, 30)],
            ..Progress::default()
        };
        state.targets.insert("t".to_owned(), target);
        let svg = svg(&state);
        assert!(svg.contains("points=\"48.0,312.0 672.0,48.0\""), "{svg}");
        assert!(svg.contains("t: 10 to 30"), "{svg}");
    }
}
