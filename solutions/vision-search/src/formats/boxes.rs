//! Boxes and outlines from files: which are taken, and how pixels and shares of a picture become each other.

use super::remarks::Remarks;
use crate::sample::Label;

/// How far a box may reach over a picture's edge before it is remarked: a thousandth of the side, which rounding makes.
const EDGE: f64 = 1e-3;

/// Whether a box, in shares of the picture, has a place and a size. One that has not is counted; one that reaches over
/// the edge is counted and taken.
pub(super) fn takes(bounding_box: [f64; 4], remarks: &Remarks) -> bool {
    let [x, y, width, height] = bounding_box;
    if !bounding_box.iter().all(|number| number.is_finite()) {
        remarks.add("boxes that are not finite numbers");
        return false;
    }
    if width <= 0.0 || height <= 0.0 {
        remarks.add("boxes without a size");
        return false;
    }
    if x < -EDGE || y < -EDGE || x + width > 1.0 + EDGE || y + height > 1.0 + EDGE {
        remarks.add("boxes that reach out of their picture (kept)");
    }
    true
}

/// Whether outlines have finite points; counted otherwise.
pub(super) fn takes_outline(points: &[Vec<[f64; 2]>], remarks: &Remarks) -> bool {
    let is_finite = points.iter().flatten().flatten().all(|number| number.is_finite());
    if !is_finite {
        remarks.add("outlines that are not finite numbers");
    }
    is_finite
}

/// A box in pixels as shares of a picture.
pub(super) fn to_shares([x, y, width, height]: [f64; 4], (picture_width, picture_height): (u32, u32)) -> [f64; 4] {
    let (across, down) = (f64::from(picture_width), f64::from(picture_height));
    [x / across, y / down, width / across, height / down]
}

/// A box in shares of a picture as pixels.
pub(super) fn to_pixels([x, y, width, height]: [f64; 4], (picture_width, picture_height): (u32, u32)) -> [f64; 4] {
    let (across, down) = (f64::from(picture_width), f64::from(picture_height));
    [x * across, y * down, width * across, height * down]
}

/// The box of a label that a format of boxes writes; counted if it has none, or none that makes sense.
pub(super) fn written(label: &Label, remarks: &Remarks) -> Option<[f64; 4]> {
    let Some(bounds) = label.bounds() else {
        remarks.add("labels without a box");
        return None;
    };
    if !bounds.iter().all(|number| number.is_finite()) {
        remarks.add("boxes that are not finite numbers");
        return None;
    }
    Some(bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_boxes_are_counted() {
        let remarks = Remarks::default();
        let cases = [
            ([0.0, 0.0, 1.0, 1.0], true, 0),
            ([0.5, 0.5, 0.5005, 0.5], true, 0),
            ([-0.1, 0.0, 0.5, 0.5], true, 1),
            ([0.9, 0.9, 0.5, 0.05], true, 2),
            ([0.1, 0.1, 0.0, 0.5], false, 3),
            ([0.1, 0.1, -0.2, 0.5], false, 4),
            ([f64::NAN, 0.1, 0.2, 0.5], false, 5),
            ([0.1, 0.1, f64::INFINITY, 0.5], false, 6),
        ];
        for (bounding_box, is_taken, remarked) in cases {
            assert_eq!(takes(bounding_box, &remarks), is_taken, "{bounding_box:?}");
            assert_eq!(remarks.counts().values().sum::<u64>(), remarked, "{bounding_box:?}");
        }
    }
}
