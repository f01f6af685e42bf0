//! One picture: axes, and the few shapes that the charts are made of. The only file that speaks to the drawing library.

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::prelude::{
    Cartesian2d, ChartBuilder, Circle, Color, DrawingArea, IntoDrawingArea, IntoFont, LabelAreaPosition, PathElement,
    Polygon, Ranged, Rectangle, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{RGBAColor, ShapeStyle, TextStyle};

use super::axis::Axis;
use super::palette::{GRID, MUTED, Shade};

/// Units of the drawing per pixel of the page: the library places everything on whole units.
const FINENESS: u32 = 4;
/// Size of text on the axes, in pixels of the page.
const TEXT_PX: u32 = 13;
/// The library divides sizes of text by this before it writes them.
const TEXT_FACTOR: f64 = 1.24;

/// A picture could not be drawn: one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a picture could not be drawn: {0}")]
pub struct DrawError(pub String);

impl<E: std::error::Error + Send + Sync> From<plotters::drawing::DrawingAreaErrorKind<E>> for DrawError {
    fn from(error: plotters::drawing::DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

type Backend<'a> = SVGBackend<'a>;
type Coordinates = Cartesian2d<Marked, Marked>;

/// An axis as the library sees it: positions in proportion, marks where the axis says.
#[derive(Clone)]
struct Marked(Axis);

impl Ranged for Marked {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.0.from) / (self.0.to - self.0.from);
        limit.0 + libm::round(share * f64::from(limit.1 - limit.0)) as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.0.marks.iter().map(|(at, _)| *at).collect()
    }

    fn range(&self) -> core::ops::Range<f64> {
        self.0.from..self.0.to
    }
}

impl ValueFormatter<f64> for Marked {
    fn format_ext(&self, value: &f64) -> String {
        self.0.label(*value)
    }
}

/// How a picture is laid out.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// What it shows, for readers who cannot see it.
    pub label: &'a str,
    /// Width and height in pixels of the page at its natural size.
    pub size: (u32, u32),
    /// Room for what is written at the left, in pixels.
    pub left: u32,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
}

impl<'a> Frame<'a> {
    /// The layout of most pictures: small enough to be read on a phone, two beside each other on a desk.
    #[must_use]
    pub fn new(label: &'a str, x: Axis, y: Axis) -> Self {
        let longest = y.marks.iter().map(|(_, text)| text.chars().count()).max().unwrap_or(0) as u32;
        Self { label, size: (440, 240), left: (14 + longest * 8).max(40), x, y }
    }
}

/// A value that holds from one position to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// What it is.
    pub value: f64,
}

/// The inside of a picture, in the units of its axes.
pub struct Plot<'a, 'b> {
    chart: ChartContext<'a, Backend<'b>, Coordinates>,
    area: DrawingArea<Backend<'b>, Shift>,
    x: (f64, f64),
    y: (f64, f64),
}

fn font(px: u32, shade: Shade) -> TextStyle<'static> {
    let size = f64::from(px * FINENESS) * TEXT_FACTOR;
    ("sans-serif", size).into_font().color(&shade.colour())
}

fn line(shade: Shade, px: f64) -> ShapeStyle {
    shade.colour().stroke_width(libm::round(px * f64::from(FINENESS)) as u32)
}

/// Draws a picture: axes, then whatever `draw` adds; gives the text of an SVG element that scales with its
/// surroundings.
///
/// # Errors
/// Whatever the drawing library finds impossible.
pub fn picture(
    frame: &Frame<'_>,
    draw: impl FnOnce(&mut Plot<'_, '_>) -> Result<(), DrawError>,
) -> Result<String, DrawError> {
    let mut svg = String::new();
    let size = (frame.size.0 * FINENESS, frame.size.1 * FINENESS);
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin_top(10 * FINENESS)
            .margin_right(14 * FINENESS)
            .x_label_area_size(30 * FINENESS)
            .y_label_area_size(frame.left * FINENESS)
            .build_cartesian_2d(Marked(frame.x.clone()), Marked(frame.y.clone()))?;
        mesh(&mut chart)?;
        let mut plot = Plot { chart, area: area.clone(), x: (frame.x.from, frame.x.to), y: (frame.y.from, frame.y.to) };
        draw(&mut plot)?;
        area.present()?;
    }
    let head = format!("<svg width=\"{}\" height=\"{}\" viewBox", size.0, size.1);
    let label = super::escape(frame.label);
    Ok(svg.replacen(&head, &format!("<svg role=\"img\" aria-label=\"{label}\" viewBox"), 1))
}

