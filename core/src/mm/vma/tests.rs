//! What a VMA keeps.

use super::*;
use crate::ghost::looked::Looked;
use crate::mm::file::{Backing, Files};
use crate::test_platform::Alone;
use crate::types::config::{Config, FileStart};
use crate::types::ids::{FilePage, Pfn};
use crate::types::prot::Prot;
use crate::types::quirks::Quirks;

#[test]
fn a_vma_keeps_what_backs_it() {
    let files = [1, 200].map(|len| FileStart::in_memory(alloc::vec![0; len]));
    let files = Files::<Alone>::new(Pfn(9), &files, false, &Config::small(1));
    let map = files.map(FilePage(100), Vpn(u64::from(u32::MAX) - 5));
    for backing in [
        Backing::Anonymous,
        Backing::Stack,
        Backing::Shared(map),
        Backing::Private(map),
    ] {
        for (prot, locked) in [
            (Prot::NONE, false),
            (Prot::RW, true),
            (Prot::RW | Prot::X, false),
        ] {
            let range = PageRange::new(Vpn(3), Vpn(7));
            let copy = VmaCopy {
                range,
                prot,
                backing,
                anon: Anon::from_bits(u64::from(u32::MAX) << 32 | 7),
                locked,
            };
            let vma = Vma::<crate::test_platform::Alone>::new(
                FaultPath::MmapLock,
                true,
                Active::new(Quirks::NONE, Arc::new(Looked::new())),
            );
            vma.set(None, copy);
            assert_eq!(vma.copy_racy(), copy);
        }
    }
}
