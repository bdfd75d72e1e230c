// The frame of all views: where one is, how live it is, what waits, and the way everywhere.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { age, clock } from "./format";
import { Hands } from "./hands/sheet";
import { heard, now, past, targets, tries } from "./live";
import { Palette } from "./palette";
import { Choice, Empty } from "./parts";
import { PastBar, ToPast, wanted } from "./past";
import { HandsOffKey } from "./policies/hands";
import { CONTROL, type Right, has, hasAny, hasEverywhere, isPresent } from "./rights";
import { ask, go, place, roomOf } from "./route";
import { act, picked } from "./selection";
import { alarms, alarmsKnown, logOut, me, overview } from "./session";
import { isOutdated, useSite } from "./site";
import { type Key, type Language, language, speak, t, word } from "./text";
import { THEMES, dress, theme } from "./theme";
import { AlarmsView } from "./views/alarms";
import { AuditView } from "./views/audit";
import { DeviceView } from "./views/device";
import { EnvironmentsView } from "./views/environments";
import { FloorView } from "./views/floor";
import { FoundView } from "./views/found";
import { InventoryView } from "./views/inventory";
import { NowView } from "./views/now";
import { OperationsView } from "./views/operations";
import { PeopleView } from "./views/people";
import { PoliciesView } from "./views/policies";
import { RackView } from "./views/rack";
import { RolloutsView } from "./views/rollouts";

interface ViewEntry {
  key: Key;
  path: string;
  letter: string;
  /** The right that it needs, everywhere. */
  needs?: Right;
}

/** The views in the bar, each with the letter that follows `g`. */
const VIEWS: ViewEntry[] = [
  { key: "now", path: "/", letter: "n" },
  { key: "floor", path: "/floor", letter: "f" },
  { key: "alarms", path: "/alarms", letter: "a" },
  { key: "operations", path: "/operations", letter: "o" },
  { key: "policies", path: "/policies", letter: "c", needs: "see" },
  { key: "inventory", path: "/inventory", letter: "i" },
  { key: "rollouts", path: "/rollouts", letter: "r" },
  { key: "environments", path: "/environments", letter: "e" },
  { key: "audit", path: "/audit", letter: "u", needs: "audit" },
  { key: "people", path: "/people", letter: "p", needs: "people" },
];

/** Those that the person may see. */
export const views = (): ViewEntry[] => VIEWS.filter(({ needs }) => !needs || hasEverywhere([needs]));

/** Whether this is a screen on a wall. */
const isWall = (): boolean => place.value.query.has("wall");

function View(): JSX.Element {
  const [first, second, third] = place.value.parts;
  const needs = VIEWS.find(({ path }) => path === `/${first ?? ""}`)?.needs;
  if (!hasAny()) return <Empty>{t("noRole")}</Empty>;
  if (needs && !hasEverywhere([needs])) return <Empty>{t("noRight", { right: needs })}</Empty>;
  switch (first) {
    case undefined:
      return <NowView />;
    case "floor":
      return <FloorView room={roomOf(second)} />;
    case "rack":
      return <RackView room={roomOf(second) ?? ""} rack={third ?? ""} key={`${second}/${third}`} />;
    case "device":
      return <DeviceView name={second ?? ""} key={second} />;
    case "alarms":
      return <AlarmsView id={second} />;
    case "operations":
      return <OperationsView id={second} />;
    case "policies":
      return <PoliciesView name={second} />;
    case "inventory":
      if (second !== "found") return <InventoryView />;
      return hasEverywhere(["see"]) ? <FoundView /> : <Empty>{t("noRight", { right: "see" })}</Empty>;
    case "rollouts":
      return <RolloutsView id={second} />;
    case "environments":
      return <EnvironmentsView />;
    case "audit":
      return <AuditView />;
    case "people":
      return <PeopleView />;
    default:
      return <p class="empty">{t("noSuchPage")}</p>;
  }
}

