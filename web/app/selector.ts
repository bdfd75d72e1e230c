// Selectors, as the server writes them: `kind=apc-pdu,rack in (A1,A2),!retired`. Pure.

type Values = ReadonlySet<string>;

interface Term {
  key: string;
  test: "in" | "notin" | "exists" | "absent";
  values: Values;
}

export type Selector = readonly Term[];

/** What a selector looks at. Its address is not known here. */
export interface Subject {
  name: string;
  kind: string;
  zone: string;
  labels: Record<string, string>;
}

/** Reads a selector in the form that the server writes; undefined if it is none. */
export function parseSelector(text: string): Selector | undefined {
  const terms: Term[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (!found) return undefined;
    at += found[0].length;
    return found[1] ?? found[0];
  };
  const value = (): string | undefined =>
    match(/\s*"((?:[^"\\]|\\.)*)"\s*/y)?.replace(/\\(.)/g, "$1") ?? match(/\s*([^,()"=!\s](?:[^,()"=!]*[^,()"=!\s])?)\s*/y);
  const term = (): Term | undefined => {
    const isAbsent = match(/\s*!/y) !== undefined;
    const key = match(/\s*([^\s,()"=!]+)/y);
    if (key === undefined) return undefined;
    if (isAbsent) return { key, test: "absent", values: new Set() };
    const sign = match(/\s*(!=|=|(?:in|notin)\s*\()/y);
    if (sign === undefined) return { key, test: "exists", values: new Set() };
    const test = sign === "=" || sign.startsWith("in") ? "in" : "notin";
    const values = new Set<string>();
    const isList = sign.endsWith("(");
    do {
      const one = value();
      if (one === undefined) return undefined;
      values.add(one);
    } while (isList && match(/,/y) !== undefined);
    if (isList && match(/\s*\)/y) === undefined) return undefined;
    return { key, test, values };
  };
  while (/\S/.test(text.slice(at))) {
    const one = term();
    if (!one) return undefined;
    terms.push(one);
    if (match(/\s*,/y) === undefined) break;
  }
  return /\S/.test(text.slice(at)) ? undefined : terms;
}

/** Whether it selects this; undefined if that depends on what is not known here. */
export function selects(selector: Selector, subject: Subject): boolean | undefined {
  let isKnown = true;
  for (const { key, test, values } of selector) {
    if (key === "address") {
      isKnown = false;
      continue;
    }
    const own = key === "name" || key === "kind" || key === "zone" ? subject[key] : subject.labels[key];
    const holds =
      test === "exists"
        ? own !== undefined
        : test === "absent"
          ? own === undefined
          : test === "in"
            ? own !== undefined && values.has(own)
            : own === undefined || !values.has(own);
    if (!holds) return false;
  }
  return isKnown || undefined;
}
