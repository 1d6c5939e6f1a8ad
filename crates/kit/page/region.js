// A rectangle on the query's picture: drawn and moved by pointer or by arrow keys, in shares of the picture's sides.

const STEP = 0.02;
const SMALLEST = 0.04;
const MIDDLE = [0.25, 0.25, 0.5, 0.5];

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/** As the server reads it: x, y, width, height. */
export const regionText = (region) => region.map((share) => share.toFixed(3)).join(",");

/** Null for anything but four shares that lie within the picture. */
export function parseRegion(text) {
  const [x, y, width, height, ...more] = (text ?? "").split(",").map(Number);
  const fits = x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= 1.001 && y + height <= 1.001;
  return fits && !more.length ? [x, y, width, height] : null;
}

/** `onChange(region | null)` is called when the user has changed it, not when `set` is. */
export function createRegion(overlay, box, onChange) {
  let region = null;

  function set(value) {
    region = value;
    box.hidden = !region;
    if (!region) return;
    const [left, top, width, height] = region.map((share) => `${share * 100}%`);
    Object.assign(box.style, { left, top, width, height });
  }

  function change(value) {
    set(value);
    onChange(value);
  }

  const move = ([, , width, height], x, y) => [clamp(x, 0, 1 - width), clamp(y, 0, 1 - height), width, height];

  function pointAt(event) {
    const { left, top, width, height } = overlay.getBoundingClientRect();
    return [clamp((event.clientX - left) / width, 0, 1), clamp((event.clientY - top) / height, 0, 1)];
  }

  overlay.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    overlay.focus();
    overlay.setPointerCapture(event.pointerId);
    const [startX, startY] = pointAt(event);
    const grabbed = event.target === box ? region : null;
    let dragged = false;

    const drag = (event) => {
      const [x, y] = pointAt(event);
      const [width, height] = [Math.abs(x - startX), Math.abs(y - startY)];
      dragged ||= Math.max(width, height) > SMALLEST / 2;
      if (!dragged) return;
      if (grabbed) set(move(grabbed, grabbed[0] + x - startX, grabbed[1] + y - startY));
      else set([Math.min(x, startX), Math.min(y, startY), width, height]);
    };
    const drop = () => {
      overlay.removeEventListener("pointermove", drag);
      overlay.removeEventListener("pointerup", drop);
      overlay.removeEventListener("pointercancel", drop);
      // A click beside the rectangle takes it away, as does drawing a sliver that holds nothing.
      if (dragged) change(Math.min(region[2], region[3]) < SMALLEST ? null : region);
      else if (region && !grabbed) change(null);
    };
    overlay.addEventListener("pointermove", drag);
    overlay.addEventListener("pointerup", drop);
    overlay.addEventListener("pointercancel", drop);
  });

  overlay.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    const step = steps[event.key];
    if (event.key === "Escape" && region) change(null);
    else if (!step) return;
    else if (!region) change(MIDDLE);
    else {
      const [x, y, width, height] = region;
      const resized = [x, y, clamp(width + step[0], SMALLEST, 1 - x), clamp(height + step[1], SMALLEST, 1 - y)];
      change(event.shiftKey ? resized : move(region, x + step[0], y + step[1]));
    }
    event.preventDefault();
  });

  return { set };
}
