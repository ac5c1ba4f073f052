//! Deterministic mutations: what a fuzzer does first, the same on every run.

/// Numbers that look random and are the same on every run (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        number as usize % bound.max(1)
    }
}

/// Bytes at which parsers turn.
const TURNS: &[u8] = b"\0\x01\x7f\x80\xff&=%+.,[]\"\n09aZ";

/// `count` mutations of these seeds, some of them of several changes.
pub fn mutations(seeds: &[Vec<u8>], count: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    (0..count).map(move |_| {
        let mut bytes = seeds[numbers.below(seeds.len())].clone();
        for _ in 0..=numbers.below(4) {
            mutate(&mut bytes, seeds, &mut numbers);
        }
        bytes
    })
}

fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], numbers: &mut Numbers) {
    let place = numbers.below(bytes.len() + 1);
    let turn = TURNS[numbers.below(TURNS.len())];
    match numbers.below(7) {
        0 => bytes.truncate(place),
        1 => bytes.insert(place, turn),
        2 if place < bytes.len() => bytes[place] = turn,
        3 if place < bytes.len() => bytes[place] ^= 1 << numbers.below(8),
        4 if place < bytes.len() => drop(bytes.remove(place)),
        5 => {
            let tail: Vec<u8> = bytes[place..].to_vec();
            bytes.extend(tail);
        }
        _ => {
            let other = &seeds[numbers.below(seeds.len())];
            let from = numbers.below(other.len() + 1);
            bytes.truncate(place);
            bytes.extend_from_slice(&other[from..]);
        }
    }
}