fn mesh(chart: &mut ChartContext<'_, Backend<'_>, Coordinates>) -> Result<(), DrawError> {
    chart
        .configure_mesh()
        .label_style(font(TEXT_PX, MUTED))
        .axis_style(line(GRID, 1.0))
        .bold_line_style(line(GRID, 1.0))
        .light_line_style(RGBAColor(0, 0, 0, 0.0))
        .set_all_tick_mark_size(FINENESS)
        // The first mark below must not touch the lowest at the side.
        .set_tick_mark_size(LabelAreaPosition::Bottom, 6 * FINENESS)
        .draw()?;
    Ok(())
}

/// The corners of a curve that holds its value and then jumps.
fn corners(steps: &[Step]) -> Vec<(f64, f64)> {
    let mut corners: Vec<(f64, f64)> = Vec::with_capacity(steps.len() * 2);
    for step in steps.iter().filter(|step| step.value.is_finite()) {
        match corners.last_mut() {
            // A value that goes on needs no corner.
            Some(last) if last.1 == step.value => last.0 = step.to,
            _ => corners.extend([(step.from, step.value), (step.to, step.value)]),
        }
    }
    corners
}

impl Plot<'_, '_> {
    /// A line that holds each value for as long as it holds.
    ///
    /// # Errors
    /// As [`picture`], here and below.
    pub fn steps(&mut self, steps: &[Step], shade: Shade, px: f64) -> Result<(), DrawError> {
        let corners = self.inside(corners(steps));
        self.chart.plotting_area().draw(&PathElement::new(corners, line(shade, px)))?;
        Ok(())
    }

    /// The area between two such lines over the same positions.
    pub fn between(&mut self, lower: &[Step], upper: &[Step], shade: Shade, opacity: f64) -> Result<(), DrawError> {
        let mut outline = corners(upper);
        outline.extend(corners(lower).into_iter().rev());
        let outline = self.inside(outline);
        if outline.len() > 2 {
            self.chart.plotting_area().draw(&Polygon::new(outline, shade.colour().mix(opacity)))?;
        }
        Ok(())
    }

    /// A filled rectangle.
    pub fn bar(&mut self, x: (f64, f64), y: (f64, f64), shade: Shade, opacity: f64) -> Result<(), DrawError> {
        let corners = [(x.0, y.0), (x.1, y.1)];
        self.chart.plotting_area().draw(&Rectangle::new(corners, shade.colour().mix(opacity).filled()))?;
        Ok(())
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), shade: Shade, px: f64) -> Result<(), DrawError> {
        self.chart.plotting_area().draw(&PathElement::new(vec![from, to], line(shade, px)))?;
        Ok(())
    }

    /// A dot.
    pub fn dot(&mut self, at: (f64, f64), shade: Shade, px: f64) -> Result<(), DrawError> {
        let radius = libm::round(px * f64::from(FINENESS)) as i32;
        self.chart.plotting_area().draw(&Circle::new(at, radius, shade.colour().filled()))?;
        Ok(())
    }

    /// A vertical line at `x` that ends `below` pixels under the upper edge, where `text` stands at its left (at its
    /// right where the left edge is near). Flags that stand lower the further left they are do not cross each other's
    /// text.
    pub fn flag(&mut self, x: f64, below: u32, text: &str, shade: Shade) -> Result<(), DrawError> {
        let plane = self.chart.plotting_area();
        let (left, bottom) = plane.map_coordinate(&(self.x.0, self.y.0));
        let (x, top) = plane.map_coordinate(&(x, self.y.1));
        let top = top + (below * FINENESS) as i32;
        self.area.draw(&PathElement::new(vec![(x, bottom), (x, top)], line(shade, 1.25)))?;
        let width = (text.chars().count() as u32 * TEXT_PX * FINENESS * 11 / 20) as i32;
        let gap = (5 * FINENESS) as i32;
        let fits = x - gap - width >= left;
        let (x, side) = if fits { (x - gap, HPos::Right) } else { (x + gap, HPos::Left) };
        let style = font(TEXT_PX - 1, shade).pos(Pos::new(side, VPos::Top));
        self.area.draw(&Text::new(text.to_owned(), (x, top), style))?;
        Ok(())
    }

    /// Text at the left of the vertical axis at height `y`, in place of a mark.
    pub fn row_name(&mut self, y: f64, text: &str) -> Result<(), DrawError> {
        let (x, y) = self.chart.plotting_area().map_coordinate(&(self.x.0, y));
        let style = font(TEXT_PX, MUTED).pos(Pos::new(HPos::Right, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), (x - 8 * FINENESS as i32, y), style))?;
        Ok(())
    }

    /// Nothing is drawn outside of the axes.
    fn inside(&self, mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
        for (x, y) in &mut points {
            *x = x.clamp(self.x.0, self.x.1);
            *y = y.clamp(self.y.0, self.y.1);
        }
        points
    }
}
