//! Ghost state: what only the verification needs.
//!
//! It lives outside modelled memory and adds no interleavings. It does not ask
//! in which order a checker happened to run unordered events, but whether they
//! are ordered: each question is a [`Cell`] that one side writes and the other
//! reads.
//!
//! # Invariants
//! - G1: a [`Life`] is written by who frees and who reuses the object, and read
//!   at each use. A use that no happens-before orders before the free is a
//!   race; one that reads "freed" is a use after free.
//! - G2: a [`Grant`] is one handing-out of permissions by a leaf entry. An
//!   access through a translation reads the cells of its grant; the operation
//!   that took the permission away writes them when it completes. So an access
//!   that is not ordered before that completion has used a stale translation.
//! - G3: each CPU has a cell of its own in a grant, as two operations that
//!   complete at once may both have revoked it.
//! - G4: no limit ends what is tracked. Grants are numbered as long as an entry
//!   has room for the number ([`Pte`](crate::pte::Pte)); who needs more is stopped.
//! - G5: what of the choices and quirks some step has looked at is noted, so that
//!   one that made no difference is told from one that nobody asked for.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, Ordering};

use once_cell::race::OnceBox;

use crate::cpu::CpuId;
use crate::platform::{Cell, Platform, violated};
use crate::prot::{Access, Prot};
use crate::protocol::{
    Dirty, Dontneed, FaultPath, Flush, MprotectWritable, Munmap, Protocol, PtFree, Ptl, TlbFault,
    ZapFlush,
};
use crate::quirk::{Quirk, Quirks};
use crate::violation::{Invariant, Violation};

/// Whether an object is in use or free (G1).
pub(crate) struct Life<P: Platform> {
    cell: Option<P::Cell>,
    late: Violation,
}

const FREED: u64 = 0;
const ALIVE: u64 = 1;

impl<P: Platform> Life<P> {
    /// The life of a new object. Using it late is what `late` says.
    pub fn new(late: Violation) -> Life<P> {
        let cell = P::CHECKED.then(|| P::Cell::new(ALIVE));
        Life { cell, late }
    }

    /// The life of a new object; `what` completes "use after free: …".
    pub fn of(what: &'static str) -> Life<P> {
        Life::new(Violation {
            invariant: Invariant::UseAfterFree,
            what,
        })
    }

    /// The object is used.
    pub fn used(&self) {
        if let Some(cell) = &self.cell
            && cell.get(self.late) == FREED
        {
            P::violation(self.late);
        }
    }

    /// The object is freed.
    pub fn freed(&self) {
        if let Some(cell) = &self.cell {
            if cell.get(self.late) == FREED {
                violated::<P>(Invariant::UseAfterFree, "something was freed twice");
            }
            cell.set(FREED, self.late);
        }
    }

    /// The object is taken from its pool again.
    pub fn reused(&self) {
        if let Some(cell) = &self.cell {
            cell.set(ALIVE, self.late);
        }
    }
}

/// Which handing-out of permissions; 0 is none that is tracked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId(pub u32);

/// One handing-out of permissions by a leaf entry (G2).
struct Grant<P: Platform> {
    /// What was granted.
    prot: Prot,
    /// For each of read, write, execute that was granted: one cell a CPU (G3).
    revoked: Box<[P::Cell]>,
    /// The grant of the page that this one's page is a copy of: gone for good
    /// as soon as this one is used.
    replaces: OnceBox<GrantId>,
}

const KINDS: [Access; 3] = [Access::Read, Access::Write, Access::Exec];
/// Grants of a CPU's first chunk. Each chunk has twice as many as the one before.
const FIRST_CHUNK: usize = 32;
/// With so many chunks a CPU has a grant for every number that there is.
const CHUNKS: usize = (u32::BITS - FIRST_CHUNK.ilog2() + 1) as usize;

type Chunk<P> = Vec<OnceBox<Grant<P>>>;

/// All grants of a system.
pub(crate) struct Grants<P: Platform> {
    /// Those of the first CPU, those of the second, …
    chunks: Vec<OnceBox<Chunk<P>>>,
    cpus: usize,
    platform: PhantomData<P>,
}

/// The chunk of a CPU's grant with this number, and its place there.
const fn place_of(number: usize) -> (usize, usize) {
    let chunk = (number / FIRST_CHUNK + 1).ilog2() as usize;
    (chunk, number - FIRST_CHUNK * ((1 << chunk) - 1))
}

/// A translation that was used too long.
const STALE: Violation = Violation {
    invariant: Invariant::StaleTlb,
    what: "an access used a translation that a completed operation had revoked",
};

impl<P: Platform> Grants<P> {
    pub fn new(cpus: usize) -> Grants<P> {
        let chunks = if P::CHECKED { cpus * CHUNKS } else { 0 };
        Grants {
            chunks: (0..chunks).map(|_| OnceBox::new()).collect(),
            cpus,
            platform: PhantomData,
        }
    }

    /// A new grant of `prot` by CPU `cpu`, which made `made` of them so far.
    ///
    /// # Panics
    /// If an entry has no room for its number.
    pub fn make(&self, cpu: CpuId, made: &mut usize, prot: Prot) -> GrantId {
        if !P::CHECKED || prot.is_empty() {
            return GrantId(0);
        }
        let id = *made * self.cpus + cpu.0 + 1;
        let id = GrantId(u32::try_from(id).expect("an entry has room for the grant's number"));
        let (chunk, place) = place_of(*made);
        *made += 1;
        let kinds = KINDS.iter().filter(|kind| prot.allows(**kind)).count();
        let revoked = (0..kinds * self.cpus).map(|_| P::Cell::new(0));
        let len = FIRST_CHUNK << chunk;
        let chunk = self.chunks[cpu.0 * CHUNKS + chunk]
            .get_or_init(|| Box::new((0..len).map(|_| OnceBox::new()).collect()));
        let made = chunk[place].set(Box::new(Grant {
            prot,
            revoked: revoked.collect(),
            replaces: OnceBox::new(),
        }));
        debug_assert!(made.is_ok(), "a grant's number is used once");
        id
    }

