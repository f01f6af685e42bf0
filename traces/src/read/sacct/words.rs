//! The words of Slurm: times, durations, amounts of memory, trackable resources.

use windtunnel_scheduler::time::{Span, Time};

use crate::read::number;

/// A whole number.
pub(super) fn whole(text: &[u8]) -> Option<u64> {
    number::whole(text.trim_ascii())
}

fn digits(text: &[u8], from: usize, count: usize) -> Option<i64> {
    number::whole(text.get(from..from + count)?).and_then(|number| i64::try_from(number).ok())
}

/// `YYYY-MM-DDTHH:MM:SS` (or a blank for the T) from 1970 on; None for `Unknown`, `None` and everything else.
pub(super) fn time(text: &[u8]) -> Option<Time> {
    let text = text.trim_ascii();
    let marks: Vec<u8> = [4, 7, 10, 13, 16].into_iter().filter_map(|at| text.get(at).copied()).collect();
    if text.len() != 19 || !matches!(marks.as_slice(), b"--T::" | b"-- ::") {
        return None;
    }
    let (year, month, day) = (digits(text, 0, 4)?, digits(text, 5, 2)?, digits(text, 8, 2)?);
    let (hour, minute, second) = (digits(text, 11, 2)?, digits(text, 14, 2)?, digits(text, 17, 2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days since 1970-01-01 by the proleptic Gregorian calendar, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    u64::try_from(seconds).ok()?.checked_mul(1_000_000).map(Time)
}

/// `[D-]HH:MM:SS` or `MM:SS`; None for `UNLIMITED`, `Partition_Limit` and everything else.
pub(super) fn duration(text: &[u8]) -> Option<Span> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (days.parse::<u64>().ok()?, clock),
        None => (0, text),
    };
    let mut seconds = 0_u64;
    let mut parts = 0;
    for part in clock.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
        parts += 1;
    }
    let seconds = days.checked_mul(86_400)?.checked_add(seconds)?;
    (parts == 2 || parts == 3).then(|| seconds.checked_mul(1_000_000).map(Span)).flatten()
}

/// What an amount of memory is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Per {
    Cpu,
    Node,
    Job,
}

/// `2800Mc`, `4Gn`, `500G`, `1.5T`, `0`: MiB, rounded up; without a unit they are MiB.
pub(super) fn mebibytes(text: &[u8]) -> Option<(u64, Per)> {
    let (text, per) = match text.trim_ascii() {
        [rest @ .., b'c'] => (rest, Per::Cpu),
        [rest @ .., b'n'] => (rest, Per::Node),
        text => (text, Per::Job),
    };
    let (digits, kib) = match text {
        [rest @ .., b'K' | b'k'] => (rest, 1),
        [rest @ .., b'G' | b'g'] => (rest, 1 << 20),
        [rest @ .., b'T' | b't'] => (rest, 1 << 30),
        [rest @ .., b'M' | b'm'] => (rest, 1 << 10),
        rest => (rest, 1_u128 << 10),
    };
    let number = number::Decimal::read(digits).filter(|number| !number.negative)?;
    let millionths = u128::from(number.whole) * 1_000_000 + u128::from(number.millionths);
    let mib = (millionths * kib).div_ceil(1_000_000 << 10);
    u64::try_from(mib).ok().map(|mib| (mib, per))
}

/// The value of one trackable resource in a list such as `cpu=12,mem=33600M,gres/gpu=4`.
pub(super) fn trackable<'a>(list: &'a [u8], name: &str) -> Option<&'a [u8]> {
    list.split(|&byte| byte == b',').find_map(|entry| {
        let rest = entry.trim_ascii().strip_prefix(name.as_bytes())?;
        rest.strip_prefix(b"=")
    })
}
