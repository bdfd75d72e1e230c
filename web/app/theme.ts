// Dark, light, or as the system is.

import { signal } from "@preact/signals";

export const THEMES = ["system", "dark", "light"] as const;
export type Theme = (typeof THEMES)[number];

const kept = localStorage.getItem("theme");

export const theme = signal<Theme>(THEMES.find((one) => one === kept) ?? "system");

const system = matchMedia("(prefers-color-scheme: light)");
/** Rises when the colours have changed, for what is drawn on a canvas. */
export const repaint = signal(0);
system.addEventListener("change", () => {
  repaint.value += 1;
});

export function dress(one: Theme): void {
  localStorage.setItem("theme", one);
  theme.value = one;
  queueMicrotask(() => {
    repaint.value += 1;
  });
}

/** The colour of a variable of the style sheet. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
