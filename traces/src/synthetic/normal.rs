//! The normal distribution and its inverse, over `libm` only, so that every machine gets the same bits.

#![expect(clippy::excessive_precision, reason = "coefficients stand as published, to be compared with the source")]

/// The share of a standard normal below `x`.
#[must_use]
pub fn phi(x: f64) -> f64 {
    0.5 * libm::erfc(-x * core::f64::consts::FRAC_1_SQRT_2)
}

/// By Estrin's scheme: the pairs do not wait for each other.
#[inline]
fn polynomial(c: &[f64; 8], x: f64) -> f64 {
    let (x2, x4) = (x * x, (x * x) * (x * x));
    let low = (c[0] + c[1] * x) + (c[2] + c[3] * x) * x2;
    let high = (c[4] + c[5] * x) + (c[6] + c[7] * x) * x2;
    low + high * x4
}

const CENTRE: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_608,
        1.331_416_678_917_843_774_5e2,
        1.971_590_950_306_551_442_7e3,
        1.373_169_376_550_946_112_5e4,
        4.592_195_393_154_987_145_7e4,
        6.726_577_092_700_870_085_3e4,
        3.343_057_558_358_812_810_5e4,
        2.509_080_928_730_122_672_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091_125_2e1,
        6.871_870_074_920_579_083e2,
        5.394_196_021_424_751_107_7e3,
        2.121_379_430_158_659_586_7e4,
        3.930_789_580_009_271_061e4,
        2.872_908_573_572_194_267_4e4,
        5.226_495_278_852_854_561e3,
    ],
];

const NEAR_TAIL: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_9,
        5.769_497_221_460_691_405_5,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        2.417_807_251_774_506_117_7e-1,
        2.272_384_498_926_918_458_33e-2,
        7.745_450_142_783_414_076_4e-4,
    ],
    [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_4,
        6.897_673_349_851_000_045_5e-1,
        1.481_039_764_274_800_745_9e-1,
        1.519_866_656_361_645_719_66e-2,
        5.475_938_084_995_344_946e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
];

const FAR_TAIL: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_103_777_2,
        5.463_784_911_164_114_369_9,
        1.784_826_539_917_291_335_8,
        2.965_605_718_285_048_912_3e-1,
        2.653_218_952_657_612_309_3e-2,
        1.242_660_947_388_078_438_6e-3,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ],
    [
        1.0,
        5.998_322_065_558_879_376_9e-1,
        1.369_298_809_227_358_053_1e-1,
        1.487_536_129_085_061_485_25e-2,
        7.868_691_311_456_132_591e-4,
        1.846_318_317_510_054_681_8e-5,
        1.421_511_758_316_445_888_7e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
];

/// Where a standard normal has the share `u` (in (0, 1)) below it.
///
/// Source: M. J. Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (3), 1988: accurate to about one part in
/// 10^16.
#[must_use]
#[inline]
pub fn quantile(u: f64) -> f64 {
    let from_half = u - 0.5;
    if from_half.abs() <= 0.425 {
        let r = 0.180_625 - from_half * from_half;
        return from_half * polynomial(&CENTRE[0], r) / polynomial(&CENTRE[1], r);
    }
    let tail = if from_half < 0.0 { u } else { 1.0 - u };
    let r = libm::sqrt(-libm::log(tail));
    let (table, r) = if r <= 5.0 { (&NEAR_TAIL, r - 1.6) } else { (&FAR_TAIL, r - 5.0) };
    let x = polynomial(&table[0], r) / polynomial(&table[1], r);
    if from_half < 0.0 { -x } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_is_the_inverse_within_a_trillionth() {
        let mut worst = 0.0_f64;
        let mut check = |u: f64| {
            let x = quantile(u);
            let density = libm::exp(-0.5 * x * x) / libm::sqrt(2.0 * core::f64::consts::PI);
            // Compare in the smaller tail, where the digits are.
            let error = if x > 0.0 { (phi(-x) - (1.0 - u)) / density } else { (phi(x) - u) / density };
            worst = worst.max((error / x.abs().max(0.1)).abs());
        };
        for step in 1..20_000 {
            check(f64::from(step) / 20_000.0);
        }
        for exponent in 4..54 {
            check(libm::exp2(-f64::from(exponent)));
            check(1.0 - libm::exp2(-f64::from(exponent)));
        }
        println!("worst relative error {worst:e}");
        assert!(worst < 1e-12, "{worst:e}");
        assert_eq!(quantile(0.5), 0.0);
        assert!((quantile(0.99) - 2.326_347_874_040_841).abs() < 1e-14);
    }
}
