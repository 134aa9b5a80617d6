//! How long a process that stands still is waited for, on a host that may be busy.

use std::time::{Duration, Instant};

/// So many times as long where other processes have the CPUs.
const BUSY: u32 = 6;

/// Waits for something that ought to go on.
#[derive(Debug)]
pub struct Patience {
    limit: Duration,
    /// Since when it has stood still.
    still: Instant,
    /// How long threads of the host had waited for a CPU soon after that.
    waited: Option<Duration>,
}

impl Patience {
    /// For so long, on a host that has CPUs to spare.
    pub fn new(limit: Duration) -> Patience {
        Patience {
            limit,
            still: Instant::now(),
            waited: None,
        }
    }

    /// It has gone on.
    pub fn renew(&mut self) {
        self.still = Instant::now();
        self.waited = None;
    }

    /// Whether it has stood still for too long. To be asked now and then, from the begin on.
    pub fn is_over(&mut self) -> bool {
        let waited = waited();
        let before = *self.waited.get_or_insert(waited);
        hangs(
            self.still.elapsed(),
            self.limit,
            waited.saturating_sub(before),
        )
    }
}

/// Whether what has been `still` hangs, where threads of the host have waited for a CPU for
/// `waited` meanwhile.
fn hangs(still: Duration, limit: Duration, waited: Duration) -> bool {
    let is_busy = waited > still / 2;
    still > limit * if is_busy { BUSY } else { 1 }
}

/// How long some thread of the host has waited for a CPU, since it was started. Zero where that is
/// not told. Linux: Documentation/accounting/psi.rst, `/proc/pressure/cpu`.
fn waited() -> Duration {
    let text = std::fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    total(&text).unwrap_or_default()
}

fn total(text: &str) -> Option<Duration> {
    let some = text.lines().find(|line| line.starts_with("some "))?;
    let (_, micros) = some.rsplit_once("total=")?;
    Some(Duration::from_micros(micros.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_host_gets_more_time() {
        let seconds = Duration::from_secs;
        assert!(!hangs(seconds(19), seconds(20), seconds(0)));
        assert!(hangs(seconds(21), seconds(20), seconds(0)));
        assert!(hangs(seconds(21), seconds(20), seconds(5)));
        assert!(!hangs(seconds(21), seconds(20), seconds(15)));
        assert!(hangs(seconds(121), seconds(20), seconds(121)));
    }

    #[test]
    fn pressure_is_read() {
        let text = "some avg10=98.26 avg60=97.73 avg300=97.31 total=13244676\n\
                    full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(total(text), Some(Duration::from_micros(13_244_676)));
        assert_eq!(total(""), None);
    }
}
