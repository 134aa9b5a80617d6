//! The memory orderings of core, each with the proof that needs it.
//!
//! An ordering is named once, here, and its site uses the name. Where it orders something, the
//! declaration names the proof under `proofs/` that turns red without it, or says why none does.
//! Where it is `Relaxed`, the text says what orders the access instead.
//!
//! What a quirk leaves of an ordering has a name too: see [`WEAKENED`].

use core::sync::atomic::Ordering;

macro_rules! orderings {
    ($($(#[doc = $doc:literal])+ $name:ident = $ordering:ident $(, $word:ident $($why:literal),+)?;)+) => {
        $(
            $(#[doc = $doc])+
            $(#[doc = concat!("\n\n", stringify!($word), ": ", $($why, " "),+)])?
            pub const $name: Ordering = Ordering::$ordering;
        )+
    };
}

// User accesses.
orderings! {
    /// A user's read pairs with users' writes.
    USER_READ = Acquire, proof "basics/message-without-faults";
    /// A user's write pairs with users' reads.
    USER_WRITE = Release, proof "basics/message-without-faults";
    /// A user's exchange pairs with users' reads, writes and exchanges.
    USER_XCHG = AcqRel, proof "basics/message-by-exchange";
}

// Page tables and their entries.
orderings! {
    /// A walker's read pairs with [`TABLE_INSTALL`] and [`PTE_SET`]: what the entry names was made
    /// before.
    TABLE_WALK = Acquire, proof "pt_free/table-published-early";
    /// Hardware's update of an entry pairs as [`TABLE_WALK`] does. What the entry's last writer
    /// published stays published, as by any read-modify-write.
    HW_UPDATE = Acquire, unproven
        "the walk read the same word with an acquire; another entry with the same word would show \
         it, but the checkers number each entry";
    /// Hardware's update that found another entry reads it again with [`TABLE_WALK`].
    HW_UPDATE_FAILED = Acquire, unproven "the entry is read again with an acquire";
    /// A new table, complete and empty, is hooked in; pairs with [`TABLE_WALK`] (W1).
    TABLE_INSTALL = Release, proof "pt_free/table-published-early";
    /// Another CPU hooked a table in first: it is looked up again with [`TABLE_WALK`].
    TABLE_INSTALL_FAILED = Relaxed;
    /// A table is hooked in over another one. Only a quirk does it, which is to be wrong by the
    /// overwriting alone.
    TABLE_OVERWRITE = AcqRel, proof "pt_free/two-faults-one-table";
    /// `munmap` unhooks a table: no VMA is found there by which a walker could ask what is pending.
    TABLE_REMOVE = Relaxed;
    /// A reclaiming zap unhooks a table; pairs with [`TABLE_WALK`]: a zap that finds no table takes
    /// no lock by which it would see that a flush is pending (F2).
    TABLE_RECLAIM = Release, proof "tlb/reclaim-not-flushed";
    /// An entry is set; pairs with [`TABLE_WALK`]: the frame's content is there before the entry is.
    /// Accesses through the old entry are ordered by its flush, not here: hardware sets their bits
    /// before they go through.
    PTE_SET = Release, proof "pt_free/page-published-early";
    /// An entry is read that is about to be overwritten.
    PTE_READ_NONATOMIC = Acquire, unproven
        "only a quirk does it, which is to be wrong by the two steps alone";
    /// An entry is overwritten that was read before.
    PTE_SET_NONATOMIC = AcqRel, unproven
        "only a quirk does it, which is to be wrong by the two steps alone";
}

// Page frames.
orderings! {
    /// The first entry is counted: the entry itself publishes the frame.
    FRAME_FIRST_ENTRY = Relaxed;
    /// A frame is zeroed: the entry that maps it publishes the content.
    FRAME_ZERO = Relaxed;
    /// Another entry is counted: its lock's holder has an entry, so that the frame cannot go
    /// meanwhile.
    FRAME_SHARE = Relaxed;
    /// A reference is counted: the entry keeps the frame until it is.
    FRAME_GET = Relaxed;
    /// An entry or a reference goes. Release keeps its accesses before the count, acquire lets the
    /// CPU that frees the frame, or reuses it, come after those of all others.
    FRAME_PUT = AcqRel, proof "cow/last-entry-goes-unflushed";
    /// Whether a frame is shared; pairs with [`FRAME_PUT`]: what others read of it they read before.
    FRAME_IS_SHARED = Acquire, unproven
        "only a read that takes a later store's value (load buffering) would show it, which the \
         memory model of the checkers does not have";
    /// The anon_vma of a VMA is set: who finds it without the page-table lock finds it made.
    /// Linux: `READ_ONCE(vma->anon_vma)`, and an address dependency.
    VMA_ANON_SET = Release, unproven
        "the search with all reductions does not show it; the one without, of \
         proofs/stack/prepared-before-it-grows, does";
    /// The other side of that.
    VMA_ANON_READ = Acquire, unproven
        "as for the store";
    /// Which page of an anon_vma a frame is: it is told before the frame has an entry, which publishes it.
    FRAME_ANON = Relaxed;
    /// An entry comes, or goes: the lock of its table orders it, and the lock of the page's anon_vma the end of its VMA.
    FRAME_MAPPED = Relaxed;
    /// Whether a frame is mapped: the lock of its anon_vma is held, under which VMAs leave whose entries are gone (A2).
    FRAME_IS_MAPPED = Relaxed;
    /// A page is copied: stores to a shared frame ended with the flush of the `fork` that shared
    /// it, and the entry that maps the copy publishes it.
    FRAME_COPY = Relaxed;
}

// Files whose length changes, or which are read from a disk.
orderings! {
    /// A file's length is read: the lock of the page, which `truncate` takes after it has set the length, orders it
    /// (T3).
    FILE_SIZE_READ = Relaxed;
    /// A file's length is set: see [`FILE_SIZE_READ`].
    FILE_SIZE_WRITE = Relaxed;
    /// A page comes to a file, is uptodate, or goes, or is looked for: under its lock, which orders it, and what was read
    /// with it. Without the lock the value counts alone: no CPU uses the content of a page that it has found so.
    PAGE_CACHE = Relaxed;
    /// Whether a page is to be written: its lock orders it.
    PAGE_DIRTY = Relaxed;
    /// An entry of a page that is written back comes: the page's lock orders it.
    MAPCOUNT_INC = Relaxed;
    /// An entry of such a page is gone, and flushed; pairs with [`MAPCOUNT_READ`]: what was stored through it comes before.
    MAPCOUNT_DEC = Release, proof "file/stored-while-unmapped";
    /// Whether an entry maps a page that is about to be written; pairs with [`MAPCOUNT_DEC`]: if none does, what is written
    /// has what was stored through those that did.
    MAPCOUNT_READ = Acquire, proof "file/stored-while-unmapped";
    /// Whether a frame is a file's: it is told before the frame has an entry, which publishes it.
    FRAME_OF_FILE = Relaxed;
}

// Swap.
orderings! {
    /// What a page holds goes to a slot, or comes from it: the lock of the slots orders it, which is taken before a slot is
    /// another page's, and the entry that maps the page publishes it.
    SWAP_CONTENT = Relaxed;
    /// A flush of reclaim is told, looked for, or told to be done. An entry is clear before its flush is told, so that one who
    /// looks, and flushes, leaves no walk that finds it; and what others accessed before that flush comes before what
    /// relies on it later. The lock of a table orders neither: it may be another table.
    FLUSH_BATCHED = AcqRel, proof "swap/flushed-what-was-told";
    /// Another flush of reclaim was told meanwhile: the next one that looks reads it again.
    FLUSH_BATCHED_FAILED = Relaxed;
}

// VMAs.
orderings! {
    /// A VMA's fields are read as values alone: the reader holds a lock, or checks a sequence
    /// count, or looks again under the page-table lock, or compares them with what the tree has.
    VMA_FIELD_READ = Relaxed;
    /// A VMA's fields are written: the end of the mmap write lock publishes them, or the tree's
    /// root that of a new VMA.
    VMA_FIELD_WRITE = Relaxed;
    /// A VMA becomes lockable; pairs with [`VMA_GET`]: its fields and its number are there before
    /// the count is.
    VMA_ATTACH = Release, proof "vma_lock/attached-early";
    /// A writer lets readers come again; pairs with [`VMA_GET`]: a reader that comes after sees
    /// the writer's number.
    VMA_EXCLUSION_ENDS = Release, proof "vma_lock/locked-early";
    /// A writer excludes readers; pairs with [`VMA_PUT`]: what readers did came before.
    VMA_EXCLUDE = Acquire, proof "vma_lock/reader-left-before";
    /// A writer waits for the last reader; pairs with [`VMA_PUT`].
    VMA_WAIT = Acquire, proof "vma_lock/writer-comes-after-readers";
    /// A VMA is detached; pairs with [`VMA_PUT`].
    VMA_DETACH = Acquire, proof "vma_lock/reader-left-before";
    /// The exclusion of readers from a detached VMA ends: no CPU takes the count from zero, and
    /// [`VMA_ATTACH`] publishes it anew.
    VMA_DETACHED = Relaxed;
    /// A reader raises the count; pairs with [`VMA_ATTACH`] and [`VMA_EXCLUSION_ENDS`].
    VMA_GET = Acquire, proof "vma_lock/locked-early";
    /// A reader that could not raise the count tries again with [`VMA_GET`], or gives up.
    VMA_GET_FAILED = Relaxed;
    /// A reader leaves; pairs with [`VMA_EXCLUDE`], [`VMA_WAIT`] and [`VMA_DETACH`].
    VMA_PUT = Release, proof "vma_lock/reader-left-before";
    /// A reader of a VMA with a read-write lock reads the mm's number; pairs with
    /// [`MM_SEQ_END`]: a VMA that the number unlocks shows what its writer did.
    VMA_LOCK_SEQ_READ = Acquire, proof "vma_lock/mm-lock-seq-relaxed";
    /// A reader of a VMA with a reference count does the same.
    VMA_REFCNT_SEQ_READ = Acquire, proof "vma_lock/mm-lock-seq-relaxed-refcnt";
}

// Address spaces.
orderings! {
    /// A writer shows that it is inside: [`MM_SEQ_BEGIN_FENCE`] keeps it before what it changes.
    MM_SEQ_BEGIN = Relaxed;
    /// A writer's changes come after its number; pairs with [`SPF_CHECK_FENCE`].
    MM_SEQ_BEGIN_FENCE = Release, proof "spf/torn-copy";
    /// A writer ends; pairs with [`VMA_LOCK_SEQ_READ`], [`VMA_REFCNT_SEQ_READ`] and
    /// [`SPF_SEQ_READ`]: a reader that sees the number sees the changes.
    MM_SEQ_END = Release, proof "vma_lock/mm-lock-seq-relaxed";
    /// A speculative fault reads the number before it reads anything else; pairs with
    /// [`MM_SEQ_END`].
    SPF_SEQ_READ = Acquire, proof "spf/count-read-early";
    /// A speculative fault checks the number after it has read all else; pairs with
    /// [`MM_SEQ_BEGIN_FENCE`]: a fault that has read what a writer changed sees its number.
    SPF_CHECK_FENCE = Acquire, proof "spf/torn-copy";
    /// The number that is checked: ordered by [`SPF_CHECK_FENCE`].
    SPF_CHECK = Relaxed;
    /// A new root of the tree is shown; pairs with the acquire of a lookup under RCU: nodes and
    /// VMAs are made before they can be found.
    TREE_PUBLISH = Release, proof "vma_tree/published-early";
    /// `fork` hides the tree: a fault that finds the empty one waits for the mmap lock.
    TREE_HIDE = Release, unproven
        "the empty tree has no node that a reader could find unmade";
}

// Flushes.
orderings! {
    /// The generation advances. The generations' order is that of the flushes. Release: a CPU that
    /// sees the generation sees the entries that were changed before. Acquire: a flush up to a later
    /// generation stands for this one, so what is filled after it must show those entries too.
    TLB_GEN_INC = AcqRel, proof
        "tlb/later-flush-stands-for-earlier", "tlb/generation-shows-all-entries";
    /// A CPU reads the generation to catch up; pairs with [`TLB_GEN_INC`]: entries changed before
    /// that generation are read anew with their change.
    TLB_GEN_READ = Acquire, proof "tlb/generation-shows-all-entries";
    /// A flush advances the generation before it looks which CPUs are lazy; pairs with
    /// [`SWITCH_FENCE`]: either this CPU sees that the other is not lazy, or the other sees the
    /// generation.
    SHOOTDOWN_FENCE = SeqCst, proof "tlb/back-from-lazy";
    /// A CPU says that it is not lazy before it reads the generation; pairs with
    /// [`SHOOTDOWN_FENCE`].
    SWITCH_FENCE = SeqCst, proof "tlb/back-from-lazy";
    /// The CPUs that may have translations: ordered by [`SHOOTDOWN_FENCE`].
    CPUMASK_READ = Relaxed;
    /// Whether a CPU is lazy; pairs with [`LAZY_SET`]: the accesses of a CPU that is passed over
    /// came before this flush.
    LAZY_READ = Acquire, proof "tlb/access-before-lazy";
    /// A CPU becomes lazy; pairs with [`LAZY_READ`]: a CPU that passes it over comes after the
    /// accesses that it made through its translations.
    LAZY_SET = Release, proof "tlb/access-before-lazy";
    /// A CPU is lazy no more: [`SWITCH_FENCE`] orders it before the read of the generation.
    LAZY_CLEAR = Relaxed;
    /// A flush is pending: ordered by the page-table lock under which entries are cleared, or by
    /// [`TABLE_RECLAIM`]: a zap that finds them gone sees it (F2).
    FLUSH_PENDING_INC = Relaxed;
    /// Whether another flush is pending; pairs with [`FLUSH_PENDING_DEC`]: a zap that finds that
    /// another's flush is over comes after it.
    FLUSH_PENDING_READ = Acquire, proof "tlb/flush-is-over";
    /// A flush is over; pairs with [`FLUSH_PENDING_READ`].
    FLUSH_PENDING_DEC = Release, proof "tlb/flush-is-over";
}

// Where nothing is to be ordered.
orderings! {
    /// No CPU runs yet, or any more, or none can reach the object.
    AT_REST = Relaxed;
    /// Ghost state that is no [`Cell`](crate::platform::Cell): it is asked for its value at the end,
    /// and orders nothing.
    GHOST = Relaxed;
}

// What quirks leave.
orderings! {
    /// What a quirk leaves of an ordering that it takes away.
    WEAKENED = Relaxed;
    /// What a quirk leaves of acquire and release that takes the release away.
    WITHOUT_RELEASE = Acquire, unproven "no sound site has it";
    /// What a quirk leaves of acquire and release that takes the acquire away.
    WITHOUT_ACQUIRE = Release, unproven "no sound site has it";
}
