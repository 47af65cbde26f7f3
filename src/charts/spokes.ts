import { cutAll, widthOf, type Frame } from './frame.ts';

/** Names around a circle: where each stands, how much of it fits, and which of them are left out. */

const LABEL = 11.5;
const LINE_HEIGHT = 1.25;
/** Within this of the upright, a name stands above or below its spoke, else beside it. */
const UPRIGHT = 0.3;

/** How spokes go around: the angle of the first in degrees, against the clock from three o'clock, and which way. */
export interface Circle {
  center: [number, number];
  radius: number;
  startAngle: number;
  clockwise: boolean;
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

const isApart = (a: Box, b: Box): boolean =>
  a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;

/** The names as they are written, each cut to the room beside its spoke; '' for those that would lie on others. */
export function spokeNames(names: readonly string[], circle: Circle, frame: Frame): string[] {
  const fontSize = LABEL * frame.scale;
  const [gap, air] = [8 * frame.scale, 3 * frame.scale];
  const [cx, cy] = circle.center;
  const places = names.map((_, i) => {
    const turn = (i / Math.max(names.length, 1)) * 2 * Math.PI;
    const angle = (circle.startAngle / 180) * Math.PI + (circle.clockwise ? -turn : turn);
    return { x: cx + Math.cos(angle) * (circle.radius + gap), y: cy - Math.sin(angle) * (circle.radius + gap), angle };
  });
  const rooms = places.map(({ x, angle }) => {
    const edge = frame.margin / 2;
    const beside = Math.cos(angle) > 0 ? frame.width - x - edge : x - edge;
    return Math.abs(Math.cos(angle)) < UPRIGHT ? 2 * (Math.min(x, frame.width - x) - edge) : beside;
  });
  const narrowest = Math.min(...rooms);
  const written = cutAll(names, Math.max(narrowest, fontSize * 4), fontSize);
  const boxes = places.map(({ x, y, angle }, i): Box => {
    const width = widthOf(written[i] ?? '', fontSize);
    const height = fontSize * LINE_HEIGHT;
    const [across, up] = [Math.cos(angle), Math.sin(angle)];
    const left = Math.abs(across) < UPRIGHT ? x - width / 2 : across > 0 ? x : x - width;
    const top = Math.abs(up) < UPRIGHT ? y - height / 2 : up > 0 ? y - height : y;
    return { left: left - air, right: left + width + air, top, bottom: top + height };
  });
  for (let step = 1; step < names.length; step++) {
    const kept = boxes.filter((_, i) => i % step === 0);
    const fit = kept.every((box, i) => i === 0 || isApart(box, kept[i - 1] as Box));
    if (!fit) continue;
    // The last may be too close to the first, where the steps do not come out even.
    const isClosed = kept.length < 3 || isApart(kept.at(-1) as Box, kept[0] as Box);
    const last = (kept.length - 1) * step;
    return written.map((name, i) => (i % step === 0 && (isClosed || i !== last) ? name : ''));
  }
  return written.map((name, i) => (i === 0 ? name : ''));
}

/** A scale of four rings with round numbers that holds all between `low` and `high`. */
export function ringScale(low: number, high: number): { least: number; most: number; step: number } {
  const floor = Math.min(low, 0);
  const top = Math.max(high, floor === 0 && high <= 0 ? 1 : 0);
  const span = top - floor;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  for (const round of [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 8, 10, 20, 50]) {
    const step = round * power;
    const least = Math.floor(floor / step + 1e-9) * step;
    // A hair above is not worth a wider ring.
    if (least + 4 * step >= top - step * 0.004) return { least, most: least + 4 * step, step };
  }
  return { least: floor, most: floor + span, step: span / 4 };
}
