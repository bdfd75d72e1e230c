// The frame of all views: where one is, how live it is, what waits, and the way everywhere.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Refused, get } from "./api";
import { all } from "./fetching";
import { age } from "./format";
import { Hands } from "./hands/sheet";
import { alarmNews, follow, heard, now, outcomeNews, targets } from "./live";
import { Palette } from "./palette";
import { Choice } from "./parts";
import { go, place, roomOf } from "./route";
import { act, picked } from "./selection";
import { alarms, alarmsKnown, identify, logOut, me, overview } from "./session";
import { type Key, type Language, language, speak, t, word } from "./text";
import { THEMES, dress, theme } from "./theme";
import type { Alarm, Overview } from "./types";
import { AlarmsView } from "./views/alarms";
import { AuditView } from "./views/audit";
import { DeviceView } from "./views/device";
import { EnvironmentsView } from "./views/environments";
import { FloorView } from "./views/floor";
import { InventoryView } from "./views/inventory";
import { NowView } from "./views/now";
import { OperationsView } from "./views/operations";
import { PeopleView } from "./views/people";
import { RackView } from "./views/rack";
import { RolloutsView } from "./views/rollouts";

/** The views in the bar, each with the letter that follows `g`. */
export const VIEWS: { key: Key; path: string; letter: string }[] = [
  { key: "now", path: "/", letter: "n" },
  { key: "floor", path: "/floor", letter: "f" },
  { key: "alarms", path: "/alarms", letter: "a" },
  { key: "operations", path: "/operations", letter: "o" },
  { key: "inventory", path: "/inventory", letter: "i" },
  { key: "rollouts", path: "/rollouts", letter: "r" },
  { key: "environments", path: "/environments", letter: "e" },
  { key: "audit", path: "/audit", letter: "u" },
  { key: "people", path: "/people", letter: "p" },
];

function View(): JSX.Element {
  const [first, second, third] = place.value.parts;
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
    case "inventory":
      return <InventoryView />;
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

/** Keeps what every view shows: the overview, and the alarms. */
function useSite(): void {
  useEffect(() => follow(() => void identify()), []);
  const [alarmChange, outcomeChange] = [alarmNews.value, outcomeNews.value];
  useEffect(() => {
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const look = async (): Promise<void> => {
      try {
        const [seen, list] = await Promise.all([
          get<Overview>("/v1/overview", ended.signal),
          all<Alarm>("/v1/alarms", 5000, ended.signal),
        ]);
        overview.value = seen;
        alarms.value = list;
        alarmsKnown.value = true;
      } catch (error) {
        if (!(error instanceof Refused)) {
          if (ended.signal.aborted) return;
          throw error;
        }
        alarmsKnown.value = false;
      }
      timer = setTimeout(look, 5000);
    };
    // Several changes at once are one.
    timer = setTimeout(look, 100);
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [alarmChange, outcomeChange]);
}

/** Whether what is shown is live, and how old it is. */
function Pulse(): JSX.Element {
  void now.value;
  const { here } = heard.value;
  if (here === 0) return <span class="pulse">{t("connecting")}</span>;
  const seconds = (Date.now() - here) / 1000;
  if (seconds > 10) {
    return (
      <span class="pulse late" role="status">
        {t("notLive", { n: age(seconds) })}
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

function Counts(): JSX.Element {
  const counts = overview.value?.alarms;
  const waiting = waitingCount();
  return (
    <div class="counts">
      <a href="/alarms?of=causes" class={counts?.causes ? "some" : ""}>
        <b>{counts?.causes ?? "–"}</b> {t("causes")}
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
        const view = VIEWS.find(({ letter }) => letter === event.key);
        if (view) go(view.path);
      } else if (event.key === "g") {
        isGoing = true;
        setTimeout(() => (isGoing = false), 1500);
      } else if (event.key === "." && picked.value.size > 0) {
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

/** New causes are spoken; nothing else interrupts. */
function Spoken(): JSX.Element {
  const causes = alarms.value.filter((alarm) => alarm.held?.by !== "cause");
  const [newest, setNewest] = useState<string>("");
  const [known, setKnown] = useState<Set<string> | null>(null);
  useEffect(() => {
    const fresh = known ? causes.filter((alarm) => !known.has(alarm.id)) : [];
    if (fresh[0]) setNewest(`${word("severity", fresh[0].severity)}: ${fresh[0].text}`);
    if (alarmsKnown.value) setKnown(new Set(causes.map((alarm) => alarm.id)));
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
    <div class="shell">
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
        <Counts />
        <button type="button" class="find" onClick={() => setPalette(true)}>
          {t("search")} <kbd>Ctrl K</kbd>
        </button>
        <Menu />
      </header>
      <nav aria-label={t("views")}>
        {VIEWS.map(({ key, path, letter }) => (
          <a key={path} href={path} aria-current={path === current ? "page" : undefined}>
            {t(key)} <kbd aria-hidden="true">g {letter}</kbd>
          </a>
        ))}
      </nav>
      <main id="content" tabIndex={-1}>
        <View />
      </main>
      <Spoken />
      {hasPalette && <Palette onClose={() => setPalette(false)} />}
      <Hands />
    </div>
  );
}