    fn get(&self, grant: GrantId) -> Option<&Grant<P>> {
        let number = grant.0.checked_sub(1)? as usize;
        let (cpu, (chunk, place)) = (number % self.cpus, place_of(number / self.cpus));
        self.chunks.get(cpu * CHUNKS + chunk)?.get()?[place].get()
    }

    fn cells(&self, grant: GrantId, kind: Access) -> &[P::Cell] {
        let Some(grant) = self.get(grant).filter(|grant| grant.prot.allows(kind)) else {
            return &[];
        };
        let before = KINDS.iter().take_while(|other| **other != kind);
        let before = before.filter(|other| grant.prot.allows(**other)).count();
        &grant.revoked[before * self.cpus..][..self.cpus]
    }

    /// The page behind `grant` is a copy of the one behind `old`.
    pub fn replaces(&self, grant: GrantId, old: GrantId) {
        if let Some(grant) = self.get(grant) {
            let set = grant.replaces.set(Box::new(old));
            debug_assert!(set.is_ok(), "a grant replaces one other");
        }
    }

    /// An access of `cpu` goes through a translation that `grant` allowed.
    pub fn used(&self, grant: GrantId, kind: Access, cpu: CpuId) {
        for cell in self.cells(grant, kind) {
            if cell.get(STALE) != 0 {
                P::violation(STALE);
            }
        }
        if let Some(&old) = self.get(grant).and_then(|grant| grant.replaces.get()) {
            self.revoked(old, Prot::RW | Prot::X, cpu);
        }
    }

    /// An operation of `cpu` that took `prot` away completes.
    pub fn revoked(&self, grant: GrantId, prot: Prot, cpu: CpuId) {
        for kind in KINDS {
            if prot.allows(kind)
                && let Some(cell) = self.cells(grant, kind).get(cpu.0)
            {
                cell.set(1, STALE);
            }
        }
    }
}

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

    /// Somebody asks for `quirk`, which is on.
    pub fn at_quirk(&self, quirk: Quirk) {
        self.quirks[quirk as usize].store(true, Ordering::Relaxed);
    }

    /// The quirks that somebody asked for.
    pub fn quirks(&self) -> Quirks {
        let asked = |quirk: &Quirk| self.quirks[*quirk as usize].load(Ordering::Relaxed);
        Quirk::ALL.iter().copied().filter(asked).collect()
    }

    /// The names of the choices that somebody asked for.
    pub fn choices(&self) -> impl Iterator<Item = &'static str> {
        let asked = CHOSEN.iter().zip(&self.choices);
        asked.filter_map(|(name, asked)| asked.load(Ordering::Relaxed).then_some(*name))
    }
}

/// The quirks that are on, for who acts by them: each that is looked at is noted (G5).
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

    /// `sound`, or `weak` where `quirk` weakens it.
    pub fn weaken(&self, quirk: Quirk, sound: Ordering, weak: Ordering) -> Ordering {
        if self.has(quirk) { weak } else { sound }
    }

    /// Acquire and release, but for the half that a quirk takes away.
    pub fn halves(&self, no_acquire: Quirk, no_release: Quirk) -> Ordering {
        match (self.has(no_acquire), self.has(no_release)) {
            (false, false) => Ordering::AcqRel,
            (false, true) => Ordering::Acquire,
            (true, false) => Ordering::Release,
            (true, true) => Ordering::Relaxed,
        }
    }
}

#[cfg(test)]
impl Default for Active {
    fn default() -> Active {
        Active::new(Quirks::NONE, Arc::new(Looked::new()))
    }
}

/// The choices, for who acts by them: each that is looked at is noted (G5).
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
                        self.looked.choices[number].store(true, Ordering::Relaxed);
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
    use crate::choices::CHOICES;
    use crate::test_platform::Alone;

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

    #[test]
    fn places_are_those_of_one_row() {
        let mut due = (0, 0);
        for number in 0..10_000 {
            let place = place_of(number);
            if place != due {
                assert_eq!(due.1, FIRST_CHUNK << due.0, "a chunk is full");
                assert_eq!(place, (due.0 + 1, 0));
            }
            due = (place.0, place.1 + 1);
        }
        let (chunk, place) = place_of(u32::MAX as usize);
        assert!(chunk < CHUNKS && place < FIRST_CHUNK << chunk);
    }

    /// However many there were before it, a grant tells that it was revoked.
    #[test]
    fn no_number_of_grants_ends_the_tracking() {
        let grants = Grants::<Alone>::new(2);
        let mut made = [0, 0];
        for _ in 0..3_000 {
            for cpu in [0, 1] {
                grants.make(CpuId(cpu), &mut made[cpu], Prot::RW);
            }
        }
        for cpu in [0, 1] {
            let grant = grants.make(CpuId(cpu), &mut made[cpu], Prot::RW);
            let cells = || grants.cells(grant, Access::Write);
            assert_eq!(cells().len(), 2);
            assert!(cells().iter().all(|cell| cell.get(STALE) == 0));
            grants.revoked(grant, Prot::W, CpuId(1));
            assert_eq!(cells()[1].get(STALE), 1);
        }
    }
}
