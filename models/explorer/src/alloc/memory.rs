//! Memory whose type is forgotten.

use std::alloc::Layout;

use std::mem::{ManuallyDrop, needs_drop};

/// Owns the memory of a value, or plain bytes. The value is dropped by
/// [`Memory::value`], the memory freed when this is dropped.
#[derive(Debug)]
pub(crate) struct Memory {
    data: *mut u8,
    /// Drops the value, if it is there and minds.
    value: Option<unsafe fn(*mut u8)>,
    /// Has it been dropped, and does it mind?
    pub(crate) gone: bool,
    release: Release,
}

/// A value that is to be dropped.
#[derive(Debug)]
pub(crate) struct Value {
    data: *mut u8,
    destroy: unsafe fn(*mut u8),
}

#[derive(Debug)]
enum Release {
    Value(unsafe fn(*mut u8)),
    Bytes(Layout),
}

impl Memory {
    /// Owns a value. It stays at [`Memory::data`].
    pub(crate) fn of<T>(value: T) -> Memory {
        unsafe fn destroy<T>(data: *mut u8) {
            // SAFETY: `value` gives this out once, while the memory is there.
            unsafe { ManuallyDrop::drop(&mut *data.cast::<ManuallyDrop<T>>()) };
        }
        unsafe fn release<T>(data: *mut u8) {
            // SAFETY: `of` made the box, of this type.
            drop(unsafe { Box::from_raw(data.cast::<ManuallyDrop<T>>()) });
        }
        Memory {
            data: Box::into_raw(Box::new(ManuallyDrop::new(value))).cast(),
            value: needs_drop::<T>().then_some(destroy::<T> as unsafe fn(*mut u8)),
            gone: false,
            release: Release::Value(release::<T>),
        }
    }

    /// Owns bytes that the global allocator has given out.
    ///
    /// # Safety
    /// They are allocated with this layout, and no other code frees them.
    pub(crate) unsafe fn bytes(data: *mut u8, layout: Layout) -> Memory {
        Memory {
            data,
            value: None,
            gone: false,
            release: Release::Bytes(layout),
        }
    }

    /// Where it is.
    pub(crate) fn data(&self) -> *mut u8 {
        self.data
    }

    /// The value, if it is to be dropped; once. The memory must outlive the answer.
    pub(crate) fn value(&mut self) -> Option<Value> {
        let destroy = self.value.take()?;
        self.gone = true;
        Some(Value {
            data: self.data,
            destroy,
        })
    }

    /// The layout of plain bytes.
    pub(crate) fn layout(&self) -> Option<Layout> {
        match self.release {
            Release::Bytes(layout) => Some(layout),
            Release::Value(_) => None,
        }
    }
}

impl Value {
    /// Drops the value.
    ///
    /// # Safety
    /// Its memory is still there.
    pub(crate) unsafe fn destroy(self) {
        // SAFETY: the value is there, as `Memory::value` answers once.
        unsafe { (self.destroy)(self.data) };
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        match self.release {
            // SAFETY: `of` made the pair, and it is dropped once.
            Release::Value(release) => unsafe { release(self.data) },
            // SAFETY: as `bytes` was promised.
            Release::Bytes(layout) => unsafe { std::alloc::dealloc(self.data, layout) },
        }
    }
}
