// The HTTP API. The session is in a cookie that this code cannot see.

export interface Problem {
  code: string;
  title: string;
  detail: string;
  cure: string;
  status: number;
  problems?: { subject: string; message: string }[];
}

/** A request that was refused, or that found nobody. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

export interface Page<T> {
  items: T[];
  next?: string;
}

/** Called when the session has ended. */
let onEnd: () => void = () => {};
export function whenSessionEnds(act: () => void): void {
  onEnd = act;
}

function unreachable(): Refused {
  return new Refused({
    code: "unreachable",
    title: "utakata does not answer",
    detail: "utakata does not answer",
    cure: "it is tried again by itself",
    status: 0,
  });
}

export async function ask<T>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        "X-Utakata": "1",
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      credentials: "same-origin",
      cache: "no-store",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
  if (response.ok) {
    return (response.status === 204 ? undefined : await response.json()) as T;
  }
  const problem = (await response.json().catch(() => null)) as Problem | null;
  if (response.status === 401 && !headers.Authorization) onEnd();
  throw new Refused(
    problem ?? {
      code: `http-${response.status}`,
      title: response.statusText,
      detail: `the answer was ${response.status} ${response.statusText}`,
      cure: "look at what is between this browser and utakata",
      status: response.status,
    },
  );
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> =>
  ask("GET", path, undefined, {}, signal);
export const post = <T>(path: string, body: unknown = {}): Promise<T> => ask("POST", path, body);
export const put = <T>(path: string, body: unknown): Promise<T> => ask("PUT", path, body);
export const remove = (path: string): Promise<void> => ask("DELETE", path);

/** Begins a session. The token is sent once, in a header, and kept nowhere. */
export function logIn(token: string): Promise<{ name: string; expires: string }> {
  return ask("POST", "/v1/session", undefined, { Authorization: `Bearer ${token}` });
}

/** A path with a query; what is empty is left out. */
export function path(base: string, query: Record<string, string | number | undefined>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const text = given.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join("&");
  return text ? `${base}?${text}` : base;
}

/** A name that nobody else makes, for requests that must not be done twice. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
