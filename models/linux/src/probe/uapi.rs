//! Numbers and structs of the kernel's interface that libc does not have.

/// `MADV_GUARD_INSTALL`, include/uapi/asm-generic/mman-common.h, since Linux 6.13.
pub(crate) const MADV_GUARD_INSTALL: i32 = 102;
/// `MADV_GUARD_REMOVE`, there.
pub(crate) const MADV_GUARD_REMOVE: i32 = 103;

/// `struct page_region`, include/uapi/linux/fs.h.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub(crate) struct Region {
    pub start: u64,
    pub end: u64,
    pub categories: u64,
}

/// `struct pm_scan_arg`, include/uapi/linux/fs.h.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct ScanArguments {
    pub size: u64,
    pub flags: u64,
    pub start: u64,
    pub end: u64,
    pub walk_end: u64,
    pub vec: u64,
    pub vec_len: u64,
    pub max_pages: u64,
    pub category_inverted: u64,
    pub category_mask: u64,
    pub category_anyof_mask: u64,
    pub return_mask: u64,
}

/// `_IOWR('f', 16, struct pm_scan_arg)`
pub(crate) const PAGEMAP_SCAN: libc::c_ulong = 0xc060_6610;
/// `PAGE_IS_PRESENT`
pub(crate) const PAGE_IS_PRESENT: u64 = 1 << 3;
/// `PAGE_IS_SWAPPED`
pub(crate) const PAGE_IS_SWAPPED: u64 = 1 << 4;
/// `PAGE_IS_PFNZERO`
pub(crate) const PAGE_IS_PFNZERO: u64 = 1 << 5;
/// `PAGE_IS_GUARD`, since Linux 6.15.
pub(crate) const PAGE_IS_GUARD: u64 = 1 << 8;

/// `struct uffdio_api`, include/uapi/linux/userfaultfd.h.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct UffdioApi {
    pub api: u64,
    pub features: u64,
    pub ioctls: u64,
}

/// `UFFD_API`
pub(super) const UFFD_API: u64 = 0xaa;
/// `_IOWR(UFFDIO, 0x3f, struct uffdio_api)`
pub(super) const UFFDIO_API: libc::c_ulong = 0xc018_aa3f;
/// `UFFD_USER_MODE_ONLY`
pub(super) const UFFD_USER_MODE_ONLY: i32 = 1;
/// `UFFD_FEATURE_*` by bit.
pub(super) const UFFD_FEATURES: &[&str] = &[
    "pagefault-flag-wp",
    "event-fork",
    "event-remap",
    "event-remove",
    "missing-hugetlbfs",
    "missing-shmem",
    "event-unmap",
    "sigbus",
    "thread-id",
    "minor-hugetlbfs",
    "minor-shmem",
    "exact-address",
    "wp-hugetlbfs-shmem",
    "wp-unpopulated",
    "poison",
    "wp-async",
    "move",
];
