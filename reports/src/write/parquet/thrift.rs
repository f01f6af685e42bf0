//! The compact encoding of Apache Thrift, as far as the headers and the footer of a Parquet file need it.
//! Source: "Thrift Compact protocol encoding" in the Thrift specification.

const WHOLE_32: u8 = 5;
const WHOLE_64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// Appends `value` in groups of seven bits, lowest first.
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Maps small numbers of either sign to small unsigned ones.
pub(super) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Writes one structure; nested ones are written through [`Structure::structure`] and [`Structure::structures`].
pub(super) struct Structure<'a> {
    out: &'a mut Vec<u8>,
    last_field: i16,
}

impl<'a> Structure<'a> {
    /// Begins a structure at the end of `out`.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, last_field: 0 }
    }

    /// Ends it.
    pub(super) fn end(self) {
        self.out.push(0);
    }

    fn header(&mut self, field: i16, kind: u8) {
        let step = field - self.last_field;
        debug_assert!((1..16).contains(&step), "fields are written in ascending order, less than 16 apart");
        self.out.push((step as u8) << 4 | kind);
        self.last_field = field;
    }

    pub(super) fn whole_32(&mut self, field: i16, value: i32) {
        self.header(field, WHOLE_32);
        varint(self.out, zigzag(i64::from(value)));
    }

    pub(super) fn whole_64(&mut self, field: i16, value: i64) {
        self.header(field, WHOLE_64);
        varint(self.out, zigzag(value));
    }

    pub(super) fn binary(&mut self, field: i16, bytes: &[u8]) {
        self.header(field, BINARY);
        varint(self.out, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// A nested structure, filled by `fill`.
    pub(super) fn structure(&mut self, field: i16, fill: impl FnOnce(&mut Structure<'_>)) {
        self.header(field, STRUCT);
        let mut nested = Structure::new(self.out);
        fill(&mut nested);
        nested.end();
    }

    fn list_header(&mut self, field: i16, count: usize, kind: u8) {
        self.header(field, LIST);
        if count < 15 {
            self.out.push((count as u8) << 4 | kind);
        } else {
            self.out.push(0xf0 | kind);
            varint(self.out, count as u64);
        }
    }

    /// A list of structures, one per item, filled by `fill`.
    pub(super) fn structures<T>(&mut self, field: i16, items: &[T], mut fill: impl FnMut(&mut Structure<'_>, &T)) {
        self.list_header(field, items.len(), STRUCT);
        for item in items {
            let mut nested = Structure::new(self.out);
            fill(&mut nested, item);
            nested.end();
        }
    }

    pub(super) fn wholes_32(&mut self, field: i16, values: &[i32]) {
        self.list_header(field, values.len(), WHOLE_32);
        for &value in values {
            varint(self.out, zigzag(i64::from(value)));
        }
    }

    pub(super) fn texts(&mut self, field: i16, texts: &[&str]) {
        self.list_header(field, texts.len(), BINARY);
        for text in texts {
            varint(self.out, text.len() as u64);
            self.out.extend_from_slice(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_as_few_bytes_as_the_specification_says() {
        let mut out = Vec::new();
        varint(&mut out, 300);
        assert_eq!(out, [0xac, 0x02]);
        assert_eq!([zigzag(0), zigzag(-1), zigzag(1), zigzag(i64::MIN)], [0, 1, 2, u64::MAX]);
    }

    #[test]
    fn a_field_header_carries_the_step_from_the_field_before() {
        let mut out = Vec::new();
        let mut header = Structure::new(&mut out);
        header.whole_32(1, 1);
        header.binary(4, b"ab");
        header.wholes_32(5, &[0; 15]);
        header.end();
        assert_eq!(out[..6], [0x15, 0x02, 0x38, 0x02, b'a', b'b']);
        assert_eq!(out[6..9], [0x19, 0xf5, 15], "fifteen entries no longer fit into the header's four bits");
        assert_eq!(out.last(), Some(&0));
    }
}
