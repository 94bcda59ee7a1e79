//! Opening files with the permissions of an ordinary user, also where the tests run as root.

const NOBODY: libc::uid_t = 65534;

/// Runs `open` with the file permissions of the user `nobody` if this process is root, otherwise unchanged.
pub fn as_ordinary_user<R>(open: impl FnOnce() -> R) -> R {
    // SAFETY: a system call without arguments.
    let own = unsafe { libc::geteuid() };
    // SAFETY: the call changes the file permissions of this thread only, and takes no pointer.
    let set = |user| unsafe { libc::setfsuid(user) };
    if own == 0 {
        set(NOBODY);
    }
    let opened = open();
    if own == 0 {
        set(own);
    }
    opened
}

/// Whether [`as_ordinary_user`] runs without the permissions of root.
pub fn may_drop_privileges() -> bool {
    // SAFETY: an invalid id changes nothing; the call returns the id in force.
    as_ordinary_user(|| unsafe { libc::setfsuid(libc::uid_t::MAX) }) != 0
}