/** The number of seconds without news after which what is shown is not live. */
const LATE = 3;

/** Whether what is shown is live, and how old it is. */
function Pulse(): JSX.Element {
  const [, count] = useState(0);
  // It tells also when nothing else changes any more.
  useEffect(() => {
    const timer = setInterval(() => count((before) => before + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  void now.value;
  const { here } = heard.value;
  if (here === 0 && tries.value === 0) return <span class="pulse">{t("connecting")}</span>;
  const seconds = (Date.now() - here) / 1000;
  if (here === 0 || seconds > LATE) {
    return (
      <span class="pulse late" role="status">
        {here === 0 ? t("connecting") : t("notLive", { n: age(seconds) })}
        {tries.value > 0 && ` · ${t("tryingAgain")}`}
      </span>
    );
  }
  return (
    <span class="pulse good">
      <i aria-hidden="true" /> {t("live")}
    </span>
  );
}

/** What waits for a person: unsettled tasks, approvals, operations that have stopped. */
export function waitingCount(): number {
  const control = overview.value?.control;
  return (control?.unsettled ?? 0) + (control?.awaiting ?? 0) + (control?.stopped ?? 0);
}

/** Where the whole site cannot be seen, the alarms of what can be seen are counted. */
function counted(): { causes: number; explained: number } | undefined {
  if (!alarmsKnown.value) return undefined;
  const held = alarms.value.filter((alarm) => alarm.held?.by === "cause").length;
  return { causes: alarms.value.length - held, explained: held };
}

function Counts(): JSX.Element {
  // What cannot be looked at any more is not what it was.
  const counts = alarmsKnown.value ? (overview.value?.alarms ?? counted()) : undefined;
  const waiting = waitingCount();
  return (
    <div class="counts">
      <a href="/alarms?of=causes" class={counts?.causes ? "some" : ""}>
        <b>{counts?.causes ?? "–"}</b> {t(counts?.causes === 1 ? "cause" : "causes")}
      </a>
      <a href="/alarms">
        <b>{counts?.explained ?? "–"}</b> {t("explained")}
      </a>
      <a href="/operations" class={waiting ? "some" : ""}>
        <b>{overview.value ? waiting : "–"}</b> {t("forYou")}
      </a>
    </div>
  );
}

function Menu(): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  return (
    <div
      class="menu"
      onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOpen(false);
      }}
    >
      <button type="button" class="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {me.value} ▾
      </button>
      {isOpen && (
        <div class="sheet">
          <span class="hint">{t("theme")}</span>
          <Choice
            label="theme"
            of={THEMES}
            chosen={theme.value}
            text={(one) => word("theme", one)}
            onChoose={dress}
          />
          <span class="hint">{t("language")}</span>
          <Choice
            label="language"
            of={["en", "ja"] as Language[]}
            chosen={language.value}
            text={(one) => (one === "en" ? "English" : "日本語")}
            onChoose={speak}
          />
          <button type="button" title={t("wallHint")} onClick={() => ask("wall", "1")}>
            {t("wall")}
          </button>
          <button type="button" onClick={() => void logOut()}>
            {t("logOut")}
          </button>
        </div>
      )}
    </div>
  );
}

/** `g` and a letter goes to a view; the palette opens by Ctrl-K or a slash. */
function useKeys(openPalette: () => void): void {
  useEffect(() => {
    let isGoing = false;
    const press = (event: KeyboardEvent): void => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        openPalette();
        return;
      }
      const target = event.target as HTMLElement;
      const isTyping = target.matches("input, textarea, select, [contenteditable]");
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.querySelector("dialog[open]")) return;
      if (isGoing) {
        isGoing = false;
        // The letter is for this, and for nothing that has the focus.
        event.stopPropagation();
        const view = views().find(({ letter }) => letter === event.key);
        if (view) go(view.path);
      } else if (event.key === "g") {
        isGoing = true;
        setTimeout(() => (isGoing = false), 1500);
      } else if (event.key === "." && picked.value.size > 0 && isPresent() && has(CONTROL)) {
        event.preventDefault();
        act(picked.value);
      } else if (event.key === "/" || event.key === "?") {
        event.preventDefault();
        openPalette();
      }
    };
    addEventListener("keydown", press, true);
    return () => removeEventListener("keydown", press, true);
  }, []);
}

