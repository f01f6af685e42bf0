//! One of several things with weights, in constant time whatever their number.

use super::terms::BadTerm;

/// Things with weights.
///
/// Walker's alias method in Vose's form (IEEE Trans. Software Eng. 17 (9), 1991), on integers: every slot holds at most
/// two things, and one 64-bit draw chooses the slot and then between the two.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice<T> {
    items: Vec<T>,
    shares: Vec<f64>,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slot {
    /// Below this the slot's own thing is meant, otherwise the alias.
    edge: u64,
    alias: u32,
}

impl<T> Choice<T> {
    /// Things with weights of any scale. Things of weight 0 are never chosen.
    ///
    /// # Errors
    /// If there is nothing to choose from, or a weight is negative or not finite. `key` is what the user calls the
    /// list.
    pub fn new(key: &str, items: Vec<(T, f64)>) -> Result<Self, BadTerm> {
        let mut most = 0.0_f64;
        for (place, (_, weight)) in items.iter().enumerate() {
            if !weight.is_finite() || *weight < 0.0 {
                let message = format!("weight {weight} in `{key}`: give a finite number of at least 0");
                return Err(BadTerm::new(format!("{key}.{place}.weight"), message));
            }
            most = most.max(*weight);
        }
        if most <= 0.0 {
            return Err(BadTerm::new(
                key,
                format!("`{key}` leaves nothing to choose: give at least one positive weight"),
            ));
        }
        if u32::try_from(items.len()).is_err() {
            return Err(BadTerm::new(key, format!("`{key}` is too long: give fewer than 4294967296 entries")));
        }
        let (items, weights): (Vec<T>, Vec<f64>) = items.into_iter().filter(|(_, weight)| *weight > 0.0).unzip();
        let total: f64 = weights.iter().sum();
        let shares = weights.iter().map(|weight| weight / total).collect();
        let slots = slots(&weights, most);
        Ok(Self { items, shares, slots })
    }

    /// A single thing.
    #[must_use]
    pub fn only(item: T) -> Self {
        Self { items: vec![item], shares: vec![1.0], slots: vec![Slot { edge: u64::MAX, alias: 0 }] }
    }

    /// The thing that `bits` (asked for only if there is a choice) mean.
    #[inline]
    pub fn pick(&self, bits: impl FnOnce() -> u64) -> &T {
        let place = if self.items.len() == 1 { 0 } else { self.place(bits()) };
        &self.items[place]
    }

    #[inline]
    fn place(&self, bits: u64) -> usize {
        let product = u128::from(bits) * self.slots.len() as u128;
        let place = (product >> 64) as usize;
        let slot = self.slots[place];
        // Which of the two cannot be predicted, so it is selected without a branch.
        let own = u64::from(product as u64 <= slot.edge).wrapping_neg();
        ((place as u64 & own) | (u64::from(slot.alias) & !own)) as usize
    }

    /// The things that can be chosen, with their shares (they sum to 1), in order.
    pub fn iter(&self) -> impl Iterator<Item = (&T, f64)> {
        self.items.iter().zip(self.shares.iter().copied())
    }

    /// The same shares for other things.
    pub(crate) fn map<U>(self, change: impl FnMut(T) -> U) -> Choice<U> {
        Choice { items: self.items.into_iter().map(change).collect(), shares: self.shares, slots: self.slots }
    }
}

/// The alias table. Weights become integers first, so that the table is exact for them and needs no tolerance.
fn slots(weights: &[f64], most: f64) -> Vec<Slot> {
    let count = weights.len() as u128;
    // The heaviest weighs 2^40; at most 2^32 of them keep every product below 2^104.
    let mut parts: Vec<u128> =
        weights.iter().map(|weight| ((weight / most * (1_u64 << 40) as f64) as u128).max(1) * count).collect();
    let full = parts.iter().sum::<u128>() / count;
    let mut slots = vec![Slot::default(); weights.len()];
    let mut light: Vec<usize> = (0..parts.len()).filter(|&place| parts[place] < full).collect();
    let mut heavy: Vec<usize> = (0..parts.len()).filter(|&place| parts[place] >= full).collect();
    for (place, slot) in slots.iter_mut().enumerate() {
        *slot = Slot { edge: u64::MAX, alias: place as u32 };
    }
    while let (Some(&thin), Some(&thick)) = (light.last(), heavy.last()) {
        light.pop();
        slots[thin] = Slot { edge: (wide_ratio(parts[thin], full)) as u64, alias: thick as u32 };
        parts[thick] -= full - parts[thin];
        if parts[thick] < full {
            heavy.pop();
            light.push(thick);
        }
    }
    slots
}

/// `part / full` in units of 2^-64, for `part < full < 2^74`.
fn wide_ratio(part: u128, full: u128) -> u128 {
    // Two steps of 32 bits each, since `part << 64` may not fit.
    let (high, rest) = ((part << 32) / full, (part << 32) % full);
    (high << 32) | ((rest << 32) / full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_scheduler::draw;

    #[test]
    fn shares_are_those_of_the_weights() {
        let weights = [0.35, 0.25, 0.0, 0.20, 0.12, 0.06, 0.02];
        let choice = Choice::new("cpu", weights.iter().copied().enumerate().collect()).unwrap();
        let mut counts = [0_u32; 7];
        for index in 0..400_000 {
            counts[*choice.pick(|| draw::bits(1, 2, 3, index))] += 1;
        }
        for (weight, count) in weights.iter().zip(counts) {
            let share = f64::from(count) / 400_000.0;
            assert!((share - weight).abs() < 0.003, "{weight} came out as {share}");
        }
        assert_eq!(counts[2], 0);
        let table: f64 = choice.iter().map(|(_, share)| share).sum();
        assert!((table - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_table_gives_each_thing_exactly_its_share() {
        let weights: Vec<(usize, f64)> = (0..1_000).map(|item| (item, f64::from(1 + (item as u32 * 7) % 13))).collect();
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let choice = Choice::new("x", weights.clone()).unwrap();
        let mut mass = vec![0.0; weights.len()];
        for (place, slot) in choice.slots.iter().enumerate() {
            let own = slot.edge as f64 / libm::pow(2.0, 64.0);
            mass[place] += own / weights.len() as f64;
            mass[slot.alias as usize] += (1.0 - own) / weights.len() as f64;
        }
        for (item, weight) in weights {
            assert!((mass[item] - weight / total).abs() < 1e-11, "{item}: {}", mass[item]);
        }
    }

    #[test]
    fn bad_weights_are_refused_by_name() {
        assert_eq!(Choice::new("roles", vec![("a", 1.0), ("b", -1.0)]).unwrap_err().key, "roles.1.weight");
        assert_eq!(Choice::new("roles", vec![("a", 0.0)]).unwrap_err().key, "roles");
        assert_eq!(Choice::<u8>::new("roles", vec![]).unwrap_err().key, "roles");
        assert!(Choice::new("roles", vec![("a", f64::NAN)]).is_err());
    }
}
