//! Errno numbers as litmus tests name them.

use seqfault_lang::ops::{Answer, Strange};

/// The answer of a system call that failed with this number.
pub(super) fn failed(number: i32) -> Answer {
    let known = ERRNOS.iter().find(|(known, _)| *known == number);
    let named = known.and_then(|(_, name)| Answer::from_name(name));
    named.unwrap_or(Answer::Strange(Strange::errno(number as u32)))
}

/// The errors of the system calls that change mappings.
const ERRNOS: &[(i32, &str)] = &[
    (libc::EPERM, "eperm"),
    (libc::EINTR, "eintr"),
    (libc::EIO, "eio"),
    (libc::EBADF, "ebadf"),
    (libc::EAGAIN, "eagain"),
    (libc::ENOMEM, "enomem"),
    (libc::EACCES, "eacces"),
    (libc::EFAULT, "efault"),
    (libc::EBUSY, "ebusy"),
    (libc::EEXIST, "eexist"),
    (libc::ENODEV, "enodev"),
    (libc::EINVAL, "einval"),
    (libc::ENOSYS, "enosys"),
    (libc::EOVERFLOW, "eoverflow"),
    (libc::EOPNOTSUPP, "eopnotsupp"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_name() {
        for (number, name) in ERRNOS {
            assert_eq!(failed(*number).name(), Some(*name));
        }
        assert_eq!(failed(libc::ENOMEM), Answer::ENOMEM);
        assert_eq!(failed(4095).to_string(), "errno 4095");
    }
}
