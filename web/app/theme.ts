// Dark, light, or as the system is.

import { computed, effect, signal } from "@preact/signals";

export const THEMES = ["system", "dark", "light"] as const;
export type Theme = (typeof THEMES)[number];

const kept = localStorage.getItem("theme");
const system = matchMedia("(prefers-color-scheme: light)");
const isLight = signal(system.matches);
system.addEventListener("change", () => {
  isLight.value = system.matches;
});

export const theme = signal<Theme>(THEMES.find((one) => one === kept) ?? "system");
const worn = computed(() => {
  if (theme.value !== "system") return theme.value;
  return isLight.value ? "light" : "dark";
});

/** Rises when the colours have changed, for what is drawn on a canvas. */
export const repaint = signal(0);
effect(() => {
  document.documentElement.dataset.theme = worn.value;
  repaint.value = repaint.peek() + 1;
});

export function dress(one: Theme): void {
  localStorage.setItem("theme", one);
  theme.value = one;
}

/** The colour of a variable of the style sheet. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
