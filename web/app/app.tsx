// The web UI of utakata.

import "uplot/dist/uPlot.min.css";
import "./app.css";
import { effect } from "@preact/signals";
import { render, type JSX } from "preact";
import { Shell } from "./shell";
import { whenSessionEnds } from "./api";
import { hasEnded, identify, me } from "./session";
import { language } from "./text";
import { LogIn } from "./views/login";

function App(): JSX.Element {
  return typeof me.value === "string" ? <Shell /> : <LogIn />;
}

whenSessionEnds(() => {
  if (typeof me.value === "string") hasEnded.value = true;
  me.value = null;
});
effect(() => {
  document.documentElement.lang = language.value;
});

const root = document.getElementById("app");
if (root) {
  void identify().then(() => {
    root.replaceChildren();
    render(<App />, root);
  });
}