/** The page of another version: a screen on a wall loads it by itself. */
function Outdated(): JSX.Element | null {
  const mustReload = isOutdated.value && isWall();
  useEffect(() => {
    if (mustReload) location.reload();
  }, [mustReload]);
  if (!isOutdated.value) return null;
  return (
    <button type="button" class="primary" onClick={() => location.reload()}>
      {t("outdated")}
    </button>
  );
}

/** The time in large, and the way back. */
function WallClock(): JSX.Element {
  return (
    <>
      <time class="wall-clock">{clock(now.value, now.value)}</time>
      <button type="button" class="quiet" aria-label={t("leaveWall")} title={t("leaveWall")} onClick={() => ask("wall", undefined)}>
        ✕
      </button>
    </>
  );
}

/** New causes are spoken; nothing else interrupts. */
function Spoken(): JSX.Element {
  const causes = past.value === null ? alarms.value.filter((alarm) => alarm.held?.by !== "cause") : [];
  const [newest, setNewest] = useState<string>("");
  const [known, setKnown] = useState<Set<string> | null>(null);
  useEffect(() => {
    const fresh = known ? causes.filter((alarm) => !known.has(alarm.id)) : [];
    if (fresh[0]) setNewest(`${word("severity", fresh[0].severity)}: ${fresh[0].text}`);
    if (alarmsKnown.value && past.value === null) setKnown(new Set(causes.map((alarm) => alarm.id)));
  }, [alarms.value]);
  return (
    <div class="spoken" aria-live="polite" role="status">
      {newest}
    </div>
  );
}

export function Shell(): JSX.Element {
  const [hasPalette, setPalette] = useState(false);
  useSite();
  useKeys(() => setPalette(true));
  const here = `/${place.value.parts[0] ?? ""}`;
  const current = here === "/rack" || here === "/device" ? "/floor" : here;
  const view = VIEWS.find(({ path }) => path === current);
  useEffect(() => {
    const parts = place.value.parts;
    const subject = parts.length > 1 ? parts[parts.length - 1] : view && t(view.key);
    document.title = `${subject ?? ""} · utakata`;
  }, [place.value, language.value]);
  return (
    <div class={`shell ${isWall() ? "wall" : ""} ${wanted.value === null ? "" : "past"}`}>
      <a class="skip" href="#content" onClick={(event) => {
        event.preventDefault();
        document.getElementById("content")?.focus();
      }}>
        {t("skip")}
      </a>
      <header class="bar">
        <a class="brand" href="/">
          <img src="/icon.svg" alt="" width="20" height="20" /> utakata
        </a>
        <Pulse />
        <span class="hint">
          {targets.value.length} {t("targets").toLowerCase()}
        </span>
        {past.value === null && <Counts />}
        <Outdated />
        {isWall() ? (
          <WallClock />
        ) : (
          <>
            <span class="space" />
            <ToPast />
            <button type="button" class="find" onClick={() => setPalette(true)}>
              {t("search")} <kbd>Ctrl K</kbd>
            </button>
            <Menu />
          </>
        )}
      </header>
      <nav aria-label={t("views")}>
        {views().map(({ key, path, letter }) => (
          <a key={path} href={path} aria-current={path === current ? "page" : undefined}>
            {t(key)} <kbd aria-hidden="true">g {letter}</kbd>
          </a>
        ))}
      </nav>
      <main id="content" tabIndex={-1}>
        <PastBar />
        <View />
      </main>
      <Spoken />
      <HandsOffKey />
      {hasPalette && <Palette onClose={() => setPalette(false)} />}
      <Hands />
    </div>
  );
}
