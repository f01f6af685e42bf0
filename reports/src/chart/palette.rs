//! Every colour of the page, light and dark. Pictures are drawn in the light ones, each of which stands for one role;
//! the style sheet maps them to variables, so a picture follows the reader's theme and still stands alone.

use std::fmt::Write as _;

use plotters::style::RGBColor;

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shade {
    /// The name of the variable in the style sheet.
    pub name: &'static str,
    light: u32,
    dark: u32,
}

const fn shade(name: &'static str, light: u32, dark: u32) -> Shade {
    Shade { name, light, dark }
}

/// Text.
pub const INK: Shade = shade("ink", 0x001f_2937, 0x00e6_e9ee);
/// Text of less weight, and axes.
pub const MUTED: Shade = shade("muted", 0x005b_6675, 0x009a_a4b2);
/// Lines behind the data.
pub const GRID: Shade = shade("grid", 0x00e3_e7ec, 0x002c_343f);
/// What there is.
pub const CAPACITY: Shade = shade("capacity", 0x0077_8391, 0x008b_96a5);
/// What is allocated, and what runs.
pub const ALLOCATED: Shade = shade("allocated", 0x002f_6fde, 0x006b_a0ff);
/// What is really used.
pub const USED: Shade = shade("used", 0x000f_9d8a, 0x003f_d1bb);
/// What waits.
pub const WAITING: Shade = shade("waiting", 0x00dd_6b20, 0x00ff_9d57);
/// A mark that must be seen.
pub const MARK: Shade = shade("mark", 0x00b8_3280, 0x00f0_7fc0);

/// Where waits went, in the order of `Cause::ALL`.
pub const CAUSES: [Shade; 12] = [
    shade("cause-capacity", 0x00d1_495b, 0x00f0_7b8b),
    shade("cause-fragmentation", 0x00e0_a030, 0x00f2_c062),
    shade("cause-constraint", 0x008a_5bd6, 0x00b6_94f5),
    shade("cause-head-of-line", 0x003e_8ed0, 0x0077_b8ee),
    shade("cause-gang", 0x002a_9d6f, 0x005f_cf9f),
    shade("cause-decision", 0x008d_6e63, 0x00b8_9b90),
    shade("cause-launch", 0x0090_a4ae, 0x00b3_c3cb),
    shade("cause-quota", 0x00b5_651d, 0x00d9_9058),
    shade("cause-backoff", 0x0000_8b8b, 0x0040_c4c4),
    shade("cause-offer-cycle", 0x00c7_6fb0, 0x00e5_a3d3),
    shade("cause-detection", 0x0058_6e2b, 0x0096_b05c),
    shade("cause-rerun", 0x0070_3d57, 0x00b5_7f9b),
];

/// What is missing where room is stranded: cpu, memory, disk, gpu, anything else.
pub const MISSING: [Shade; 5] = [
    shade("missing-cpu", 0x0036_7bdf, 0x0072_a7ff),
    shade("missing-memory", 0x00c2_4f96, 0x00ee_8cc6),
    shade("missing-disk", 0x009a_7b4f, 0x00c9_a978),
    shade("missing-gpu", 0x0028_9a5f, 0x0063_cd95),
    shade("missing-extra", 0x0084_8fa0, 0x00aa_b4c3),
];

/// Other reasons for which free room is of no use: not asked for, another model, another condition, pieces too small.
const UNUSABLE: [Shade; 4] = [
    shade("unusable-not-asked", 0x008c_939f, 0x008a_909c),
    shade("unusable-model", 0x00b0_5a2a, 0x00e8_9a66),
    shade("unusable-condition", 0x0077_54c4, 0x00ab_8ff0),
    shade("unusable-pieces", 0x0074_9b1f, 0x00b4_d65e),
];

/// Why free room is of no use, in the order of `FragmentCause::ALL`.
pub const FRAGMENTS: [Shade; 9] =
    [UNUSABLE[0], UNUSABLE[1], UNUSABLE[2], MISSING[0], MISSING[1], MISSING[2], MISSING[3], UNUSABLE[3], MISSING[4]];

