//! The heap of this program.

#![expect(unsafe_code, reason = "the allocator is asked by a call of C")]

/// Gives back what is free within the heap; by itself the allocator gives back only what is free at
/// its end. It holds up who allocates meanwhile, for some milliseconds.
pub fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it touches nothing but free memory of the allocator, under the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_stays_as_it_is() {
        let mut all: Vec<Vec<u8>> = (0..1_000).map(|at| vec![at as u8; 10_000]).collect();
        let mut place = 0;
        all.retain(|_| {
            place += 1;
            place % 10 == 0
        });
        trim_heap();
        let sums: Vec<u8> = all.iter().map(|one| one[9_999]).collect();
        let expect: Vec<u8> = (0..1_000).skip(9).step_by(10).map(|at| at as u8).collect();
        assert_eq!(sums, expect);
    }
}
