// The language of the UI, and its texts in it.

import { signal } from "@preact/signals";
import { TEXTS } from "./texts";

export type Key = keyof typeof TEXTS;
export type Language = "en" | "ja";

const LANGUAGES: Language[] = ["en", "ja"];

function first(): Language {
  const kept = localStorage.getItem("language");
  const wanted = kept ?? navigator.language.slice(0, 2);
  return LANGUAGES.find((one) => one === wanted) ?? "en";
}

export const language = signal<Language>(first());

export function speak(one: Language): void {
  localStorage.setItem("language", one);
  language.value = one;
  document.documentElement.lang = one;
}

/** The text of a key, with what is in braces filled in. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  const text: string = TEXTS[key][language.value === "ja" ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** The text of a word of the API, or the word itself where there is none. */
export function word(group: string, one: string): string {
  const key = `${group}.${one}`;
  return key in TEXTS ? t(key as Key) : one;
}
