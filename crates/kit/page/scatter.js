// A scatter plot on a canvas: draws points, moves and zooms, and tells which point is meant, or which are lassoed.

const LARGEST_ZOOM = 60;
const REACH = 14;

/** How clearly points are drawn, and those that are faded. */
const CLEAR = 0.85;
const FAINT = 0.15;

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/** Whether a line from (x, y) to the right crosses the outline an odd number of times. */
function isWithin([x, y], outline) {
  let [inside, [lastX, lastY]] = [false, outline.at(-1)];
  for (const [nextX, nextY] of outline) {
    const crosses = nextY > y !== lastY > y && x < nextX + ((lastX - nextX) * (y - nextY)) / (lastY - nextY);
    if (crosses) inside = !inside;
    [lastX, lastY] = [nextX, nextY];
  }
  return inside;
}

/**
 * Points have x and y from -1 to 1 and a colour, are left out when hidden and hardly to be seen when faded.
 * `onPoint(point | null, x, y)` follows pointer and keyboard, `onOpen(point)` a click and Enter. With `onLasso(points)`
 * dragging with shift, or with the lasso chosen, draws around points instead of moving.
 */
export function createScatter(canvas, { onPoint, onOpen, onLasso }) {
  const pen = canvas.getContext("2d");
  const pointers = new Map();
  let points = [];
  let whole = { x: 0, y: 0, width: 2, height: 2 };
  let view = { zoom: 1, x: 0, y: 0 };
  let size = { width: 0, height: 0 };
  let current = null;
  let ring = "";
  let moved = 0;
  let asked = 0;
  let isLassoChosen = false;
  let lasso = null;

  const scale = () => Math.min(size.width / whole.width, size.height / whole.height) * 0.9 * view.zoom;
  const toScreen = ({ x, y }) => [size.width / 2 + (x - view.x) * scale(), size.height / 2 - (y - view.y) * scale()];
  const visible = () => points.filter((point) => !point.hidden);

  function draw() {
    asked = 0;
    const ratio = window.devicePixelRatio;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, size.width, size.height);
    const radius = clamp(3.2 * Math.sqrt(view.zoom), 3.2, 7);
    for (const point of visible()) {
      const [x, y] = toScreen(point);
      if (x < -radius || y < -radius || x > size.width + radius || y > size.height + radius) continue;
      pen.globalAlpha = point.faded ? FAINT : CLEAR;
      pen.fillStyle = point.colour;
      pen.beginPath();
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
    if (lasso) drawLasso();
    if (!current) return;
    pen.strokeStyle = ring;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(...toScreen(current), radius + 4, 0, 2 * Math.PI);
    pen.stroke();
  }

  function drawLasso() {
    pen.beginPath();
    for (const place of lasso) pen.lineTo(...place);
    pen.closePath();
    pen.strokeStyle = pen.fillStyle = ring;
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.globalAlpha = 0.1;
    pen.fill();
    pen.globalAlpha = 1;
  }

  /** Many changes in one frame are drawn once. */
  const redraw = () => (asked ||= requestAnimationFrame(draw));

  function resize() {
    size = { width: canvas.clientWidth, height: canvas.clientHeight };
    canvas.width = Math.round(size.width * window.devicePixelRatio);
    canvas.height = Math.round(size.height * window.devicePixelRatio);
    redraw();
  }

  function select(point) {
    current = point;
    redraw();
    if (point) onPoint(point, ...toScreen(point));
    else onPoint(null);
  }

  /** Keeps what is under (x, y) where it is. */
  function zoomAt(factor, x = size.width / 2, y = size.height / 2) {
    const [dx, dy] = [x - size.width / 2, size.height / 2 - y];
    const [centreX, centreY] = [view.x + dx / scale(), view.y + dy / scale()];
    view.zoom = clamp(view.zoom * factor, 0.8, LARGEST_ZOOM);
    view.x = clamp(centreX - dx / scale(), -1, 1);
    view.y = clamp(centreY - dy / scale(), -1, 1);
    select(null);
  }

  function pan(dx, dy) {
    view.x = clamp(view.x - dx / scale(), -1, 1);
    view.y = clamp(view.y + dy / scale(), -1, 1);
    select(null);
  }

  function reset() {
    view = { zoom: 1, x: whole.x, y: whole.y };
    select(null);
  }

  /** The box around all points; both axes keep one scale, as distances are what a map is for. */
  function measure() {
    const span = (values) => {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return points.length ? [(low + high) / 2, Math.max(high - low, 0.01)] : [0, 2];
    };
    const [x, width] = span(points.map((point) => point.x));
    const [y, height] = span(points.map((point) => point.y));
    whole = { x, y, width, height };
  }

  function nearest(x, y) {
    const distance = (point) => Math.hypot(toScreen(point)[0] - x, toScreen(point)[1] - y);
    let best = null;
    let reach = REACH;
    for (const point of visible()) {
      const far = distance(point);
      if (far < reach) [best, reach] = [point, far];
    }
    return best;
  }

  /** The next point in a direction: what lies aside counts double, so that the walk goes where the arrow points. */
  function walk(dx, dy) {
    const from = current ?? { x: view.x, y: view.y };
    const cost = (point) => {
      const [x, y] = [point.x - from.x, point.y - from.y];
      const along = x * dx + y * dy;
      return point === current || along <= 1e-6 ? Infinity : along + 2 * Math.abs(x * dy - y * dx);
    };
    let [next, least] = [null, Infinity];
    for (const point of visible()) {
      const price = cost(point);
      if (price < least) [next, least] = [point, price];
    }
    if (!next) return;
    const [x, y] = toScreen(next);
    const margin = 40;
    const isInside = x > margin && y > margin && x < size.width - margin && y < size.height - margin;
    if (!isInside) [view.x, view.y] = [next.x, next.y];
    select(next);
  }

  const place = (event) => [event.offsetX, event.offsetY];

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    if (pointers.size === 1) moved = 0;
    // A second finger means to zoom.
    const draws = onLasso && pointers.size === 1 && (isLassoChosen || event.shiftKey);
    lasso = draws ? [place(event)] : null;
    if (draws) select(null);
  });

  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      const point = nearest(x, y);
      canvas.classList.toggle("pointing", Boolean(point));
      if (point !== current) select(point);
      return;
    }
    moved += Math.hypot(x - before[0], y - before[1]);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, [x, y]);
    if (lasso) {
      lasso.push([x, y]);
      redraw();
    } else if (other) {
      const span = ([ax, ay]) => Math.hypot(ax - other[0], ay - other[1]);
      zoomAt(span([x, y]) / Math.max(1, span(before)), (x + other[0]) / 2, (y + other[1]) / 2);
    } else if (moved > 4) pan(x - before[0], y - before[1]);
  });

  const release = (event) => {
    const drawn = lasso;
    lasso = null;
    redraw();
    if (!pointers.delete(event.pointerId) || event.type !== "pointerup") return;
    if (drawn && moved > 4) onLasso(visible().filter((point) => isWithin(toScreen(point), drawn)));
    if (moved > 4) return;
    const point = nearest(...place(event));
    select(point);
    if (point) onOpen(point);
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => pointers.size === 0 && select(null));

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomAt(Math.exp(-event.deltaY * 0.0015), ...place(event));
  }, { passive: false });

  canvas.addEventListener("keydown", (event) => {
    const act = {
      ArrowLeft: () => walk(-1, 0),
      ArrowRight: () => walk(1, 0),
      ArrowUp: () => walk(0, 1),
      ArrowDown: () => walk(0, -1),
      Enter: () => current && onOpen(current),
      Escape: () => select(null),
      "+": () => zoomAt(1.5),
      "-": () => zoomAt(1 / 1.5),
      0: reset,
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  new ResizeObserver(resize).observe(canvas);

  return {
    show(added) {
      points = added;
      measure();
      reset();
    },
    /** For other colours, or when points are hidden or gone. */
    update(kept, ringColour) {
      points = kept;
      ring = ringColour;
      select(null);
    },
    zoom: (factor) => zoomAt(factor),
    reset,
    /** Whether dragging draws a lasso or moves. */
    chooseLasso: (chosen) => (isLassoChosen = chosen),
  };
}
