// Alarms: what is wrong, who has seen it, and what explains it.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Page, Refused, path, post } from "../api";
import { useFetched, useLast } from "../fetching";
import { value } from "../format";
import { alarmNews, past } from "../live";
import { Age, Choice, Dialog, Empty, Hand, Panel, SeverityMark, Time, Trouble } from "../parts";
import { hasOn, isPresent } from "../rights";
import { ask, go, place, to } from "../route";
import { alarms, alarmsKnown } from "../session";
import { t, word } from "../text";
import type { Alarm, Explanation } from "../types";

const SETS = ["active", "causes", "all"] as const;
type Set = (typeof SETS)[number];

/** An active alarm that nobody has seen, or shelved. */
export function Acts({ alarm, onDone }: { alarm: Alarm; onDone: () => void }): JSX.Element {
  const frame = useRef<HTMLSpanElement>(null);
  // The keys work wherever the focus is in the line of the alarm.
  useEffect(() => {
    const line = frame.current?.closest("tr, li, section");
    const press = (event: Event): void => {
      const { key, target, ctrlKey, metaKey, altKey } = event as KeyboardEvent;
      const isTyping = (target as Element).matches("input, select");
      if (isTyping || ctrlKey || metaKey || altKey || (target as Element).closest("dialog")) return;
      const may = (right: "acknowledge" | "shelve"): boolean => isPresent() && hasOn([right], [alarm.target]);
      if (key === "a" && !alarm.seen && may("acknowledge")) void attempt("seen", {});
      else if (key === "s" && alarm.held?.by !== "person" && may("shelve")) setAsks("shelve");
      else if (key === "e") go(to.alarm(alarm.id));
      else return;
      event.preventDefault();
    };
    line?.addEventListener("keydown", press);
    return () => line?.removeEventListener("keydown", press);
  }, [alarm]);
  const [asks, setAsks] = useState<"shelve" | null>(null);
  const [error, setError] = useState<Refused>();
  const attempt = async (verb: string, body: unknown): Promise<void> => {
    try {
      setError(undefined);
      await post(`/v1/alarms/${alarm.id}/${verb}`, body);
      setAsks(null);
      onDone();
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setError(failure);
    }
  };
  const isShelved = alarm.held?.by === "person";
  return (
    <span class="acts" ref={frame}>
      {!alarm.seen && (
        <Hand right={["acknowledge"]} on={[alarm.target]} class="small" onClick={() => void attempt("seen", {})}>
          {t("acknowledge")}
        </Hand>
      )}
      <Hand
        right={["shelve"]}
        on={[alarm.target]}
        class="small"
        onClick={() => (isShelved ? void attempt("unshelve", {}) : setAsks("shelve"))}
      >
        {t(isShelved ? "unshelve" : "shelve")}
      </Hand>
      {asks === null && <Trouble of={error} />}
      {asks === "shelve" && (
        <Dialog title={`${t("shelve")}: ${alarm.text}`} onClose={() => setAsks(null)}>
          <form
            class="fields"
            onSubmit={(event) => {
              event.preventDefault();
              const form = new FormData(event.currentTarget as HTMLFormElement);
              void attempt("shelve", { for: form.get("for"), why: form.get("why") });
            }}
          >
            <label>
              {t("for")}
              <select name="for">
                {["30m", "2h", "8h", "24h", "168h"].map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </label>
            <label>
              {t("why")}
              <input name="why" required maxLength={1000} autofocus />
            </label>
            <Trouble of={error} />
            <button type="submit" class="primary">
              {t("shelve")}
            </button>
          </form>
        </Dialog>
      )}
    </span>
  );
}

function Lines({ of, title }: { of: Alarm[] | undefined; title: string }): JSX.Element | null {
  if (!of?.length) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul class="plain rows">
        {of.map((alarm) => (
          <li key={alarm.id}>
            <SeverityMark of={alarm.severity} />
            <div>
              <a href={to.alarm(alarm.id)}>{alarm.text}</a>
            </div>
            <Age of={alarm.raised} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Explained({ id, onDone }: { id: string; onDone: () => void }): JSX.Element {
  const { data, error, again } = useFetched<Explanation>(`/v1/alarms/${encodeURIComponent(id)}/explain`, 10_000, alarmNews.value);
  if (!data) return <Trouble of={error} />;
  const { alarm } = data;
  return (
    <Panel
      title={t("explain")}
      tools={
        <Acts
          alarm={alarm}
          onDone={() => {
            again();
            onDone();
          }}
        />
      }
    >
      <p class="figures">
        <SeverityMark of={alarm.severity} />
        <a href={to.device(alarm.target)}>{alarm.target}</a>
        <span class="state">{word("alarm", alarm.state)}</span>
      </p>
      <p class="lead">{alarm.text}</p>
      <dl>
        <dt>{t("since")}</dt>
        <dd>
          <Time of={alarm.raised} /> (<Age of={alarm.raised} />)
        </dd>
        {alarm.value !== undefined && (
          <>
            <dt>{t("value")}</dt>
            <dd>
              {value(alarm.value, alarm.unit)} (<Age of={alarm.heard} />)
            </dd>
          </>
        )}
        {alarm.do && (
          <>
            <dt>{t("whatToDo")}</dt>
            <dd>{alarm.do}</dd>
          </>
        )}
        {alarm.seen && (
          <>
            <dt>{t("acknowledge")}</dt>
            <dd>
              {t("seenBy", { by: alarm.seen.by })}, <Time of={alarm.seen.at} /> {alarm.seen.why}
            </dd>
          </>
        )}
      </dl>
      <ul class="plain lines">
        {data.lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <Lines of={data.causes} title={t("explainedBy")} />
      <Lines of={data.explained} title={t("explainsThese")} />
    </Panel>
  );
}

export function AlarmsView({ id }: { id: string | undefined }): JSX.Element {
  const given = place.value.query.get("of");
  const set: Set = SETS.find((one) => one === given) ?? "active";
  const isPast = past.value !== null;
  const list = useFetched<Page<Alarm>>(
    isPast ? null : path("/v1/alarms", { limit: 500, state: set === "all" ? "all" : "", cause: set === "causes" ? "none" : "" }),
    5000,
    alarmNews.value,
  );
  const latest = useLast(list.data)?.items;
  const then = alarms.value.filter((alarm) => set !== "causes" || alarm.held?.by !== "cause");
  const shown = isPast ? (alarmsKnown.value ? then : undefined) : latest;
  return (
    <>
      <h1 class="title">
        {t("alarms")} {shown && <span class="hint">{shown.length}</span>}
      </h1>
      <div class="toolbar">
        <Choice
          label="alarms"
          of={isPast ? SETS.slice(0, 2) : SETS}
          chosen={set}
          text={(one) => (one === "causes" ? t("onlyCauses") : t(one))}
          onChoose={(one) => ask("of", one === "active" ? "" : one)}
        />
      </div>
      <Trouble of={list.error} />
      <div class={id ? "columns" : ""}>
        <div>
          {shown?.length === 0 && <Empty>{set === "all" ? t("noAlarms") : t("allWell")}</Empty>}
          {shown && shown.length > 0 && (
            <table>
              <thead>
                <tr>
                  <th scope="col">{t("severity")}</th>
                  <th scope="col">{t("alarm")}</th>
                  <th scope="col">{t("target")}</th>
                  <th scope="col">{t("state")}</th>
                  <th scope="col" class="number">{t("since")}</th>
                  <th scope="col">{t("actions")}</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((alarm) => (
                  <tr key={alarm.id} class={`${alarm.active ? "" : "over"} ${alarm.id === id ? "current" : ""}`}>
                    <td>
                      <SeverityMark of={alarm.severity} />
                    </td>
                    <th scope="row">
                      <a href={to.alarm(alarm.id) + location.search}>{alarm.text}</a>
                      {!!alarm.explains && <span class="hint"> {t("explains", { n: alarm.explains })}</span>}
                    </th>
                    <td>
                      <a href={to.device(alarm.target)}>{alarm.target}</a>
                    </td>
                    <td class="hint">
                      {word("alarm", alarm.state)}
                      {alarm.seen && `, ${t("seenBy", { by: alarm.seen.by })}`}
                    </td>
                    <td class="number">
                      <Age of={alarm.raised} />
                    </td>
                    <td>
                      <Acts alarm={alarm} onDone={list.again} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </div>
        {id && (
          <div>
            <Explained id={id} key={id} onDone={list.again} />
          </div>
        )}
      </div>
    </>
  );
}
