// The palette: every view, device and rack by a few letters, and what can be done there.

import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { targets } from "./live";
import { Dialog } from "./parts";
import { CONTROL, has, hasEverywhere, isPresent } from "./rights";
import { rooms } from "./rooms";
import { go, place, to } from "./route";
import { act, picked } from "./selection";
import { views } from "./shell";
import { t } from "./text";
import { dress, THEMES } from "./theme";

interface Entry {
  name: string;
  sort: string;
  run: () => void;
}

const MOST = 40;

function entries(): Entry[] {
  const places = views().map(({ key, path }) => ({ name: t(key), sort: "", run: () => go(path) }));
  if (hasEverywhere(["see"])) places.push({ name: t("proposals"), sort: "", run: () => go("/inventory/found") });
  const device = place.value.parts[0] === "device" ? place.value.parts[1] : undefined;
  const subjects = device ? [device] : [...picked.value];
  const acts: Entry[] = subjects.length && isPresent() && has(CONTROL)
    ? [{ name: `${t("actions")}: ${subjects.join(", ")}`, sort: "", run: () => act(subjects) }]
    : [];
  const racks = rooms.value.flatMap((room) =>
    room.rows.flatMap((row) =>
      row.racks.map((rack) => ({
        name: rack.name,
        sort: `${t("rack")} ${room.name}`,
        run: () => go(to.rack(room.name, rack.name)),
      })),
    ),
  );
  const floors = rooms.value.map((room) => ({
    name: room.name || t("noRoom"),
    sort: t("room"),
    run: () => go(to.floor(room.name)),
  }));
  const devices = targets.value.map((target) => ({
    name: target.name,
    sort: target.kind,
    run: () => go(to.device(target.name)),
  }));
  const themes = THEMES.map((one) => ({
    name: `${t("theme")}: ${t(`theme.${one}`)}`,
    sort: "",
    run: () => dress(one),
  }));
  return [...acts, ...places, ...floors, ...racks, ...devices, ...themes];
}

/** Whether all letters occur in this order, and how far apart. */
function fit(text: string, letters: string): number {
  const direct = text.indexOf(letters);
  if (direct >= 0) return direct + text.length / 100;
  let at = -1;
  let gaps = 50;
  for (const letter of letters) {
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return Number.POSITIVE_INFINITY;
    gaps += next - at;
    at = next;
  }
  return gaps;
}

export function Palette({ onClose }: { onClose: () => void }): JSX.Element {
  const [letters, setLetters] = useState("");
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const known = useMemo(entries, [targets.value]);
  const found = useMemo(() => {
    const wanted = letters.trim().toLowerCase();
    if (!wanted) return known.slice(0, MOST);
    const fits = known.map((entry) => ({ entry, at: fit(`${entry.name} ${entry.sort}`.toLowerCase(), wanted) }));
    const those = fits.filter(({ at }) => Number.isFinite(at)).sort((a, b) => a.at - b.at);
    return those.slice(0, MOST).map(({ entry }) => entry);
  }, [letters, known]);
  const run = (entry: Entry | undefined): void => {
    if (!entry) return;
    onClose();
    entry.run();
  };
  const move = (step: number): void => {
    const next = Math.min(Math.max(chosen + step, 0), found.length - 1);
    setChosen(next);
    list.current?.children[next]?.scrollIntoView({ block: "nearest" });
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter") run(found[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t("palette")} onClose={onClose} class="palette" isLight>
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found.length ? `palette-${chosen}` : undefined}
        aria-label={t("search")}
        placeholder={t("paletteHint")}
        value={letters}
        autofocus
        onInput={(event) => {
          setLetters(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={press}
      />
      <ul id="palette-list" role="listbox" ref={list} aria-label={t("palette")}>
        {found.map((entry, at) => (
          <li
            key={`${entry.sort}/${entry.name}`}
            id={`palette-${at}`}
            role="option"
            aria-selected={at === chosen}
            onClick={() => run(entry)}
          >
            <span>{entry.name}</span> <span class="hint">{entry.sort}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="empty">{t("noMatch")}</p>}
    </Dialog>
  );
}
