// Numbers, times and names, for people.

import { language } from "./text";
import type { Reading, Schema, Value } from "./types";

/** The age of a time, from the time of the server: 4 s, 12 m, 3 h, 5 d. */
export function age(seconds: number): string {
  if (!Number.isFinite(seconds)) return "";
  const s = Math.max(0, Math.round(seconds));
  if (s < 100) return `${s} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 100) return `${minutes} m`;
  const hours = Math.round(s / 3600);
  return hours < 48 ? `${hours} h` : `${Math.round(s / 86_400)} d`;
}

const SECONDS: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** The seconds of a duration as the API writes it: 2s56ms, 1h30m. NaN if it is none. */
export function seconds(duration: string | undefined): number {
  const parts = [...(duration ?? "").matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)];
  if (parts.length === 0) return Number.NaN;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (SECONDS[unit ?? ""] ?? Number.NaN), 0);
}

export function ageOf(time: string | undefined, now: number): string {
  return time ? age((now - Date.parse(time)) / 1000) : "";
}

const locale = (): string => (language.value === "ja" ? "ja-JP" : "en-GB");

/** The time of day, with the date if it is another one. */
export function clock(time: string | number | undefined, now = Date.now()): string {
  if (time === undefined) return "";
  const at = new Date(time);
  const isToday = at.toDateString() === new Date(now).toDateString();
  const day = isToday ? {} : ({ day: "numeric", month: "short" } as const);
  return at.toLocaleString(locale(), {
    ...day,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  });
}

/** A time with its date and zone, as in a ticket. */
export function fullTime(time: number): string {
  return new Date(time).toLocaleString(locale(), {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
    timeZoneName: "short",
  });
}

export function watts(value: number): string {
  if (!Number.isFinite(value)) return "";
  if (Math.abs(value) >= 1e6) return `${(value / 1e6).toFixed(2)} MW`;
  if (Math.abs(value) >= 1000) return `${(value / 1000).toFixed(value >= 1e5 ? 0 : 2)} kW`;
  return `${Math.round(value)} W`;
}

export function degrees(value: number): string {
  return Number.isFinite(value) ? `${value.toFixed(1)} °C` : "";
}

const UNITS: Record<string, string> = { Cel: "°C", "V.A": "VA", "1": "", By: "B", "%": "%" };

export function number(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString(locale());
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString(locale(), { maximumFractionDigits: digits });
}

export function value(one: Value | undefined, unit = ""): string {
  if (one === undefined) return "";
  if (typeof one === "string") return one;
  if (unit === "W") return watts(one);
  if (unit === "J") return `${number(one / 3.6e6)} kWh`;
  if (unit === "s" && one >= 100) return age(one);
  if (unit === "1" && one >= 0 && one <= 1) return `${number(one * 100)} %`;
  const shown = UNITS[unit] ?? unit;
  return shown ? `${number(one)} ${shown}` : number(one);
}

export function bytes(value: number | undefined): string {
  if (value === undefined) return "";
  return value >= 1e9 ? `${(value / 1e9).toFixed(1)} GB` : `${Math.round(value / 1e6)} MB`;
}

/** Names in the order in which people count: A2 before A10. */
const collator = new Intl.Collator("en", { numeric: true });
export const inOrder = (a: string, b: string): number => collator.compare(a, b);

/** What distinguishes a reading from others of its metric. */
export function which(reading: Pick<Reading, "attributes">): string {
  const found = reading.attributes ?? {};
  const name = found["hw.name"];
  const rest = Object.entries(found).filter(
    ([key]) => !["hw.name", "hw.id", "hw.type", "hw.sensor_location"].includes(key),
  );
  const parts = rest.map(([key, text]) => (key === "outlet" && name ? "" : `${key} ${text}`));
  return [name ?? (rest.length ? "" : found["hw.id"]), ...parts, found["hw.type"]]
    .filter(Boolean)
    .join(" · ");
}

/** The end of an identifier, which is what differs. */
export const shortId = (id: string): string => id.slice(-6);

/** A parameter whose value is never shown. */
export const isSecret = (schema: Schema | undefined): boolean => schema?.writeOnly === true || schema?.format === "password";

/** The parameters of a request in words, without the values of secret ones. */
export function parametersOf(values: Record<string, unknown>, schema: Schema | undefined): string {
  const shown = ([key, one]: [string, unknown]): string => `${key}=${isSecret(schema?.properties?.[key]) ? "***" : String(one)}`;
  return Object.entries(values).map(shown).join(" ");
}
