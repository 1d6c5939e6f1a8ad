// Draws the outline of a sound as bars, those of its moments in another colour.

const BAR = 2;
const GAP = 1;
/** Quiet sounds are drawn larger, up to this. */
const LARGEST_GAIN = 20;

/** The extremes of what lies between two shares of the whole. */
function between(peaks, from, to) {
  const first = Math.min(peaks.length - 1, Math.floor(from * peaks.length));
  const last = Math.max(first + 1, Math.ceil(to * peaks.length));
  let [low, high] = [0, 0];
  for (const [lowest, highest] of peaks.slice(first, last)) {
    low = Math.min(low, lowest);
    high = Math.max(high, highest);
  }
  return [low, high];
}

/**
 * Fills a canvas, whose style gives the colours: `fill` of the bars, `stroke` of those within `spans` (`{ start, end }` in
 * seconds of the `duration`). Without any peaks there is a line.
 */
export function paint(canvas, { peaks, duration }, spans) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return;
  const ratio = devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const { fill, stroke } = getComputedStyle(canvas);
  const loudest = peaks.reduce((most, [low, high]) => Math.max(most, -low, high), 0);
  const gain = Math.min(1 / loudest, LARGEST_GAIN) || 0;
  const count = Math.max(1, Math.floor((width + GAP) / (BAR + GAP)));
  const middle = height / 2;
  for (let bar = 0; bar < count; bar += 1) {
    const [from, to] = [bar / count, (bar + 1) / count];
    const [low, high] = peaks.length ? between(peaks, from, to) : [0, 0];
    const isWithin = spans.some(({ start, end }) => to * duration > start && from * duration < end);
    const top = Math.min(middle - 0.5, middle - high * gain * middle);
    const bottom = Math.max(middle + 0.5, middle - low * gain * middle);
    context.fillStyle = isWithin ? stroke : fill;
    context.fillRect(bar * (BAR + GAP), top, BAR, bottom - top);
  }
}