/// How full a node is, from empty to full.
pub const HEAT: [Shade; 11] = [
    shade("heat-0", 0x00f1_f4f8, 0x001d_2530),
    shade("heat-1", 0x00dc_e8f6, 0x001c_3046),
    shade("heat-2", 0x00c5_dbf2, 0x001c_3b5c),
    shade("heat-3", 0x00a9_cbeb, 0x001c_4874),
    shade("heat-4", 0x0087_b8e2, 0x001d_578d),
    shade("heat-5", 0x0065_a3d8, 0x0021_68a7),
    shade("heat-6", 0x0047_8dcb, 0x002b_7bc0),
    shade("heat-7", 0x002f_77ba, 0x003d_8fd6),
    shade("heat-8", 0x001f_61a5, 0x0059_a5e8),
    shade("heat-9", 0x0014_4b8a, 0x0082_bff6),
    shade("heat-10", 0x000b_366b, 0x00b9_dffc),
];
/// Where no node was up.
pub const DOWN: Shade = shade("down", 0x00e8_8f8f, 0x008c_3b3b);

/// Colours of the page itself.
const PAPER: [Shade; 4] = [
    shade("paper", 0x00ff_ffff, 0x0012_171e),
    shade("card", 0x00f7_f9fb, 0x001a_212b),
    shade("warn", 0x00fd_f3e1, 0x003a_2c12),
    shade("warn-line", 0x00d9_9a2b, 0x00d9_a441),
];

const PLAIN: [Shade; 9] = [INK, MUTED, GRID, CAPACITY, ALLOCATED, USED, WAITING, MARK, DOWN];

impl Shade {
    /// The colour to draw with.
    #[must_use]
    pub const fn colour(self) -> RGBColor {
        let [_, red, green, blue] = self.light.to_be_bytes();
        RGBColor(red, green, blue)
    }

    /// The colour as a style sheet refers to it.
    #[must_use]
    pub fn variable(self) -> String {
        format!("var(--{})", self.name)
    }
}

fn drawn() -> impl Iterator<Item = Shade> {
    PLAIN.into_iter().chain(CAUSES).chain(MISSING).chain(UNUSABLE).chain(HEAT)
}

/// The part of the style sheet that sets all colours, light and dark, and lets pictures follow.
#[must_use]
pub fn style() -> String {
    let variables = |pick: fn(&Shade) -> u32| -> String {
        drawn().chain(PAPER).map(|shade| format!("--{}:#{:06x};", shade.name, pick(&shade))).collect()
    };
    let light = variables(|shade| shade.light);
    let dark = variables(|shade| shade.dark);
    let mut style =
        format!(":root{{color-scheme:light dark;{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n");
    for shade in drawn() {
        for property in ["fill", "stroke"] {
            // Writing to a string cannot fail.
            let _ = write!(style, "svg [{property}=\"#{:06X}\"]{{{property}:var(--{})}}", shade.light, shade.name);
        }
    }
    style.push('\n');
    style
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_stands_for_one_role() {
        let mut seen: Vec<u32> = drawn().map(|shade| shade.light).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), drawn().count(), "two roles in one colour would turn into one in the dark");
        let mut names: Vec<&str> = drawn().chain(PAPER).map(|shade| shade.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), drawn().count() + PAPER.len());
    }

    /// Relative luminance and contrast as in the Web Content Accessibility Guidelines 2.1, 1.4.3.
    fn contrast(one: u32, other: u32) -> f64 {
        let luminance = |colour: u32| {
            let [_, rest @ ..] = colour.to_be_bytes();
            let linear = rest.map(|channel| {
                let share = f64::from(channel) / 255.0;
                if share <= 0.03928 { share / 12.92 } else { libm::pow((share + 0.055) / 1.055, 2.4) }
            });
            0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        };
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn text_can_be_read_and_lines_be_seen_in_both_themes() {
        for pick in [(|shade: &Shade| shade.light) as fn(&Shade) -> u32, |shade| shade.dark] {
            for paper in &PAPER[..3] {
                assert!(contrast(pick(&INK), pick(paper)) > 10.0, "ink on {}", paper.name);
                assert!(contrast(pick(&MUTED), pick(paper)) > 4.5, "muted text on {}", paper.name);
            }
            for line in [CAPACITY, ALLOCATED, USED, WAITING, MARK].iter().chain(&MISSING).chain(&UNUSABLE) {
                let found = contrast(pick(line), pick(&PAPER[1]));
                assert!(found > 2.9, "{} on a card: {found:.2}", line.name);
            }
        }
    }
}
