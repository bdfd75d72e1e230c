// The web UI of utakata.

import "uplot/dist/uPlot.min.css";
import "./app.css";
import { effect } from "@preact/signals";
import { render, type JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Shell } from "./shell";
import { whenSessionEnds } from "./api";
import { hasEnded, identify, me } from "./session";
import { language } from "./text";
import { LogIn } from "./views/login";

function App(): JSX.Element | null {
  useEffect(() => void identify(), []);
  if (me.value === undefined) return null;
  return me.value === null ? <LogIn /> : <Shell />;
}

whenSessionEnds(() => {
  if (typeof me.value === "string") hasEnded.value = true;
  me.value = null;
});
effect(() => {
  document.documentElement.lang = language.value;
});

const root = document.getElementById("app");
if (root) render(<App />, root);
