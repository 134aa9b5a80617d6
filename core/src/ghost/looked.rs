//! Which choices and quirks some step has looked at.

use alloc::sync::Arc;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::orderings;
use crate::platform::Platform;
use crate::types::protocol::{
    Dirty, Dontneed, DriverFault, DriverMap, DriverState, DriverWait, Expand, FaultPath, Flush,
    IoWait, MprotectWritable, Munmap, Protocol, PtFree, Ptl, Smaps, Swapin, TlbFault, ZapFlush,
};
use crate::types::quirk::Quirk;
use crate::types::quirks::Quirks;

/// Which choices, and which of the quirks that are on, some step has looked at (G5).
#[derive(Debug)]
pub(crate) struct Looked {
    quirks: [AtomicBool; Quirk::ALL.len()],
    choices: [AtomicBool; CHOSEN.len()],
}

impl Looked {
    pub const fn new() -> Looked {
        Looked {
            quirks: [const { AtomicBool::new(false) }; Quirk::ALL.len()],
            choices: [const { AtomicBool::new(false) }; CHOSEN.len()],
        }
    }

    /// A step asks for `quirk`, which is on.
    pub fn at_quirk(&self, quirk: Quirk) {
        self.quirks[quirk as usize].store(true, orderings::GHOST);
    }

    /// The quirks that some step asked for.
    pub fn quirks(&self) -> Quirks {
        let asked = |quirk: &Quirk| self.quirks[*quirk as usize].load(orderings::GHOST);
        Quirk::ALL.iter().copied().filter(asked).collect()
    }

    /// The names of the choices that some step asked for.
    pub fn choices(&self) -> impl Iterator<Item = &'static str> {
        let asked = CHOSEN.iter().zip(&self.choices);
        asked.filter_map(|(name, asked)| asked.load(orderings::GHOST).then_some(*name))
    }
}

/// The quirks that are on, for code that acts by them: each that is looked at is noted (G5).
#[derive(Clone, Debug)]
pub(crate) struct Active {
    quirks: Quirks,
    looked: Arc<Looked>,
}

impl Active {
    /// Those of `quirks`.
    pub const fn new(quirks: Quirks, looked: Arc<Looked>) -> Active {
        Active { quirks, looked }
    }

    /// Whether `quirk` is on.
    pub fn has(&self, quirk: Quirk) -> bool {
        let is_on = self.quirks.has(quirk);
        if is_on {
            self.looked.at_quirk(quirk);
        }
        is_on
    }

    /// `sound`, or what `quirk` leaves of it.
    pub fn weaken(&self, quirk: Quirk, sound: Ordering) -> Ordering {
        if self.has(quirk) {
            orderings::WEAKENED
        } else {
            sound
        }
    }

    /// `sound`, which is acquire and release, but for the half that a quirk takes away.
    pub fn halves(&self, no_acquire: Quirk, no_release: Quirk, sound: Ordering) -> Ordering {
        match (self.has(no_acquire), self.has(no_release)) {
            (false, false) => sound,
            (false, true) => orderings::WITHOUT_RELEASE,
            (true, false) => orderings::WITHOUT_ACQUIRE,
            (true, true) => orderings::WEAKENED,
        }
    }
}

#[cfg(test)]
impl Default for Active {
    fn default() -> Active {
        Active::new(Quirks::NONE, Arc::new(Looked::new()))
    }
}

/// The choices, for code that acts by them: each that is looked at is noted (G5).
pub(crate) struct Chosen<'a, P> {
    protocol: &'a Protocol,
    looked: &'a Looked,
    platform: PhantomData<P>,
}

macro_rules! chosen {
    ($($field:ident: $value:ty = $name:literal;)+) => {
        /// The names of the choices, in the order of their fields here.
        const CHOSEN: &[&str] = &[$($name),+];

        #[expect(non_camel_case_types, reason = "a choice has the name of its field")]
        enum Number {
            $($field),+
        }

        impl<P: Platform> Chosen<'_, P> {
            $(
                #[doc = concat!("The choice `", $name, "`.")]
                pub fn $field(&self) -> $value {
                    if P::CHECKED {
                        let number = Number::$field as usize;
                        self.looked.choices[number].store(true, orderings::GHOST);
                    }
                    self.protocol.$field
                }
            )+
        }
    };
}

chosen! {
    fault: FaultPath = "protocol";
    pt_free: PtFree = "pt_free";
    ptl: Ptl = "ptl";
    pt_reclaim: bool = "pt_reclaim";
    munmap: Munmap = "munmap";
    zap_flush: ZapFlush = "zap_flush";
    flush: Flush = "flush";
    mprotect_writable: MprotectWritable = "mprotect_writable";
    dirty: Dirty = "dirty";
    tlb_fault: TlbFault = "tlb_fault";
    speculation: u8 = "speculation";
    dontneed: Dontneed = "dontneed";
    smaps: Smaps = "smaps";
    driver_state: DriverState = "driver_state";
    driver_fault: DriverFault = "driver_fault";
    driver_map: DriverMap = "driver_map";
    driver_wait: DriverWait = "driver_wait";
    fault_around: bool = "fault_around";
    io_wait: IoWait = "io_wait";
    swap_io_wait: IoWait = "swap_io_wait";
    swapin: Swapin = "swapin";
    expand: Expand = "expand";
}

impl<'a, P: Platform> Chosen<'a, P> {
    /// Those of `protocol`.
    pub const fn new(protocol: &'a Protocol, looked: &'a Looked) -> Chosen<'a, P> {
        Chosen {
            protocol,
            looked,
            platform: PhantomData,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_platform::Alone;
    use crate::types::choices::CHOICES;

    #[test]
    fn each_choice_can_be_looked_at() {
        let names = CHOICES.iter().map(|choice| choice.name);
        assert!(names.eq(CHOSEN.iter().copied()));
    }

    #[test]
    fn what_is_looked_at_is_noted() {
        let (protocol, looked) = (Protocol::default(), Looked::new());
        let chosen = Chosen::<Alone>::new(&protocol, &looked);
        assert_eq!(looked.choices().count(), 0);
        assert_eq!(chosen.zap_flush(), protocol.zap_flush);
        assert!(looked.choices().eq(["zap_flush"]));
        looked.at_quirk(Quirk::ALL[1]);
        assert!(looked.quirks().iter().eq([Quirk::ALL[1]]));
    }
}
