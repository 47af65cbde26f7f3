import { costOfPart, type Found, type Part } from './cost.ts';
import { DomainError, type DearPath } from '../errors.ts';

/** How many of the dearest lists a refusal names. */
const NAMED = 3;
/** Fragments can give more paths than there is time to look at. */
const MOST_LOOKS = 2000;

/** A field on its path, and how many objects it is asked of. */
interface Asked {
  path: string;
  times: number;
  part: Part;
}

const costOf = ({ times, part }: Asked): number => times * costOfPart(part);

/** What one item more of the list that a field asks for would cost. */
function costOfItem({ times, part }: Asked): number {
  const items = part.shape.parts.filter(({ isItem }) => isItem);
  const held = items.length > 0 ? items : [part];
  return times * held.reduce((sum, { each, shape }) => sum + each + shape.cost, 0);
}

/** The lists that cost most, dearest first. */
function dearestOf({ cost, shape }: Found, limit: number): DearPath[] {
  const dearest: DearPath[] = [];
  let open: Asked[] = shape.parts.map((part) => ({ path: part.name, times: 1, part }));
  // No list costs more than what it lies in: so the dearest of all are met first.
  for (let looks = 0; open.length > 0 && dearest.length < NAMED && looks < MOST_LOOKS; looks++) {
    const next = open.reduce((most, one) => (costOf(one) > costOf(most) ? one : most));
    const { path, times, part } = next;
    open = open.filter((one) => one !== next);
    for (const inner of part.shape.parts)
      open.push({ path: `${path}.${inner.name}`, times: times * part.size, part: inner });
    if (part.page === null) continue;
    const fits = Math.floor(part.page - (cost - limit) / costOfItem(next));
    dearest.push({ path, cost: costOf(next), first: fits > 0 ? fits : null });
  }
  return dearest;
}

/** @throws DomainError COST_EXCEEDED naming the three dearest lists, and for each the `first` that would fit. */
export function checkCost(found: Found, limit: number): void {
  if (found.cost <= limit) return;
  const dearest = dearestOf(found, limit);
  const paths = dearest.map(
    ({ path, cost, first }) => `${path} (${cost}${first === null ? '' : `; first: ${first} would fit`})`,
  );
  throw new DomainError(
    'COST_EXCEEDED',
    `This request may cost ${found.cost}, more than ${limit}. Ask for smaller pages; the dearest: ${paths.join(', ')}.`,
    { details: { dearest } },
  );
}
