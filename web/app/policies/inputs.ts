// The inputs of policies over time, from history: many values as one, as the policy sees them. Pure.

import type { PolicyInput, Series } from "../types";

/** The question to history about an input; undefined if it cannot be drawn. */
export function questionOf(
  input: PolicyInput,
  target: string | undefined,
): { selector: string; metric: string; where: string } | undefined {
  const selector = input.selector ?? (input.relation || !target ? undefined : `name=${target}`);
  if (selector === undefined || input.silence || !input.metric || input.relation) return undefined;
  if (input.aggregate?.startsWith("count")) return undefined;
  const where = Object.entries(input.where ?? {}).map(([key, value]) => `${key}=${value}`);
  return { selector, metric: input.metric, where: where.join(",") };
}

/** The value that a share of the values does not exceed. */
function percentile(sorted: number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function combined(values: number[], aggregate: string): number {
  const sum = values.reduce((total, one) => total + one, 0);
  if (aggregate === "sum") return sum;
  if (aggregate === "mean") return sum / values.length;
  const sorted = [...values].sort((a, b) => a - b);
  if (aggregate === "max") return sorted.at(-1) ?? Number.NaN;
  if (aggregate === "min" || !/^p\d+$/.test(aggregate)) return sorted[0] ?? Number.NaN;
  return percentile(sorted, Number(aggregate.slice(1)));
}

/** Series of the same steps as one. */
export function asOne(series: Series[], aggregate: string, name: string): Series | undefined {
  const [first] = series;
  if (!first) return undefined;
  if (series.length === 1) return { ...first, attributes: { "hw.name": name } };
  const byTime = new Map<number, number[]>();
  for (const one of series) {
    one.times.forEach((time, at) => {
      const value = one.values[at];
      if (typeof value !== "number") return;
      const known = byTime.get(time);
      if (known) known.push(value);
      else byTime.set(time, [value]);
    });
  }
  const times = [...byTime.keys()].sort((a, b) => a - b);
  return {
    metric: first.metric,
    attributes: { "hw.name": name },
    ...(first.unit ? { unit: first.unit } : {}),
    times,
    values: times.map((time) => combined(byTime.get(time)!, aggregate)),
  };
}

export interface Span {
  from: number;
  to: number;
  /** The state; undefined where nobody knows. */
  value: string | undefined;
}

/** How long a state is taken to last after it was seen, where nothing follows, in milliseconds. */
const LASTS = 3 * 60_000;

/** States over time: each until the next one, unless that is long after. */
export function spans(series: Series | undefined, from: number, to: number): Span[] {
  const found: Span[] = [];
  const push = (start: number, end: number, value: string | undefined): void => {
    const last = found.at(-1);
    if (end <= start) return;
    if (last && last.value === value && last.to === start) last.to = end;
    else found.push({ from: start, to: end, value });
  };
  let at = from;
  series?.times.forEach((time, index) => {
    const start = Math.max(time, from);
    if (start >= to) return;
    push(at, start, undefined);
    const next = Math.min(series.times[index + 1] ?? to, to);
    const end = Math.max(start, Math.min(next, time + LASTS));
    push(start, end, String(series.values[index]));
    at = end;
  });
  push(at, to, undefined);
  return found;
}
