//! Pages, row groups and the footer.

use std::io::{self, Write};

use super::column::{Filling, Kind, Page, RealColumn, TextColumn, WholeColumn, WholesColumn};
use super::thrift::Structure;
use super::word::WordColumn;

/// Rows per row group.
pub const GROUP_ROWS: u64 = 131_072;

const MAGIC: &[u8; 4] = b"PAR1";
// Numbers of the enumerations `Type`, `Encoding`, `FieldRepetitionType`, `ConvertedType` and `PageType`.
const TYPE_WHOLE: i32 = 2;
const TYPE_REAL: i32 = 5;
const TYPE_BYTES: i32 = 6;
const PLAIN: i32 = 0;
const LEVELS: i32 = 3;
const DELTA: i32 = 5;
const DELTA_LENGTH: i32 = 6;
const DICTIONARY: i32 = 8;
const REQUIRED: i32 = 0;
const OPTIONAL: i32 = 1;
const REPEATED: i32 = 2;
const CONVERTED_TEXT: i32 = 0;
const CONVERTED_LIST: i32 = 3;
const PAGE_DATA: i32 = 0;
const PAGE_DICTIONARY: i32 = 2;

/// One column on its way into a file.
pub enum ColumnMut<'a> {
    /// Whole numbers.
    Whole(&'a mut WholeColumn),
    /// Measures.
    Real(&'a mut RealColumn),
    /// Text.
    Text(&'a mut TextColumn),
    /// Words.
    Word(&'a mut WordColumn),
    /// Lists of whole numbers.
    Wholes(&'a mut WholesColumn),
}

impl ColumnMut<'_> {
    fn filling(&mut self) -> &mut dyn Filling {
        match self {
            Self::Whole(column) => *column,
            Self::Real(column) => *column,
            Self::Text(column) => *column,
            Self::Word(column) => *column,
            Self::Wholes(column) => *column,
        }
    }
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    kind: Kind,
    optional: bool,
}

impl Field {
    const fn physical_type(&self) -> i32 {
        match self.kind {
            Kind::Whole | Kind::Wholes => TYPE_WHOLE,
            Kind::Real => TYPE_REAL,
            Kind::Text | Kind::Word => TYPE_BYTES,
        }
    }

    const fn encoding(&self) -> i32 {
        match self.kind {
            Kind::Whole | Kind::Wholes => DELTA,
            Kind::Real => PLAIN,
            Kind::Text => DELTA_LENGTH,
            Kind::Word => DICTIONARY,
        }
    }

    fn path(&self) -> Vec<&str> {
        match self.kind {
            Kind::Wholes => vec![&self.name, "list", "element"],
            _ => vec![&self.name],
        }
    }
}

/// Where a column of a row group went.
#[derive(Clone, Debug)]
struct Chunk {
    dictionary_offset: Option<i64>,
    data_offset: i64,
    bytes: i64,
    values: i64,
    nulls: i64,
    range: Option<(i64, i64)>,
}

#[derive(Clone, Debug)]
struct Group {
    rows: u64,
    chunks: Vec<Chunk>,
}

/// A table on its way into a file: row groups as they are handed over, the footer at the end.
pub struct TableFile<W: Write> {
    sink: W,
    offset: u64,
    fields: Vec<Field>,
    groups: Vec<Group>,
    page: Page,
    header: Vec<u8>,
}

impl<W: Write> TableFile<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Whatever `sink` reports.
    pub fn new(mut sink: W) -> io::Result<Self> {
        sink.write_all(MAGIC)?;
        Ok(Self {
            sink,
            offset: MAGIC.len() as u64,
            fields: Vec::new(),
            groups: Vec::new(),
            page: Page::default(),
            header: Vec::new(),
        })
    }

    /// Writes what the columns hold as one row group of `rows` rows and empties them. Names, kinds and order must be
    /// the same each time; the first call settles the schema, so a file without rows needs one call with `rows` 0.
    ///
    /// # Errors
    /// Whatever the sink reports; the file is of no use then.
    pub fn write_group(&mut self, rows: u64, columns: &mut [(&str, ColumnMut<'_>)]) -> io::Result<()> {
        if self.fields.is_empty() {
            for (name, column) in &mut *columns {
                let column = column.filling();
                self.fields.push(Field { name: (*name).to_owned(), kind: column.kind(), optional: column.optional() });
            }
        }
        if rows == 0 {
            return Ok(());
        }
        let mut chunks = Vec::with_capacity(columns.len());
        for (index, (_, column)) in columns.iter_mut().enumerate() {
            column.filling().finish(&mut self.page);
            chunks.push(self.write_chunk(index)?);
        }
        self.groups.push(Group { rows, chunks });
        Ok(())
    }

    fn write_chunk(&mut self, index: usize) -> io::Result<Chunk> {
        let start = self.offset;
        let mut dictionary_offset = None;
        if self.fields[index].kind == Kind::Word {
            dictionary_offset = Some(self.offset as i64);
            let words = self.page.words as i32;
            write_page_header(&mut self.header, PAGE_DICTIONARY, self.page.dictionary.len(), |header| {
                header.structure(7, |dictionary| {
                    dictionary.whole_32(1, words);
                    dictionary.whole_32(2, PLAIN);
                });
            })?;
            self.sink.write_all(&self.header)?;
            self.sink.write_all(&self.page.dictionary)?;
            self.offset += (self.header.len() + self.page.dictionary.len()) as u64;
        }
        let data_offset = self.offset as i64;
        let (values, encoding) = (self.page.values as i32, self.fields[index].encoding());
        let length = self.page.body.len() + self.page.tail.len();
        write_page_header(&mut self.header, PAGE_DATA, length, |header| {
            header.structure(5, |data| {
                data.whole_32(1, values);
                data.whole_32(2, encoding);
                data.whole_32(3, LEVELS);
                data.whole_32(4, LEVELS);
            });
        })?;
        self.sink.write_all(&self.header)?;
        self.sink.write_all(&self.page.body)?;
        self.sink.write_all(&self.page.tail)?;
        self.offset += (self.header.len() + length) as u64;
        Ok(Chunk {
            dictionary_offset,
            data_offset,
            bytes: (self.offset - start) as i64,
            values: self.page.values as i64,
            nulls: self.page.nulls as i64,
            range: self.page.range,
        })
    }

    /// Writes the footer and gives the sink back.
    ///
    /// # Errors
    /// Whatever the sink reports.
    pub fn finish(mut self) -> io::Result<W> {
        self.header.clear();
        let mut footer = Structure::new(&mut self.header);
        footer.whole_32(1, 1);
        footer.structures(2, &schema_elements(&self.fields), |element, one| one.write(element));
        footer.whole_64(3, self.groups.iter().map(|group| group.rows as i64).sum());
        let fields = &self.fields;
        footer.structures(4, &self.groups, |group, one| write_row_group(group, one, fields));
        footer.binary(6, b"windtunnel");
        // Without a declared order readers must not trust the ranges.
        footer.structures(7, fields, |order, _| order.structure(1, |_| {}));
        footer.end();
        let length = u32::try_from(self.header.len()).map_err(|_| io::Error::other("the table has too many rows"))?;
        self.header.extend_from_slice(&length.to_le_bytes());
        self.header.extend_from_slice(MAGIC);
        self.sink.write_all(&self.header)?;
        self.sink.flush()?;
        Ok(self.sink)
    }
}

fn write_page_header(
    out: &mut Vec<u8>,
    kind: i32,
    length: usize,
    fill: impl FnOnce(&mut Structure<'_>),
) -> io::Result<()> {
    let length = i32::try_from(length).map_err(|_| io::Error::other("a column of 131,072 rows exceeds 2 GiB"))?;
    out.clear();
    let mut header = Structure::new(out);
    header.whole_32(1, kind);
    header.whole_32(2, length);
    header.whole_32(3, length);
    fill(&mut header);
    header.end();
    Ok(())
}

/// An entry of the schema, which is a tree in preorder.
struct Element<'a> {
    name: &'a str,
    physical_type: Option<i32>,
    repetition: Option<i32>,
    children: Option<i32>,
    converted: Option<i32>,
}

impl Element<'_> {
    fn write(&self, element: &mut Structure<'_>) {
        if let Some(physical_type) = self.physical_type {
            element.whole_32(1, physical_type);
        }
        if let Some(repetition) = self.repetition {
            element.whole_32(3, repetition);
        }
        element.binary(4, self.name.as_bytes());
        if let Some(children) = self.children {
            element.whole_32(5, children);
        }
        if let Some(converted) = self.converted {
            element.whole_32(6, converted);
            let logical = if converted == CONVERTED_TEXT { 1 } else { 3 };
            element.structure(10, |union| union.structure(logical, |_| {}));
        }
    }
}

fn schema_elements(fields: &[Field]) -> Vec<Element<'_>> {
    let group =
        |name, repetition, converted| Element { name, physical_type: None, repetition, children: Some(1), converted };
    let mut elements = vec![Element { children: Some(fields.len() as i32), ..group("root", None, None) }];
    for field in fields {
        let mut leaf = Element {
            name: &field.name,
            physical_type: Some(field.physical_type()),
            repetition: Some(if field.optional { OPTIONAL } else { REQUIRED }),
            children: None,
            converted: (field.physical_type() == TYPE_BYTES).then_some(CONVERTED_TEXT),
        };
        if field.kind == Kind::Wholes {
            elements.push(group(&field.name, Some(REQUIRED), Some(CONVERTED_LIST)));
            elements.push(group("list", Some(REPEATED), None));
            leaf.name = "element";
        }
        elements.push(leaf);
    }
    elements
}

fn write_row_group(out: &mut Structure<'_>, group: &Group, fields: &[Field]) {
    let chunks: Vec<(&Field, &Chunk)> = fields.iter().zip(&group.chunks).collect();
    out.structures(1, &chunks, |column, (field, chunk)| {
        column.whole_64(2, 0);
        column.structure(3, |data| write_column(data, field, chunk));
    });
    let bytes = group.chunks.iter().map(|chunk| chunk.bytes).sum();
    out.whole_64(2, bytes);
    out.whole_64(3, group.rows as i64);
    if let Some(first) = group.chunks.first() {
        out.whole_64(5, first.dictionary_offset.unwrap_or(first.data_offset));
    }
    out.whole_64(6, bytes);
}

fn write_column(data: &mut Structure<'_>, field: &Field, chunk: &Chunk) {
    data.whole_32(1, field.physical_type());
    match field.kind {
        Kind::Word => data.wholes_32(2, &[PLAIN, LEVELS, DICTIONARY]),
        _ => data.wholes_32(2, &[LEVELS, field.encoding()]),
    }
    data.texts(3, &field.path());
    data.whole_32(4, 0);
    data.whole_64(5, chunk.values);
    data.whole_64(6, chunk.bytes);
    data.whole_64(7, chunk.bytes);
    data.whole_64(9, chunk.data_offset);
    if let Some(offset) = chunk.dictionary_offset {
        data.whole_64(11, offset);
    }
    if field.kind == Kind::Whole {
        data.structure(12, |statistics| {
            statistics.whole_64(3, chunk.nulls);
            if let Some((least, greatest)) = chunk.range {
                statistics.binary(5, &greatest.to_le_bytes());
                statistics.binary(6, &least.to_le_bytes());
            }
        });
    }
}
