import { cellOf, FONT, LINE, PAPER, type Frame } from './frame.ts';
import { lighter } from './ramps.ts';
import { color, label, list, number, part, short, type Part } from './reading.ts';

/** Trees: as tiles and as rings. */

const MAX_NODES = 1000;

interface Branch {
  name: string;
  value: number;
  children: Branch[];
  itemStyle?: Part;
}

/** The roots of a tree that is given as labels and their parents. What is its own ancestor is left out. */
function treeOf(trace: Part): Branch[] {
  const labels = list(trace['labels']).slice(0, MAX_NODES);
  const parents = list(trace['parents']);
  const values = list(trace['values']);
  const ids = list(trace['ids']).length > 0 ? list(trace['ids']) : labels;
  const colors = list(part(trace['marker'])['colors']);
  const nodes = new Map<unknown, Branch>();
  for (const [i, name] of labels.entries()) {
    const own = color(colors[i]);
    nodes.set(ids[i], { name: label(name), value: 0, children: [], ...(own ? { itemStyle: { color: own } } : {}) });
  }
  const roots: Branch[] = [];
  const parentOf = new Map(labels.map((_, i) => [ids[i], parents[i]]));
  const reachesRoot = (id: unknown): boolean => {
    let [at, steps] = [id, 0];
    while (nodes.has(parentOf.get(at)) && steps++ < 50) at = parentOf.get(at);
    return steps < 50;
  };
  for (const [id, node] of nodes) {
    if (!reachesRoot(id)) continue;
    (nodes.get(parentOf.get(id))?.children ?? roots).push(node);
  }
  const isTotal = trace['branchvalues'] === 'total';
  const given = new Map(labels.map((_, i) => [nodes.get(ids[i]), number(values[i])]));
  const sum = (node: Branch): number => {
    const below = node.children.reduce((total, child) => total + sum(child), 0);
    const own = given.get(node) ?? (node.children.length > 0 || values.length > 0 ? 0 : 1);
    node.value = Math.max(isTotal && own > 0 ? own : own + below, below);
    return node.value;
  };
  for (const root of roots) sum(root);
  return roots;
}

/** Whether one root is a frame around all, which says nothing that its branches do not. */
const hasFrame = (roots: Branch[]): boolean => roots.length === 1 && (roots[0]?.children.length ?? 0) > 0;

/** Gives the branches the colours of the figure. */
function coloured(roots: Branch[], frame: Frame): Branch[] {
  const branches = hasFrame(roots) ? (roots[0]?.children ?? []) : roots;
  for (const [i, branch] of branches.entries()) branch.itemStyle ??= { color: frame.colors[i % frame.colors.length] };
  return roots;
}

/** Treemaps: each branch a rectangle as large as its value. */
export function treemaps(traces: Part[], frame: Frame): Part {
  const { scale } = frame;
  return {
    series: traces.map((trace, n) => {
      const roots = coloured(treeOf(trace), frame);
      const cell = cellOf(frame, trace, n, traces.length);
      return {
        type: 'treemap',
        left: cell.x,
        top: cell.y,
        width: cell.width,
        height: cell.height,
        roam: false,
        nodeClick: false,
        silent: true,
        breadcrumb: { show: false },
        data: hasFrame(roots) ? roots[0]?.children : roots,
        visibleMin: 20,
        label: {
          fontFamily: FONT,
          fontSize: 12 * scale,
          color: '#ffffff',
          overflow: 'truncate',
          formatter: ({ name, value }: { name: string; value: number }) => `${name}\n${short(value)}`,
        },
        upperLabel: {
          show: true,
          height: 22 * scale,
          fontFamily: FONT,
          fontSize: 12 * scale,
          fontWeight: 'bold',
          color: '#ffffff',
          formatter: ({ name }: { name: string }) => name,
        },
        itemStyle: { borderColor: PAPER, borderWidth: scale, gapWidth: scale, borderRadius: 2 * scale },
        levels: [
          { itemStyle: { borderWidth: 0, gapWidth: 3 * scale }, upperLabel: { show: false } },
          { itemStyle: { gapWidth: 1.5 * scale, borderColorSaturation: 0.55, borderWidth: 2 * scale } },
          { colorSaturation: [0.35, 0.6], itemStyle: { gapWidth: scale, borderColorSaturation: 0.6 } },
        ],
      };
    }),
  };
}

/** A root around all stands in the middle without a colour. */
function rings(roots: Branch[], frame: Frame): Branch[] {
  const all = coloured(roots, frame);
  if (!hasFrame(all)) return shaded(all);
  const [root] = all;
  if (root) root.itemStyle = { color: LINE };
  shaded(root?.children ?? []);
  return all;
}

/** Each ring outwards lighter than the one within. */
function shaded(branches: Branch[]): Branch[] {
  for (const branch of branches) {
    const own = branch.itemStyle?.['color'];
    for (const child of branch.children) if (typeof own === 'string') child.itemStyle ??= { color: lighter(own, 0.32) };
    shaded(branch.children);
  }
  return branches;
}

/** Sunbursts: each level of the tree a ring. */
export function sunbursts(traces: Part[], frame: Frame): Part {
  const { scale } = frame;
  return {
    series: traces.map((trace, n) => {
      const cell = cellOf(frame, trace, n, traces.length);
      const radius = Math.max(Math.min(cell.width, cell.height) / 2, 8);
      return {
        type: 'sunburst',
        silent: true,
        center: [cell.x + cell.width / 2, cell.y + cell.height / 2],
        radius: [radius * 0.12, radius],
        sort: null,
        nodeClick: false,
        data: rings(treeOf(trace), frame),
        itemStyle: { borderColor: PAPER, borderWidth: 1.5 * scale, borderRadius: 3 * scale },
        label: {
          fontFamily: FONT,
          fontSize: 11 * scale,
          minAngle: 7,
          overflow: 'truncate',
          width: radius * 0.3,
          rotate: 'radial',
          formatter: ({ name }: { name: string }) => name,
        },
      };
    }),
  };
}
